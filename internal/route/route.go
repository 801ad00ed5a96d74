// Package route says who should hear of an access request, and why: by the
// access monitoring rules that apply, by the roles it asks for and by the
// reviewers it suggests. It works on names as they are configured; who or what
// a name is in Slack, the directory knows. That rules come first, and leave the
// rest out once they reach somebody, is for package notify, which reaches.
package route

import (
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// AnyRole is the key whose recipients hear of roles that have none of their own.
const AnyRole = "*"

// Table maps roles to recipients, as [role_to_recipients] has it.
type Table map[string][]string

// Want is one name that should hear of a request.
type Want struct {
	Name string
	Why  Reason
	Role string // the key of the table, if that is why
	Rule string // the access monitoring rule, if that is why
}

// Reason is why a name should hear of a request.
type Reason uint8

// The reasons.
const (
	ByRole     Reason = iota // the table names it
	BySuggest                // the request suggests it as a reviewer
	ByFallback               // the table's "*" names it
	ByRule                   // an access monitoring rule names it
)

// Recipients returns who should hear of the request, each name once, in the
// order of the request's roles, then of its suggested reviewers.
func (t Table) Recipients(req access.Request) []Want {
	var wants []Want
	add := func(w Want) {
		w.Name = strings.TrimSpace(w.Name)
		if w.Name == "" || slices.ContainsFunc(wants, func(o Want) bool { return o.Name == w.Name }) {
			return
		}
		wants = append(wants, w)
	}
	for _, role := range req.Roles {
		names, why, key := t[role], ByRole, role
		if len(names) == 0 {
			names, why, key = t[AnyRole], ByFallback, AnyRole
		}
		for _, n := range names {
			add(Want{Name: n, Why: why, Role: key})
		}
	}
	for _, n := range req.SuggestedReviewers {
		add(Want{Name: n, Why: BySuggest})
	}
	return wants
}
