package slacktest

import (
	"fmt"
	"unicode/utf8"
)

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

// blockType is the schema of a type of block; types that are not used to report
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
	for i, f := range c.list(at+"/fields", o["fields"], maxFields) {
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
	for i, e := range c.list(at+"/elements", o["elements"], maxContextItems) {
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
	for i, e := range c.list(at+"/elements", o["elements"], maxActions) {
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
	for i, e := range c.list(at+"/elements", o["elements"], maxOptions) {
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
	for i, row := range c.list(at+"/rows", o["rows"], maxTableRows) {
		place := fmt.Sprintf("%s/rows/%d", at, i)
		for j, cell := range c.list(place, row, maxTableCells) {
			if item := c.object(fmt.Sprintf("%s/%d", place, j), cell, nil, nil); item != nil {
				text, _ := item["text"].(string)
				c.chars += utf8.RuneCountInString(text) + richChars(item["elements"])
			}
		}
	}
}
