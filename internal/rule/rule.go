// Package rule compiles and evaluates the conditions and schedules of Teleport's
// access monitoring rules.
//
// The language is Teleport's predicate language as its documentation has it. An
// expression has a type before it has a value, so almost everything that can be
// wrong with a condition is found when the rule arrives, with its line and
// column, and not when a request needs it.
//
// Invariants: compiling and matching are pure and never panic; a condition's
// length, nesting and patterns are bounded, and so is the work of one match,
// whatever a requester writes into a reason; matching never changes the input.
//
// It looks nothing up: [Rule.Needs] reports whether a condition needs traits or
// labels, and the caller puts them into the [Input]. Recipients are the concern
// of package route.
package rule

import (
	"fmt"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Source is a rule as Teleport has it.
type Source struct {
	Name       string
	Condition  string
	Recipients []string
	Schedules  []Schedule // sorted by name; none for a rule that is always in force
	// Unread is what else the rule says that this version can't follow, each a
	// phrase such as "field 9". The rule is used without it.
	Unread []string
}

// Equal reports whether both are the same rule.
func (s Source) Equal(o Source) bool {
	return s.Name == o.Name && s.Condition == o.Condition && slices.Equal(s.Unread, o.Unread) && slices.Equal(s.Recipients, o.Recipients) &&
		slices.EqualFunc(s.Schedules, o.Schedules, Schedule.Equal)
}

// Needs is what a condition needs beyond the request itself.
type Needs struct {
	Traits bool // of the requester
	Labels bool // of the requested resources
}

// Input is what a condition is evaluated against.
type Input struct {
	Request access.Request
	Traits  map[string][]string // the requester's; only for rules that need them
	Labels  []map[string]string // of each requested resource; only for rules that need them
	// NoLabels means that the labels can't be had: a condition that reads them
	// fails with Error.NoLabels.
	NoLabels bool
}

// Rule is a compiled rule.
type Rule struct {
	Source Source
	root   expr
	needs  Needs
	weeks  []week
	notes  []string
}

// Compile parses the rule's condition, checks its types, and reads the schedules.
// Its error is an [*Error].
func Compile(src Source) (Rule, error) {
	r, err := compile(src)
	if err != nil {
		err.Rule = src.Name
		return Rule{}, err
	}
	return r, nil
}

func compile(src Source) (Rule, *Error) {
	tokens, err := lex(src.Condition)
	if err != nil {
		return Rule{}, err
	}
	p := &parser{src: src.Condition, tokens: tokens}
	root, err := p.parse()
	if err != nil {
		return Rule{}, err
	}
	weeks, notes, err := compileSchedules(src.Schedules)
	if err != nil {
		return Rule{}, err
	}
	return Rule{Source: src, root: root, needs: p.needs, weeks: weeks, notes: append(slices.Clone(src.Unread), notes...)}, nil
}

// Notes returns what the rule says and what has no effect, each a phrase: parts
// that this version can't follow, and shifts that never apply.
func (r Rule) Notes() []string { return r.notes }

// Scheduled reports whether the rule is in force for a request of that creation
// time: one of its schedules has it, or there are none. It is to be asked before
// Match.
func (r Rule) Scheduled(created time.Time) bool {
	return len(r.weeks) == 0 || slices.ContainsFunc(r.weeks, func(w week) bool { return w.holds(created) })
}

// Needs returns what the condition needs beyond the request.
func (r Rule) Needs() Needs { return r.needs }

// Match reports whether the condition holds for the input. Its error is an
// [*Error]: a few mistakes show only with a value, such as an invalid email
// address.
func (r Rule) Match(in Input) (bool, error) {
	env := &env{in: in, left: maxWork}
	v, err := r.root.eval(env)
	if err != nil {
		err.Rule = r.Source.Name
		return false, err
	}
	return v.bool, nil
}

// Error is a mistake in a condition or a schedule, with its position.
type Error struct {
	Rule     string
	Schedule string // the schedule's name, if it is about one
	Line     int    // of the condition, from 1; 0 if it is about a schedule
	Column   int    // from 1, in characters
	Reason   string
	// NoLabels means that the condition depends on labels that can't be had.
	NoLabels bool
}

// Error returns `rule "name": condition 1:5: reason`, or
// `rule "name": schedule "name": reason`.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("rule %q: schedule %s: %s", e.Rule, quote(e.Schedule), e.Reason)
	}
	return fmt.Sprintf("rule %q: condition %d:%d: %s", e.Rule, e.Line, e.Column, e.Reason)
}
