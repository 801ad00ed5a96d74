package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// maxNoticeHours bounds the notice before the end of access. Longer access is
// rare, and a wrong unit is not.
const maxNoticeHours = 7 * 24

// messages reads [messages] and [messages.templates], which the published
// plugin does not have. Templates are compiled here, so that a mistake in one is
// reported with its place at start.
func (r *reader) messages(s *section) Messages {
	c := Messages{Requester: true}
	c.Language = r.language(s, "language", message.English)
	c.RequesterLanguage = r.language(s, "requester_language", c.Language)
	if on, f := s.flag("requester"); f.present() && !f.wrong {
		c.Requester = on
	}
	var f field
	c.AccessEndsNotice, f = s.duration("access_ends_notice")
	if c.AccessEndsNotice.Hours() > maxNoticeHours {
		r.problem(f, "", "is %s, expected at most %d hours", c.AccessEndsNotice, maxNoticeHours)
	}
	c.AccessEndedNotice, _ = s.flag("access_ended_notice")
	c.Link = r.template(s, "link", message.CompileLink)

	templates := s.section("templates")
	for _, name := range message.TemplateNames() {
		compile := func(text string) (template.Template, error) { return message.CompileTemplate(name, text) }
		if t := r.template(templates, name, compile); !t.IsZero() {
			if c.Templates == nil {
				c.Templates = map[string]template.Template{}
			}
			c.Templates[name] = t
		}
	}
	return c
}

func (r *reader) language(s *section, name string, otherwise message.Language) message.Language {
	text, f := s.text(name)
	l := message.Language(strings.ToLower(text))
	switch {
	case text == "":
		return otherwise
	case !l.Known():
		var known []string
		for _, l := range message.Languages() {
			known = append(known, fmt.Sprintf("%q", l))
		}
		r.problem(f, "", "is %s, expected %s", quote(text), strings.Join(known, " or "))
		return otherwise
	}
	return l
}

// template reads and compiles a template; an empty one means not set.
func (r *reader) template(s *section, name string, compile func(string) (template.Template, error)) template.Template {
	e, f := s.typed(unstable.String, "a string", "write the value in quotes", name)
	if e == nil || e.val.text == "" {
		return template.Template{}
	}
	t, err := compile(e.val.text)
	var te *template.Error
	switch {
	case errors.As(err, &te):
		f.at = placeInString(r.data, e.val, te.Offset)
		r.problem(f, te.Do, "%s", te.What)
	case err != nil:
		r.problem(f, "", "%v", err)
	}
	return t
}

// placeInString returns where in the file the byte at offset of a string's
// content stands, whatever quotes and escapes it was written with.
func placeInString(data []byte, v value, offset int) int {
	raw := string(data[min(v.at, len(data)):])
	quote := ""
	for _, q := range []string{`"""`, "'''", `"`, "'"} {
		if strings.HasPrefix(raw, q) {
			quote = q
			break
		}
	}
	i := len(quote)
	if len(quote) == 3 { // a line break right behind the quotes is not content
		for _, nl := range []string{"\n", "\r\n"} {
			if strings.HasPrefix(raw[i:], nl) {
				i += len(nl)
				break
			}
		}
	}
	escapes := strings.HasPrefix(quote, `"`)
	for decoded := 0; decoded < offset && i < len(raw); {
		if !escapes || raw[i] != '\\' || i+1 >= len(raw) {
			decoded++
			i++
			continue
		}
		size, content := 2, 1
		switch c := raw[i+1]; {
		case c == 'u' || c == 'U':
			size = map[byte]int{'u': 6, 'U': 10}[c]
			var code rune
			_, _ = fmt.Sscanf(raw[i+2:min(i+size, len(raw))], "%x", &code) // the parser read it already
			content = max(utf8.RuneLen(code), 1)
		case slices.Contains([]byte(" \t\r\n"), c): // the rest of the line and the white space after it
			size, content = 1+len(raw[i+1:])-len(strings.TrimLeft(raw[i+1:], " \t\r\n")), 0
		}
		if decoded+content > offset {
			break
		}
		decoded += content
		i += size
	}
	return min(v.at+i, len(data))
}
