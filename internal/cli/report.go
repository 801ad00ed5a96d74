package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// report prints each error with its hint; a hint that several errors share is
// printed once, after the last of them.
func report(w io.Writer, err error) {
	errs := flatten(err)
	for i, err := range errs {
		fmt.Fprintf(w, "%s: error: %s\n", program, oneLine(err.Error()))
		hint := hintOf(err)
		if hint == "" || i+1 < len(errs) && hintOf(errs[i+1]) == hint {
			continue
		}
		fmt.Fprintf(w, "%s: hint: %s\n", program, oneLine(hint))
	}
}

// warn prints warnings of the configuration.
func warn(w io.Writer, warnings []config.Warning) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "%s: warning: %s\n", program, oneLine(warning.String()))
		if warning.Do != "" {
			fmt.Fprintf(w, "%s: hint: %s\n", program, oneLine(warning.Do))
		}
	}
}

// flatten takes joined errors apart. Errors that wrap several within a text
// of their own stay whole.
func flatten(err error) []error {
	many, ok := err.(interface{ Unwrap() []error }) // not errors.As: only the outermost may be taken apart
	if !ok {
		return []error{err}
	}
	var flat []error
	var texts []string
	for _, part := range many.Unwrap() {
		flat = append(flat, flatten(part)...)
		texts = append(texts, part.Error())
	}
	if strings.Join(texts, "\n") != err.Error() {
		return []error{err}
	}
	return flat
}

// hintOf returns what a person can do about err, or "".
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return fault.Hint(err)
}

// oneLine turns an error into one line without escape sequences.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == '\n' || c == '\r' }), "; ")
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '�' // an escape sequence could drive the terminal
		}
		return c
	}, s)
}
