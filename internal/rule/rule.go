// Package rule compiles and evaluates the conditions of Teleport's access
// monitoring rules.
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

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Source is a rule as Teleport has it.
type Source struct {
	Name       string
	Condition  string
	Recipients []string
	// Unread reports whether the rule has parts that this version can't read,
	// such as schedules.
	Unread bool
}

// Equal reports whether both are the same rule.
func (s Source) Equal(o Source) bool {
	return s.Name == o.Name && s.Condition == o.Condition && s.Unread == o.Unread && slices.Equal(s.Recipients, o.Recipients)
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
}

// Compile parses the rule's condition and checks its types. Its error is an [*Error].
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
	return Rule{Source: src, root: root, needs: p.needs}, nil
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

// Error is a mistake in a condition, with its position.
type Error struct {
	Rule   string
	Line   int // from 1
	Column int // from 1, in characters
	Reason string
	// NoLabels means that the condition depends on labels that can't be had.
	NoLabels bool
}

// Error returns `rule "name": condition 1:5: reason`.
func (e *Error) Error() string {
	return fmt.Sprintf("rule %q: condition %d:%d: %s", e.Rule, e.Line, e.Column, e.Reason)
}
