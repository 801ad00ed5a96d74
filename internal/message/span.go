package message

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// code returns s between back-ticks.
func (p *phrases) code(s string, max limit) string {
	t, cut := escape(s, inCode, max)
	switch {
	case t == "":
		return p.empty
	case cut:
		return "`" + t + "`" + p.truncated
	}
	return "`" + t + "`"
}

// block returns a person's words between fences.
func (p *phrases) block(s string) string {
	t, cut := escape(s, inBlock, reasonLimit)
	switch {
	case t == "":
		return p.empty
	case cut:
		return "```\n" + t + "```" + p.truncated
	}
	return "```\n" + t + "```"
}

// name returns the name of a person or a cluster: bare as in the published plugin
// if nothing in it means anything to Slack, and as code otherwise. Code separates
// an odd name from the text around it and keeps it copyable, which replaced or
// padded characters would not be.
//
// Bare text in blocks is verbatim, so domains and @names stay text there. In
// a thread reply (bare = false) Slack still looks for links in what isn't
// code, and a name with a dot is only left bare if it is an email address.
func (p *phrases) name(s string, verbatim bool) string {
	s = strings.TrimSpace(s)
	if len(s) <= nameLimit.runes && plain(s, verbatim) {
		return s
	}
	return p.code(s, nameLimit)
}

func plain(s string, verbatim bool) bool {
	dots, ats := 0, 0
	prev := rune(0)
	for i, r := range s {
		switch {
		case r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0':
			return false // letters by category, invisible by nature
		case r == '.':
			dots++
		case r == '@':
			ats++
		case r == '_':
			next, _ := utf8.DecodeRuneInString(s[i+1:])
			if !word(prev) || !word(next) {
				return false
			}
		case r == '-', r == '+':
		case r == utf8.RuneError, !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return false
		}
		prev = r
	}
	return s != "" && s[0] != '@' && (verbatim || dots == 0 || ats == 1)
}

// names returns as many of the sorted names as fit, as one piece of code like the
// published plugin, and how many more there are. A name is cut only if it alone
// is too long.
func (p *phrases) names(sorted []string, sep string, max limit) string {
	var b strings.Builder
	b.WriteByte('`')
	shown, cut := 0, false
	for _, s := range sorted {
		left := max
		if shown > 0 {
			left = limit{left.runes - len(sep), left.chars - len(sep)}
		}
		t, c := escape(s, inCode, left)
		if c && shown > 0 {
			break
		}
		if t == "" {
			t = p.empty
		}
		if shown > 0 {
			b.WriteString(sep)
		}
		b.WriteString(t)
		shown++
		chars := utf8.RuneCountInString(t)
		max = limit{left.runes - chars + escapes(t), left.chars - chars}
		if cut = c; cut || max.runes <= 0 || max.chars <= 0 {
			break
		}
	}
	b.WriteByte('`')
	if cut {
		b.WriteString(p.truncated)
	}
	if n := len(sorted) - shown; n > 0 {
		fmt.Fprintf(&b, p.more, n)
	}
	return b.String()
}

// escapes returns how many characters escaping has added to t.
func escapes(t string) int {
	return strings.Count(t, "&amp;")*4 + strings.Count(t, "&lt;")*3 + strings.Count(t, "&gt;")*3
}

// sorted returns a sorted copy, each name once.
func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// resourceNames returns the resources as kind and friendly name where that is
// known, and in Teleport's notation otherwise, with the principals where a request
// names them.
func (r Renderer) resourceNames(p *phrases, resources []access.Resource, d access.Details) []string {
	names := make([]string, 0, len(resources))
	for _, res := range resources {
		id := res.ID()
		friendly := d.ResourceNames[id]
		if friendly == "" {
			names = append(names, p.withPrincipals(id, res.Principals))
			continue
		}
		n := res.Kind + "/" + friendly
		if res.SubResource != "" {
			n += "/" + res.SubResource
		}
		if res.Cluster != "" && res.Cluster != r.Cluster.Name {
			n += " (" + res.Cluster + ")" // a leaf cluster may have the same names
		}
		names = append(names, p.withPrincipals(n, res.Principals))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// separator returns what stands between resources in a list: principals have
// commas between them.
func separator(resources []access.Resource) string {
	if slices.ContainsFunc(resources, func(r access.Resource) bool { return len(r.Principals) > 0 }) {
		return "; "
	}
	return ","
}

// withPrincipals returns the resource's name with the principals that are asked
// for on it, if there are any.
func (p *phrases) withPrincipals(name string, principals []string) string {
	if len(principals) == 0 {
		return name
	}
	shown := sorted(principals)
	more := len(shown) - maxPrincipals
	if more > 0 {
		shown = shown[:maxPrincipals]
	}
	for i, s := range shown {
		shown[i] = principal(s)
	}
	list := strings.Join(shown, ", ")
	if more > 0 {
		list += fmt.Sprintf(p.more, more)
	}
	return fmt.Sprintf(p.principals, name, list)
}

// roleARN is the ARN of an AWS role in the standard partition, whose account and
// name say everything.
var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}:role/[\w+=,.@/-]+)$`)

// principal returns a login as it stands in a list, quoted where it would look
// like more than one, or a role's ARN without what all of them begin with.
func principal(s string) string {
	if m := roleARN.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if s == "" || strings.ContainsAny(s, "\",; \t\n") {
		return strconv.Quote(s)
	}
	return s
}
