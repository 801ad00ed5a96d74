// Package record holds what is remembered of a request's messages, and how that
// is kept in Teleport as plugin data.
//
// The published plugin keeps a flat record that does not say who got which
// message. We write its keys with its meaning, so that either plugin can carry
// on where the other stopped, and keep the rest in one key of our own, which it
// leaves alone. On reading, the changes that the published plugin made in
// between win: a message it posted is adopted as a Copy, a resolution it showed
// counts as shown, a review it replied to counts as replied to.
//
// A Record is an immutable value. A Store reads and writes records with
// compare-and-swap: a Draft carries the results of Slack calls over into
// what another writer wrote in between, and hands back those it could not save.
//
// A record does not say what should be in Slack; package notify decides that.
package record

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Record is what we remember of one request.
type Record struct {
	// Snapshot is what is needed to show the request once Teleport no longer has it.
	Snapshot Snapshot
	// Adopted is set where the published plugin announced this request, so that
	// nobody is notified again.
	Adopted bool
	// RecipientsPending is set while some recipients could not be looked up, so
	// that Copies lacks them.
	RecipientsPending bool
	// Assigned identifies what the recipients were assigned from; empty if
	// something was pending or failed then, and in records of before.
	Assigned string
	// Escalated is set once the request was escalated.
	Escalated bool
	// By is the replica that wrote the record last.
	By string
	// Copies are the messages about the request, one for each recipient.
	Copies []Copy

	stored    map[string]string // as read from Teleport: what a write expects to find
	published published         // the published keys as we last wrote them
}

// Snapshot is a request as it was last seen.
// Its fields are what a message shows.
type Snapshot struct {
	User               string
	Kind               access.Kind
	Roles              []string
	Logins             map[string][]string // role → logins; nil if unknown
	Resources          []string            // as people read them: kind/friendly-name, or the resource ID
	Principals         [][]string          // those that are asked for on each of Resources; nil if on none
	RecommendedList    string              // as people read it
	Reason             string
	State              access.State
	ResolveReason      string
	SuggestedReviewers []string
	Annotations        map[string][]string // the request's system annotations
	Created            time.Time
	AccessExpires      time.Time
}

// published is what we last wrote into the published keys, to see what somebody else wrote since.
type published struct {
	Reviews    int
	Resolution string
}

// Copy is one recipient's message about a request.
// Its fields are one fact each about the message, its thread or its post, so that
// Plan can compare them.
type Copy struct {
	To           string            // where it was or will be posted: an ID or #name; empty if adopted
	Name         string            // the recipient as configured, for people to read
	For          access.Audience   // whom it addresses
	At           access.MessageRef // where it is; zero until it was posted
	Shown        string            // digest of what it shows; empty where the published plugin edited it last
	State        access.State      // the state that it shows
	Replies      int               // how many reviews have their reply in its thread
	Final        bool              // the outcome was posted in its thread
	Locked       bool              // Slack no longer lets us edit it
	ShowsEnded   bool              // it shows that access has ended
	NoticePosted bool              // the notice that access will end was posted in its thread
	EndPosted    bool              // that access has ended was posted in its thread
	Escalated    bool              // it is there because the request was escalated
	Reminders    int               // how many reminders are in its thread
	RemindedAt   time.Time         // when the last of them was posted
	Reaction     string            // the emoji we put on it
	Intent       *Intent           // a post that began and whose outcome is not recorded
	Failure      *Failure          // why the recipient can't have it

	// Mentions are whom the message names: IDs of user groups, and @handles of
	// those that are not called.
	Mentions []string
}

// Intent is a post that is about to happen, written before it happens.
type Intent struct {
	Part string    // which post: "request", "review-<n>", "final", "access-ends", "access-ended", "reminder-<n>"
	By   string    // the replica that does it
	At   time.Time // when it was written, by that replica's clock
	Try  int       // counts attempts, from 1
}

