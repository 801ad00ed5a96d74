package rule

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// function is one signature of a function. A method is called on its first
// argument: list.contains(item) is contains(list, item).
type function struct {
	method   bool
	params   []typ
	variadic bool // the last parameter may come any number of times, also none
	result   typ
	// check checks arguments beyond their types; may be nil.
	check func(p *parser, args []expr) *Error
	// apply computes the result; false means too much work.
	apply func(e *env, args []value) (value, bool)
	// fails is like apply, for functions that a value can make fail; wrong is
	// the reason.
	fails func(e *env, args []value) (v value, ok bool, wrong string)
}

// functions are all functions except those whose type depends on their
// arguments (see special.go). A name with overloads has several entries.
var functions = map[string][]function{
	"set":          {{params: []typ{stringType}, variadic: true, result: setType, apply: makeSet}},
	"union":        {{params: []typ{setType}, variadic: true, result: setType, apply: unite}},
	"contains":     {{method: true, params: []typ{setType, stringType}, result: boolType, apply: contains}},
	"contains_any": {{method: true, params: []typ{setType, setType}, result: boolType, apply: containsAny}},
	"contains_all": {{method: true, params: []typ{setType, setType}, result: boolType, apply: containsAll}},
	"is_empty":     {{method: true, params: []typ{setType}, result: boolType, apply: isEmpty}},
	"add":          {{method: true, params: []typ{setType, stringType}, variadic: true, result: setType, apply: addItems}},
	"remove": {
		{method: true, params: []typ{setType, stringType}, variadic: true, result: setType, apply: removeItems},
		{method: true, params: []typ{mapType, stringType}, variadic: true, result: mapType, apply: removeKeys},
	},

	"dict":       {{params: []typ{pairType}, variadic: true, result: mapType, apply: makeDict}},
	"pair":       {{params: []typ{stringType, setType}, result: pairType, apply: makePair}},
	"put":        {{method: true, params: []typ{mapType, stringType, setType}, result: mapType, apply: putKey}},
	"add_values": {{method: true, params: []typ{mapType, stringType, stringType}, variadic: true, result: mapType, apply: addValues}},

	"strings.upper":      {{params: []typ{setType}, result: setType, apply: each(strings.ToUpper)}},
	"strings.lower":      {{params: []typ{setType}, result: setType, apply: each(strings.ToLower)}},
	"strings.replaceall": {{params: []typ{setType, stringType, stringType}, result: setType, apply: replaceAll}},
	"strings.split":      {{params: []typ{setType, stringType}, result: setType, apply: split}},
	"email.local":        {{params: []typ{setType}, result: setType, fails: emailLocal}},

	"day":           {{method: true, params: []typ{timeType}, result: stringType, apply: weekday}},
	"clock_between": {{method: true, params: []typ{timeType, stringType, stringType}, result: boolType, check: checkClock, apply: clockBetween}},
}

// call parses the arguments of a function whose name and "(" are parsed
// already. on is the receiver of a method; nil for a function.
func (p *parser) call(name string, pos int, on *expr) (expr, *Error) {
	args, err := p.arguments(pos)
	if err != nil {
		return expr{}, err
	}
	if on != nil {
		args = append([]expr{*on}, args...)
		pos = on.pos
	}
	if s, ok := special[name]; ok {
		x, err := s(p, pos, args)
		x.pos = pos
		return x, err
	}
	overloads := functions[name]
	f := overloads[0]
	for _, o := range overloads[1:] {
		if len(args) > 0 && args[0].typ == o.params[0] {
			f = o
		}
	}
	if err := p.checkArguments(name, pos, f, args, on != nil); err != nil {
		return expr{}, err
	}
	for i := range args {
		if f.param(i) == setType {
			args[i] = args[i].asSet()
		}
	}
	return expr{typ: f.result, pos: pos, eval: func(e *env) (value, *Error) {
		values := make([]value, len(args))
		for i, x := range args {
			v, err := x.eval(e)
			if err != nil {
				return v, err
			}
			values[i] = v
		}
		v, ok, wrong := f.run(e, values)
		switch {
		case wrong != "":
			return value{}, p.fail(pos, name+": "+wrong)
		case !ok:
			return value{}, p.tooMuch(pos)
		}
		return v, nil
	}}, nil
}

func (f function) run(e *env, args []value) (v value, ok bool, wrong string) {
	if f.fails != nil {
		return f.fails(e, args)
	}
	v, ok = f.apply(e, args)
	return v, ok, ""
}

// param returns the type of the i-th parameter.
func (f function) param(i int) typ { return f.params[min(i, len(f.params)-1)] }

