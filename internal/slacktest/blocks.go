package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of Block Kit: numbers of things, and lengths in characters.
// https://docs.slack.dev/reference/block-kit/blocks
const (
	maxBlocks       = 50
	maxBlockChars   = 13200 // of all texts together; not documented, see slackapi/bolt-js#2509
	maxSectionText  = 3000
	maxFields       = 10
	maxFieldText    = 2000
	maxHeaderText   = 150
	maxContextItems = 10
	maxActions      = 25
	maxBlockID      = 255
	maxActionID     = 255
	maxButtonText   = 75
	maxButtonValue  = 2000
	maxA11yLabel    = 75
	maxURL          = 3000
	maxAltText      = 2000
	maxTitle        = 2000
	maxMarkdown     = 12000
	maxOptions      = 100
	maxOptionText   = 75
	maxOptionValue  = 150
	maxPlaceholder  = 150
	maxConfirmTitle = 100
	maxConfirmText  = 300
	maxConfirmLabel = 30
	maxTableRows    = 100
	maxTableCells   = 20
)

// checkBlocks reads the blocks argument and holds it against Slack's limits.
// No blocks and an empty array are nil.
func checkBlocks(text string) (json.RawMessage, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var parsed any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return nil, refuse("invalid_blocks_format")
	}
	blocks, ok := parsed.([]any)
	if !ok {
		return nil, refuse("invalid_blocks_format")
	}
	if len(blocks) == 0 {
		return nil, nil
	}
	c := blockCheck{ids: map[string]bool{}}
	c.count("/blocks", blocks, 1, maxBlocks)
	for i, b := range blocks {
		c.block(fmt.Sprintf("/blocks/%d", i), b)
	}
	if len(c.problems) > 0 {
		messages := make([]string, len(c.problems))
		for i, p := range c.problems {
			messages[i] = "[ERROR] " + p
		}
		return nil, &apiError{code: "invalid_blocks", messages: messages, fields: map[string]any{"errors": c.problems}}
	}
	if c.chars > maxBlockChars {
		return nil, refuse("msg_blocks_too_long")
	}
	return compact(text), nil
}

// blockCheck collects what is wrong with blocks. Places are JSON pointers
// into the arguments.
type blockCheck struct {
	problems []string
	ids      map[string]bool // block_ids so far
	chars    int             // of all texts so far
}

func (c *blockCheck) fail(at, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...)+" [json-pointer:"+at+"]")
}

type object = map[string]any

// object wants an object, with these required and optional fields and no
// others; no names at all leave the fields open. It returns nil without one.
func (c *blockCheck) object(at string, v any, required, optional []string) object {
	o, ok := v.(object)
	if !ok {
		c.fail(at, "must be an object")
		return nil
	}
	for _, name := range required {
		if o[name] == nil {
			c.fail(at, "missing required field: %s", name)
		}
	}
	if required == nil && optional == nil {
		return o
	}
	var extra []string
	for name := range o {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			extra = append(extra, name)
		}
	}
	slices.Sort(extra)
	for _, name := range extra {
		c.fail(at, "invalid additional property: %s", name)
	}
	return o
}

// string wants a string of a length; a missing one is somebody else's problem.
func (c *blockCheck) string(at string, v any, atLeast, atMost int) string {
	if v == nil {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		c.fail(at, "must be a string")
		return ""
	}
	switch n := utf8.RuneCountInString(s); {
	case n < atLeast:
		c.fail(at, "must be more than %d characters", atLeast-1)
	case n > atMost:
		c.fail(at, "must be less than %d characters", atMost+1)
	}
	return s
}

func (c *blockCheck) list(at string, v any, atLeast, atMost int) []any {
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	if !ok {
		c.fail(at, "must be an array")
		return nil
	}
	c.count(at, items, atLeast, atMost)
	return items
}

func (c *blockCheck) count(at string, items []any, atLeast, atMost int) {
	switch {
	case len(items) < atLeast:
		c.fail(at, "no fewer than %d items allowed", atLeast)
	case len(items) > atMost:
		c.fail(at, "no more than %d items allowed", atMost)
	}
}

// text wants a text object of one of two kinds: plain_text always, mrkdwn if
// it may.
func (c *blockCheck) text(at string, v any, mrkdwn bool, atMost int) {
	if v == nil {
		return
	}
	o, ok := v.(object)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	var optional []string
	switch kind, _ := o["type"].(string); {
	case kind == "plain_text":
		optional = []string{"emoji"}
	case kind == "mrkdwn" && mrkdwn:
		optional = []string{"verbatim"}
	default:
		c.fail(at+"/type", "unsupported type: %s", typeName(o))
		return
	}
	c.object(at, v, []string{"type", "text"}, optional)
	for _, name := range optional {
		if _, isBool := o[name].(bool); o[name] != nil && !isBool {
			c.fail(at+"/"+name, "must be a boolean")
		}
	}
	c.chars += utf8.RuneCountInString(c.string(at+"/text", o["text"], 1, atMost))
}

func typeName(o object) string {
	if name, ok := o["type"].(string); ok {
		return name
	}
	return "(none)"
}

