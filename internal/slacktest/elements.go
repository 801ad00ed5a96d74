package slacktest

import (
	"fmt"
	"net/url"
	"strings"
)

// elementTypes are the interactive elements of actions and accessories.
// Buttons, overflow menus and static selects are checked whole, the others
// by their names.
// https://docs.slack.dev/reference/block-kit/block-elements
var elementTypes = map[string]func(c *blockCheck, at string, o object){
	"button":                     (*blockCheck).button,
	"overflow":                   (*blockCheck).overflow,
	"static_select":              (*blockCheck).selectMenu,
	"multi_static_select":        (*blockCheck).selectMenu,
	"external_select":            nothing,
	"users_select":               nothing,
	"conversations_select":       nothing,
	"channels_select":            nothing,
	"multi_external_select":      nothing,
	"multi_users_select":         nothing,
	"multi_conversations_select": nothing,
	"multi_channels_select":      nothing,
	"datepicker":                 nothing,
	"timepicker":                 nothing,
	"datetimepicker":             nothing,
	"checkboxes":                 nothing,
	"radio_buttons":              nothing,
	"workflow_button":            nothing,
}

// element checks an element of actions, or an accessory, which may also be an
// image. ids are the action_ids of the block so far.
func (c *blockCheck) element(at string, v any, ids map[string]bool, accessory bool) {
	o, ok := v.(object)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	if accessory && o["type"] == "image" {
		c.imageElement(at, o)
		return
	}
	check, known := elementTypes[typeName(o)]
	if !known {
		c.fail(at+"/type", "unsupported type: %s", typeName(o))
		return
	}
	if id := c.string(at+"/action_id", o["action_id"], 0, maxActionID); id != "" {
		if ids[id] {
			c.fail(at+"/action_id", "`action_id` %q already exists for another element", id)
		}
		ids[id] = true
	}
	if o["confirm"] != nil {
		c.confirm(at+"/confirm", o["confirm"])
	}
	check(c, at, o)
}

func (c *blockCheck) button(at string, o object) {
	c.object(at, o, []string{"type", "text"},
		[]string{"action_id", "url", "value", "style", "confirm", "accessibility_label"})
	c.text(at+"/text", o["text"], false, maxButtonText)
	c.url(at+"/url", o["url"])
	c.string(at+"/value", o["value"], 0, maxButtonValue)
	c.string(at+"/accessibility_label", o["accessibility_label"], 0, maxA11yLabel)
	c.style(at+"/style", o["style"])
}

func (c *blockCheck) style(at string, v any) {
	if v != nil && v != "primary" && v != "danger" {
		c.fail(at, "must be primary or danger")
	}
}

func (c *blockCheck) confirm(at string, v any) {
	o := c.object(at, v, []string{"title", "text", "confirm", "deny"}, []string{"style"})
	if o == nil {
		return
	}
	c.text(at+"/title", o["title"], false, maxConfirmTitle)
	c.text(at+"/text", o["text"], true, maxConfirmText)
	c.text(at+"/confirm", o["confirm"], false, maxConfirmLabel)
	c.text(at+"/deny", o["deny"], false, maxConfirmLabel)
	c.style(at+"/style", o["style"])
}

func (c *blockCheck) overflow(at string, o object) {
	const maxOverflow = 5
	c.object(at, o, []string{"type", "options"}, []string{"action_id", "confirm"})
	c.options(at+"/options", o["options"], maxOverflow)
}

func (c *blockCheck) selectMenu(at string, o object) {
	if o["options"] == nil && o["option_groups"] == nil {
		c.fail(at, "missing required field: options")
	}
	c.text(at+"/placeholder", o["placeholder"], false, maxPlaceholder)
	c.options(at+"/options", o["options"], maxOptions)
}

func (c *blockCheck) options(at string, v any, atMost int) {
	for i, item := range c.list(at, v, atMost) {
		place := fmt.Sprintf("%s/%d", at, i)
		o := c.object(place, item, []string{"text", "value"}, []string{"description", "url"})
		if o == nil {
			continue
		}
		c.text(place+"/text", o["text"], true, maxOptionText)
		c.string(place+"/value", o["value"], 0, maxOptionValue)
		c.text(place+"/description", o["description"], true, maxOptionText)
		c.url(place+"/url", o["url"])
	}
}

func (c *blockCheck) imageElement(at string, o object) {
	c.object(at, o, []string{"type", "alt_text"}, []string{"image_url", "slack_file"})
	if o["image_url"] == nil && o["slack_file"] == nil {
		c.fail(at, "missing required field: image_url")
	}
	c.url(at+"/image_url", o["image_url"])
	c.string(at+"/alt_text", o["alt_text"], 1, maxAltText)
}

// url wants an absolute address with a scheme.
func (c *blockCheck) url(at string, v any) {
	if v == nil {
		return
	}
	s := c.string(at, v, 1, maxURL)
	if u, err := url.Parse(s); s != "" && (err != nil || u.Scheme == "" || strings.ContainsAny(s, " \n")) {
		c.fail(at, "must be a valid URL")
	}
}