// arguments parses the arguments of a call up to its ")". As in Go, a comma may
// follow the last one.
func (p *parser) arguments(pos int) ([]expr, *Error) {
	var args []expr
	for !p.accept(")") {
		x, err := p.nested(pos)
		if err != nil {
			return nil, err
		}
		args = append(args, x)
		if !p.accept(",") {
			if t := p.peek(); t.kind != sign || t.text != ")" {
				return nil, p.fail(t.pos, fmt.Sprintf("unexpected %s, expected a comma or )", t))
			}
		}
	}
	return args, nil
}

// checkArguments checks the number and the types of arguments.
func (p *parser) checkArguments(name string, pos int, f function, args []expr, method bool) *Error {
	least := len(f.params)
	if f.variadic {
		least--
	}
	if len(args) < least || len(args) > len(f.params) && !f.variadic {
		on := 0
		if method {
			on = 1 // the receiver is not counted
		}
		return p.fail(pos, fmt.Sprintf("%s has %d arguments, expected %s", name, len(args)-on, count(least-on, f.variadic)))
	}
	for i, x := range args {
		want := f.param(i)
		if x.typ == want || want == setType && x.typ == stringType {
			continue
		}
		return p.fail(x.pos, fmt.Sprintf("is %s, expected %s in %s", x.typ, want, name))
	}
	if f.check != nil {
		return f.check(p, args)
	}
	return nil
}

func count(n int, more bool) string {
	if more {
		return fmt.Sprintf("%d or more", n)
	}
	return fmt.Sprintf("%d", n)
}

func isFunction(name string) bool {
	if _, ok := special[name]; ok {
		return true
	}
	_, ok := functions[name]
	return ok
}

func isMethod(name string) bool {
	f, ok := functions[name]
	return ok && f[0].method
}

func unknownFunction(name string) string {
	known := make([]string, 0, len(functions)+len(special))
	for n := range functions {
		known = append(known, n)
	}
	for n := range special {
		known = append(known, n)
	}
	return "unknown function " + quote(name) + ", expected " + oneOf(known)
}

func unknownMethod(name string) string {
	var known []string
	for n := range functions {
		if isMethod(n) {
			known = append(known, n)
		}
	}
	return "unknown method " + quote(name) + ", expected " + oneOf(known)
}

func makeSet(e *env, args []value) (value, bool) {
	s := make(set, len(args))
	for _, a := range args {
		s[a.string] = struct{}{}
	}
	return value{set: s}, e.spend(len(args))
}

func unite(e *env, args []value) (value, bool) {
	s := set{}
	for _, a := range args {
		if !e.spend(len(a.set)) {
			return value{}, false
		}
		for item := range a.set {
			s[item] = struct{}{}
		}
	}
	return value{set: s}, true
}

func contains(e *env, args []value) (value, bool) {
	return value{bool: args[0].set.has(args[1].string)}, e.spend(1 + len(args[1].string))
}

func containsAny(e *env, args []value) (value, bool) {
	if !e.spend(len(args[1].set)) {
		return value{}, false
	}
	for item := range args[1].set {
		if args[0].set.has(item) {
			return value{bool: true}, true
		}
	}
	return value{}, true
}

// containsAll is false for an empty second set, as in Teleport: a condition
// about the requested roles does not hold for a request without roles.
func containsAll(e *env, args []value) (value, bool) {
	if !e.spend(len(args[1].set)) {
		return value{}, false
	}
	for item := range args[1].set {
		if !args[0].set.has(item) {
			return value{}, true
		}
	}
	return value{bool: len(args[1].set) > 0}, true
}

func isEmpty(_ *env, args []value) (value, bool) {
	return value{bool: len(args[0].set) == 0}, true
}

func addItems(e *env, args []value) (value, bool) {
	if !e.spend(len(args[0].set) + len(args)) {
		return value{}, false
	}
	s := setOf(args[0].set.items()...)
	for _, a := range args[1:] {
		s[a.string] = struct{}{}
	}
	return value{set: s}, true
}

func removeItems(e *env, args []value) (value, bool) {
	if !e.spend(len(args[0].set) + len(args)) {
		return value{}, false
	}
	s := setOf(args[0].set.items()...)
	for _, a := range args[1:] {
		delete(s, a.string)
	}
	return value{set: s}, true
}

// each applies f to every item. Changing its case makes a letter at most three
// times as long in bytes.
func each(f func(string) string) func(*env, []value) (value, bool) {
	return func(e *env, args []value) (value, bool) {
		s := make(set, len(args[0].set))
		for item := range args[0].set {
			if !e.spend(1 + 3*len(item)) {
				return value{}, false
			}
			s[f(item)] = struct{}{}
		}
		return value{set: s}, true
	}
}

