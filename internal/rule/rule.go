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
	// Unread says that the rule has parts that this version can't read, such
	// as schedules.
	Unread bool
}

// Equal says that both are the same rule.
func (s Source) Equal(o Source) bool {
	return s.Name == o.Name && s.Condition == o.Condition && s.Unread == o.Unread && slices.Equal(s.Recipients, o.Recipients)
}

// Needs is what a condition wants to know beyond the request itself.
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

// Compile reads the rule's condition. Its error is an [*Error].
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

// Needs returns what the condition wants to know beyond the request.
func (r Rule) Needs() Needs { return r.needs }

// Match says whether the request fulfils the condition. Its error is an [*Error]:
// a few things show only with a value, such as an email that is none.
func (r Rule) Match(in Input) (bool, error) {
	env := &env{in: in, left: maxWork}
	v, err := r.root.eval(env)
	if err != nil {
		err.Rule = r.Source.Name
		return false, err
	}
	return v.bool, nil
}

// Error says what is wrong with a condition, and where.
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
