package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
)

// maxTokenFileBytes is how much of a token file is read; the published plugin
// reads the same.
const maxTokenFileBytes = 2000

// ReadToken reads the token file at path: its first 2000 bytes, without the
// white space around them.
func ReadToken(path string, readFile func(path string) ([]byte, error)) (Secret, error) {
	data, err := readFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("read token file: %w", err)
	}
	token := strings.TrimSpace(string(data[:min(len(data), maxTokenFileBytes)]))
	switch {
	case token == "":
		return Secret{}, fmt.Errorf("read token file: %s is empty", path)
	case strings.ContainsFunc(token, notTokenRune):
		return Secret{}, fmt.Errorf("read token file: %s contains more than a token (white space or control characters)", path)
	}
	return NewSecret(token), nil
}

// LoadBotToken reads the token file at path again while the program runs. It
// refuses what Load refuses.
func LoadBotToken(path string) (Secret, error) {
	token, err := ReadToken(path, readNamed)
	if err != nil {
		return Secret{}, err
	}
	switch kindOf(token.Reveal()) {
	case appToken:
		return Secret{}, fmt.Errorf("read token file: %s contains an app-level token (xapp-), expected a bot token (xoxb-)", path)
	case placeholderToken:
		return Secret{}, fmt.Errorf("read token file: %s contains a placeholder, expected a bot token (xoxb-)", path)
	}
	return token, nil
}

func notTokenRune(c rune) bool {
	return unicode.IsSpace(c) || !unicode.IsPrint(c)
}

// token resolves a token setting: the token itself, or the file that it names if
// it begins with a slash, or with %d/ for a credential of systemd. With optional
// set, a mistake is a warning: the published plugin reads the file even where it
// does not need it.
func (r *reader) token(s *section, name string, optional bool) (token Secret, path string, f field) {
	report := r.problem
	if optional {
		report = r.warn
	}
	text, f := s.secret(name)
	if r.keyless {
		return NewSecret(standIns[name]), "", f
	}
	switch {
	case f.wrong, text == "":
		return Secret{}, "", f
	case !isPath(text):
		if strings.ContainsFunc(text, notTokenRune) {
			report(f, "paste the token alone, in quotes", "has white space or control characters in it, expected a token")
			f.wrong = true
			return Secret{}, "", f
		}
		return NewSecret(text), "", f
	}
	token, err := ReadToken(text, r.readFile)
	if err != nil {
		do := "put the token, and nothing else, into that file"
		switch {
		case errors.Is(err, fs.ErrPermission):
			do = "give the user that runs teleport-slack read access"
		case strings.HasPrefix(text, credential):
			do = "name it in the unit with LoadCredential, and start the program by that unit"
		}
		report(f, do, "%v", err)
		f.wrong = true
	}
	return token, text, f
}

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	otherToken tokenKind = iota
	botToken
	rotatedToken
	appToken
	userToken
	placeholderToken
)

// kindOf returns a token's kind, from its prefix.
func kindOf(token string) tokenKind {
	prefixes := []struct {
		prefix string
		kind   tokenKind
	}{
		{"xoxe.xoxb-", rotatedToken},
		{"xoxb-", botToken},
		{"xapp-", appToken},
		{"xoxp-", userToken},
		{"xoxe.xoxp-", userToken},
	}
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(token, p.prefix); ok {
			if isPlaceholder(rest) {
				return placeholderToken
			}
			return p.kind
		}
	}
	if isPlaceholder(token) {
		return placeholderToken
	}
	return otherToken
}

// isPlaceholder reports whether what follows the prefix was never filled in: "11xx"
// as in the published example, "…", "<your token>", "YOUR-TOKEN-HERE".
func isPlaceholder(rest string) bool {
	lower := strings.ToLower(rest)
	dummy := strings.Trim(lower, "1x.*-…") == "" && (rest == "" || strings.ContainsAny(lower, "x.*…"))
	return dummy || strings.ContainsAny(rest, "<>") || strings.HasPrefix(lower, "your")
}
