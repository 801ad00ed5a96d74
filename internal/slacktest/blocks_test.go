package slacktest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// repeat joins n copies of an item of JSON; %d in it is the copy's number.
func repeat(item string, n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = strings.ReplaceAll(item, "%d", fmt.Sprint(i))
	}
	return strings.Join(items, ",")
}

// é has two bytes and 🔑 is two units of UTF-16: each is one character.
func chars(n int) string { return strings.Repeat("é", n-1) + "🔑" }

func plain(n int) string  { return `{"type":"plain_text","text":"` + chars(n) + `"}` }
func mrkdwn(n int) string { return `{"type":"mrkdwn","text":"` + chars(n) + `"}` }

func button(fields string) string {
	return `{"type":"button","text":{"type":"plain_text","text":"x"}` + fields + `}`
}

func actions(elements string) string { return `[{"type":"actions","elements":[` + elements + `]}]` }
func section(text string) string     { return `[{"type":"section","text":` + text + `}]` }

// TestBlockLimits posts each thing at its limit, which is taken, and one
// beyond, which is refused at the right place.
func TestBlockLimits(t *testing.T) {
	s := start(t, slacktest.Options{})
	confirm := func(title, text, label int) string {
		return actions(button(`,"confirm":{"title":` + plain(title) + `,"text":` + mrkdwn(text) + `,"confirm":` + plain(label) + `,"deny":` + plain(label) + `}`))
	}
	for name, test := range map[string]struct {
		blocks func(n int) string
		limit  int
		want   string // at limit+1
	}{
		"blocks":        {func(n int) string { return "[" + repeat(`{"type":"divider"}`, n) + "]" }, 50, "no more than 50 items allowed [json-pointer:/blocks]"},
		"section text":  {func(n int) string { return section(mrkdwn(n)) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		"section plain": {func(n int) string { return section(plain(n)) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		"fields":        {func(n int) string { return `[{"type":"section","fields":[` + repeat(mrkdwn(1), n) + `]}]` }, 10, "no more than 10 items allowed [json-pointer:/blocks/0/fields]"},
		"field text":    {func(n int) string { return `[{"type":"section","fields":[` + mrkdwn(n) + `]}]` }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"},
		"header":        {func(n int) string { return `[{"type":"header","text":` + plain(n) + `}]` }, 150, "must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
		"context":       {func(n int) string { return `[{"type":"context","elements":[` + repeat(mrkdwn(1), n) + `]}]` }, 10, "no more than 10 items allowed [json-pointer:/blocks/0/elements]"},
		"actions":       {func(n int) string { return actions(repeat(button(""), n)) }, 25, "no more than 25 items allowed [json-pointer:/blocks/0/elements]"},
		"button text":   {func(n int) string { return actions(`{"type":"button","text":` + plain(n) + `}`) }, 75, "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"},
		"button value":  {func(n int) string { return actions(button(`,"value":"` + chars(n) + `"`)) }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"},
		"button label":  {func(n int) string { return actions(button(`,"accessibility_label":"` + chars(n) + `"`)) }, 75, "must be less than 76 characters [json-pointer:/blocks/0/elements/0/accessibility_label]"},
		"action_id":     {func(n int) string { return actions(button(`,"action_id":"` + chars(n) + `"`)) }, 255, "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"},
		"url":           {func(n int) string { return actions(button(`,"url":"https://a/` + chars(n-10) + `"`)) }, 3000, "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]"},
		"block_id":      {func(n int) string { return `[{"type":"divider","block_id":"` + chars(n) + `"}]` }, 255, "must be less than 256 characters [json-pointer:/blocks/0/block_id]"},
		"confirm title": {func(n int) string { return confirm(n, 1, 1) }, 100, "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]"},
		"confirm text":  {func(n int) string { return confirm(1, n, 1) }, 300, "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]"},
		"options": {func(n int) string {
			return actions(`{"type":"static_select","options":[` + repeat(`{"text":{"type":"plain_text","text":"x"},"value":"%d"}`, n) + `]}`)
		}, 100, "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"},
		"overflow": {func(n int) string {
			return actions(`{"type":"overflow","options":[` + repeat(`{"text":{"type":"plain_text","text":"x"},"value":"%d"}`, n) + `]}`)
		}, 5, "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]"},
		"alt text": {func(n int) string { return `[{"type":"image","image_url":"https://a/","alt_text":"` + chars(n) + `"}]` }, 2000, "must be less than 2001 characters [json-pointer:/blocks/0/alt_text]"},
		"markdown": {func(n int) string { return `[{"type":"markdown","text":"` + chars(n) + `"}]` }, 12000, "must be less than 12001 characters [json-pointer:/blocks/0/text]"},
		"table rows": {func(n int) string {
			return `[{"type":"table","rows":[` + repeat(`[{"type":"raw_text","text":"x"}]`, n) + `]}]`
		}, 100, "no more than 100 items allowed [json-pointer:/blocks/0/rows]"},
		"table cells": {func(n int) string {
			return `[{"type":"table","rows":[[` + repeat(`{"type":"raw_text","text":"x"}`, n) + `]]}]`
		}, 20, "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := call(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x", "blocks", test.blocks(test.limit)); !a.OK {
				t.Errorf("%d: %s %q", test.limit, a.Error, a.Meta.Messages)
			}
			a := call(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x", "blocks", test.blocks(test.limit+1))
			if diff := cmp.Diff([]string{"[ERROR] " + test.want}, a.Meta.Messages); a.Error != "invalid_blocks" || diff != "" {
				t.Errorf("%d: %s %s", test.limit+1, a.Error, diff)
			}
		})
	}
}

func TestCharactersOfAllBlocksTogether(t *testing.T) {
	s := start(t, slacktest.Options{})
	for n, want := range map[int]string{1200: "", 1201: "msg_blocks_too_long"} {
		blocks := `[` + repeat(`{"type":"section","text":`+mrkdwn(3000)+`}`, 4) + `,{"type":"section","text":` + mrkdwn(n) + `}]`
		if a := call(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x", "blocks", blocks); a.Error != want {
			t.Errorf("%d characters: %q, want %q", 12000+n, a.Error, want)
		}
	}
}

func TestBlocksThatAreRefused(t *testing.T) {
	s := start(t, slacktest.Options{})
	for name, test := range map[string]struct {
		blocks string
		want   []string
	}{
		"a string":             {`["x"]`, []string{"must be an object [json-pointer:/blocks/0]"}},
		"no type":              {`[{}]`, []string{"missing required field: type [json-pointer:/blocks/0]"}},
		"unknown type":         {`[{"type":"divider"},{"type":"poem"}]`, []string{"unsupported type: poem [json-pointer:/blocks/1/type]"}},
		"unknown field":        {`[{"type":"divider","size":1}]`, []string{"invalid additional property: size [json-pointer:/blocks/0]"}},
		"empty section":        {`[{"type":"section"}]`, []string{"missing required field: text [json-pointer:/blocks/0]"}},
		"empty text":           {section(`{"type":"mrkdwn","text":""}`), []string{"must be more than 0 characters [json-pointer:/blocks/0/text/text]"}},
		"text without text":    {section(`{"type":"mrkdwn"}`), []string{"missing required field: text [json-pointer:/blocks/0/text]"}},
		"text as a string":     {section(`"x"`), []string{"must be an object [json-pointer:/blocks/0/text]"}},
		"number as text":       {section(`{"type":"mrkdwn","text":1}`), []string{"must be a string [json-pointer:/blocks/0/text/text]"}},
		"emoji in mrkdwn":      {section(`{"type":"mrkdwn","text":"x","emoji":true}`), []string{"invalid additional property: emoji [json-pointer:/blocks/0/text]"}},
		"mrkdwn header":        {`[{"type":"header","text":` + mrkdwn(1) + `}]`, []string{"unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"}},
		"no fields":            {`[{"type":"section","fields":[]}]`, []string{"no fewer than 1 items allowed [json-pointer:/blocks/0/fields]"}},
		"no elements":          {actions(""), []string{"no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"}},
		"elements not a list":  {`[{"type":"actions","elements":{}}]`, []string{"must be an array [json-pointer:/blocks/0/elements]"}},
		"unknown element":      {actions(`{"type":"lever"}`), []string{"unsupported type: lever [json-pointer:/blocks/0/elements/0/type]"}},
		"button in context":    {`[{"type":"context","elements":[` + button("") + `]}]`, []string{"unsupported type: button [json-pointer:/blocks/0/elements/0/type]"}},
		"mrkdwn button":        {actions(`{"type":"button","text":` + mrkdwn(1) + `}`), []string{"unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]"}},
		"style":                {actions(button(`,"style":"green"`)), []string{"must be primary or danger [json-pointer:/blocks/0/elements/0/style]"}},
		"relative address":     {actions(button(`,"url":"web/requests"`)), []string{"must be a valid URL [json-pointer:/blocks/0/elements/0/url]"}},
		"confirm without text": {actions(button(`,"confirm":{"title":` + plain(1) + `,"confirm":` + plain(1) + `,"deny":` + plain(1) + `}`)), []string{"missing required field: text [json-pointer:/blocks/0/elements/0/confirm]"}},
		"same action_id":       {actions(button(`,"action_id":"a"`) + "," + button(`,"action_id":"a"`)), []string{"`action_id` \"a\" already exists for another element [json-pointer:/blocks/0/elements/1/action_id]"}},
		"same block_id":        {`[{"type":"divider","block_id":"b"},{"type":"divider","block_id":"b"}]`, []string{"`block_id` \"b\" already exists for another block [json-pointer:/blocks/1/block_id]"}},
		"image without alt":    {`[{"type":"image","image_url":"https://a/"}]`, []string{"missing required field: alt_text [json-pointer:/blocks/0]"}},
		"two at once":          {`[{"type":"section"},{"type":"header"}]`, []string{"missing required field: text [json-pointer:/blocks/0]", "missing required field: text [json-pointer:/blocks/1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := call(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x", "blocks", test.blocks)
			for i := range test.want {
				test.want[i] = "[ERROR] " + test.want[i]
			}
			if diff := cmp.Diff(test.want, a.Meta.Messages); a.Error != "invalid_blocks" || diff != "" {
				t.Errorf("%s %s", a.Error, diff)
			}
		})
	}
}

func TestBlocksThatAreTaken(t *testing.T) {
	s := start(t, slacktest.Options{})
	for name, blocks := range map[string]string{
		"section and accessory": `[{"type":"section","text":` + mrkdwn(1) + `,"accessory":` + button(`,"action_id":"a","style":"danger"`) + `,"block_id":"b","expand":true}]`,
		"image accessory":       `[{"type":"section","text":` + mrkdwn(1) + `,"accessory":{"type":"image","image_url":"https://a/","alt_text":"a"}}]`,
		"context with image":    `[{"type":"context","elements":[{"type":"image","image_url":"https://a/","alt_text":"a"},` + plain(1) + `]}]`,
		"same action_id apart":  `[{"type":"actions","elements":[` + button(`,"action_id":"a"`) + `]},{"type":"actions","elements":[` + button(`,"action_id":"a"`) + `]}]`,
		"rich text":             `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]`,
		"user select":           actions(`{"type":"users_select","action_id":"a","placeholder":` + plain(1) + `}`),
		"emoji and verbatim":    `[{"type":"section","text":{"type":"plain_text","text":"x","emoji":false},"fields":[{"type":"mrkdwn","text":"x","verbatim":true}]}]`,
	} {
		if a := call(t, s, "chat.postMessage", "channel", "C0DEV", "blocks", blocks); !a.OK {
			t.Errorf("%s: %s %q", name, a.Error, a.Meta.Messages)
		}
	}
}
