package rule

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is the kind of a token. Operators and brackets are their own text.
type kind uint8

const (
	end kind = iota
	name
	text
	sign
)

// token is a token of a condition.
type token struct {
	kind kind
	text string // the name, the string's value, or the sign
	pos  int    // byte offset
}

// String returns the token as an error message shows it.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case text:
		return "the string " + strconv.Quote(shorten(t.text))
	}
	return strconv.Quote(shorten(t.text))
}

// shorten cuts text from a condition to a length that fits a log line.
func shorten(s string) string {
	const most = 40 // characters
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// signs are the operators and brackets; longer ones first.
var signs = []string{"&&", "||", "==", "!=", "!", "(", ")", "[", "]", ",", "."}

// lex splits a condition into tokens; the last one is the end.
func lex(src string) ([]token, *Error) {
	if len(src) > maxCondition {
		return nil, failAt(src, 0, fmt.Sprintf("is %d bytes long, expected at most %d", len(src), maxCondition))
	}
	if !utf8.ValidString(src) {
		return nil, failAt(src, 0, "is not valid UTF-8")
	}
	var tokens []token
	for pos := 0; ; {
		pos += spaceAt(src[pos:])
		if pos == len(src) {
			return append(tokens, token{kind: end, pos: pos}), nil
		}
		t, n, reason := lexOne(src[pos:])
		if reason != "" {
			return nil, failAt(src, pos, reason)
		}
		t.pos = pos
		tokens = append(tokens, t)
		pos += n
	}
}

// spaceAt returns how many bytes of white space and comments s begins with.
func spaceAt(s string) int {
	rest := s
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		switch {
		case strings.HasPrefix(rest, "//"):
			_, after, _ := strings.Cut(rest, "\n")
			rest = after
		case strings.HasPrefix(rest, "/*") && strings.Contains(rest[2:], "*/"):
			_, after, _ := strings.Cut(rest[2:], "*/")
			rest = after
		default:
			return len(s) - len(rest)
		}
	}
}

// lexOne returns the token that s begins with and its length, or the reason why
// there is none.
func lexOne(s string) (t token, length int, wrong string) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == '"' || r == '`':
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return token{}, 0, brokenString(s)
		}
		value, err := strconv.Unquote(quoted)
		if err != nil {
			return token{}, 0, brokenString(s)
		}
		return token{kind: text, text: value}, len(quoted), ""
	case r == '_' || unicode.IsLetter(r):
		n := size
		for n < len(s) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				break
			}
			n += size
		}
		return token{kind: name, text: s[:n]}, n, ""
	case r == '\'':
		return token{}, 0, `unexpected ', expected strings in double quotes`
	case unicode.IsDigit(r):
		return token{}, 0, "unexpected number, expected a name or a string"
	}
	for _, op := range signs {
		if strings.HasPrefix(s, op) {
			return token{kind: sign, text: op}, len(op), ""
		}
	}
	return token{}, 0, fmt.Sprintf("unexpected %q", r)
}

// brokenString returns the reason why s does not begin with a string.
func brokenString(s string) string {
	if s[0] == '`' {
		return "a string without an end, expected another `"
	}
	for i := 1; i < len(s) && s[i] != '\n'; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return `a string with an unknown escape, expected \\ for a backslash, or backquotes around the string`
		}
	}
	return `a string without an end, expected another " on the same line`
}

// failAt returns an error with the line and column of a byte offset.
func failAt(src string, pos int, reason string) *Error {
	before := src[:min(pos, len(src))]
	line := strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &Error{Line: line + 1, Column: column + 1, Reason: reason}
}
