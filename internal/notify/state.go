package notify

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// announceResolvedWithin is how old a request may be that was decided before
// its recipients were assigned, for them to be notified still. It covers
// restarts and short outages without flooding channels with history when the
// plugin is installed.
const announceResolvedWithin = time.Hour

// State is what Plan decides from: what Teleport says, what Slack shows, and
// what is in force for every request.
type State struct {
	Request access.Request // its tombstone if Gone
	Gone    bool           // Teleport no longer has the request
	Record  record.Record  // what Slack shows
	Now     time.Time

	CanReact    bool // the token may add reactions
	Buttons     access.Buttons
	Ends        Ends
	Reminders   Reminders
	RetryBefore time.Time // failures before this are tried again

	digests [2]string // by audience; empty if not computed yet
}

// Ends is how requesters are notified of the end of their access, in their
// thread. Every message shows that it has ended.
type Ends struct {
	Notice time.Duration // how long before the end; zero for not at all
	Ended  bool          // also when it has ended
}

// Empty reports whether there is nothing to deliver: neither Teleport nor the
// record knows the request.
func (s State) Empty() bool { return s.Gone && !s.Record.Known() }

// withDigests returns s with what the digests of its messages should be, so
// that Plan doesn't compute them for each copy anew.
func (s State) withDigests() State {
	for _, to := range []access.Audience{access.Reviewers, access.Requester} {
		s.digests[to] = Digest(s.Request, to, s.Buttons)
	}
	return s
}

// digest returns what the digest of a message should be.
func (s State) digest(to access.Audience) string {
	if d := s.digests[to]; d != "" {
		return d
	}
	return Digest(s.Request, to, s.Buttons)
}

// announces reports whether recipients may still be assigned to the request: it
// is undecided, or it was decided so recently that it was only just missed. What
// the published plugin announced is announced.
func (s State) announces() bool {
	switch {
	case s.Record.Adopted:
		return false
	case s.Record.RecipientsPending:
		return true // begun, and not everyone could be found at the time
	case s.Gone:
		return false
	case !s.Request.State.Resolved():
		return true
	case len(s.Record.Copies) > 0:
		return false
	}
	return !s.Request.Created.IsZero() && s.Now.Sub(s.Request.Created) < announceResolvedWithin
}

// decisive returns the review that decided the request. One that an
// administrator decided without a review has none.
func decisive(req access.Request) (access.Review, bool) {
	for i := len(req.Reviews) - 1; i >= 0; i-- {
		if r := req.Reviews[i]; r.State == req.State {
			return r, true
		}
	}
	return access.Review{}, false
}
