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

// Recipient is one recipient as it is configured: whom to post to, and which
// user groups to mention there. Both may be made from the request.
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

// Mention is a user group that the message names.
type Mention struct {
	Group  string // "@handle", an ID, or "@here" and "@channel"
	Silent bool   // name it without calling it
}

// groupShape is an ID of a user group. A channel's name in capitals could look
// like one, so that a place needs a digit as well to be taken for a group.
var groupShape = regexp.MustCompile(`^S[A-Z0-9]{7,}$`)

var personShape = regexp.MustCompile(`^[UW][A-Z0-9]{8,}$`)

// ParseRecipient reads a recipient. Its error is a [*SyntaxError].
//
// What has no form of ours in it is a place, however odd: files that the
// published plugin takes are taken here, and Slack says what is wrong.
func ParseRecipient(text string) (Recipient, error) {
	r := Recipient{Text: text}
	all, err := words(text)
	if err != nil {
		return r, err
	}
	if strings.TrimSpace(text) == "" {
		return r, &SyntaxError{1, "it is empty"}
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
			return r, &SyntaxError{first.at, fmt.Sprintf("after %s somebody is expected", prefix)}
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
			return r, &SyntaxError{w.at, fmt.Sprintf("%.40q is no handle of a user group", w.literal())}
		}
		r.mentions = append(r.mentions, w.template)
	}
	switch {
	case len(r.mentions) > maxMentions:
		return r, &SyntaxError{rest[maxMentions].at, fmt.Sprintf("more than %d mentions", maxMentions)}
	case len(r.mentions) > 0 && (r.user || isPerson(r.place.literal())):
		return r, &SyntaxError{rest[0].at, "a direct message can't mention a user group"}
	case r.user && !r.place.hasField() && !isUsername(r.place.literal()):
		return r, &SyntaxError{first.at, "that is no username"}
	}
	return r, nil
}

// isMention says that the word is to be one, sound or not.
func (w word) isMention() bool {
	lit := w.literal()
	return strings.HasPrefix(lit, "@") || !w.hasField() && groupShape.MatchString(lit)
}

// IsGroup says that the recipient is a user group alone, which Slack has no
// way to post to.
func (r Recipient) IsGroup() bool {
	return !r.user && !r.place.hasField() && isGroup(r.place.literal()) &&
		(strings.HasPrefix(r.place.literal(), "@") || strings.ContainsAny(r.place.literal(), "0123456789"))
}

// isPlain says that nothing has to be known of a request to tell whom it means.
func (r Recipient) isPlain() bool {
	return !r.place.hasField() && !slices.ContainsFunc(r.mentions, template.hasField)
}

// IsSure says that the recipient is somebody whatever the request.
func (r Recipient) IsSure() bool { return !r.place.hasField() }

// NamesHandles says that it mentions user groups by their handles, or may.
func (r Recipient) NamesHandles() bool {
	return slices.ContainsFunc(r.mentions, func(m template) bool {
		lit := m.literal()
		return m.hasField() || strings.HasPrefix(lit, "@") && lit != "@here" && lit != "@channel"
	})
}

// Plain returns whom the recipient means whatever the request; false if that
// has to be known.
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

// wants returns whom the recipient means for a request about a role, and why
// not where it means nobody.
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
				unresolved = append(unresolved, fmt.Sprintf("%.60q is no handle of a user group", g))
				continue
			}
			if len(mentions) < maxMentions {
				mentions = append(mentions, Mention{Group: g, Silent: r.silent})
			}
		}
	}
	for _, name := range names {
		// What is written is taken as it is; what is filled in may be anything.
		if r.place.hasField() && !(r.user && isUsername(name) || !r.user && isPlace(name)) {
			unresolved = append(unresolved, fmt.Sprintf("%.60q can be nobody in Slack", name))
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

// isPerson says that a place is somebody's direct message: an email, or an ID.
func isPerson(place string) bool {
	return strings.LastIndexByte(place, '@') > 0 || personShape.MatchString(place)
}

// isGroup says that s is "@handle" or an ID.
func isGroup(s string) bool {
	handle, ok := strings.CutPrefix(s, "@")
	if !ok {
		return groupShape.MatchString(s)
	}
	return handle != "" && utf8.RuneCountInString(handle) <= 80 && !strings.ContainsFunc(handle, func(r rune) bool {
		return !(unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '_' || r == '-')
	})
}

// isPlace says that a text made from values may be posted to: a channel, an
// ID or an email, and no form of ours.
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
