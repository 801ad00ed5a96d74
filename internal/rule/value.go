package rule

import "time"

// The bounds of a condition and of one match. Teleport has none; these are far
// above real conditions, and keep a mistake from becoming an outage.
const (
	maxCondition = 64 << 10 // bytes
	maxDepth     = 100      // brackets within brackets
	maxPattern   = 1000     // bytes of a regular expression
	maxTemplate  = 256      // bytes of a replacement
	maxProgram   = 5000     // instructions that a regular expression compiles to

	// maxWork bounds one match, in bytes read or written. One instruction of a
	// regular expression on one byte counts a sixteenth.
	maxWork = 4 << 20
)

// typ is the type of an expression.
type typ uint8

const (
	boolType typ = iota
	stringType
	setType
	mapType
	timeType
	pairType   // a key and its set, for dict
	optionType // a condition and its value, for choose
)

var typeNames = [...]string{"true or false", "a string", "a set", "a map", "a time", "a pair", "an option"}

func (t typ) String() string { return typeNames[t] }

// set is a set of strings.
type set map[string]struct{}

func (s set) has(item string) bool {
	_, ok := s[item]
	return ok
}

func (s set) items() []string {
	list := make([]string, 0, len(s))
	for item := range s {
		list = append(list, item)
	}
	return list
}

func setOf(items ...string) set {
	s := make(set, len(items))
	for _, item := range items {
		s[item] = struct{}{}
	}
	return s
}

// value is a value of one of the types; a pair has a string and a set, an
// option a bool and what it stands for.
type value struct {
	bool   bool
	string string
	set    set
	dict   map[string][]string // shared with the input, never changed
	time   time.Time
	option *value
}

// expr is a compiled expression.
type expr struct {
	typ    typ
	of     typ     // what an option stands for
	pos    int     // byte offset of where it begins
	quoted *string // the value, if it stands in the condition itself
	eval   func(*env) (value, *Error)
}

// env is the state of one match.
type env struct {
	in   Input
	left int // work that may still be done
}

// spend counts work before it is done.
func (e *env) spend(n int) bool {
	if n > e.left || n < 0 {
		e.left = 0
		return false
	}
	e.left -= n
	return true
}

// asSet converts a string to the set that contains it; other expressions stay.
func (x expr) asSet() expr {
	if x.typ != stringType {
		return x
	}
	inner := x.eval
	x.typ, x.quoted = setType, nil
	x.eval = func(e *env) (value, *Error) {
		v, err := inner(e)
		return value{set: setOf(v.string)}, err
	}
	return x
}

// constant returns an expression with a fixed value.
func constant(t typ, v value) expr {
	return expr{typ: t, eval: func(*env) (value, *Error) { return v, nil }}
}
