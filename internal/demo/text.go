package demo

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

// kitText is any part of Block Kit with text: a block, an element or a text
// object. They differ in what they contain.
type kitText struct {
	Type     string    `json:"type"`
	Text     kitString `json:"text"`
	Fields   []kitText `json:"fields"`
	Elements []kitText `json:"elements"`
}

// kitString is a text object's string, or the text object of a block.
type kitString struct {
	string
	object *kitText
}

func (k *kitString) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &k.string)
	}
	return json.Unmarshal(b, &k.object)
}

// readable returns a message's lines for a terminal: the text of its blocks, or
// its plain text if it has none. Blocks that can't be parsed are shown as JSON.
func readable(blocks json.RawMessage, text string) []string {
	if len(blocks) == 0 {
		return plainLines(text)
	}
	var kit []kitText
	if err := json.Unmarshal(blocks, &kit); err != nil {
		return plainLines(string(blocks))
	}
	var lines []string
	for _, b := range kit {
		lines = append(lines, b.lines()...)
	}
	return lines
}

func (k kitText) lines() []string {
	var lines []string
	switch {
	case k.Type == "divider":
		return []string{"----"}
	case k.Type == "button" && k.Text.object != nil:
		return []string{"[" + strings.Join(k.Text.object.lines(), " ") + "]"}
	case k.Type == "plain_text":
		return strings.Split(printable(k.Text.string), "\n")
	case k.Text.object != nil:
		lines = k.Text.object.lines()
	case k.Text.string != "":
		lines = plainLines(k.Text.string)
	}
	for _, f := range append(k.Fields, k.Elements...) {
		lines = append(lines, f.lines()...)
	}
	return lines
}

var (
	fence  = regexp.MustCompile("(?s)```(.+?)```")
	marks  = regexp.MustCompile("`([^`\n]+)`|\\*([^*\n]+)\\*")
	angles = regexp.MustCompile(`<([^<>|\n]+)(?:\|([^<>\n]*))?>`)
)

// unescape has to be one replacer: "&amp;lt;" must become "&lt;", not "<".
var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// plainLines returns mrkdwn without its marks: code blocks behind bars, dates
// and mentions as their fallback, addresses bare.
func plainLines(mrkdwn string) []string {
	var lines []string
	end := 0
	words := func(s string) {
		s = strings.Trim(s, "\n")
		if strings.TrimSpace(s) == "" {
			return
		}
		s = marks.ReplaceAllString(s, "$1$2")
		s = angles.ReplaceAllStringFunc(s, func(token string) string {
			m := angles.FindStringSubmatch(token)
			if m[2] != "" {
				return m[2]
			}
			return m[1]
		})
		for line := range strings.SplitSeq(printable(unescape.Replace(s)), "\n") {
			lines = append(lines, strings.TrimRight(line, " "))
		}
	}
	for _, at := range fence.FindAllStringSubmatchIndex(mrkdwn, -1) {
		words(mrkdwn[end:at[0]])
		code := strings.Trim(mrkdwn[at[2]:at[3]], "\n")
		for line := range strings.SplitSeq(printable(unescape.Replace(code)), "\n") {
			lines = append(lines, "| "+line)
		}
		end = at[1]
	}
	words(mrkdwn[end:])
	return lines
}

// printable replaces control characters, which could drive the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsGraphic(r) && r != '\u200d' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
