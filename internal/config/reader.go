package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// reader reads one file and collects its problems.
type reader struct {
	name     string
	data     []byte
	readFile func(path string) ([]byte, error)
	keyless  bool       // credentials are neither read nor asked for
	sections []*section // in the order they were asked for
	problems []found
	warnings []found
}

// found is a Problem with the offset to sort by; nowhere sorts last.
type found struct {
	at int
	Problem
}

const nowhere = -1

// field is one key of the file, or its absence.
type field struct {
	key   string // dotted
	at    int    // offset, or nowhere
	wrong bool   // a problem was reported already: the value means nothing
}

func (f field) present() bool { return f.at != nowhere }

// problem reports something that prevents a start.
func (r *reader) problem(f field, do, what string, args ...any) {
	r.problems = append(r.problems, r.found(f, do, what, args...))
}

// warn reports something that does not prevent a start.
func (r *reader) warn(f field, do, what string, args ...any) {
	r.warnings = append(r.warnings, r.found(f, do, what, args...))
}

func (r *reader) found(f field, do, what string, args ...any) found {
	return found{f.at, Problem{
		Key:   redact(f.key),
		Place: r.place(f.at),
		What:  redact(fmt.Sprintf(what, args...)),
		Do:    redact(do),
	}}
}

func (r *reader) place(at int) string {
	if at == nowhere {
		return r.name
	}
	line, column := lineColumn(r.data, at)
	return fmt.Sprintf("%s:%d:%d", r.name, line, column)
}

// inFileOrder sorts by place, what is not in the file last.
func inFileOrder(fs []found) []Problem {
	slices.SortStableFunc(fs, func(a, b found) int {
		switch {
		case a.at == b.at:
			return 0
		case a.at == nowhere:
			return 1
		case b.at == nowhere:
			return -1
		}
		return a.at - b.at
	})
	ps := make([]Problem, 0, len(fs))
	for _, f := range fs {
		if !slices.Contains(ps, f.Problem) {
			ps = append(ps, f.Problem)
		}
	}
	return ps
}

// tokenShape matches Slack's tokens wherever one was pasted by mistake.
var tokenShape = regexp.MustCompile("(?i)\\bx(ox[a-z]|app|wfp)[.-][^\\s\"'`,;:()\\[\\]{}]+")

// redact masks everything that looks like a token, keeping its kind.
func redact(s string) string {
	return tokenShape.ReplaceAllStringFunc(s, func(token string) string { return token[:5] + mask })
}

// section is a table of the file, with the keys that were read from it. Those are
// the known keys; there is no second list of them.
type section struct {
	r      *reader
	name   string // "" is the file itself
	table  *table // nil if the file does not have it
	known  []string
	taken  map[string]bool // names as written that were asked for
	wrong  bool            // given, but not as a table
	strict bool            // an unknown key is an error
}

func (s *section) path(name string) string {
	if s.name == "" {
		return keyPart(name)
	}
	return s.name + "." + keyPart(name)
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// keyPart writes one part of a key as TOML wants it.
func keyPart(name string) string {
	if bareKey.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

// find returns the key called name or one of its aliases. Like the published
// plugin it accepts case variants; giving two of them is a problem.
func (s *section) find(name string, aliases ...string) (*entry, field) {
	s.known = append(s.known, name)
	f := field{key: s.path(name), at: nowhere, wrong: s.wrong}
	if s.table == nil {
		return nil, f
	}
	var e *entry
	for i := range s.table.entries {
		c := &s.table.entries[i]
		matches := func(n string) bool { return strings.EqualFold(n, c.name) }
		if !matches(name) && !slices.ContainsFunc(aliases, matches) {
			continue
		}
		s.taken[c.name] = true
		if e != nil {
			s.r.problem(field{key: s.path(c.name), at: c.at}, "keep one of the two",
				"is the same setting as %s, which is given as well", s.path(e.name))
			continue
		}
		e = c
		f.key, f.at = s.path(c.name), c.at
	}
	return e, f
}

// section returns the table called name.
func (s *section) section(name string) *section {
	sub := &section{r: s.r, name: s.path(name), taken: map[string]bool{}}
	s.r.sections = append(s.r.sections, sub)
	e, f := s.find(name)
	switch {
	case e == nil:
	case e.val.table == nil:
		sub.wrong = true
		s.r.problem(f, fmt.Sprintf("begin it with a line of its own: [%s]", sub.name),
			"is %s, expected a table", e.val.describe())
	default:
		sub.table = e.val.table
	}
	return sub
}

// typed returns the entry if it has the wanted kind, and reports it otherwise.
func (s *section) typed(kind unstable.Kind, want, do, name string, aliases ...string) (*entry, field) {
	e, f := s.find(name, aliases...)
	if e != nil && e.val.kind != kind {
		s.r.problem(f, do, "is %s, expected %s", e.val.describe(), want)
		f.wrong, e = true, nil
	}
	return e, f
}

// text reads a string; empty means not set, as in the published plugin.
func (s *section) text(name string, aliases ...string) (string, field) {
	e, f := s.typed(unstable.String, "a string", "write the value in quotes", name, aliases...)
	if e == nil {
		return "", f
	}
	return e.val.text, f
}

// secret reads a string whose value, whatever its type, is not repeated.
func (s *section) secret(name string) (string, field) {
	e, f := s.find(name)
	if e == nil {
		return "", f
	}
	if e.val.kind != unstable.String {
		s.r.problem(f, "write the value in quotes", "is not a string")
		f.wrong = true
		return "", f
	}
	return e.val.text, f
}

// flag reads a boolean.
func (s *section) flag(name string) (bool, field) {
	e, f := s.find(name)
	switch {
	case e == nil:
		return false, f
	case e.val.kind == unstable.Bool:
		return e.val.text == "true", f
	case e.val.kind == unstable.String:
		s.r.problem(f, "write true or false, without quotes", "is the string %s, expected true or false", quote(e.val.text))
	default:
		s.r.problem(f, "write true or false, without quotes", "is %s, expected true or false", e.val.describe())
	}
	f.wrong = true
	return false, f
}

// duration reads a duration string, or like the published plugin's decoder an
// integer of nanoseconds; zero means not set.
func (s *section) duration(name string) (time.Duration, field) {
	const do = `write a number and its unit, such as "30s" or "1m30s"`
	e, f := s.find(name)
	if e == nil {
		return 0, f
	}
	var d time.Duration
	var err error
	switch e.val.kind {
	case unstable.String:
		if e.val.text == "" {
			return 0, f
		}
		d, err = time.ParseDuration(e.val.text)
		if err != nil {
			s.r.problem(f, do, "is %s, expected a duration", quote(e.val.text))
		}
	case unstable.Integer:
		var n int64
		n, err = strconv.ParseInt(e.val.text, 0, 64)
		d = time.Duration(n)
		if err == nil && d > 0 && d < time.Millisecond {
			err = strconv.ErrRange
		}
		if err != nil {
			s.r.problem(f, do, "is %s, which counts nanoseconds, expected a duration", e.val.describe())
		}
	default:
		err = strconv.ErrSyntax
		s.r.problem(f, do, "is %s, expected a duration", e.val.describe())
	}
	if err == nil && d < 0 {
		err = strconv.ErrRange
		s.r.problem(f, do, "is %s, expected a duration above zero", d)
	}
	if err != nil {
		f.wrong = true
		return 0, f
	}
	return d, f
}
