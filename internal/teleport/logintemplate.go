package teleport

import (
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Logins of a role may be templates over the user's traits, such as
// {{internal.logins}}, {{email.local(external.email)}}-admin or
// {{regexp.replace(external.team, "^(.*)-team$", "$1")}}. Teleport fills them in
// when the user logs in; so do messages, to say which logins they come to.

const (
	maxLogins        = 100  // of a role, once its templates are filled in
	maxLoginBytes    = 1024 // of a template, of a trait that is put in, and of the result
	maxLoginNesting  = 8    // functions within functions
	templateOpening  = "{{"
	templateClosing  = "}}"
	functionEmail    = "email.local"
	functionReplace  = "regexp.replace"
	internalVariable = "internal"
	externalVariable = "external"
)

// isLoginTemplate reports whether a role's login is filled in from traits.
func isLoginTemplate(login string) bool { return strings.Contains(login, templateOpening) }

// fillLogins returns the logins with those in place of each template that the
// traits come to, sorted. What can't be parsed stays as it is.
func fillLogins(logins []string, traits map[string][]string) []string {
	var filled []string
	for _, l := range logins {
		if !isLoginTemplate(l) {
			filled = append(filled, l)
			continue
		}
		values, ok := fillLogin(l, traits)
		if !ok {
			values = []string{l}
		}
		filled = append(filled, values...)
	}
	slices.Sort(filled)
	filled = slices.Compact(filled)
	return filled[:min(len(filled), maxLogins)]
}

// fillLogin fills in one template. ok is false if it can't be parsed.
func fillLogin(login string, traits map[string][]string) (values []string, ok bool) {
	prefix, rest, _ := strings.Cut(login, templateOpening)
	expression, suffix, closed := strings.Cut(rest, templateClosing)
	if !closed || len(login) > maxLoginBytes || strings.ContainsAny(prefix+expression+suffix, "{}") {
		return nil, false
	}
	p := loginParser{rest: expression, traits: traits}
	found, ok := p.expression(0)
	if !ok || strings.TrimSpace(p.rest) != "" {
		return nil, false
	}
	for _, v := range found {
		if v == "" || len(prefix)+len(v)+len(suffix) > maxLoginBytes {
			continue
		}
		values = append(values, prefix+v+suffix)
		if len(values) == maxLogins {
			break
		}
	}
	return values, true
}

// loginParser evaluates an expression while it reads it.
type loginParser struct {
	rest   string
	traits map[string][]string
}

func (p *loginParser) expression(depth int) ([]string, bool) {
	if depth == maxLoginNesting {
		return nil, false
	}
	switch name := p.name(); name {
	case internalVariable, externalVariable:
		trait, ok := p.key()
		return p.traits[trait], ok
	case functionEmail:
		if !p.take("(") {
			return nil, false
		}
		in, ok := p.expression(depth + 1)
		if !ok || !p.take(")") {
			return nil, false
		}
		return emailLocals(in), true
	case functionReplace:
		if !p.take("(") {
			return nil, false
		}
		in, ok := p.expression(depth + 1)
		if !ok || !p.take(",") {
			return nil, false
		}
		pattern, ok := p.quoted()
		if !ok || !p.take(",") {
			return nil, false
		}
		replacement, ok := p.quoted()
		if !ok || !p.take(")") {
			return nil, false
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, false
		}
		return replaceMatching(in, re, replacement), true
	}
	return nil, false
}

// name reads a variable's namespace or a function's full name.
func (p *loginParser) name() string {
	p.rest = strings.TrimSpace(p.rest)
	for _, name := range []string{internalVariable, externalVariable, functionEmail, functionReplace} {
		if rest, ok := strings.CutPrefix(p.rest, name); ok {
			p.rest = rest
			return name
		}
	}
	return ""
}

var loginKey = regexp.MustCompile(`^\.([A-Za-z0-9_-]+)`)

// key reads .name or ["name"].
func (p *loginParser) key() (string, bool) {
	if m := loginKey.FindStringSubmatch(p.rest); m != nil {
		p.rest = p.rest[len(m[0]):]
		return m[1], true
	}
	if !p.take("[") {
		return "", false
	}
	key, ok := p.quoted()
	return key, ok && p.take("]")
}

func (p *loginParser) take(what string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(p.rest), what)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *loginParser) quoted() (string, bool) {
	p.rest = strings.TrimSpace(p.rest)
	q, err := strconv.QuotedPrefix(p.rest)
	if err != nil || q[0] == '\'' {
		return "", false
	}
	p.rest = p.rest[len(q):]
	s, err := strconv.Unquote(q)
	return s, err == nil
}

// emailLocals returns what stands before the @ of each address.
func emailLocals(values []string) []string {
	var locals []string
	for _, v := range values {
		if a, err := mail.ParseAddress(v); err == nil {
			local, _, _ := strings.Cut(a.Address, "@")
			locals = append(locals, local)
		}
	}
	return locals
}

// replaceMatching replaces in each value that matches; others are left out.
func replaceMatching(values []string, re *regexp.Regexp, replacement string) []string {
	var replaced []string
	for _, v := range values {
		if len(v) <= maxLoginBytes && re.MatchString(v) {
			replaced = append(replaced, re.ReplaceAllString(v, replacement))
		}
		if len(replaced) == maxLogins {
			break
		}
	}
	return replaced
}
