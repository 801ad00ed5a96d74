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

// string wants a string of a length; object reports a missing one.
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

func (c *blockCheck) list(at string, v any, atMost int) []any {
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	if !ok {
		c.fail(at, "must be an array")
		return nil
	}
	c.count(at, items, 1, atMost)
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
