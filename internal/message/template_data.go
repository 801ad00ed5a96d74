package message

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// view is what a template knows of a request. Its fields are documented in
// docs/reference.md.
type view struct {
	Builtin       markup // what would stand here without the template
	ID            string
	Cluster       string
	User          string
	Kind          string // "role", "resource", "long-term"
	State         string // "PENDING", … in every language
	Status        markup // the state with its emoji, in the message's language
	Roles         []string
	Resources     []string // as people call them
	Logins        map[string][]string
	Reason        string
	ResolveReason string
	Reviewers     []string // suggested ones
	AccessList    string   // where a promoted request leads
	Recommended   string   // the access list that Teleport recommends for long-term access
	Annotations   map[string][]string
	Approvals     int
	Denials       int
	Created       instant
	Expires       instant // when the undecided request lapses
	AccessStarts  instant
	AccessExpires instant
	AccessEnded   bool
	Resolved      bool
	ForRequester  bool
	URL           string // leads to the request
	Review        reviewView
}

// reviewView is the review that a reply tells of; empty elsewhere.
type reviewView struct {
	Author  string
	State   string
	Status  markup
	Reason  string
	Created instant
}

// addressOf is what the template of a link knows.
type addressOf struct {
	ID, Cluster string
	Proxy       host
}

// host is a host name with its port, which stands in an address as it is.
type host string

func hostOf(web string) host {
	u, err := url.Parse(web)
	if err != nil {
		return ""
	}
	return host(u.Host)
}

// fieldNames returns what a template in the slot can name.
func fieldNames(s slot) []string {
	t := reflect.TypeFor[view]()
	if s.url {
		t = reflect.TypeFor[addressOf]()
	}
	var names []string
	for i := range t.NumField() {
		names = append(names, "."+t.Field(i).Name)
	}
	slices.Sort(names)
	return names
}

// view returns what templates know of req.
func (r Renderer) view(p *phrases, req access.Request, d access.Details, to access.Audience) view {
	approvals, denials := req.Counts()
	kind := "role"
	switch {
	case len(req.Resources) == 0:
	case req.Kind == access.LongTerm:
		kind = "long-term"
	default:
		kind = "resource"
	}
	return view{
		ID: head(req.ID), Cluster: head(r.Cluster.Name), User: head(req.User), Kind: kind,
		State: req.State.String(), Status: p.withEmoji(req.State),
		Roles: sorted(req.Roles), Resources: r.resourceNames(p, req.Resources, d), Logins: d.Logins,
		Reason: head(req.Reason), ResolveReason: head(req.ResolveReason), Reviewers: sorted(req.SuggestedReviewers),
		AccessList: head(req.AccessListTitle), Recommended: head(req.RecommendedList), Annotations: req.SystemAnnotations, Approvals: approvals, Denials: denials,
		Created: instantOf(req.Created), Expires: instantOf(req.Expires),
		AccessStarts: instantOf(req.AssumeStart), AccessExpires: instantOf(req.AccessExpires),
		AccessEnded: r.over(req), Resolved: req.State.Resolved(), ForRequester: to == access.Requester,
		URL: r.address(req),
	}
}

func (p *phrases) reviewView(v access.Review) reviewView {
	return reviewView{Author: head(v.Author), State: v.State.String(), Status: p.withEmoji(v.State), Reason: head(v.Reason), Created: instantOf(v.Created)}
}

// withEmoji is the state as a template shows it.
func (p *phrases) withEmoji(s access.State) markup {
	return markup(strings.TrimSpace(p.emoji.of(s) + " " + p.state.of(s)))
}

// sample is a request that templates are tried with.
type sample struct {
	r       Renderer
	req     access.Request
	details access.Details
	to      access.Audience
}

// samples returns requests with everything and with next to nothing, in every
// state and for everyone.
func samples() []sample {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	r := Renderer{Cluster: access.Cluster{Name: "example.com", WebURL: "https://teleport.example.com"}, Now: at.Add(time.Hour)}
	full := access.Request{
		ID: "0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d", User: "alice@example.com", Roles: []string{"access", "editor"},
		Resources: []access.Resource{{Cluster: "example.com", Kind: "node", Name: "web-1"}, {Cluster: "example.com", Kind: "db", Name: "orders"}},
		Reason:    "Investigate the failing nightly backup, see OPS-1432.", ResolveReason: "ok for today",
		SuggestedReviewers: []string{"bob@example.com"}, AccessListTitle: "Database on-call",
		Reviews:           []access.Review{{Author: "bob@example.com", State: access.Approved, Reason: "ok for today", Created: at}},
		Thresholds:        []access.Threshold{{Approve: 1, Deny: 1}},
		SystemAnnotations: map[string][]string{"ticket": {"OPS-1432"}},
		Created:           at, Expires: at.Add(time.Hour), AccessExpires: at.Add(8 * time.Hour), AssumeStart: at.Add(time.Minute),
	}
	details := access.Details{Logins: map[string][]string{"editor": {"root"}}}
	bare := access.Request{ID: full.ID, User: "alice"}
	var all []sample
	for _, state := range []access.State{access.Pending, access.Approved, access.Denied, access.Promoted, access.Expired} {
		for _, to := range []access.Audience{access.Reviewers, access.Requester} {
			full, bare := full, bare
			full.State, bare.State = state, state
			all = append(all, sample{r, full, details, to}, sample{Renderer{Cluster: r.Cluster}, bare, access.Details{}, to})
		}
	}
	return all
}