// Same reports whether both are one intent, written by one replica at one time.
func (i *Intent) Same(o *Intent) bool {
	return i != nil && o != nil && i.By == o.By && i.Part == o.Part && i.At.UnixMilli() == o.At.UnixMilli() // as stored
}

// Failure is why a recipient can't have a message until somebody changes something.
type Failure struct {
	Reason string // Slack's error name
	At     time.Time
}

// ID identifies a copy among a request's copies, in whatever order a record has
// them: its recipient, or where it is if the published plugin posted it.
func (c Copy) ID() string {
	switch {
	case c.To != "":
		return c.To
	case !c.At.IsZero():
		return c.At.Channel + "/" + c.At.TS
	}
	return "name:" + c.Name // a recipient that Slack doesn't know
}

// Unknown reports whether the copy stands for a recipient that Slack does not
// know, so that there is nowhere to post to.
func (c Copy) Unknown() bool { return c.To == "" && c.At.IsZero() }

// Known reports whether the request was seen before.
func (r Record) Known() bool { return len(r.stored) > 0 }

// Messages returns where the request's messages are, in the order of Copies.
func (r Record) Messages() []access.MessageRef {
	var refs []access.MessageRef
	for _, c := range r.Copies {
		if !c.At.IsZero() {
			refs = append(refs, c.At)
		}
	}
	return refs
}

// Index returns the copy that goes to the recipient, or -1.
func (r Record) Index(to access.Recipient) int {
	return slices.IndexFunc(r.Copies, func(c Copy) bool {
		return c.To == to.ID || to.Kind == access.Channel && c.At.Channel == to.ID // posted to by name
	})
}

// IndexOf returns the index of the copy with the ID, or -1.
func (r Record) IndexOf(copyID string) int {
	return slices.IndexFunc(r.Copies, func(c Copy) bool { return c.ID() == copyID })
}

// With returns r with copy i replaced.
func (r Record) With(i int, c Copy) Record {
	r.Copies = slices.Clone(r.Copies)
	r.Copies[i] = c
	return r
}

// Without returns r without copy i.
func (r Record) Without(i int) Record {
	r.Copies = slices.Delete(slices.Clone(r.Copies), i, i+1)
	return r
}

// Ended reports whether the request was resolved and every message shows it.
func (r Record) Ended() bool {
	return r.Snapshot.State.Resolved() && !r.RecipientsPending && r.resolutionEverywhere() == r.Snapshot.State.String() &&
		!slices.ContainsFunc(r.Copies, func(c Copy) bool { return c.Intent != nil || (c.At.IsZero() && c.Failure == nil && !c.Escalated) })
}

// Add returns r with one more copy.
func (r Record) Add(c Copy) Record {
	r.Copies = append(slices.Clone(r.Copies), c)
	return r
}

// WithRequest returns r with the request as Teleport has it now. Details that
// could not be looked up this time keep what was known.
func (r Record) WithRequest(req access.Request, d access.Details) Record {
	about := Snapshot{
		User: req.User, Kind: req.Kind, Reason: req.Reason, State: req.State, ResolveReason: req.ResolveReason,
		Roles: slices.Clone(req.Roles), SuggestedReviewers: slices.Clone(req.SuggestedReviewers),
		Created: req.Created, AccessExpires: req.AccessExpires,
		Annotations: req.Clone().SystemAnnotations,
		Logins:      d.Logins,
	}
	if req.RecommendedList != "" {
		about.RecommendedList = cmp.Or(d.ListTitle, r.Snapshot.RecommendedList, req.RecommendedList)
	}
	if about.Logins == nil {
		about.Logins = r.Snapshot.Logins
	}
	for i, res := range req.Resources {
		name, ok := d.ResourceNames[res.ID()]
		switch {
		case ok:
			name = res.Kind + "/" + name
		case len(r.Snapshot.Resources) == len(req.Resources):
			name = r.Snapshot.Resources[i]
		default:
			name = res.ID()
		}
		about.Resources = append(about.Resources, name)
	}
	about.Principals = principalsOf(req.Resources)
	r.Snapshot = about
	return r
}

