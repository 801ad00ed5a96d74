package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/teleport-slack/teleport-slack/internal/route"
)

// fallbackRole is the key for roles without a key of their own.
const fallbackRole = "*"

// recipients reads [role_to_recipients], whose keys are role names and patterns
// for them: case counts, and none is unknown.
func (r *reader) recipients(root *section, onlyRules bool) map[string][]string {
	const do = `name a channel or an email, such as "*" = "access-requests"; if access monitoring rules do all the routing, set only_monitoring_rules = true under [routing]`
	e, f := root.find("role_to_recipients")
	roles := map[string][]string{}
	if e != nil && e.val.table == nil {
		r.problem(f, "begin it with a line of its own: [role_to_recipients]", "is %s, expected a table", e.val.describe())
		return roles
	}
	fallback := field{key: `role_to_recipients."*"`, at: nowhere}
	if e != nil {
		for _, entry := range e.val.table.entries {
			role := field{key: "role_to_recipients." + keyPart(entry.name), at: entry.at}
			list, ok := r.recipientList(role, entry.val)
			if _, err := route.ParseKey(entry.name); err != nil {
				r.problem(role, "a key between slashes is a regular expression, such as \"/^db-.+$/\"", "is no pattern: %v", err)
			}
			if entry.name == fallbackRole {
				fallback.at, fallback.wrong = role.at, !ok
			}
			if entry.name != strings.TrimSpace(entry.name) || entry.name == "" {
				r.warn(role, "", "%s is an unlikely name for a role", quote(entry.name))
			}
			if entry.name == fallbackRole && ok && len(list) > 0 && !slices.ContainsFunc(list, isSure) {
				r.warn(role, `add a channel to it`, "has only recipients made from the request, so a request may have none")
			}
			roles[entry.name] = list
		}
	}
	switch {
	case onlyRules, fallback.wrong:
	case len(roles) == 0:
		r.problem(f, do, "missing required value")
	case len(roles[fallbackRole]) == 0:
		r.problem(fallback, do, "missing required value")
	}
	return roles
}

// recipientList reads a string or a list of strings. It returns false if the type
// was wrong; other mistakes are left out with a warning.
func (r *reader) recipientList(f field, v value) ([]string, bool) {
	items := []value{v}
	switch v.kind {
	case unstable.String:
	case unstable.Array:
		items = v.items
	case unstable.Table, unstable.InlineTable:
		r.problem(f, "put a role name with a dot in it into quotes", "is a table, expected a string or a list of strings")
		return nil, false
	default:
		r.problem(f, "write recipients in quotes", "unexpected type for recipients: %s, expected a string or a list of strings", v.describe())
		return nil, false
	}
	ok := true
	list := make([]string, 0, len(items))
	for _, item := range items {
		at := field{key: f.key, at: item.at}
		switch {
		case item.kind != unstable.String:
			r.problem(at, "write recipients in quotes", "unexpected type for a recipient: %s, expected a string", item.describe())
			ok = false
		case strings.TrimSpace(item.text) == "":
			r.warn(at, "remove it", "has an empty recipient, which is left out")
		case slices.Contains(list, item.text):
			r.warn(at, "remove one", "names %s twice", quote(item.text))
		default:
			if item.text != strings.TrimSpace(item.text) {
				r.warn(at, "remove the spaces", "the recipient %s has spaces around it", quote(item.text))
			}
			ok = r.recipient(at, item.text) && ok
			list = append(list, item.text)
		}
	}
	return list, ok
}

// recipient checks one recipient. Whatever the published plugin accepts is
// accepted, even if it can't be a name in Slack.
func (r *reader) recipient(f field, text string) bool {
	rec, err := route.ParseRecipient(text)
	switch {
	case err != nil:
		f.at = r.within(f.at, text, err)
		r.problem(f, `a recipient is a place and the user groups to mention there, such as "#dev", "user:alice", "{{.Role}}-approvers" or "#dev @oncall"`, "the recipient %s can't be read: %v", quote(text), err)
		return false
	case rec.IsGroup():
		r.warn(f, fmt.Sprintf("write a channel before it, such as %s", quote("#channel "+strings.TrimSpace(text))),
			"%s is a user group, which Slack can mention and not post to", quote(text))
	}
	return true
}

// isSure reports whether a recipient is the same for every request.
func isSure(text string) bool {
	rec, err := route.ParseRecipient(text)
	return err == nil && rec.IsSure()
}

// within returns the offset of a mistake inside of a string, or of the string if
// it contains escapes.
func (r *reader) within(at int, text string, err error) int {
	var wrong *route.SyntaxError
	if !errors.As(err, &wrong) || at+1 > len(r.data) || !bytes.HasPrefix(r.data[at+1:], []byte(text)) {
		return at
	}
	at++ // the quote
	for i, before := 0, 1; before < wrong.At; before++ {
		_, size := utf8.DecodeRuneInString(text[i:])
		i, at = i+size, at+size
	}
	return at
}

// legacyRecipients accepts slack.recipients, which the published plugin reads
// and never uses.
func (r *reader) legacyRecipients(s *section) {
	e, f := s.find("recipients")
	switch {
	case e == nil:
	case e.val.kind != unstable.Array:
		r.problem(f, "remove it, and use [role_to_recipients]", "is %s, expected a list", e.val.describe())
	default:
		r.warn(f, "use [role_to_recipients]", "is accepted but not used")
	}
}
