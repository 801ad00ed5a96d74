// Package template is Go's text/template for texts that operators write and
// that show what strangers typed.
//
// Three things differ from text/template. Every value that an action shows is
// escaped, by a call that the compiler appends, as html/template does; only the
// functions of this package make marks and links, and nothing makes a mention.
// Literal text may contain whole links and mentions, since the operator wrote
// them. And the work is bounded: a short list of functions, no nested
// templates, a limit on steps and on output.
//
// It knows neither access requests nor languages: [Slot] names the data and
// [Words] formats the values.
package template

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"
)

// Template is a compiled template. The zero value means that there is none.
type Template struct {
	slot   Slot
	source string
	parsed *template.Template
}

// IsZero reports whether there is no template.
func (t Template) IsZero() bool { return t.parsed == nil }

// Equal reports whether both are the same text in the same slot.
func (t Template) Equal(o Template) bool { return t.slot.Name == o.slot.Name && t.source == o.source }

// Error is why a template can't be used.
type Error struct {
	Name   string
	Offset int    // in the template's text, in bytes
	What   string // what is wrong there
	Do     string // what a person can do; may be empty
}

// Error returns the name and what is wrong.
func (e *Error) Error() string { return "template " + e.Name + ": " + e.What }

// Slot is a part of a message that a template can fill.
type Slot struct {
	Name     string
	Data     any  // a struct of the type that Render gets; its fields are what a template can name
	Max      int  // characters as they are sent
	OneLine  bool // line breaks become spaces
	Verbatim bool // Slack does not turn addresses into links here
	URL      bool // the result is an address, and values are escaped for one
}

const (
	// maxSourceBytes bounds a template's own text.
	maxSourceBytes = 8 << 10
	// maxSteps bounds how many values a template shows or changes and
	// how often its loops run, together.
	maxSteps = 5000
)

// MaxURLChars is the longest address that a message links to.
const MaxURLChars = 800

// schemes are where a link may lead; teleport:// opens Teleport Connect.
var schemes = []string{"https://", "http://", "teleport://"}

// IsURL reports whether s can stand in a Slack link as it is.
func IsURL(s string) bool {
	if len(s) > MaxURLChars || !hasScheme(s) {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || strings.IndexByte("<>|`\"*\\", c) >= 0 {
			return false
		}
	}
	return true
}

func hasScheme(s string) bool {
	return slices.ContainsFunc(schemes, func(scheme string) bool { return strings.HasPrefix(s, scheme) && len(s) > len(scheme) })
}

// Compile reads a template and checks everything that does not depend on a
// value. The error is an [*Error].
func Compile(s Slot, source string) (Template, error) {
	fail := func(offset int, do, what string, args ...any) (Template, error) {
		return Template{}, &Error{Name: s.Name, Offset: offset, What: fmt.Sprintf(what, args...), Do: do}
	}
	switch {
	case s.URL && !hasScheme(source):
		return fail(0, "begin it with "+strings.Join(schemes, ", "), "begins with no scheme that a link may have")
	case len(source) > maxSourceBytes:
		return fail(maxSourceBytes, "", "is longer than %d bytes", maxSourceBytes)
	case !utf8.ValidString(source):
		return fail(0, "", "is not UTF-8")
	case strings.TrimSpace(source) == "":
		return fail(0, "leave it out for the built-in text", "is empty")
	}
	t := Template{slot: s, source: source}
	var err error
	t.parsed, err = template.New(s.Name).Option("missingkey=zero").Funcs((&run{slot: s}).funcs()).Parse(source)
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
	return t, nil
}

// place matches an error of text/template with its line and its column, which
// counts bytes from 0.
var place = regexp.MustCompile(`^template: [a-z_]+:(\d+):(?:(\d+):)? ?(?s:(.*))$`)

// located turns an error of text/template into an Error.
func (t Template) located(err error) *Error {
	e := &Error{Name: t.slot.Name, What: err.Error()}
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
	ofType    = regexp.MustCompile(` in type \S+$`)
)

// tidy removes from an error what only helps the authors of this program.
func tidy(s string) string {
	return ofType.ReplaceAllString(executing.ReplaceAllString(s, "at "), "")
}

// errOutput stops a template that writes too much.
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

// Render fills the template with data, which has the type of the slot's. The
// error is an [*Error].
func (t Template) Render(w Words, data any) (string, error) {
	fail := func(what string, args ...any) (string, error) {
		return "", &Error{Name: t.slot.Name, What: fmt.Sprintf(what, args...)}
	}
	clone, err := t.parsed.Clone()
	if err != nil {
		return fail("%v", err)
	}
	r := &run{words: w, slot: t.slot}
	out := &bounded{max: t.slot.Max * utf8.UTFMax}
	if err := clone.Option("missingkey=zero").Funcs(r.funcs()).Execute(out, data); err != nil {
		if errors.Is(err, errOutput) {
			return fail("gives more than %d characters", t.slot.Max)
		}
		return "", t.located(err)
	}
	text := strings.TrimSpace(out.b.String())
	if t.slot.OneLine {
		text = strings.Join(strings.Fields(text), " ")
	}
	switch _, closed := OutsideCode(text); {
	case text == "":
		return "", nil
	case utf8.RuneCountInString(text) > t.slot.Max:
		return fail("gives more than %d characters", t.slot.Max)
	case t.slot.URL && !IsURL(text):
		return fail("gives no address: %.80q", text)
	case !t.slot.URL && !closed:
		return fail("ends within code")
	}
	return text, nil
}

// fieldNames returns what a template in the slot can name.
func fieldNames(s Slot) []string {
	t := reflect.TypeOf(s.Data)
	var names []string
	for i := range t.NumField() {
		names = append(names, "."+t.Field(i).Name)
	}
	slices.Sort(names)
	return names
}

// functionNames returns the functions that a template may call.
func functionNames(s Slot) []string {
	own := (&run{slot: s}).funcs()
	maps.DeleteFunc(own, func(name string, _ any) bool { return strings.HasPrefix(name, "_") })
	return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(own)), builtins)))
}
