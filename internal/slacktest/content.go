package slacktest

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Lengths of a message's text, in characters.
// https://docs.slack.dev/reference/methods/chat.postMessage,
// https://docs.slack.dev/reference/methods/chat.update
const (
	maxPostText     = 40000 // the rest is cut off
	maxUpdateText   = 4000  // more is msg_too_long
	maxMarkdownText = 12000
	maxAttachments  = 100
)

// content is what the arguments of a post or an edit want a message to
// show. An argument that was not sent is nil.
type content struct {
	text                *string
	blocks, attachments *json.RawMessage
	metadata            **Metadata
}

func parseContent(a args) (content, error) {
	var c content
	if text, ok := a["text"]; ok {
		c.text = &text
	}
	if markdown, ok := a["markdown_text"]; ok && markdown != "" {
		if c.text != nil && *c.text != "" || a["blocks"] != "" {
			return c, refuse("markdown_text_conflict")
		}
		if utf8.RuneCountInString(markdown) > maxMarkdownText {
			return c, refuse("msg_too_long")
		}
		c.text = &markdown
	}
	if blocks, ok := a["blocks"]; ok {
		parsed, err := checkBlocks(blocks)
		if err != nil {
			return c, err
		}
		c.blocks = &parsed
	}
	if attachments, ok := a["attachments"]; ok {
		parsed, err := checkAttachments(attachments)
		if err != nil {
			return c, err
		}
		c.attachments = &parsed
	}
	if metadata, ok := a["metadata"]; ok {
		parsed, err := checkMetadata(metadata)
		if err != nil {
			return c, err
		}
		c.metadata = &parsed
	}
	return c, nil
}

// checkAttachments only counts: attachments are deprecated.
func checkAttachments(text string) (json.RawMessage, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var items []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, refuse("invalid_attachments")
	}
	switch {
	case len(items) > maxAttachments:
		return nil, refuse("too_many_attachments")
	case len(items) == 0:
		return nil, nil
	}
	return compact(text), nil
}

// apply lets content replace what a message shows.
func (c *content) apply(m *message) error {
	text, blocks, attachments := m.Text, m.Blocks, m.Attachments
	if c.blocks != nil {
		blocks = *c.blocks
		text = "" // was the fallback of the blocks before
	}
	if c.attachments != nil {
		attachments = *c.attachments
	}
	if c.text != nil {
		text = *c.text
	}
	if strings.TrimSpace(text) == "" && blocks == nil && attachments == nil {
		return refuse("no_text")
	}
	m.Text, m.Blocks, m.Attachments = text, blocks, attachments
	if c.metadata != nil {
		m.Metadata = *c.metadata
	}
	return nil
}

func (a args) optionalFlag(name string) *bool {
	if !a.has(name) {
		return nil
	}
	v := a.flag(name)
	return &v
}

func firstChars(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
