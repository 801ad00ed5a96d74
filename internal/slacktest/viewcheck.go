package slacktest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Limits of modals.
// https://docs.slack.dev/reference/views/modal-views
const (
	maxViewBlocks   = 100
	maxViewTitle    = 24
	maxViewMetadata = 3000
	maxCallbackID   = 255
	maxViewBytes    = 250 << 10
	maxViews        = 3 // in a stack
	maxInputLabel   = 2000
	maxInputChars   = 3000
)

// checkView reads the view argument and holds it against Slack's limits.
func checkView(text string) (object, error) {
	if strings.TrimSpace(text) == "" {
		return nil, missingField("view")
	}
	if len(text) > maxViewBytes {
		return nil, refuse("view_too_large")
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil, &apiError{code: "invalid_arguments", messages: []string{"[ERROR] view is not JSON"}}
	}
	c := blockCheck{ids: map[string]bool{}}
	o := c.object("/view", v, []string{"type", "title", "blocks"}, []string{
		"close", "submit", "private_metadata", "callback_id", "clear_on_close", "notify_on_close", "external_id", "submit_disabled",
	})
	if o != nil {
		c.view(o)
	}
	if len(c.problems) > 0 {
		messages := make([]string, len(c.problems))
		for i, p := range c.problems {
			messages[i] = "[ERROR] " + p
		}
		return nil, &apiError{code: "invalid_arguments", messages: messages}
	}
	return o, nil
}

func (c *blockCheck) view(o object) {
	if o["type"] != "modal" {
		c.fail("/view/type", "unsupported type: %s", typeName(o))
	}
	for _, name := range []string{"title", "submit", "close"} {
		c.text("/view/"+name, o[name], false, maxViewTitle)
	}
	c.string("/view/private_metadata", o["private_metadata"], 0, maxViewMetadata)
	c.string("/view/callback_id", o["callback_id"], 0, maxCallbackID)
	c.string("/view/external_id", o["external_id"], 0, maxCallbackID)
	input := false
	for i, b := range c.list("/view/blocks", o["blocks"], maxViewBlocks) {
		at := fmt.Sprintf("/view/blocks/%d", i)
		c.block(at, b)
		if block, ok := b.(object); ok && block["type"] == "input" {
			input = true
			c.input(at, block)
		}
	}
	if input && o["submit"] == nil {
		c.fail("/view", "missing required field: submit")
	}
}

func (c *blockCheck) input(at string, o object) {
	c.text(at+"/label", o["label"], false, maxInputLabel)
	c.text(at+"/hint", o["hint"], false, maxInputLabel)
	element := c.object(at+"/element", o["element"], nil, nil)
	if element == nil {
		return
	}
	c.string(at+"/element/action_id", element["action_id"], 0, maxActionID)
	check, known := elementTypes[typeName(element)]
	switch {
	case element["type"] == "plain_text_input":
		c.object(at+"/element", element, []string{"type"}, []string{
			"action_id", "initial_value", "multiline", "min_length", "max_length", "dispatch_action_config", "focus_on_load", "placeholder",
		})
		c.text(at+"/element/placeholder", element["placeholder"], false, maxPlaceholder)
		c.length(at+"/element/min_length", element["min_length"], 0)
		c.length(at+"/element/max_length", element["max_length"], 1)
	case !known || element["type"] == "button":
		c.fail(at+"/element/type", "unsupported type: %s", typeName(element))
	default:
		check(c, at+"/element", element)
	}
}

func (c *blockCheck) length(at string, v any, atLeast float64) {
	if n, ok := v.(float64); v != nil && (!ok || n < atLeast || n > maxInputChars) {
		c.fail(at, "must be between %v and %d", atLeast, maxInputChars)
	}
}