// block checks one block.
func (c *blockCheck) block(at string, v any) {
	o, ok := v.(object)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	if o["type"] == nil {
		c.fail(at, "missing required field: type")
		return
	}
	check, known := blockTypes[typeName(o)]
	if !known {
		c.fail(at+"/type", "unsupported type: %s", typeName(o))
		return
	}
	c.object(at, v, append([]string{"type"}, check.required...), append([]string{"block_id"}, check.optional...))
	if id := c.string(at+"/block_id", o["block_id"], 0, maxBlockID); id != "" {
		if c.ids[id] {
			c.fail(at+"/block_id", "`block_id` %q already exists for another block", id)
		}
		c.ids[id] = true
	}
	check.check(c, at, o)
}

// blockType is what a type of block holds; types that nobody posts to report
// on access, such as video, are only known by their names and fields.
type blockType struct {
	required, optional []string
	check              func(c *blockCheck, at string, o object)
}

var blockTypes = map[string]blockType{
	"section": {optional: []string{"text", "fields", "accessory", "expand"}, check: (*blockCheck).section},
	"header":  {required: []string{"text"}, optional: []string{"level"}, check: (*blockCheck).header},
	"divider": {check: nothing},
	"context": {required: []string{"elements"}, check: (*blockCheck).context},
	"actions": {required: []string{"elements"}, check: (*blockCheck).actions},
	"image": {
		required: []string{"alt_text"}, optional: []string{"image_url", "slack_file", "title"}, check: (*blockCheck).image,
	},
	"markdown":  {required: []string{"text"}, check: (*blockCheck).markdown},
	"rich_text": {required: []string{"elements"}, check: (*blockCheck).richText},
	"table":     {required: []string{"rows"}, optional: []string{"column_settings"}, check: (*blockCheck).table},
	"input": {
		required: []string{"label", "element"}, optional: []string{"dispatch_action", "hint", "optional"}, check: nothing,
	},
	"file": {required: []string{"external_id", "source"}, check: nothing},
	"video": {
		required: []string{"alt_text", "thumbnail_url", "title", "video_url"},
		optional: []string{"author_name", "description", "provider_icon_url", "provider_name", "title_url"},
		check:    nothing,
	},
	"context_actions": {required: []string{"elements"}, check: nothing},
}

func nothing(*blockCheck, string, object) {}

func (c *blockCheck) section(at string, o object) {
	if o["text"] == nil && o["fields"] == nil {
		c.fail(at, "missing required field: text")
	}
	c.text(at+"/text", o["text"], true, maxSectionText)
	for i, f := range c.list(at+"/fields", o["fields"], 1, maxFields) {
		c.text(fmt.Sprintf("%s/fields/%d", at, i), f, true, maxFieldText)
	}
	if o["accessory"] != nil {
		c.element(at+"/accessory", o["accessory"], map[string]bool{}, true)
	}
}

func (c *blockCheck) header(at string, o object) {
	c.text(at+"/text", o["text"], false, maxHeaderText)
}

func (c *blockCheck) context(at string, o object) {
	for i, e := range c.list(at+"/elements", o["elements"], 1, maxContextItems) {
		place := fmt.Sprintf("%s/elements/%d", at, i)
		if item, ok := e.(object); ok && item["type"] == "image" {
			c.imageElement(place, item)
		} else {
			c.text(place, e, true, maxSectionText)
		}
	}
}

func (c *blockCheck) actions(at string, o object) {
	ids := map[string]bool{}
	for i, e := range c.list(at+"/elements", o["elements"], 1, maxActions) {
		c.element(fmt.Sprintf("%s/elements/%d", at, i), e, ids, false)
	}
}

func (c *blockCheck) image(at string, o object) {
	if o["image_url"] == nil && o["slack_file"] == nil {
		c.fail(at, "missing required field: image_url")
	}
	c.url(at+"/image_url", o["image_url"])
	c.string(at+"/alt_text", o["alt_text"], 1, maxAltText)
	c.text(at+"/title", o["title"], false, maxTitle)
}

func (c *blockCheck) markdown(at string, o object) {
	c.chars += utf8.RuneCountInString(c.string(at+"/text", o["text"], 1, maxMarkdown))
}

func (c *blockCheck) richText(at string, o object) {
	for i, e := range c.list(at+"/elements", o["elements"], 1, maxOptions) {
		place := fmt.Sprintf("%s/elements/%d", at, i)
		item := c.object(place, e, nil, nil)
		if item == nil {
			continue
		}
		switch typeName(item) {
		case "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote":
			c.chars += richChars(item["elements"])
		default:
			c.fail(place+"/type", "unsupported type: %s", typeName(item))
		}
	}
}

// richChars counts the characters of all texts in rich text elements.
func richChars(v any) (n int) {
	items, _ := v.([]any)
	for _, i := range items {
		if o, ok := i.(object); ok {
			text, _ := o["text"].(string)
			n += utf8.RuneCountInString(text) + richChars(o["elements"])
		}
	}
	return n
}

func (c *blockCheck) table(at string, o object) {
	for i, row := range c.list(at+"/rows", o["rows"], 1, maxTableRows) {
		place := fmt.Sprintf("%s/rows/%d", at, i)
		for j, cell := range c.list(place, row, 1, maxTableCells) {
			if item := c.object(fmt.Sprintf("%s/%d", place, j), cell, nil, nil); item != nil {
				text, _ := item["text"].(string)
				c.chars += utf8.RuneCountInString(text) + richChars(item["elements"])
			}
		}
	}
}
