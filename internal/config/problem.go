package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with the file. It never contains a
// secret's value.
type Problem struct {
	Key   string // dotted, as written in the file: "slack.token"; empty for the file as a whole
	Place string // "file:line:column", or "file" where the key is not there
	What  string // the problem, and what was expected
	Do    string // what a person can do; may be empty
}

// Error returns "place: key: what".
func (p Problem) Error() string {
	s := p.Place
	for _, part := range []string{p.Key, p.What} {
		if part == "" {
			continue
		}
		if s != "" {
			s += ": "
		}
		s += part
	}
	return s
}

// Hint returns what a person can do about it.
func (p Problem) Hint() string { return p.Do }

// Warning is a Problem that does not prevent a start.
type Warning Problem

// String returns "place: key: what".
func (w Warning) String() string { return Problem(w).Error() }

// Problems are all problems of a file, in the file's order.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each Problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// String returns a short count for summaries: "1 problem", "3 problems".
func (ps Problems) String() string {
	if len(ps) == 1 {
		return "1 problem"
	}
	return fmt.Sprintf("%d problems", len(ps))
}
