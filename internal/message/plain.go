package message

import (
	"regexp"
	"strings"

	"github.com/slack-go/slack"
)

// Plain returns the message as text for a terminal: the blocks, or the text
// where there are none. Tokens such as links and dates become what Slack would
// show; marks such as *bold* stay.
func (m Message) Plain() string {
	var parts []string
	text := func(t *slack.TextBlockObject) {
		if t != nil {
			parts = append(parts, plainText(t.Text))
		}
	}
	for _, b := range m.Blocks {
		switch b := b.(type) {
		case *slack.SectionBlock:
			text(b.Text)
		case *slack.ContextBlock:
			for _, e := range b.ContextElements.Elements {
				if t, ok := e.(*slack.TextBlockObject); ok {
					text(t)
				}
			}
		case *slack.ActionBlock:
			var buttons []string
			for _, e := range b.Elements.ElementSet {
				if button, ok := e.(*slack.ButtonBlockElement); ok && button.Text != nil {
					buttons = append(buttons, "["+button.Text.Text+"]")
				}
			}
			parts = append(parts, strings.Join(buttons, " "))
		}
	}
	if m.Blocks == nil {
		parts = append(parts, plainText(m.Text))
	}
	return strings.Join(parts, "\n\n")
}

// tokens matches what Slack replaces when it shows a text.
var tokens = regexp.MustCompile(`<([^<>|]*)(?:\|([^<>]*))?>`)

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func plainText(s string) string {
	s = tokens.ReplaceAllStringFunc(s, func(t string) string {
		m := tokens.FindStringSubmatch(t)
		what, label := m[1], m[2]
		switch {
		case strings.HasPrefix(what, "!date^"):
			return label
		case label != "":
			return label + " (" + what + ")"
		case strings.HasPrefix(what, "!subteam^"):
			return "@" + strings.TrimPrefix(what, "!subteam^")
		case strings.HasPrefix(what, "!"):
			return "@" + what[1:]
		}
		return what // an address, @U…, #C…
	})
	return strings.TrimSpace(unescape.Replace(s))
}
