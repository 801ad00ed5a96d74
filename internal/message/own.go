package message

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// own puts the operator's templates in the place of built-in texts, and
// remembers which of them failed.
type own struct {
	r      Renderer
	p      *phrases
	req    access.Request
	view   view
	failed []*template.Error
}

func (r Renderer) own(p *phrases, req access.Request, d access.Details, to access.Audience) *own {
	o := &own{r: r, p: p, req: req}
	if len(r.Templates) > 0 {
		o.view = r.view(p, req, d, to)
	}
	return o
}

// text returns the template's text, or the built-in one.
func (o *own) text(name, builtin string) string {
	t, ok := o.r.Templates[name]
	if !ok || t.IsZero() {
		return builtin
	}
	v := o.view
	v.Builtin = template.Markup(builtin)
	out, err := t.Render(o.p.forTemplates(), v)
	if err != nil {
		o.fail(name, err)
	}
	if out == "" {
		return builtin
	}
	return out
}

// fields returns the facts in as few sections as they fit into.
func (o *own) fields(builtin lines) []string {
	if _, ok := o.r.Templates[fieldsSlot]; !ok {
		return builtin.pack()
	}
	plain := strings.TrimSpace(strings.Join(builtin, "\n"))
	if text := o.text(fieldsSlot, plain); text != plain {
		sections, err := packed(text)
		if err == nil {
			return sections
		}
		o.fail(fieldsSlot, err)
	}
	return builtin.pack()
}

// reply returns a thread reply.
func (o *own) reply(name, builtin string) Message {
	m := Message{Text: o.text(name, builtin)}
	m.Failed = o.failures()
	return m
}

func (o *own) fail(name string, err error) {
	var e *template.Error
	if !errors.As(err, &e) {
		e = &template.Error{Name: name, What: err.Error()}
	}
	o.failed = append(o.failed, e)
}

// failures returns the templates that failed, the link's included.
func (o *own) failures() []*template.Error {
	if _, err := o.r.ownAddress(o.req); err != nil {
		o.fail(linkSlot, err)
	}
	return o.failed
}

// packed splits text between lines into as few sections as it fits into, never
// within a block of code.
func packed(text string) ([]string, error) {
	var l lines
	piece := ""
	for line := range strings.SplitSeq(text, "\n") {
		piece += line
		if _, closed := template.OutsideCode(piece); !closed {
			piece += "\n"
			continue
		}
		if utf8.RuneCountInString(piece) >= maxSectionChars {
			return nil, errLine
		}
		l = append(l, piece)
		piece = ""
	}
	if piece != "" {
		return nil, errLine
	}
	var sections []string
	for _, s := range l.pack() {
		if strings.TrimSpace(s) != "" {
			sections = append(sections, s)
		}
	}
	return sections, nil
}

var errLine = &template.Error{Name: fieldsSlot, What: "gives a line of more than 3000 characters"}
