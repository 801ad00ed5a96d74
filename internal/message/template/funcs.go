package template

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

// Words formats values in a language. What it returns is sent as it is.
type Words interface {
	// Line returns s as text on one line. Unless verbatim, Slack must not find
	// a link in it.
	Line(s string, verbatim bool) string
	Code(s string) string
	Names(list []string) string // as code
	Block(s string) string      // a block of code
	Date(t time.Time) string
	Duration(d time.Duration) string
}

// Markup is text that is shown as it is. Only the functions below and the
// built-in texts make it; everything else is escaped when it is shown.
type Markup string

// Instant is a moment in a template's data, in seconds since 1970: false in a
// condition when it is zero, and shown as a date.
type Instant int64

// InstantOf returns t as an Instant; zero when there is none.
func InstantOf(t time.Time) Instant { return Instant(max(t.Unix(), 0)) }

// run is one execution of a template.
type run struct {
	words Words
	slot  Slot
	steps int
}

// funcs returns the functions of a template. Those with a _ are for the
// checker alone: no identifier in a template's text gets past it with one.
func (r *run) funcs() template.FuncMap {
	if r.slot.URL {
		return template.FuncMap{"_show": r.showURL, "_step": r.step}
	}
	return template.FuncMap{
		"_show": r.show, "_step": r.step,
		"bold": r.bold, "italic": r.italic, "code": r.code, "codeblock": r.block,
		"date": r.date, "duration": r.duration, "link": r.link, "url": r.url,
		"join": r.join, "truncate": r.truncate, "upper": r.upper, "lower": r.lower, "has": r.has,
	}
}

var errSteps = errors.New("does too much: a loop over many values, or loops in loops")

func (r *run) step() (string, error) {
	r.steps++
	if r.steps > maxSteps {
		return "", errSteps
	}
	return "", nil
}

// show escapes every value that a template shows.
func (r *run) show(v any) (string, error) {
	m, err := r.mark(v)
	return string(m), err
}

func (r *run) mark(v any) (Markup, error) {
	if _, err := r.step(); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case Markup:
		return v, nil
	case string:
		return r.line(v), nil
	case []string:
		return r.line(joined(v, ", ")), nil
	case Instant:
		return Markup(r.words.Date(time.Unix(int64(v), 0))), nil
	case bool, int, int64, float64:
		return Markup(fmt.Sprint(v)), nil
	case nil:
		return "", nil
	}
	return "", fmt.Errorf("can't show a %s", reflect.TypeOf(v).Kind())
}

// showURL is show where the result is an address.
func (r *run) showURL(v any) (string, error) {
	if _, err := r.step(); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return url.PathEscape(v), nil
	case Markup:
		return string(v), nil
	}
	return "", errors.New("can't stand in an address")
}

func (r *run) line(s string) Markup { return Markup(r.words.Line(s, r.slot.Verbatim)) }

func (r *run) within(mark string, v any) (Markup, error) {
	m, err := r.mark(v)
	if m == "" || err != nil {
		return "", err
	}
	return Markup(mark) + m + Markup(mark), nil
}

func (r *run) bold(v any) (Markup, error)   { return r.within("*", v) }
func (r *run) italic(v any) (Markup, error) { return r.within("_", v) }

func (r *run) code(v any) (Markup, error) {
	if _, err := r.step(); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return "", nil
		}
		return Markup(r.words.Code(v)), nil
	case []string:
		if len(v) == 0 {
			return "", nil
		}
		return Markup(r.words.Names(v)), nil
	case int:
		return Markup(fmt.Sprintf("`%d`", v)), nil
	}
	return "", errors.New("is for text, numbers and lists")
}

func (r *run) block(s string) (Markup, error) {
	if _, err := r.step(); err != nil || strings.TrimSpace(s) == "" {
		return "", err
	}
	return Markup(r.words.Block(s)), nil
}

func (r *run) date(at Instant) (Markup, error) { return r.mark(at) }

// duration returns the time from one moment to another in words.
func (r *run) duration(from, to Instant) (Markup, error) {
	if _, err := r.step(); err != nil || from == 0 || to == 0 {
		return "", err
	}
	return Markup(r.words.Duration(time.Duration(to-from) * time.Second)), nil
}

// link returns a link, or the label alone where the address can't be one.
func (r *run) link(address string, label ...any) (Markup, error) {
	if len(label) > 1 {
		return "", errors.New("takes an address and a text")
	}
	text := Markup("")
	if len(label) == 1 {
		var err error
		if s, ok := label[0].(string); ok {
			text = Markup(strings.ReplaceAll(r.words.Line(s, true), "|", "∣"))
		} else if text, err = r.mark(label[0]); err != nil {
			return "", err
		}
		if strings.ContainsAny(string(text), "<>|`\n") {
			return "", errors.New("takes plain text")
		}
	}
	if _, err := r.step(); err != nil {
		return "", err
	}
	switch {
	case !IsURL(address):
		return text, nil
	case text == "":
		return "<" + Markup(strings.ReplaceAll(address, "&", "&amp;")) + ">", nil
	}
	return "<" + Markup(strings.ReplaceAll(address, "&", "&amp;")) + "|" + text + ">", nil
}

// url returns an address with more parts behind it, each of which stays one.
func (r *run) url(base string, parts ...string) (string, error) {
	if _, err := r.step(); err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(base, "://")
	if !ok {
		return "", fmt.Errorf("%.80q is no address", base)
	}
	if !strings.Contains(rest, "/") {
		base += "/" // or else a part would change the host
	}
	escaped := make([]string, len(parts))
	for i, part := range parts {
		if escaped[i] = url.PathEscape(Head(part)); strings.Contains(base, "?") {
			escaped[i] = url.QueryEscape(Head(part))
		}
	}
	return base + strings.Join(escaped, "/"), nil
}

func (r *run) join(list []string, sep string) (string, error) {
	_, err := r.step()
	return joined(list, sep), err
}

func (r *run) truncate(n int, s string) (string, error) {
	if _, err := r.step(); err != nil || n < 0 {
		return "", err
	}
	s = Head(s)
	if utf8.RuneCountInString(s) <= n {
		return s, nil
	}
	return string([]rune(s)[:n]) + "…", nil
}

func (r *run) upper(s string) (string, error) {
	_, err := r.step()
	return strings.ToUpper(Head(s)), err
}
func (r *run) lower(s string) (string, error) {
	_, err := r.step()
	return strings.ToLower(Head(s)), err
}

func (r *run) has(list []string, s string) (bool, error) {
	_, err := r.step()
	return slices.Contains(list, s), err
}

// maxHeadBytes bounds the part of a value that a template works with; far less
// is shown.
const maxHeadBytes = 4 << 10

// Head returns the beginning of s, as much of it as templates work with.
func Head(s string) string {
	if len(s) > maxHeadBytes {
		s = strings.ToValidUTF8(s[:maxHeadBytes], "")
	}
	return s
}

// joined joins as many strings of the list as templates work with.
func joined(list []string, sep string) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(Head(sep))
		}
		b.WriteString(Head(s))
		if b.Len() > maxHeadBytes {
			break
		}
	}
	return b.String()
}
