package rule

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// special are the functions whose type depends on their arguments. Each checks
// its own.
var special = map[string]func(p *parser, pos int, args []expr) (expr, *Error){
	"ifelse":         ifElse,
	"option":         option,
	"choose":         choose,
	"regexp.match":   regexpMatch,
	"regexp.replace": regexpReplace,
}

// alike converts two values to the same type: a string next to a set becomes a
// set.
func alike(p *parser, a, b expr) (x, y expr, err *Error) {
	if a.typ == setType || b.typ == setType {
		a, b = a.asSet(), b.asSet()
	}
	if a.typ != b.typ || a.of != b.of {
		return a, b, p.fail(b.pos, fmt.Sprintf("is %s, expected %s as the value before it", b.typ, a.typ))
	}
	return a, b, nil
}

func (p *parser) counted(name string, pos int, args []expr, want ...typ) *Error {
	return p.checkArguments(name, pos, function{params: want}, args, false)
}

func ifElse(p *parser, pos int, args []expr) (expr, *Error) {
	if len(args) != 3 {
		return expr{}, p.fail(pos, fmt.Sprintf("ifelse has %d arguments, expected 3", len(args)))
	}
	if args[0].typ != boolType {
		return expr{}, p.fail(args[0].pos, fmt.Sprintf("is %s, expected true or false in ifelse", args[0].typ))
	}
	yes, no, err := alike(p, args[1], args[2])
	if err != nil {
		return expr{}, err
	}
	cond := args[0]
	return expr{typ: yes.typ, of: yes.of, eval: func(e *env) (value, *Error) {
		v, err := cond.eval(e)
		switch {
		case err != nil:
			return v, err
		case v.bool:
			return yes.eval(e)
		}
		return no.eval(e)
	}}, nil
}

// option is a value with the condition under which choose returns it.
func option(p *parser, pos int, args []expr) (expr, *Error) {
	if len(args) != 2 {
		return expr{}, p.fail(pos, fmt.Sprintf("option has %d arguments, expected 2", len(args)))
	}
	if err := p.counted("option", pos, args[:1], boolType); err != nil {
		return expr{}, err
	}
	cond, what := args[0], args[1]
	return expr{typ: optionType, of: what.typ, eval: func(e *env) (value, *Error) {
		v, err := cond.eval(e)
		if err != nil || !v.bool {
			return value{}, err
		}
		chosen, err := what.eval(e)
		return value{bool: true, option: &chosen}, err
	}}, nil
}

// choose returns the value of the first option that holds.
func choose(p *parser, pos int, args []expr) (expr, *Error) {
	if len(args) == 0 {
		return expr{}, p.fail(pos, "choose has no arguments, expected 1 or more")
	}
	result := args[0].of
	for _, x := range args {
		if x.typ != optionType {
			return expr{}, p.fail(x.pos, fmt.Sprintf("is %s, expected an option in choose", x.typ))
		}
		if x.of == setType {
			result = setType
		}
	}
	for _, x := range args {
		if x.of != result && !(x.of == stringType && result == setType) {
			return expr{}, p.fail(x.pos, fmt.Sprintf("is an option of %s, expected one of %s as before it", x.of, result))
		}
	}
	if result == optionType {
		return expr{}, p.fail(pos, "is an option of an option, expected one of a value")
	}
	return expr{typ: result, eval: func(e *env) (value, *Error) {
		for _, x := range args {
			v, err := x.eval(e)
			if err != nil {
				return v, err
			}
			if !v.bool {
				continue
			}
			if x.of == stringType && result == setType {
				return value{set: setOf(v.option.string)}, nil
			}
			return *v.option, nil
		}
		return value{}, p.fail(pos, "choose: none of the options holds, expected a last one such as option(true, …)")
	}}, nil
}

// pattern is a regular expression and its cost.
type pattern struct {
	re   *regexp.Regexp
	cost int // work for a byte of input
}

