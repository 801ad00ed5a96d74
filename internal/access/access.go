// Package access has the domain types: access requests, reviews, recipients and
// references to messages. It uses neither Teleport's wire types nor Slack's; the
// adapters translate.
//
// All types are plain values. Strings that people typed (names, reasons, resource
// names) are untrusted until package message has escaped them.
package access

import (
	"slices"
	"time"
)

// State is where a request stands.
type State uint8

// The states. Expired stands for a request that Teleport no longer has while
// our record says that nobody had decided it.
const (
	Pending State = iota
	Approved
	Denied
	Promoted
	Expired
)

// String returns the state as Teleport's users read it, and as plugin data
// stores it for resolved requests.
func (s State) String() string {
	switch s {
	case Pending:
		return "PENDING"
	case Approved:
		return "APPROVED"
	case Denied:
		return "DENIED"
	case Promoted:
		return "PROMOTED"
	case Expired:
		return "EXPIRED"
	}
	return "UNKNOWN"
}

// Resolved reports whether nothing is left to decide.
func (s State) Resolved() bool { return s != Pending }

// Kind is temporary or long-term access.
type Kind uint8

// The kinds. Servers before 18 only know ShortTerm.
const (
	ShortTerm Kind = iota
	LongTerm
)

// Request is an access request as Teleport has it now.
// Its fields are those of Teleport's request that somebody is shown or that
// decide.
type Request struct {
	ID                 string
	User               string // the requester's Teleport username
	Kind               Kind
	Roles              []string
	Resources          []Resource
	Reason             string
	State              State
	ResolveReason      string
	SuggestedReviewers []string // Teleport usernames or emails
	Reviews            []Review // oldest first
	Thresholds         []Threshold
	SystemAnnotations  map[string][]string
	AccessListTitle    string // where a promoted request leads
	Created            time.Time
	Expires            time.Time // when the undecided request lapses; zero if unknown
	AccessExpires      time.Time // when approved access ends; zero if unknown
	AssumeStart        time.Time // when approved access begins; zero for at once

	// RecommendedList is the access list that Teleport recommends for long-term
	// access; empty if there is none.
	RecommendedList string `json:",omitempty"`
	// Unread are the parts of the request that this version can't read and that
	// may change what is approved. Such a request can't be decided in Slack.
	Unread []string `json:",omitempty"`
}

// Resource is one resource that a request asks for.
type Resource struct {
	Cluster     string
	Kind        string // node, db, app, kube_cluster, …
	Name        string // the resource's own name, often a UUID
	SubResource string // for example a Kubernetes namespace/pod
	// Principals are all that the request asks for on the resource: AWS role
	// ARNs, SSH logins or Windows logins. None means whatever the roles allow.
	Principals []string `json:",omitempty"`
}

// ID returns the resource in Teleport's notation, /cluster/kind/name[/sub].
func (r Resource) ID() string {
	id := "/" + r.Cluster + "/" + r.Kind + "/" + r.Name
	if r.SubResource != "" {
		id += "/" + r.SubResource
	}
	return id
}

// Review is one reviewer's decision.
type Review struct {
	Author  string
	State   State // Approved, Denied or Promoted
	Reason  string
	Created time.Time
	Slack   bool // it was given in Slack, through this plugin
}

// Threshold is how many reviews it takes. Zero means that this side is not
// reached by counting.
type Threshold struct {
	Name    string
	Approve int
	Deny    int
}

// Counts returns how many reviews approve (or promote) and how many deny.
func (r Request) Counts() (approvals, denials int) {
	for _, v := range r.Reviews {
		switch v.State {
		case Approved, Promoted:
			approvals++
		case Denied:
			denials++
		}
	}
	return approvals, denials
}

// AccessEnds returns when the granted access ends. It is zero if the request was not
// approved, is for long-term access, or has no end.
func (r Request) AccessEnds() time.Time {
	if r.State != Approved || r.Kind == LongTerm || r.AccessExpires.Unix() <= 0 {
		return time.Time{}
	}
	return r.AccessExpires
}

// Clone returns a copy that shares no memory with r.
func (r Request) Clone() Request {
	r.Roles = slices.Clone(r.Roles)
	r.Resources = slices.Clone(r.Resources)
	for i := range r.Resources {
		r.Resources[i].Principals = slices.Clone(r.Resources[i].Principals)
	}
	r.Unread = slices.Clone(r.Unread)
	r.SuggestedReviewers = slices.Clone(r.SuggestedReviewers)
	r.Reviews = slices.Clone(r.Reviews)
	r.Thresholds = slices.Clone(r.Thresholds)
	if r.SystemAnnotations != nil {
		m := make(map[string][]string, len(r.SystemAnnotations))
		for k, v := range r.SystemAnnotations {
			m[k] = slices.Clone(v)
		}
		r.SystemAnnotations = m
	}
	return r
}

// Details are names and logins that make a request readable. They are looked up
// separately; a message can do without.
type Details struct {
	Logins        map[string][]string // role → logins; nil if unknown
	ResourceNames map[string]string   // Resource.ID() → friendly name
	ListTitle     string              // of the recommended access list
}

// Cluster is the Teleport cluster that requests come from.
type Cluster struct {
	Name    string
	Version string // the Auth server's, such as "18.2.0"
	// OnBehalf is whether it accepts reviews on behalf of their author.
	OnBehalf bool
	WebURL   string // https://proxy.example.com without a slash, or empty where the Web UI cannot show requests
}

// RecipientKind is the kind of a recipient.
type RecipientKind uint8

// The kinds of recipients.
const (
	Channel RecipientKind = iota
	Person
	Group // of users: can be mentioned, and not posted to
)

// Recipient is a person, channel or user group in Slack.
type Recipient struct {
	ID   string // what chat.postMessage takes: C…, G…, D…, U…, or #name where only the name is known; S… of a Group
	Name string // as configured or asked for: an email, a channel name, a username
	Kind RecipientKind
}

// MessageRef identifies a message in Slack. The zero value is no message.
type MessageRef struct {
	Channel string // C…, G… or D…
	TS      string // 1700000000.000100
}

// IsZero reports whether there is no message.
func (m MessageRef) IsZero() bool { return m == MessageRef{} }

// Audience is whom a message addresses, which selects its texts.
type Audience uint8

// The audiences.
const (
	Reviewers Audience = iota // people who can review, and channels
	Requester                 // the person who requested access
)
