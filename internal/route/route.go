// Package route says who should hear of an access request, and why: by the
// access monitoring rules that apply, by the roles it asks for and by the
// reviewers it suggests. It works on names as they are configured, or as they
// are made from the request; who or what a name is in Slack, the directory
// knows. That rules come first, and leave the rest out once they reach
// somebody, is for package notify, which reaches.
//
// The same routes and the same request give the same recipients in the same
// order. A value that is filled into a recipient never becomes more than a
// value: it can't mention anybody, name a user, or be two recipients.
package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// AnyRole is the key whose recipients hear of roles that have none of their own.
const AnyRole = "*"

// Table maps roles to recipients, as [role_to_recipients] has it.
type Table map[string][]string

// Routes is a Table that was read.
type Routes struct {
	exact    map[string]entry
	patterns []entry // in the order in which they are asked; AnyRole is the last
}

type entry struct {
	key        Key
	recipients []Recipient
}

// Compile reads the table. The error tells everything that can't be read; the
// routes are the rest.
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

// ParseRecipients reads several recipients, leaving out what is empty. The
// error tells everything that can't be read; the recipients are the rest.
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

// Want is one name that should hear of a request.
type Want struct {
	Name     string    // a channel, an ID or an email; a Teleport username if User
	User     bool      // Name is a Teleport username, and never a channel
	Mentions []Mention // who is named in the message
	Why      Reason
	Role     string // the key of the table, if that is why
	Rule     string // the access monitoring rule, if that is why
}

// Reason is why a name should hear of a request.
type Reason uint8

// The reasons.
const (
	ByRole       Reason = iota // the table names it
	BySuggest                  // the request suggests it as a reviewer
	ByFallback                 // the table's "*" names it
	ByRule                     // an access monitoring rule names it
	ByEscalation               // nobody looked at the request
)

// Unresolved is a recipient that became nobody for a request, or less than it says.
type Unresolved struct {
	Recipient string // as configured
	Role      string // the key of the table it stands under
	Rule      string // or the access monitoring rule
	What      string // what is missing
}

// Routed is what routing comes to.
type Routed struct {
	Wants      []Want
	Unresolved []Unresolved
}

// add appends a want; a name that is there already only gets the mentions.
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

// union returns all mentions, each once. Who is called by one recipient and
// only named by another is called.
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

// expand adds what a list of recipients comes to for a role, and returns
// whether that is anybody.
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

// entries returns what may be for the role, in the order in which it is asked.
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

// Recipients returns who should hear of the request, each name once, in the
// order of the request's roles, then of its suggested reviewers. For a role
// the first key counts that comes to anybody.
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

// NeedsTraits says that the requester's traits decide who hears of the request.
func (r Routes) NeedsTraits(req access.Request) bool {
	for _, asked := range req.Roles {
		for _, e := range r.entries(asked) {
			if slices.ContainsFunc(e.recipients, Recipient.needsTraits) {
				return true
			}
			if slices.ContainsFunc(e.recipients, Recipient.IsSure) {
				break // it comes to somebody for sure
			}
		}
	}
	return false
}
