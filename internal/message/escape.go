package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// form is the context that a string from outside is put into. It decides which
// characters are dangerous.
type form uint8

const (
	// inCode is between back-ticks, on one line. Slack formats nothing there.
	// A back-tick would end it and becomes ˋ (U+02CB). The published plugin
	// puts an invisible U+FEFF after it instead, which a shell or a search
	// box then gets with the copied name, and fails for no reason that anyone
	// can see; a wrong letter is at least a visible one, and no name in
	// Teleport that passes its own checks has a back-tick.
	inCode form = iota
	// inBlock is between fences of three back-ticks, on several lines. One or
	// two back-ticks are harmless there and stay, so what people quote can be
	// copied; three in a row, and those before the fence, become ˋ.
	inBlock
	// inLine is bare text on one line, for notifications. Nobody copies from
	// there, so what would format becomes its lookalike.
	inLine
)

// maxClusterRunes is how many code points may make up one visible character;
// the longest emoji have ten. Marks and joiners beyond it are dropped, because
// a hundred accents on one letter cover the lines around it.
const maxClusterRunes = 12

const (
	zwnj, zwj        = '\u200c', '\u200d'
	lookalikeTick    = 'ˋ' // U+02CB
	lookalikeStar    = '∗' // U+2217
	lookalikeTilde   = '∼' // U+223C
	lookalikeLowLine = '＿' // U+FF3F
)

// escape returns s for use in f, without surrounding space, and whether it was
// cut to fit max. The cut is never inside a
// visible character or an entity, and what is left is a beginning of the
// uncut result.
func escape(s string, f form, max limit) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) <= max.runes && len(s) <= max.chars && harmless(s, f) {
		return s, false
	}
	e := escaper{form: f, max: max}
	e.out = make([]byte, 0, min(len(s)+16, max.chars*2))
	cut := false
	for i := 0; i < len(s) && !cut; {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		next, _ := utf8.DecodeRuneInString(s[i:])
		if r, keep := e.clean(r, next); keep {
			cut = !e.add(r, next)
		}
	}
	return e.finish(cut), cut
}

// harmless reports whether s needs no escaping in f: the common case, which then
// copies nothing.
func harmless(s string, f form) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			return false
		case c == '&' || c == '<' || c == '>' || c == '`':
			return false
		case f == inLine && (c == '*' || c == '~' || c == '_' || c == ' ' && s[i-1] == ' '):
			return false // s is trimmed, so a space isn't its first byte
		}
	}
	return true
}

// escaper is the state of one call of escape.
type escaper struct {
	form form
	max  limit

	out          []byte
	prev         rune // the last character kept, 0 at the start
	runes, chars int  // kept so far, before and after escaping
	cluster      int  // code points of the visible character at the end
	start        int  // where in out that character begins
	flags        int  // regional indicators in a row
	newlines     int  // in a row
	ticks        int  // back-ticks in a row, kept ones
	fence        bool // the run of back-ticks has reached three
}

// clean returns the replacement of r, or false if r is dropped.
//
// An invisible character that changes what is read (control characters, overrides
// of the text's direction, invisible letters) becomes U+FFFD rather than
// nothing, so that "ali<invisible>ce" does not pass for alice.
func (e *escaper) clean(r, next rune) (rune, bool) {
	prose := e.form == inBlock
	switch {
	case r == '\r' && next == '\n':
		return 0, false
	case prose && r == '\t':
		return r, true
	case r == '\n', r == '\r', r == '\v', r == '\f', r == '\u0085', r == '\u2028', r == '\u2029':
		if prose {
			return '\n', e.newlines < 2 // at most one empty line
		}
		return ' ', e.prev != ' '
	case !prose && unicode.IsSpace(r):
		return ' ', e.form == inCode || e.prev != ' '
	case r < 0x20, r == 0x7f:
		return utf8.RuneError, true
	case r < 0x80:
		return r, true
	case r == zwj, r == zwnj:
		// Persian and emoji need them, ASCII does not.
		if e.prev < 0x80 {
			return utf8.RuneError, true
		}
		return r, e.cluster < maxClusterRunes
	case unicode.IsMark(r):
		if e.prev == 0 {
			return utf8.RuneError, true // it would combine with the mark before the value
		}
		return r, e.cluster < maxClusterRunes
	case prose && (r == '\u200e' || r == '\u200f' || r == '\u061c'):
		return r, true // direction marks, which only reach their neighbours
	case unicode.In(r, unicode.Cc, unicode.Cf), r&0xfffe == 0xfffe:
		return utf8.RuneError, true
	case r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800':
		return utf8.RuneError, true // Hangul fillers and the empty Braille cell
	}
	return r, true
}

