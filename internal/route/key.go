package route

import (
	"cmp"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Key is the left side of a route: a role's name, a glob or a regular
// expression. Keys are tried in this order: names before patterns; the pattern
// with the longer literal prefix first, since it is more specific; globs before
// expressions; then by text. "*" is last.
type Key struct {
	text  string
	kind  keyKind
	begin string // literal prefix of every match
	match *regexp.Regexp
}

type keyKind uint8

const (
	exactKey keyKind = iota
	globKey
	regexKey
	anyKey
)

// ParseKey parses a key. Its error is a [*SyntaxError].
//
// Between slashes it is a regular expression, which matches anywhere in a name
// unless ^ and $ say otherwise; with * or ? in it a glob, which matches the
// whole name; else a name.
func ParseKey(text string) (Key, error) {
	k := Key{text: text}
	switch {
	case text == AnyRole:
		k.kind = anyKey
	case len(text) > 2 && text[0] == '/' && text[len(text)-1] == '/':
		k.kind = regexKey
		pattern := text[1 : len(text)-1]
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return k, &SyntaxError{2, strings.TrimPrefix(err.Error(), "error parsing regexp: ")}
		}
		if k.match, err = regexp.Compile(pattern); err != nil {
			return k, &SyntaxError{2, strings.TrimPrefix(err.Error(), "error parsing regexp: ")}
		}
		k.begin = beginning(parsed)
	case strings.ContainsAny(text, "*?"):
		k.kind = globKey
		k.begin = text[:strings.IndexAny(text, "*?")]
		pattern := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(text))
		var err error
		if k.match, err = regexp.Compile(`(?s)^` + pattern + `$`); err != nil { // only where it is too long
			return k, &SyntaxError{1, fmt.Sprintf("can't be used as a pattern: %v", err)}
		}
	}
	return k, nil
}

// beginning returns the literal prefix of every match of an expression, if the
// expression shows it: "db-" for "^db-.+".
func beginning(re *syntax.Regexp) string {
	parts := []*syntax.Regexp{re}
	for len(parts) == 1 && (parts[0].Op == syntax.OpConcat || parts[0].Op == syntax.OpCapture) {
		parts = parts[0].Sub
	}
	if len(parts) < 2 || parts[0].Op != syntax.OpBeginText || parts[1].Op != syntax.OpLiteral || parts[1].Flags&syntax.FoldCase != 0 {
		return ""
	}
	return string(parts[1].Rune)
}

// Matches reports whether the key applies to the role.
func (k Key) Matches(role string) bool {
	switch k.kind {
	case anyKey:
		return true
	case exactKey:
		return k.text == role
	}
	return k.match.MatchString(role)
}

// IsPattern reports whether the key is a glob or a regular expression.
func (k Key) IsPattern() bool { return k.kind == globKey || k.kind == regexKey }

// compare orders keys.
func (k Key) compare(o Key) int {
	rank := func(k Key) int {
		switch k.kind {
		case exactKey:
			return 0
		case anyKey:
			return 2
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(rank(k), rank(o)),
		cmp.Compare(utf8.RuneCountInString(o.begin), utf8.RuneCountInString(k.begin)),
		cmp.Compare(k.kind, o.kind),
		strings.Compare(k.text, o.text),
	)
}
