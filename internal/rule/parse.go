package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parser turns tokens into one expression. It checks types while it parses, so
// that evaluation fails only because of values.
type parser struct {
	src    string
	tokens []token
	at     int // the next token
	depth  int
	needs  Needs
}

// parse parses the whole condition.
func (p *parser) parse() (expr, *Error) {
	if p.peek().kind == end {
		return expr{}, p.fail(p.peek().pos, "is empty, expected a condition; one that always applies is: true")
	}
	x, err := p.or()
	if err != nil {
		return expr{}, err
	}
	if t := p.peek(); t.kind != end {
		return expr{}, p.fail(t.pos, fmt.Sprintf("unexpected %s, expected && or || or the end", t))
	}
	if x.typ != boolType {
		return expr{}, p.fail(x.pos, fmt.Sprintf("is %s, expected true or false: it would never apply", x.typ))
	}
	return x, nil
}

func (p *parser) fail(pos int, reason string) *Error { return failAt(p.src, pos, reason) }

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// accept consumes the sign if it is next.
func (p *parser) accept(s string) bool {
	if t := p.peek(); t.kind == sign && t.text == s {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(s string) *Error {
	if p.accept(s) {
		return nil
	}
	return p.fail(p.peek().pos, fmt.Sprintf("unexpected %s, expected %q", p.peek(), s))
}

func (p *parser) or() (expr, *Error) {
	return p.chain("||", p.and, true)
}

func (p *parser) and() (expr, *Error) {
	return p.chain("&&", p.equality, false)
}

// chain parses operands between the same operator. Evaluation stops at the first
// operand with the decisive value.
func (p *parser) chain(op string, operand func() (expr, *Error), decisive bool) (expr, *Error) {
	first, err := operand()
	if err != nil {
		return expr{}, err
	}
	parts := []expr{first}
	for p.accept(op) {
		x, err := operand()
		if err != nil {
			return expr{}, err
		}
		parts = append(parts, x)
	}
	if len(parts) == 1 {
		return first, nil
	}
	for _, x := range parts {
		if x.typ != boolType {
			return expr{}, p.fail(x.pos, fmt.Sprintf("is %s, expected true or false beside %s", x.typ, op))
		}
	}
	return expr{typ: boolType, pos: first.pos, eval: func(e *env) (value, *Error) {
		for _, x := range parts {
			v, err := x.eval(e)
			if err != nil || v.bool == decisive {
				return v, err
			}
		}
		return value{bool: !decisive}, nil
	}}, nil
}

func (p *parser) equality() (expr, *Error) {
	left, err := p.unary()
	if err != nil {
		return expr{}, err
	}
	for {
		negate := false
		switch {
		case p.accept("=="):
		case p.accept("!="):
			negate = true
		default:
			return left, nil
		}
		right, err := p.unary()
		if err != nil {
			return expr{}, err
		}
		if left, err = p.compare(left, right, negate); err != nil {
			return expr{}, err
		}
	}
}

// compare returns the expression l == r or l != r.
func (p *parser) compare(l, r expr, negate bool) (expr, *Error) {
	switch {
	case l.typ != r.typ && (l.typ == setType || r.typ == setType) && (l.typ == stringType || r.typ == stringType):
		return expr{}, p.fail(r.pos, fmt.Sprintf("%s is compared with %s, expected contains(…, …) to look into a set", l.typ, r.typ))
	case l.typ != r.typ:
		return expr{}, p.fail(r.pos, fmt.Sprintf("%s is compared with %s, expected the same type on both sides", l.typ, r.typ))
	case l.typ > setType && l.typ != timeType:
		return expr{}, p.fail(r.pos, fmt.Sprintf("%s can't be compared, expected strings, sets, times, true or false", l.typ))
	}
	return expr{typ: boolType, pos: l.pos, eval: func(e *env) (value, *Error) {
		a, err := l.eval(e)
		if err != nil {
			return a, err
		}
		b, err := r.eval(e)
		if err != nil {
			return b, err
		}
		if !e.spend(len(a.string) + len(a.set)) {
			return value{}, p.tooMuch(l.pos)
		}
		return value{bool: same(l.typ, a, b) != negate}, nil
	}}, nil
}

func same(t typ, a, b value) bool {
	switch t {
	case stringType:
		return a.string == b.string
	case setType:
		if len(a.set) != len(b.set) {
			return false
		}
		for item := range a.set {
			if !b.set.has(item) {
				return false
			}
		}
		return true
	case timeType:
		return a.time.Equal(b.time)
	}
	return a.bool == b.bool
}

func (p *parser) unary() (expr, *Error) {
	start := p.peek().pos
	negations := 0
	for p.accept("!") {
		negations++
	}
	x, err := p.postfix()
	if err != nil || negations == 0 {
		return x, err
	}
	if x.typ != boolType {
		return expr{}, p.fail(x.pos, fmt.Sprintf("is %s, expected true or false after !", x.typ))
	}
	inner := x.eval
	return expr{typ: boolType, pos: start, eval: func(e *env) (value, *Error) {
		v, err := inner(e)
		return value{bool: v.bool != (negations%2 == 1)}, err
	}}, nil
}

// postfix parses an operand with its indexes, members and method calls.
func (p *parser) postfix() (expr, *Error) {
	x, err := p.operand()
	for err == nil {
		switch {
		case p.accept("["):
			x, err = p.index(x)
		case p.accept("."):
			x, err = p.member(x)
		default:
			return x, nil
		}
	}
	return expr{}, err
}

// operand parses a string, a variable, a call, or an expression in brackets.
func (p *parser) operand() (expr, *Error) {
	t := p.next()
	switch {
	case t.kind == text:
		x := constant(stringType, value{string: t.text})
		x.pos, x.quoted = t.pos, &t.text
		return x, nil
	case t.kind == name:
		return p.named(t)
	case t.kind == sign && t.text == "(":
		x, err := p.nested(t.pos)
		if err != nil {
			return expr{}, err
		}
		return x, p.expect(")")
	}
	return expr{}, p.fail(t.pos, fmt.Sprintf("unexpected %s, expected a variable, a function, a string or (", t))
}

// nested parses an expression one level deeper.
func (p *parser) nested(pos int) (expr, *Error) {
	if p.depth++; p.depth > maxDepth {
		return expr{}, p.fail(pos, fmt.Sprintf("nested too deeply, expected at most %d levels", maxDepth))
	}
	defer func() { p.depth-- }()
	return p.or()
}

// named parses a call or a variable, both of which can have dots in their names.
func (p *parser) named(first token) (expr, *Error) {
	names := []string{first.text}
	for i := p.at; p.tokens[i].kind == sign && p.tokens[i].text == "." && p.tokens[i+1].kind == name; i += 2 {
		names = append(names, p.tokens[i+1].text)
	}
	full := strings.Join(names, ".")
	after := p.at + 2*(len(names)-1)
	called := p.tokens[after].kind == sign && p.tokens[after].text == "("
	if called && isFunction(full) {
		p.at = after + 1
		return p.call(full, first.pos, nil)
	}
	for n := len(names); n > 0; n-- {
		v, ok := variables[strings.Join(names[:n], ".")]
		if !ok {
			continue
		}
		p.at += 2 * (n - 1)
		p.needs.Traits = p.needs.Traits || v.needs.Traits
		p.needs.Labels = p.needs.Labels || v.needs.Labels
		x := v.use()
		x.pos = first.pos
		return x, nil
	}
	if called && len(names) <= 2 {
		return expr{}, p.fail(first.pos, unknownFunction(full))
	}
	return expr{}, p.fail(first.pos, unknownVariable(full))
}

// index parses a key in square brackets.
func (p *parser) index(x expr) (expr, *Error) {
	pos := p.peek().pos
	if x.typ != mapType {
		return expr{}, p.fail(x.pos, fmt.Sprintf("is %s, expected a map before [", x.typ))
	}
	if t := p.peek(); t.kind == name && p.tokens[p.at+1].text == "]" {
		return expr{}, p.fail(pos, fmt.Sprintf("unexpected name %s, expected the key in double quotes", t))
	}
	key, err := p.nested(pos)
	if err != nil {
		return expr{}, err
	}
	if key.typ != stringType {
		return expr{}, p.fail(pos, fmt.Sprintf("the key is %s, expected a string", key.typ))
	}
	return p.lookup(x, key), p.expect("]")
}

// member parses what follows a dot: a method, or the key of a map.
func (p *parser) member(x expr) (expr, *Error) {
	t := p.next()
	if t.kind != name {
		return expr{}, p.fail(t.pos, fmt.Sprintf("unexpected %s, expected a name after the dot", t))
	}
	if p.accept("(") {
		if !isMethod(t.text) {
			return expr{}, p.fail(t.pos, unknownMethod(t.text))
		}
		return p.call(t.text, t.pos, &x)
	}
	if x.typ != mapType {
		return expr{}, p.fail(t.pos, fmt.Sprintf("%s has no %s, expected a call such as .contains(…)", x.typ, t))
	}
	key := constant(stringType, value{string: t.text})
	return p.lookup(x, key), nil
}

// lookup returns the values of a key as a set; empty if the map lacks the key.
func (p *parser) lookup(m, key expr) expr {
	return expr{typ: setType, pos: m.pos, eval: func(e *env) (value, *Error) {
		v, err := m.eval(e)
		if err != nil {
			return v, err
		}
		k, err := key.eval(e)
		if err != nil {
			return k, err
		}
		items := v.dict[k.string]
		if !e.spend(1 + len(items)) {
			return value{}, p.tooMuch(m.pos)
		}
		return value{set: setOf(items...)}, nil
	}}
}

// tooMuch is the error of a match that exceeds maxWork.
func (p *parser) tooMuch(pos int) *Error {
	return p.fail(pos, "is too much work for one request")
}

func quote(s string) string { return strconv.Quote(shorten(s)) }

// oneOf returns the sorted words as "a, b or c".
func oneOf(words []string) string {
	slices.Sort(words)
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