func (r pattern) spend(e *env, s string) bool { return e.spend(1 + len(s)*r.cost) }

// compilePattern compiles a pattern, which has to be a literal: a requester's
// reason never becomes a pattern, and a mistake is found when the rule arrives.
// The syntax is RE2's, as in Teleport.
func compilePattern(p *parser, name string, x expr) (pattern, *Error) {
	if x.quoted == nil {
		return pattern{}, p.fail(x.pos, "expected a pattern in quotes in "+name)
	}
	src := *x.quoted
	if len(src) > maxPattern {
		return pattern{}, p.fail(x.pos, fmt.Sprintf("the pattern is %d bytes long, expected at most %d", len(src), maxPattern))
	}
	tree, err := syntax.Parse(src, syntax.Perl)
	if err != nil {
		return pattern{}, p.fail(x.pos, strings.TrimPrefix(err.Error(), "error parsing regexp: ")+", expected a regular expression")
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return pattern{}, p.fail(x.pos, "the pattern is too complex, expected fewer repetitions")
	}
	re, err := regexp.Compile(src)
	if err != nil {
		return pattern{}, p.fail(x.pos, "the pattern can't be compiled: "+err.Error())
	}
	return pattern{re: re, cost: 1 + len(prog.Inst)/16}, nil
}

func regexpMatch(p *parser, pos int, args []expr) (expr, *Error) {
	if err := p.counted("regexp.match", pos, args, setType, stringType); err != nil {
		return expr{}, err
	}
	r, err := compilePattern(p, "regexp.match", args[1])
	if err != nil {
		return expr{}, err
	}
	list := args[0].asSet()
	return expr{typ: boolType, eval: func(e *env) (value, *Error) {
		v, err := list.eval(e)
		if err != nil {
			return v, err
		}
		for item := range v.set { // all of them first: the order of items is random
			if !r.spend(e, item) {
				return value{}, p.tooMuch(pos)
			}
		}
		for item := range v.set {
			if r.re.MatchString(item) {
				return value{bool: true}, nil
			}
		}
		return value{}, nil
	}}, nil
}

// regexpReplace replaces every match in every item; items without a match are
// left out.
func regexpReplace(p *parser, pos int, args []expr) (expr, *Error) {
	if err := p.counted("regexp.replace", pos, args, setType, stringType, stringType); err != nil {
		return expr{}, err
	}
	r, err := compilePattern(p, "regexp.replace", args[1])
	if err != nil {
		return expr{}, err
	}
	if args[2].quoted == nil || len(*args[2].quoted) > maxTemplate {
		return expr{}, p.fail(args[2].pos, fmt.Sprintf("expected a replacement in quotes of at most %d bytes in regexp.replace", maxTemplate))
	}
	list, template := args[0].asSet(), *args[2].quoted
	return expr{typ: setType, eval: func(e *env) (value, *Error) {
		v, err := list.eval(e)
		if err != nil {
			return v, err
		}
		s := set{}
		for item := range v.set {
			out, matched, ok := r.replace(e, item, template)
			if !ok {
				return value{}, p.tooMuch(pos)
			}
			if matched {
				s[out] = struct{}{}
			}
		}
		return value{set: s}, nil
	}}, nil
}

// replace counts the work of each replacement before it makes it.
func (r pattern) replace(e *env, item, template string) (out string, matched, ok bool) {
	if !r.spend(e, item) {
		return "", false, false
	}
	var b []byte
	rest := 0
	for _, m := range r.re.FindAllStringSubmatchIndex(item, -1) {
		if !e.spend(len(template) + strings.Count(template, "$")*(m[1]-m[0])) {
			return "", false, false
		}
		b = append(b, item[rest:m[0]]...)
		b = r.re.ExpandString(b, template, item, m)
		rest = m[1]
		matched = true
	}
	return string(append(b, item[rest:]...)), matched, true
}
