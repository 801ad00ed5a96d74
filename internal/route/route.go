// Package route selects the recipients of an access request, each with its
// reason: from the access monitoring rules that apply, the requested roles and
// the suggested reviewers.
//
// Invariants: the same routes and the same request give the same recipients in
// the same order; a value that is filled into a recipient stays a value, so it
// can't mention a group, select a user, or become two recipients.
//
// Recipients are names, as configured or made from the request. This package
// does not look them up in Slack, and does not decide whether rules replace the
// static routes.
package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// AnyRole is the key for roles without recipients of their own.
const AnyRole = "*"

// Table maps roles to recipients, as [role_to_recipients] has it.
type Table map[string][]string

// Routes is a compiled Table.
type Routes struct {
	exact    map[string]entry
	patterns []entry // in the order in which they are tried; AnyRole is the last
}

type entry struct {
	key        Key
	recipients []Recipient
}

// Compile compiles the table. The error has everything that can't be parsed; the
// routes have the rest.
func (t Table) Compile() (Routes, error) {
	r := Routes{exact: map[string]entry{}}
	var errs []error
	for _, text := range slices.Sorted(maps.Keys(t)) {
		key, err := ParseKey(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("key %q: %w", text, err))
			continue
		}
		recipients, err := ParseRecipients(t[text])
		if err != nil {
			errs = append(errs, fmt.Errorf("key %q: %w", text, err))
		}
		e := entry{key: key, recipients: recipients}
		// A name is a name, even one with a star in it.
		r.exact[text] = e
		if key.kind != exactKey {
			r.patterns = append(r.patterns, e)
		}
	}
	delete(r.exact, AnyRole)
	slices.SortFunc(r.patterns, func(a, b entry) int { return a.key.compare(b.key) })
	return r, errors.Join(errs...)
}

// ParseRecipients parses several recipients and skips empty ones. The error has
// everything that can't be parsed; the recipients are the rest.
func ParseRecipients(texts []string) ([]Recipient, error) {
	var recipients []Recipient
	var errs []error
	for _, text := range texts {
		if strings.TrimSpace(text) == "" {
			continue
		}
		r, err := ParseRecipient(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("recipient %q: %w", text, err))
			continue
		}
		recipients = append(recipients, r)
	}
	return recipients, errors.Join(errs...)
}

// Want is one recipient of a request, by name.
type Want struct {
	Name     string    // a channel, an ID or an email; a Teleport username if User
	User     bool      // Name is a Teleport username, and never a channel
	Mentions []Mention // in the message
	Why      Reason
	Role     string // the key of the table, if that is why
	Rule     string // the access monitoring rule, if that is why
}

// Reason is why a name is a recipient.
type Reason uint8

// The reasons.
const (
	ByRole       Reason = iota // the table names it
	BySuggest                  // the request suggests it as a reviewer
	ByFallback                 // the table's "*" names it
	ByRule                     // an access monitoring rule names it
	ByEscalation               // the request was not reviewed in time
)

// Unresolved is a recipient that a request lacks the values for, or a part of it.
type Unresolved struct {
	Recipient string // as configured
	Role      string // its key in the table
	Rule      string // or the access monitoring rule
	What      string // what is missing
}

// Routed is the result of routing.
type Routed struct {
	Wants      []Want
	Unresolved []Unresolved
}

// add appends a want; a name that is there already gets its mentions only.
func (r *Routed) add(w Want) {
	w.Name = strings.TrimSpace(w.Name)
	if w.Name == "" {
		return
	}
	i := slices.IndexFunc(r.Wants, func(o Want) bool { return o.Name == w.Name && o.User == w.User })
	if i < 0 {
		r.Wants = append(r.Wants, w)
		return
	}
	r.Wants[i].Mentions = union(r.Wants[i].Mentions, w.Mentions)
}

// union returns all mentions, each once. A group that is silent in only one of
// both is notified.
func union(a, b []Mention) []Mention {
	all := slices.Clone(a)
	for _, m := range b {
		i := slices.IndexFunc(all, func(o Mention) bool { return o.Group == m.Group })
		switch {
		case i < 0:
			all = append(all, m)
		case !m.Silent:
			all[i].Silent = false
		}
	}
	return all
}

// expand resolves a list of recipients for a role, and reports whether that gave
// any.
func (r *Routed) expand(list []Recipient, in Input, asked string, because Want) bool {
	some := false
	for _, rec := range list {
		wants, unresolved := rec.wants(in, asked)
		for _, w := range wants {
			w.Why, w.Role, w.Rule = because.Why, because.Role, because.Rule
			r.add(w)
			some = true
		}
		for _, what := range unresolved {
			g := Unresolved{Recipient: rec.Text, Role: because.Role, Rule: because.Rule, What: what}
			if !slices.Contains(r.Unresolved, g) {
				r.Unresolved = append(r.Unresolved, g)
			}
		}
	}
	return some
}

// entries returns the entries that match the role, in the order in which they
// are tried.
func (r Routes) entries(asked string) []entry {
	var es []entry
	if e, ok := r.exact[asked]; ok {
		es = append(es, e)
	}
	for _, e := range r.patterns {
		if e.key.Matches(asked) && (e.key.kind == anyKey || e.key.text != asked) {
			es = append(es, e)
		}
	}
	return es
}

// Recipients returns the recipients of the request, each name once, in the order
// of the request's roles, then of its suggested reviewers. For a role the first
// key that gives a recipient counts.
func (r Routes) Recipients(in Input) Routed {
	var out Routed
	for _, asked := range in.Request.Roles {
		for _, e := range r.entries(asked) {
			why := ByRole
			if e.key.kind == anyKey {
				why = ByFallback
			}
			if out.expand(e.recipients, in, asked, Want{Why: why, Role: e.key.text}) {
				break
			}
		}
	}
	for _, name := range in.Request.SuggestedReviewers {
		if slices.ContainsFunc(out.Wants, func(w Want) bool { return w.Name == strings.TrimSpace(name) && strings.Contains(w.Name, "@") }) {
			continue // by their email already
		}
		out.add(Want{Name: name, User: true, Why: BySuggest})
	}
	return out
}

// NeedsTraits reports whether the recipients of the request depend on the
// requester's traits.
func (r Routes) NeedsTraits(req access.Request) bool {
	for _, asked := range req.Roles {
		for _, e := range r.entries(asked) {
			if slices.ContainsFunc(e.recipients, Recipient.needsTraits) {
				return true
			}
			if slices.ContainsFunc(e.recipients, Recipient.IsSure) {
				break // it gives a recipient in any case
			}
		}
	}
	return false
}
