package route

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Input is what recipients are resolved from.
type Input struct {
	Request access.Request
	Traits  map[string][]string // the requester's; needed only where NeedsTraits is true
}

// SyntaxError is a mistake in a recipient or a key.
type SyntaxError struct {
	At   int // counts characters from 1
	What string
}

// Error returns "character 9: what".
func (e *SyntaxError) Error() string { return fmt.Sprintf("character %d: %s", e.At, e.What) }

// maxFilled bounds the texts of one template: traits may have many values.
const maxFilled = 50

// template is text with fields of the request in it. It has neither conditions
// nor functions, so it stays readable, and the value of a field is never parsed.
type template []piece

// piece is text or a field.
type piece struct {
	text  string
	field fieldKind
	key   string // of a trait or an annotation
}

type fieldKind uint8

const (
	noField fieldKind = iota
	role
	user
	trait
	annotation
	resourceCluster
	resourceKind
	resourceName
)

var plainFields = map[string]fieldKind{
	".Role": role, ".User": user, ".User.Name": user,
	".Resource.Cluster": resourceCluster, ".Resource.Kind": resourceKind, ".Resource.Name": resourceName,
}

var keyedFields = []struct {
	name string
	kind fieldKind
}{{".User.Traits", trait}, {".Annotations", annotation}}

// parseField reads what stands between the braces: .Role, .User.Traits.team,
// or index .User.Traits "a name with dots.and spaces".
func parseField(s string) (piece, string) {
	s = strings.TrimSpace(s)
	if kind, ok := plainFields[s]; ok {
		return piece{field: kind}, ""
	}
	path, indexed := strings.CutPrefix(s, "index ")
	path = strings.TrimSpace(path)
	for _, f := range keyedFields {
		rest, ok := strings.CutPrefix(path, f.name)
		if !ok {
			continue
		}
		if indexed {
			key := strings.TrimSpace(rest)
			if len(key) > 2 && (key[0] == '"' || key[0] == '`') && strings.IndexByte(key[1:], key[0]) == len(key)-2 && !strings.Contains(key, `\`) {
				return piece{field: f.kind, key: key[1 : len(key)-1]}, ""
			}
			return piece{}, fmt.Sprintf(`after index %s a name in quotes is expected`, f.name)
		}
		key, ok := strings.CutPrefix(rest, ".")
		if ok && key != "" && !strings.ContainsFunc(key, notInKey) {
			return piece{field: f.kind, key: key}, ""
		}
		return piece{}, fmt.Sprintf(`after %s a name is expected, such as %s.team or index %s "team"`, f.name, f.name, f.name)
	}
	return piece{}, fmt.Sprintf("unknown field %.40q; the fields are .Role, .User, .User.Traits.name, .Annotations.name, .Resource.Cluster, .Resource.Kind and .Resource.Name", s)
}

func notInKey(r rune) bool {
	return !(r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r >= utf8.RuneSelf)
}

// word is a template between spaces, with its position.
type word struct {
	template
	at int // counts characters from 1
}

// words splits a recipient at its spaces and parses its fields.
func words(s string) ([]word, error) {
	var all []word
	var now *word
	rest, at := s, 1
	take := func(n int) string {
		taken := rest[:n]
		rest = rest[n:]
		return taken
	}
	for rest != "" {
		if r, size := utf8.DecodeRuneInString(rest); unicode.IsSpace(r) {
			take(size)
			at++
			now = nil
			continue
		}
		if now == nil {
			all = append(all, word{at: at})
			now = &all[len(all)-1]
		}
		if strings.HasPrefix(rest, "{{") {
			end := strings.Index(rest, "}}")
			if end < 0 {
				return nil, &SyntaxError{at, "{{ without }}"}
			}
			p, wrong := parseField(rest[2:end])
			if wrong != "" {
				return nil, &SyntaxError{at, wrong}
			}
			now.template = append(now.template, p)
			at += utf8.RuneCountInString(take(end + 2))
			continue
		}
		n := len(rest)
		if i := strings.IndexFunc(rest, unicode.IsSpace); i >= 0 {
			n = i
		}
		if i := strings.Index(rest[:n], "{{"); i >= 0 {
			n = i
		}
		if i := strings.Index(rest[:n], "}}"); i >= 0 {
			return nil, &SyntaxError{at + utf8.RuneCountInString(rest[:i]), "}} without {{"}
		}
		now.template = append(now.template, piece{text: rest[:n]})
		at += utf8.RuneCountInString(take(n))
	}
	return all, nil
}

// literal returns the text before the first field.
func (t template) literal() string {
	if len(t) == 0 || t[0].field != noField {
		return ""
	}
	return t[0].text
}

// without returns t without a prefix, which t must have.
func (t template) without(prefix string) template {
	rest := template{{text: strings.TrimPrefix(t.literal(), prefix)}}
	if rest[0].text == "" {
		rest = nil
	}
	return append(rest, t[1:]...)
}

// hasField reports whether t has a field.
func (t template) hasField() bool {
	for _, p := range t {
		if p.field != noField {
			return true
		}
	}
	return false
}

func (t template) needsTraits() bool {
	for _, p := range t {
		if p.field == trait {
			return true
		}
	}
	return false
}

// fill returns the texts of t, one for each value, or the reason why there are
// none. asked is the requested role.
func (t template) fill(in Input, asked string) ([]string, string) {
	texts := []string{""}
	for _, p := range t {
		values, missing := p.values(in, asked)
		if missing != "" {
			return nil, missing
		}
		var next []string
		for _, text := range texts {
			for _, v := range values {
				if len(next) < maxFilled {
					next = append(next, text+v)
				}
			}
		}
		texts = next
	}
	return texts, ""
}

// values returns the values of the piece, never an empty one.
func (p piece) values(in Input, asked string) ([]string, string) {
	var values []string
	missing := "the request has none"
	switch p.field {
	case noField:
		return []string{p.text}, ""
	case role:
		values, missing = []string{asked}, "the request is for no role"
	case user:
		values, missing = []string{in.Request.User}, "the request has no user"
	case trait:
		values, missing = in.Traits[p.key], fmt.Sprintf("the requester has no trait %q", p.key)
	case annotation:
		values, missing = in.Request.SystemAnnotations[p.key], fmt.Sprintf("the request has no annotation %q", p.key)
	case resourceCluster, resourceKind, resourceName:
		missing = "the request is for no resource"
		for _, r := range in.Request.Resources {
			values = append(values, map[fieldKind]string{resourceCluster: r.Cluster, resourceKind: r.Kind, resourceName: r.Name}[p.field])
		}
	}
	var some []string
	seen := map[string]bool{}
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !seen[v] {
			seen[v] = true
			some = append(some, v)
		}
	}
	if len(some) == 0 {
		return nil, missing
	}
	return some, ""
}