// Tombstone returns the request as it can still be shown when Teleport no longer
// has it; an undecided one has expired.
func (r Record) Tombstone(id string) (access.Request, access.Details) {
	a := r.Snapshot
	req := access.Request{
		ID: id, User: a.User, Kind: a.Kind, Roles: a.Roles, Reason: a.Reason, State: a.State, ResolveReason: a.ResolveReason,
		SuggestedReviewers: a.SuggestedReviewers, RecommendedList: a.RecommendedList, SystemAnnotations: a.Annotations, Created: a.Created, AccessExpires: a.AccessExpires,
	}
	if !req.State.Resolved() {
		req.State = access.Expired
	}
	d := access.Details{Logins: a.Logins}
	for i, name := range a.Resources {
		res := resourceOf(name)
		if i < len(a.Principals) {
			res.Principals = a.Principals[i]
		}
		req.Resources = append(req.Resources, res)
		if name != res.ID() {
			if d.ResourceNames == nil {
				d.ResourceNames = map[string]string{}
			}
			d.ResourceNames[res.ID()] = res.Name
		}
	}
	return req, d
}

// Details returns what we know of how the request reads: friendly names, as
// far as they were looked up when it was posted.
func (r Record) Details(req access.Request) access.Details {
	d := access.Details{Logins: r.Snapshot.Logins}
	if len(r.Snapshot.Resources) != len(req.Resources) {
		return d
	}
	for i, res := range req.Resources {
		if name, ok := strings.CutPrefix(r.Snapshot.Resources[i], res.Kind+"/"); ok {
			if d.ResourceNames == nil {
				d.ResourceNames = map[string]string{}
			}
			d.ResourceNames[res.ID()] = name
		}
	}
	return d
}

// maxPrincipals bounds how many principals of a request a record has; a message
// shows fewer.
const maxPrincipals = 100

// principalsOf returns the principals that are asked for on each resource, as
// far as a record takes them; nil if on none.
func principalsOf(resources []access.Resource) [][]string {
	if !slices.ContainsFunc(resources, func(r access.Resource) bool { return len(r.Principals) > 0 }) {
		return nil
	}
	all, left := make([][]string, len(resources)), maxPrincipals
	for i, r := range resources {
		n := min(len(r.Principals), left)
		all[i] = slices.Clone(r.Principals[:n])
		left -= n
	}
	return all
}

// resourceOf undoes what WithRequest did to a resource, as far as that goes.
func resourceOf(name string) access.Resource {
	if rest, ok := strings.CutPrefix(name, "/"); ok {
		if p := strings.SplitN(rest, "/", 4); len(p) >= 3 {
			res := access.Resource{Cluster: p[0], Kind: p[1], Name: p[2]}
			if len(p) == 4 {
				res.SubResource = p[3]
			}
			return res
		}
	}
	kind, friendly, ok := strings.Cut(name, "/")
	if !ok {
		return access.Resource{Name: name}
	}
	return access.Resource{Kind: kind, Name: friendly}
}

// repliesEverywhere is how many reviews have a reply in every message.
func (r Record) repliesEverywhere() int {
	least := -1
	for _, c := range r.Copies {
		if !c.At.IsZero() && (least < 0 || c.Replies < least) {
			least = c.Replies
		}
	}
	return max(least, 0)
}

// resolutionEverywhere is the resolution that every message shows, as the published plugin tags it.
func (r Record) resolutionEverywhere() string {
	if !r.Snapshot.State.Resolved() {
		return ""
	}
	for _, c := range r.Copies {
		if !c.At.IsZero() && c.State != r.Snapshot.State {
			return r.published.Resolution
		}
	}
	return r.Snapshot.State.String()
}
