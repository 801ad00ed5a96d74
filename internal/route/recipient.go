package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	silentPrefix = "silent:"
	userPrefix   = "user:"

	maxMentions   = 10  // in one recipient
	maxPlaceChars = 254 // an email address; names of channels are shorter
)

// Recipient is one configured recipient: where to post, and which user groups to
// mention there. Both may contain fields of the request.
//
//	[silent:] place [mention ...]
//
// A place is a channel, an ID, an email, or user: and a Teleport username. A
// mention is @ and a user group's handle, or its ID.
type Recipient struct {
	Text     string // as configured
	user     bool   // place is a Teleport username
	place    template
	mentions []template
	silent   bool
}

// Mention is a user group that the message mentions.
type Mention struct {
	Group  string // "@handle", an ID, or "@here" and "@channel"
	Silent bool   // name it without notifying it
}

// groupShape matches a user group's ID. A channel's name in capitals could match
// too, so a place counts as a group only if it has a digit as well.
var groupShape = regexp.MustCompile(`^S[A-Z0-9]{7,}$`)

var personShape = regexp.MustCompile(`^[UW][A-Z0-9]{8,}$`)

// ParseRecipient parses a recipient. Its error is a [*SyntaxError].
//
// Text without a prefix, mention or field is a place, whatever it is: every
// recipient that the published plugin accepts is accepted here, and Slack
// reports the error.
func ParseRecipient(text string) (Recipient, error) {
	r := Recipient{Text: text}
	all, err := words(text)
	if err != nil {
		return r, err
	}
	if strings.TrimSpace(text) == "" {
		return r, &SyntaxError{1, "empty recipient"}
	}
	first := all[0]
	for _, prefix := range []string{silentPrefix, userPrefix} {
		if !strings.HasPrefix(first.literal(), prefix) {
			continue
		}
		if prefix == silentPrefix {
			r.silent = true
		} else {
			r.user = true
		}
		first.template = first.without(prefix)
		first.at += len(prefix)
		if len(first.template) > 0 {
			continue
		}
		if all = all[1:]; len(all) == 0 { // "silent: #dev" is meant as "silent:#dev"
			return r, &SyntaxError{first.at, fmt.Sprintf("after %s a recipient is expected", prefix)}
		}
		first = all[0]
	}
	rest := all[1:]
	if !slices.ContainsFunc(rest, word.isMention) && !r.silent && !r.user && !slices.ContainsFunc(all, func(w word) bool { return w.hasField() }) {
		r.place = template{{text: strings.TrimSpace(text)}}
		return r, nil
	}
	r.place = first.template
	for _, w := range rest {
		if !w.isMention() {
			return r, &SyntaxError{w.at, "a mention is expected, such as @oncall: a recipient is one place"}
		}
		if !w.hasField() && !isGroup(w.literal()) {
			return r, &SyntaxError{w.at, fmt.Sprintf("%.40q is not the handle of a user group", w.literal())}
		}
		r.mentions = append(r.mentions, w.template)
	}
	switch {
	case len(r.mentions) > maxMentions:
		return r, &SyntaxError{rest[maxMentions].at, fmt.Sprintf("more than %d mentions", maxMentions)}
	case len(r.mentions) > 0 && (r.user || isPerson(r.place.literal())):
		return r, &SyntaxError{rest[0].at, "a direct message can't mention a user group"}
	case r.user && !r.place.hasField() && !isUsername(r.place.literal()):
		return r, &SyntaxError{first.at, "not a username"}
	}
	return r, nil
}

// isMention reports whether the word is meant as a mention, valid or not.
func (w word) isMention() bool {
	lit := w.literal()
	return strings.HasPrefix(lit, "@") || !w.hasField() && groupShape.MatchString(lit)
}

// IsGroup reports whether the recipient is a user group alone. Slack can't post
// to one.
func (r Recipient) IsGroup() bool {
	return !r.user && !r.place.hasField() && isGroup(r.place.literal()) &&
		(strings.HasPrefix(r.place.literal(), "@") || strings.ContainsAny(r.place.literal(), "0123456789"))
}

// isPlain reports whether the recipient is the same for every request.
func (r Recipient) isPlain() bool {
	return !r.place.hasField() && !slices.ContainsFunc(r.mentions, template.hasField)
}

// IsSure reports whether the recipient resolves to a place for every request.
func (r Recipient) IsSure() bool { return !r.place.hasField() }

// NamesHandles reports whether it mentions user groups by handle, or may do so.
func (r Recipient) NamesHandles() bool {
	return slices.ContainsFunc(r.mentions, func(m template) bool {
		lit := m.literal()
		return m.hasField() || strings.HasPrefix(lit, "@") && lit != "@here" && lit != "@channel"
	})
}

// Plain returns the recipient's want if it is the same for every request.
func (r Recipient) Plain() (Want, bool) {
	if !r.isPlain() {
		return Want{}, false
	}
	wants, _ := r.wants(Input{}, "")
	if len(wants) != 1 {
		return Want{}, false
	}
	return wants[0], true
}

func (r Recipient) needsTraits() bool {
	return r.place.needsTraits() || slices.ContainsFunc(r.mentions, template.needsTraits)
}

// wants returns what the recipient resolves to for a request about a role, and
// the reasons for what it can't resolve.
func (r Recipient) wants(in Input, asked string) ([]Want, []string) {
	names, missing := r.place.fill(in, asked)
	if missing != "" {
		return nil, []string{missing}
	}
	var wants []Want
	var unresolved []string
	var mentions []Mention
	for _, m := range r.mentions {
		groups, missing := m.fill(in, asked)
		if missing != "" {
			unresolved = append(unresolved, missing+" for a mention")
		}
		for _, g := range groups {
			if !isGroup(g) {
				unresolved = append(unresolved, fmt.Sprintf("%.60q is not the handle of a user group", g))
				continue
			}
			if len(mentions) < maxMentions {
				mentions = append(mentions, Mention{Group: g, Silent: r.silent})
			}
		}
	}
	for _, name := range names {
		// Literal text is used as it is; a value filled in may be anything.
		valid, kind := isPlace, "a channel, an ID or an email address"
		if r.user {
			valid, kind = isUsername, "a username"
		}
		if r.place.hasField() && !valid(name) {
			unresolved = append(unresolved, fmt.Sprintf("%.60q is not %s", name, kind))
			continue
		}
		w := Want{Name: name, User: r.user}
		if !isPerson(name) {
			w.Mentions = slices.Clone(mentions)
		}
		wants = append(wants, w)
	}
	return wants, unresolved
}

// isPerson reports whether a place is a person: an email address, or an ID.
func isPerson(place string) bool {
	return strings.LastIndexByte(place, '@') > 0 || personShape.MatchString(place)
}

// isGroup reports whether s is "@handle" or a user group's ID.
func isGroup(s string) bool {
	handle, ok := strings.CutPrefix(s, "@")
	if !ok {
		return groupShape.MatchString(s)
	}
	return handle != "" && utf8.RuneCountInString(handle) <= 80 && !strings.ContainsFunc(handle, func(r rune) bool {
		return !(unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '_' || r == '-')
	})
}

// isPlace reports whether a text made from values is a channel, an ID or an email
// address, without a prefix or a mention in it.
func isPlace(s string) bool {
	name := strings.TrimPrefix(s, "#")
	return name != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxPlaceChars && name[0] != '@' && name[0] != '#' &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("<>&|:,;{}\"'`\\/*", r)
		})
}

func isUsername(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxPlaceChars && !strings.ContainsFunc(s, unicode.IsControl)
}
