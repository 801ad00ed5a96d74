package message

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"
)

// Template is a text in the operator's own words, compiled. Its zero value is
// none.
//
// It is Go's text/template with three differences. What an action shows is
// escaped, like contextual escaping in html/template, by a call that the
// compiler puts behind it; only our own functions make marks and links, and
// nothing makes a mention. Literal text may have links and mentions, whole
// ones, since the operator wrote them. And what a template may do is bounded:
// the functions are a short list, there are no nested templates, and steps and
// output are counted.
type Template struct {
	slot   slot
	source string
	parsed *template.Template
}

// IsZero says that there is no template.
func (t Template) IsZero() bool { return t.parsed == nil }

// Equal says that both are the same text in the same place.
func (t Template) Equal(o Template) bool { return t.slot.name == o.slot.name && t.source == o.source }

// TemplateError is why a template can't be used.
type TemplateError struct {
	Name   string
	Offset int    // where in the text, in bytes
	What   string // what is wrong there
	Do     string // what a person can do; may be empty
}

// Error returns the name and what is wrong.
func (e *TemplateError) Error() string { return "template " + e.Name + ": " + e.What }

// slot is a place that a template can fill.
type slot struct {
	name     string
	max      int  // characters as they are sent
	oneLine  bool // line breaks become spaces
	verbatim bool // Slack makes no links of what looks like one
	url      bool // the result is an address: what is shown is escaped for one
}

// slots are the places, in the order in which they are documented. The limits
// keep a message with all of them below Slack's; see limits.go.
var slots = []slot{
	{name: "title", max: 500, verbatim: true},
	{name: "fields", max: 7000, verbatim: true},
	{name: "notification", max: maxTextLineChars, oneLine: true, verbatim: true},
	{name: "review", max: maxTextChars},
	{name: "outcome", max: maxTextChars},
	{name: "access_ends", max: maxTextChars},
	{name: "access_ended", max: maxTextChars},
	{name: "reminder", max: maxTextChars},
}

var linkSlot = slot{name: "link", max: maxURLChars, url: true}

// TemplateNames returns the places that templates can fill.
func TemplateNames() []string {
	var names []string
	for _, s := range slots {
		names = append(names, s.name)
	}
	return names
}

const (
	// maxTemplateBytes bounds a template's own text.
	maxTemplateBytes = 8 << 10
	// maxTemplateSteps bounds how many values a template shows or changes and
	// how often its loops run, together.
	maxTemplateSteps = 5000
)

// CompileTemplate compiles a template for one of TemplateNames, and tries it
// with requests of every kind. The error is a [*TemplateError].
func CompileTemplate(name, source string) (Template, error) {
	i := slices.IndexFunc(slots, func(s slot) bool { return s.name == name })
	if i < 0 {
		return Template{}, &TemplateError{Name: name, What: "there is no such template", Do: "the templates are " + strings.Join(TemplateNames(), ", ")}
	}
	return compile(slots[i], source)
}

// linkSchemes are where a link may lead; teleport:// opens Teleport Connect.
var linkSchemes = []string{"https://", "http://", "teleport://"}

// CompileLink compiles the address that leads to a request, which may have
// {{.ID}}, {{.Cluster}} and {{.Proxy}} in it. The error is a [*TemplateError].
func CompileLink(source string) (Template, error) {
	for _, scheme := range linkSchemes {
		if rest, ok := strings.CutPrefix(source, scheme); ok && rest != "" {
			return compile(linkSlot, source)
		}
	}
	return Template{}, &TemplateError{Name: linkSlot.name, What: "begins with no scheme that a link may have",
		Do: "begin it with " + strings.Join(linkSchemes, ", ")}
}

func compile(s slot, source string) (Template, error) {
	fail := func(offset int, do, what string, args ...any) (Template, error) {
		return Template{}, &TemplateError{Name: s.name, Offset: offset, What: fmt.Sprintf(what, args...), Do: do}
	}
	switch {
	case len(source) > maxTemplateBytes:
		return fail(maxTemplateBytes, "", "is longer than %d bytes", maxTemplateBytes)
	case !utf8.ValidString(source):
		return fail(0, "", "is not UTF-8")
	case strings.TrimSpace(source) == "":
		return fail(0, "leave it out for the built-in text", "is empty")
	}
	t := Template{slot: s, source: source}
	var err error
	t.parsed, err = template.New(s.name).Option("missingkey=zero").Funcs((&run{slot: s}).funcs()).Parse(source)
	if err != nil {
		return Template{}, t.located(err)
	}
	c := checker{slot: s}
	if len(t.parsed.Templates()) > 1 || t.parsed.Tree == nil {
		return fail(max(strings.Index(source, "define"), strings.Index(source, "block"), 0), "write it in one piece", "defines another template, which none may")
	}
	c.list(t.parsed.Root)
	if c.err != nil {
		return Template{}, c.err
	}
	if err := t.try(); err != nil {
		return Template{}, err
	}
	return t, nil
}