func replaceAll(e *env, args []value) (value, bool) {
	old, replacement := args[1].string, args[2].string
	s := make(set, len(args[0].set))
	for item := range args[0].set {
		if !e.spend(1+len(item)) || !e.spend(strings.Count(item, old)*len(replacement)) {
			return value{}, false
		}
		s[strings.ReplaceAll(item, old, replacement)] = struct{}{}
	}
	return value{set: s}, true
}

func split(e *env, args []value) (value, bool) {
	s := set{}
	for item := range args[0].set {
		if !e.spend(1 + len(item)) {
			return value{}, false
		}
		for part := range strings.SplitSeq(item, args[1].string) {
			s[part] = struct{}{}
		}
	}
	return value{set: s}, true
}

// emailLocal returns the part before the @ of each address, which may come with
// a name. An invalid address makes the condition fail.
func emailLocal(e *env, args []value) (v value, ok bool, wrong string) {
	s := make(set, len(args[0].set))
	items := args[0].set.items()
	slices.Sort(items) // so that the error names the same address each time
	for _, item := range items {
		if !e.spend(1 + len(item)) {
			return value{}, false, ""
		}
		a, err := mail.ParseAddress(item)
		if err != nil {
			return value{}, false, quote(item) + " is not an email address"
		}
		s[a.Address[:strings.LastIndexByte(a.Address, '@')]] = struct{}{}
	}
	return value{set: s}, true, ""
}

func makePair(e *env, args []value) (value, bool) {
	return value{string: args[0].string, set: args[1].set}, e.spend(1)
}

func makeDict(e *env, args []value) (value, bool) {
	m := make(map[string][]string, len(args))
	for _, a := range args {
		if !e.spend(1 + len(a.set)) {
			return value{}, false
		}
		m[a.string] = a.set.items()
	}
	return value{dict: m}, true
}

// changed returns a copy of the map to change; its values are still shared.
func changed(e *env, dict map[string][]string) (map[string][]string, bool) {
	if !e.spend(1 + len(dict)) {
		return nil, false
	}
	m := make(map[string][]string, len(dict)+1)
	maps.Copy(m, dict)
	return m, true
}

func putKey(e *env, args []value) (value, bool) {
	m, ok := changed(e, args[0].dict)
	if !ok || !e.spend(len(args[2].set)) {
		return value{}, false
	}
	m[args[1].string] = args[2].set.items()
	return value{dict: m}, true
}

func addValues(e *env, args []value) (value, bool) {
	m, ok := changed(e, args[0].dict)
	key := args[1].string
	if !ok || !e.spend(len(m[key])+len(args)) {
		return value{}, false
	}
	s := setOf(m[key]...)
	for _, a := range args[2:] {
		s[a.string] = struct{}{}
	}
	m[key] = s.items()
	return value{dict: m}, true
}

func removeKeys(e *env, args []value) (value, bool) {
	m, ok := changed(e, args[0].dict)
	if !ok || !e.spend(len(args)) {
		return value{}, false
	}
	for _, a := range args[1:] {
		delete(m, a.string)
	}
	return value{dict: m}, true
}

// weekday returns the day's English name, in UTC.
func weekday(_ *env, args []value) (value, bool) {
	return value{string: args[0].time.UTC().Weekday().String()}, true
}

// checkClock requires the two times of day to be literals, so that a mistake is
// found when the rule arrives.
func checkClock(p *parser, args []expr) *Error {
	for _, x := range args[1:] {
		if x.quoted == nil {
			return p.fail(x.pos, `expected a time of day in quotes, such as "09:00", in clock_between`)
		}
		if _, ok := minutes(*x.quoted); !ok {
			return p.fail(x.pos, fmt.Sprintf("%s is not a time of day, expected one such as %q", quote(*x.quoted), "09:00"))
		}
	}
	return nil
}

// clockBetween reports whether the time of day is after the first and before the
// second, within one day of UTC. Unless the first is before the second it is
// false.
func clockBetween(_ *env, args []value) (value, bool) {
	from, _ := minutes(args[1].string) // checked when the rule arrived
	to, _ := minutes(args[2].string)
	t := args[0].time.UTC()
	y, m, d := t.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	since := t.Sub(midnight)
	return value{bool: since > from && since < to}, true
}

// minutes parses HH:MM as the time since midnight.
func minutes(s string) (time.Duration, bool) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}
