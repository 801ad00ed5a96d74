package message

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// allowedTokens matches the only tokens that may stand in a message unescaped.
var allowedTokens = regexp.MustCompile(`<!date\^\d+\^\{date_short_pretty\} \{time\}\|(?:\d{1,2} [A-Z][a-z]{2} \d{4}|\d{4}년 \d{1,2}월 \d{1,2}일) \d\d:\d\d UTC>|<https?://[^\s<>|]+>`)

// entities are what an & may begin.
var entities = regexp.MustCompile(`&(amp|lt|gt);`)

// brokenRules returns what Slack, or its reader, would not take about m. The
// numbers are Slack's, from limits.go. Templates may have further tokens.
func brokenRules(m Message, oneLine bool, also ...*regexp.Regexp) []string {
	var broken []string
	fail := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	text := func(where, s string, max int) {
		if n := utf8.RuneCountInString(s); n == 0 || n > max {
			fail("%s has %d characters, not 1 to %d", where, n, max)
		}
		if !utf8.ValidString(s) {
			fail("%s is not UTF-8", where)
		}
		rest := allowedTokens.ReplaceAllString(s, "")
		for _, tokens := range also {
			rest = tokens.ReplaceAllString(rest, "")
		}
		if i := strings.IndexAny(rest, "<>"); i >= 0 {
			fail("%s has a raw %q in %.200q", where, rest[i], rest)
		}
		if strings.Count(rest, "&") != len(entities.FindAllString(rest, -1)) {
			fail("%s has an & that begins no entity in %.200q", where, rest)
		}
		for _, r := range s {
			if r != '\n' && r != '\t' && unicode.IsControl(r) || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 {
				fail("%s has %U", where, r)
			}
		}
		if left, ok := template.OutsideCode(rest); !ok {
			fail("%s ends within code: %.200q", where, rest)
		} else if strings.Contains(left, "`") {
			fail("%s has a back-tick of no code: %.200q", where, left)
		}
	}
	text("text", m.Text, maxTextChars)
	if oneLine && strings.ContainsAny(m.Text, "\n\t") {
		fail("text has several lines: %q", m.Text)
	}
	if oneLine && m.Blocks != nil && utf8.RuneCountInString(m.Text) > maxTextLineChars {
		fail("text for notifications has over %d characters", maxTextLineChars)
	}
	if len(m.Blocks) > maxBlocks {
		fail("%d blocks", len(m.Blocks))
	}
	total := 0
	for i, b := range m.Blocks {
		switch b := b.(type) {
		case *slack.SectionBlock:
			text(fmt.Sprintf("block %d", i), b.Text.Text, maxSectionChars)
			total += utf8.RuneCountInString(b.Text.Text)
			if b.Text.Type != "mrkdwn" || !b.Text.Verbatim {
				fail("block %d is not verbatim mrkdwn", i)
			}
		case *slack.ContextBlock:
			if n := len(b.ContextElements.Elements); n < 1 || n > maxContextElements {
				fail("block %d has %d elements", i, n)
			}
			for _, e := range b.ContextElements.Elements {
				t := e.(*slack.TextBlockObject)
				text(fmt.Sprintf("block %d", i), t.Text, maxContextChars)
				total += utf8.RuneCountInString(t.Text)
				if t.Type != "mrkdwn" || !t.Verbatim {
					fail("block %d is not verbatim mrkdwn", i)
				}
			}
		case *slack.ActionBlock:
			if n := len(b.Elements.ElementSet); n < 1 || n > 25 {
				fail("block %d has %d elements", i, n)
			}
			for _, e := range b.Elements.ElementSet {
				e := e.(*slack.ButtonBlockElement)
				plainRules(fmt.Sprintf("button %s", e.ActionID), e.Text, 75, fail)
				if n := utf8.RuneCountInString(e.Value); n == 0 || n > 2000 {
					fail("button %s has a value of %d characters", e.ActionID, n)
				}
				if n := utf8.RuneCountInString(e.AccessibilityLabel); n == 0 || n > 75 {
					fail("button %s has a label of %d characters for screen readers", e.ActionID, n)
				}
				if c := e.Confirm; c != nil {
					plainRules("title of confirmation", c.Title, 100, fail)
					plainRules("text of confirmation", c.Text, 300, fail)
					plainRules("confirmation's button", c.Confirm, 30, fail)
					plainRules("confirmation's other button", c.Deny, 30, fail)
				}
			}
		default:
			fail("block %d is a %T", i, b)
		}
	}
	if total > maxBlocksChars {
		fail("blocks have %d characters together", total)
	}
	return broken
}

// plainRules says what Slack would not take about a text without format.
func plainRules(where string, o *slack.TextBlockObject, max int, fail func(string, ...any)) {
	if o == nil || o.Type != slack.PlainTextType {
		fail("%s is no plain text", where)
		return
	}
	if n := utf8.RuneCountInString(o.Text); n == 0 || n > max || !utf8.ValidString(o.Text) {
		fail("%s has %d characters, not 1 to %d", where, n, max)
	}
}

// shown returns all that m's blocks show.
func shown(m Message) string {
	var b strings.Builder
	for _, block := range m.Blocks {
		switch block := block.(type) {
		case *slack.SectionBlock:
			b.WriteString(block.Text.Text + "\n")
		case *slack.ContextBlock:
			for _, e := range block.ContextElements.Elements {
				b.WriteString(e.(*slack.TextBlockObject).Text + "\n")
			}
		}
	}
	return b.String()
}