// place is where text/template says that an error is; columns count bytes
// from 0.
var place = regexp.MustCompile(`^template: [a-z_]+:(\d+):(?:(\d+):)? ?(?s:(.*))$`)

// located turns an error of text/template into ours.
func (t Template) located(err error) *TemplateError {
	e := &TemplateError{Name: t.slot.name, What: err.Error()}
	m := place.FindStringSubmatch(e.What)
	if m == nil {
		return e
	}
	e.What = tidy(m[3])
	line, _ := strconv.Atoi(m[1])
	for range line - 1 {
		i := strings.IndexByte(t.source[e.Offset:], '\n')
		if i < 0 {
			break
		}
		e.Offset += i + 1
	}
	if column, err := strconv.Atoi(m[2]); err == nil {
		e.Offset += column
	}
	e.Offset = min(e.Offset, len(t.source))
	switch {
	case strings.Contains(e.What, "can't evaluate field"):
		e.Do = "the fields are " + strings.Join(fieldNames(t.slot), ", ")
	case strings.Contains(e.What, "calling index"):
		e.Do = "not every request has it: put it into {{with}} or {{if}}"
	case strings.Contains(e.What, "function ") && strings.Contains(e.What, "not defined"):
		e.Do = "the functions are " + strings.Join(functionNames(t.slot), ", ")
	}
	return e
}

var (
	executing = regexp.MustCompile(`^executing "[a-z_]+" at `)
	ofType    = regexp.MustCompile(` in type (\*?message\.)?\S+$`)
)

// tidy takes what only helps who wrote this program out of an error.
func tidy(s string) string {
	return ofType.ReplaceAllString(executing.ReplaceAllString(s, "at "), "")
}

// errOutput is why a template was stopped.
var errOutput = errors.New("output is too long")

// bounded collects output up to a number of bytes.
type bounded struct {
	b   strings.Builder
	max int
}

func (w *bounded) Write(p []byte) (int, error) {
	if w.b.Len()+len(p) > w.max {
		return 0, errOutput
	}
	return w.b.Write(p)
}

// render fills the template. Where it gives nothing, or there is an error, a
// built-in text is there to take its place.
func (t Template) render(p *phrases, data any) (string, error) {
	fail := func(what string, args ...any) (string, error) {
		return "", &TemplateError{Name: t.slot.name, What: fmt.Sprintf(what, args...)}
	}
	clone, err := t.parsed.Clone()
	if err != nil {
		return fail("%v", err)
	}
	r := &run{p: p, slot: t.slot}
	w := &bounded{max: t.slot.max * utf8.UTFMax}
	if err := clone.Option("missingkey=zero").Funcs(r.funcs()).Execute(w, data); err != nil {
		if errors.Is(err, errOutput) {
			return fail("gives more than %d characters", t.slot.max)
		}
		return "", t.located(err)
	}
	out := strings.TrimSpace(w.b.String())
	if t.slot.oneLine {
		out = strings.Join(strings.Fields(out), " ")
	}
	switch _, closed := outsideCode(out); {
	case out == "":
		return "", nil
	case utf8.RuneCountInString(out) > t.slot.max:
		return fail("gives more than %d characters", t.slot.max)
	case t.slot.url && !urlSafe(out):
		return fail("gives no address: %.80q", out)
	case !t.slot.url && !closed:
		return fail("ends within code")
	}
	return out, nil
}

// try renders the template for requests of every kind, in every language.
func (t Template) try() error {
	silent := true
	for _, s := range samples() {
		for _, p := range catalogues {
			if t.slot.url {
				_, err := t.render(p, addressOf{ID: s.req.ID, Cluster: s.r.Cluster.Name, Proxy: hostOf(s.r.Cluster.WebURL)})
				if err != nil {
					return err
				}
				silent = false
				continue
			}
			v := s.r.view(p, s.req, s.details, s.to)
			if len(s.req.Reviews) > 0 {
				v.Review = p.reviewView(s.req.Reviews[0])
			}
			v.Builtin = "x"
			out, err := t.render(p, v)
			if err == nil && t.slot.name == "fields" {
				_, err = packed(out)
			}
			if err != nil {
				return err
			}
			silent = silent && out == ""
		}
	}
	if silent {
		return &TemplateError{Name: t.slot.name, What: "gives nothing, whatever the request", Do: "leave it out for the built-in text"}
	}
	return nil
}

// functionNames returns the functions that a template may call.
func functionNames(s slot) []string {
	own := (&run{slot: s}).funcs()
	maps.DeleteFunc(own, func(name string, _ any) bool { return strings.HasPrefix(name, "_") })
	return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(own)), builtins)))
}