// add appends r, or takes its visible character back and returns false if it
// does not fit.
func (e *escaper) add(r, next rune) bool {
	if !e.joins(r) {
		e.start, e.cluster = len(e.out), 0
	}
	r = e.disarm(r, next)
	size := 1
	switch r {
	case '&':
		size = len("&amp;")
	case '<', '>':
		size = len("&lt;")
	}
	if e.runes+1 > e.max.runes || e.chars+size > e.max.chars {
		e.out = e.out[:e.start]
		return false
	}
	e.runes++
	e.chars += size
	e.cluster++
	switch r {
	case '&':
		e.out = append(e.out, "&amp;"...)
	case '<':
		e.out = append(e.out, "&lt;"...)
	case '>':
		e.out = append(e.out, "&gt;"...)
	default:
		e.out = utf8.AppendRune(e.out, r)
	}
	e.prev = r
	if r == '\n' {
		e.newlines++
	} else {
		e.newlines = 0
	}
	return true
}

// disarm replaces characters that would format text in the form.
func (e *escaper) disarm(r, next rune) rune {
	if r != '`' {
		e.ticks, e.fence = 0, false
	}
	switch {
	case r == '`' && e.form != inBlock, e.fence:
		return lookalikeTick
	case r == '`':
		e.ticks++
		if e.ticks == 3 {
			e.fence = true
			e.out = append(e.out[:len(e.out)-2], "ˋˋ"...)
			e.start = len(e.out)
			return lookalikeTick
		}
	case e.form != inLine:
	case r == '*':
		return lookalikeStar
	case r == '~':
		return lookalikeTilde
	case r == '_' && !(word(e.prev) && word(next)):
		return lookalikeLowLine // Slack's italics begin and end at the edges of words
	}
	return r
}

func word(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// joins reports whether r belongs to the visible character before it. It knows the
// sequences that people write: combining marks, emoji with modifiers and
// joiners, flags, and Hangul written in its parts. The whole of Unicode's rules
// (UAX 29) would need tables for the rest.
func (e *escaper) joins(r rune) bool {
	flag := 0x1f1e6 <= r && r <= 0x1f1ff
	if !flag {
		e.flags = 0
	} else {
		e.flags++
	}
	switch {
	case e.prev == 0 || e.cluster >= maxClusterRunes:
		return false
	case r < 0x300:
		return e.prev == zwj && r >= 0x80
	case flag:
		return e.flags%2 == 0
	case r == zwj, r == zwnj, e.prev == zwj, 0x1f3fb <= r && r <= 0x1f3ff:
		return true
	case 0x1100 <= r && r <= 0x115f: // leading consonants
		return 0x1100 <= e.prev && e.prev <= 0x115f
	case 0x1160 <= r && r <= 0x11ff: // vowels and final consonants
		return 0x1100 <= e.prev && e.prev <= 0x11ff || 0xac00 <= e.prev && e.prev <= 0xd7a3
	}
	return unicode.IsMark(r)
}

// finish returns the result, without a tail that must not stay after a cut.
func (e *escaper) finish(cut bool) string {
	s := string(e.out)
	switch {
	case cut && e.form == inBlock:
		// Back-ticks before the fence would lengthen it.
		s = strings.TrimRightFunc(s, func(r rune) bool { return r == '`' || unicode.IsSpace(r) })
	case cut:
		s = strings.TrimRightFunc(s, unicode.IsSpace)
	case e.form == inBlock && strings.HasSuffix(s, "`"):
		t := strings.TrimRight(s, "`")
		s = t + strings.Repeat(string(lookalikeTick), len(s)-len(t))
	}
	return s
}
