package message

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

// markup is text with marks that are ours. Only the functions below and the
// built-in texts make it; everything else is escaped when it is shown.
type markup string

// instant is a moment as a template has it: false when there is none, and
// shown as a date.
type instant int64

func instantOf(t time.Time) instant { return instant(max(t.Unix(), 0)) }

// run is one filling of a template.
type run struct {
	p     *phrases
	slot  slot
	steps int
}

// funcs returns the functions of a template. Those with a _ are for the
// checker alone: no identifier in a template's text gets past it with one.
func (r *run) funcs() template.FuncMap {
	if r.slot.url {
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
	if r.steps > maxTemplateSteps {
		return "", errSteps
	}
	return "", nil
}

// show is what becomes of every value that a template shows.
func (r *run) show(v any) (string, error) {
	m, err := r.mark(v)
	return string(m), err
}

func (r *run) mark(v any) (markup, error) {
	if _, err := r.step(); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case markup:
		return v, nil
	case string:
		return r.bare(v), nil
	case []string:
		return r.bare(joined(v, ", ")), nil
	case instant:
		return markup(r.p.date(time.Unix(int64(v), 0))), nil
	case bool, int, int64, float64:
		return markup(fmt.Sprint(v)), nil
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
	case host:
		return string(v), nil
	}
	return "", errors.New("can't stand in an address")
}

// linkish is what Slack makes a link of outside of code: an address, or a
// domain.
var linkish = regexp.MustCompile(`://|[\pL\pN]\.\pL`)

// bare returns a person's words on one line of their own text. In a reply
// Slack looks for links in what isn't code; there, what looks like one is,
// unless it is an email address.
func (r *run) bare(s string) markup {
	t, cut := escape(s, inLine, reasonLimit)
	if !r.slot.verbatim && linkish.MatchString(t) && !plain(strings.TrimSpace(s), false) {
		return markup(r.p.code(s, reasonLimit))
	}
	if cut {
		t += "…"
	}
	return markup(t)
}

func (r *run) within(mark string, v any) (markup, error) {
	m, err := r.mark(v)
	if m == "" || err != nil {
		return "", err
	}
	return markup(mark) + m + markup(mark), nil
}

func (r *run) bold(v any) (markup, error)   { return r.within("*", v) }
func (r *run) italic(v any) (markup, error) { return r.within("_", v) }

func (r *run) code(v any) (markup, error) {
	if _, err := r.step(); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return "", nil
		}
		return markup(r.p.code(v, reasonLimit)), nil
	case []string:
		if len(v) == 0 {
			return "", nil
		}
		return markup(r.p.names(v, ", ", listLimit)), nil
	case int:
		return markup(fmt.Sprintf("`%d`", v)), nil
	}
	return "", errors.New("is for text, numbers and lists")
}

func (r *run) block(s string) (markup, error) {
	if _, err := r.step(); err != nil || strings.TrimSpace(s) == "" {
		return "", err
	}
	return markup(r.p.block(s)), nil
}

func (r *run) date(at instant) (markup, error) { return r.mark(at) }

// duration returns the time from one moment to another in words.
func (r *run) duration(from, to instant) (markup, error) {
	if _, err := r.step(); err != nil || from == 0 || to == 0 {
		return "", err
	}
	return markup(r.p.duration(time.Duration(to-from) * time.Second)), nil
}

// link returns a link, or the label alone where the address can't be one.
func (r *run) link(address string, label ...any) (markup, error) {
	if len(label) > 1 {
		return "", errors.New("takes an address and a text")
	}
	text := markup("")
	if len(label) == 1 {
		var err error
		if s, ok := label[0].(string); ok {
			t, _ := escape(s, inLine, reasonLimit)
			text = markup(strings.ReplaceAll(t, "|", "∣"))
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
	case len(address) > maxURLChars || !urlSafe(address):
		return text, nil
	case text == "":
		return "<" + markup(strings.ReplaceAll(address, "&", "&amp;")) + ">", nil
	}
	return "<" + markup(strings.ReplaceAll(address, "&", "&amp;")) + "|" + text + ">", nil
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
		if escaped[i] = url.PathEscape(head(part)); strings.Contains(base, "?") {
			escaped[i] = url.QueryEscape(head(part))
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
	s = head(s)
	if utf8.RuneCountInString(s) <= n {
		return s, nil
	}
	return string([]rune(s)[:n]) + "…", nil
}

func (r *run) upper(s string) (string, error) {
	_, err := r.step()
	return strings.ToUpper(head(s)), err
}
func (r *run) lower(s string) (string, error) {
	_, err := r.step()
	return strings.ToLower(head(s)), err
}

func (r *run) has(list []string, s string) (bool, error) {
	_, err := r.step()
	return slices.Contains(list, s), err
}

// maxHeadBytes is how much of a value a template works with; far less is shown.
const maxHeadBytes = 4 << 10

// head returns the beginning of s, as far as templates work with it.
func head(s string) string {
	if len(s) > maxHeadBytes {
		s = strings.ToValidUTF8(s[:maxHeadBytes], "")
	}
	return s
}

// joined is strings.Join of as many as are worth the work.
func joined(list []string, sep string) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(head(sep))
		}
		b.WriteString(head(s))
		if b.Len() > maxHeadBytes {
			break
		}
	}
	return b.String()
}
