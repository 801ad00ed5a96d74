package notify

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/outbox"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// requestMemory is what this process remembers of one request between two
// deliveries. It is dropped when the request is gone; of one that is fully
// delivered only settled stays, as long as Teleport lists the request.
type requestMemory struct {
	// Guarded by Notifier.mu.
	settled   settled
	changedAt time.Time // when a change was first seen that is not delivered yet; zero if none was
	event     *event    // the request as the last event had it; nil once that was used

	// delivery belongs to the worker that has the request; nil between two
	// deliveries if there is nothing to remember.
	delivery *deliveryMemory
}

// settled is what a request was when nothing was left to do; zero if something is.
type settled struct {
	digest string
	until  time.Time // when to look at it again all the same; zero for never
}

// deliveryMemory is what a delivery leaves to the next one of its request.
type deliveryMemory struct {
	unsaved    []record.Result   // results that could not be written
	leases     outbox.LeaseWatch // since when other replicas have intents, by copy, and the record, by writerLease
	recipients recipient.Memory  // how long look-ups have failed
	logged     string            // the last state of the request that was logged
}

// writerLease is the key of the lease on a record; no copy's ID has a blank.
const writerLease = "the writer"

// memory returns the request's memory, which the caller's worker owns.
func (n *Notifier) memory(id string) *deliveryMemory {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.request(id)
	if m.delivery == nil {
		m.delivery = &deliveryMemory{}
	}
	return m.delivery
}

// request returns the request's memory. The caller holds mu.
func (n *Notifier) request(id string) *requestMemory {
	m := n.requests[id]
	if m == nil {
		m = &requestMemory{}
		n.requests[id] = m
	}
	return m
}

// forget drops everything that is remembered of a request that is gone.
func (n *Notifier) forget(id string) {
	n.mu.Lock()
	delete(n.requests, id)
	n.mu.Unlock()
	n.problems.Clear(logonce.Key{Kind: aboutRecord, Name: id})
	n.problems.Clear(logonce.Key{Kind: aboutRecordParts, Name: id})
	n.recipients.Forget(id)
}

// settle remembers that nothing is left to do for the request as it is.
func (n *Notifier) settle(s State, by *recipient.Routing) {
	as := settled{digest: s.digest(access.Reviewers)}
	for _, c := range s.Record.Copies {
		if c.Failure != nil {
			as.until = time.Now().Add(recipient.RetryAfter)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.recipients.Routing() == by { // with other routes others may have to be notified
		n.request(s.Request.ID).settled = as
	}
}

// release drops what a delivery leaves to the next one. The worker calls it that
// has the request.
func (n *Notifier) release(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.requests[id]
	if m == nil {
		return
	}
	m.delivery = nil
	if *m == (requestMemory{}) {
		delete(n.requests, id)
	}
}

// isSettled reports whether nothing was left to do for the request as it is.
func (n *Notifier) isSettled(req access.Request) bool {
	n.mu.Lock()
	m := n.requests[req.ID]
	var as settled
	if m != nil {
		as = m.settled
	}
	n.mu.Unlock()
	return as.digest != "" && as.digest == Digest(req, access.Reviewers, *n.buttons.Load()) &&
		(as.until.IsZero() || time.Now().Before(as.until))
}

// unsettleAll makes the next Resync look at every request.
func (n *Notifier) unsettleAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, m := range n.requests {
		m.settled = settled{}
		if *m == (requestMemory{}) {
			delete(n.requests, id)
		}
	}
}

// changed notes when a change of the request was first seen, unless one is
// noted already.
func (n *Notifier) changed(id string, at time.Time) {
	if at.IsZero() {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := n.request(id); m.changedAt.IsZero() {
		m.changedAt = at
	}
}

// eventFresh is how old an event may be for its request to be delivered as it
// was then, instead of being read. A change in between has an event of its own.
const eventFresh = 2 * time.Second

// event is a request as an event had it.
type event struct {
	request access.Request
	at      time.Time
}

// changedTo notes a change that an event brought, and the request after it.
func (n *Notifier) changedTo(id string, req *access.Request) {
	now := time.Now()
	n.changed(id, now)
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.request(id)
	m.event = nil
	if req != nil {
		m.event = &event{request: *req, at: now}
	}
}

// takeEvent takes out the request as the last event had it, if that is fresh.
func (n *Notifier) takeEvent(id string) (access.Request, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.requests[id]
	if m == nil || m.event == nil {
		return access.Request{}, false
	}
	e := m.event
	m.event = nil
	return e.request, time.Since(e.at) < eventFresh
}

// takeChange takes out when a change of the request was first seen.
func (n *Notifier) takeChange(id string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.requests[id]
	if m == nil {
		return time.Time{}
	}
	at := m.changedAt
	m.changedAt = time.Time{}
	return at
}
