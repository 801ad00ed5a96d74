package message

import "slices"

// Language is a language that messages can be in: an ISO 639 code.
type Language string

// The languages.
const (
	English Language = "en"
	Korean  Language = "ko"
)

// catalogues has the phrases of every language. A language is one file with its
// phrases, a constant above, and an entry here; a test reports what it lacks.
var catalogues = [...]*phrases{&english, &korean}

// Languages returns every language there is, the default first.
func Languages() []Language {
	var l []Language
	for _, p := range catalogues {
		l = append(l, p.language)
	}
	return l
}

// Known reports whether there are phrases in the language.
func (l Language) Known() bool { return slices.Contains(Languages(), l) }

// words returns the language's phrases; English for an unknown one, since a
// message in another language is better than none.
func (l Language) words() *phrases {
	for _, p := range catalogues {
		if p.language == l {
			return p
		}
	}
	return &english
}
