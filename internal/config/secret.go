package config

import (
	"fmt"
	"log/slog"
)

// mask is the printed form of a Secret. It reveals neither length nor kind.
const mask = "[secret]"

// Secret is a token. Printing, logging or marshalling it gives a mask. Only Reveal
// returns the token, so that its uses can be searched for. The zero value is "not
// set".
type Secret struct {
	// A pointer: printing a struct that holds a Secret in an unexported
	// field bypasses Format and shows an address rather than the token.
	value *string
}

// NewSecret returns a Secret that hides value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the token itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no token.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether both hold the same token.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns a mask, or "" when there is no token.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString returns the mask for %#v.
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%q)", s.String()) }

// Format prints the mask whatever the verb, %d and %x included.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	switch {
	case verb == 'v' && f.Flag('#'):
		text = s.GoString()
	case verb == 'q':
		text = fmt.Sprintf("%q", text)
	}
	_, _ = f.Write([]byte(text)) // a fmt.State that fails has nowhere to report it
}

// LogValue returns the mask for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the mask for JSON, TOML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
