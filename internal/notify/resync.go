package notify

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// A request that is as young as youngRequest may not be announced yet, and is
// reconciled without waiting for the listing of records: up to maxAtOnce of them,
// since each costs two reads.
const (
	youngRequest = time.Hour
	maxAtOnce    = 1000
)

// Resync lists all requests and reconciles each that has changed since nothing
// was left to do for it. After a new connection it lists the records as well:
// requests may have ended while nobody watched, and those of which a record
// shows that nothing is left to do need no delivery.
func (n *Notifier) Resync(ctx context.Context) error {
	full := n.full.Swap(false)
	routing := n.recipients.Routing()
	atOnce := 0
	listed := map[string]summary{} // the zero summary where there is nothing to compare with a record
	err := n.o.Requests.Requests(ctx, func(req access.Request) error {
		listed[req.ID] = summary{}
		switch {
		case n.isSettled(req):
		case full && (atOnce == maxAtOnce || req.State.Resolved() || time.Since(req.Created) > youngRequest):
			listed[req.ID] = n.summarize(req, routing)
		default:
			atOnce++
			n.queue.Add(req.ID, priorityOf(req.State))
		}
		return nil
	})
	if err == nil && full {
		err = n.o.Records.Records(ctx, func(id string, data map[string]string) error {
			switch s, ok := listed[id]; {
			case !ok && !n.delivered(id, data):
				n.queue.Add(id, queue.Passing)
			case s.unread && n.settleFrom(id, s, data, routing):
				listed[id] = summary{}
			}
			return nil
		})
	}
	for id, s := range listed {
		if s.unread {
			n.queue.Add(id, priorityOf(s.state))
		}
	}
	if err != nil {
		if full {
			n.full.Store(true)
		}
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, m := range n.requests {
		if _, ok := listed[id]; !ok && m.settled != (settled{}) {
			m.settled = settled{} // the event of its end was lost
			n.queue.Add(id, queue.Normal)
		}
	}
	return nil
}

// priorityOf returns how urgent a request is that was listed: an undecided one
// may lack its first message.
func priorityOf(s access.State) queue.Priority {
	if s.Resolved() {
		return queue.Passing
	}
	return queue.Urgent
}

// summary is what Plan needs of a request, in little memory: while records are
// listed there is one for each request.
type summary struct {
	unread      bool // it is to be compared with its record
	longTerm    bool
	state       access.State
	reviews     int32
	reviewedAt  int64 // of the last review; times are Unix nanoseconds, zero for none
	created     int64
	expires     int64
	accessEnds  int64
	assumeStart int64
	digests     [2][digestLen]byte
	fingerprint [recipient.FingerprintLen]byte // of what recipients are assigned from
}

func (n *Notifier) summarize(req access.Request, routing *recipient.Routing) summary {
	st := State{Request: req, Buttons: *n.buttons.Load()}.withDigests()
	s := summary{
		unread: true,
		state:  req.State, longTerm: req.Kind == access.LongTerm, reviews: int32(min(len(req.Reviews), math.MaxInt32)),
		created: nanoseconds(req.Created), expires: nanoseconds(req.Expires), accessEnds: nanoseconds(req.AccessExpires), assumeStart: nanoseconds(req.AssumeStart),
	}
	copy(s.fingerprint[:], routing.Fingerprint(req))
	for to, digest := range st.digests {
		copy(s.digests[to][:], digest)
	}
	for _, v := range req.Reviews {
		s.reviewedAt = max(s.reviewedAt, nanoseconds(v.Created))
	}
	return s
}

// request returns as much of the request as Plan needs.
func (s summary) request(id string) access.Request {
	req := access.Request{
		ID: id, State: s.state, Reviews: make([]access.Review, s.reviews),
		Created: moment(s.created), Expires: moment(s.expires), AccessExpires: moment(s.accessEnds), AssumeStart: moment(s.assumeStart),
	}
	if s.longTerm {
		req.Kind = access.LongTerm
	}
	for i := range req.Reviews {
		req.Reviews[i].Created = moment(s.reviewedAt)
	}
	return req
}

// settleFrom remembers that nothing is left to do for a request, if its record
// shows that, and reports whether it does.
func (n *Notifier) settleFrom(id string, s summary, data map[string]string, routing *recipient.Routing) bool {
	rec, problems := record.Decode(data)
	now := time.Now()
	st := State{
		Request: s.request(id), Record: rec, Now: now, digests: [2]string{string(s.digests[0][:]), string(s.digests[1][:])}, RetryBefore: routing.Since,
		CanReact: !n.noReact.Load(), Ends: n.o.Ends, Reminders: n.o.Reminders, Buttons: *n.buttons.Load(),
	}
	switch {
	case len(problems) > 0 || rec.Snapshot.State != s.state:
		return false
	case st.announces() && rec.Assigned != string(s.fingerprint[:]):
		return false
	case slices.ContainsFunc(rec.Copies, func(c record.Copy) bool { return c.Failure != nil || c.Intent != nil }):
		return false // to be tried again after a restart
	case len(Plan(st)) > 0 || st.escalates():
		return false
	}
	n.settle(st, routing)
	if at := NextDue(st); !at.IsZero() {
		n.alarms.After(id, queue.Normal, at.Sub(now))
	}
	return true
}

// delivered reports whether the record of a request that is gone leaves nothing
// to do, now or later.
func (n *Notifier) delivered(id string, data map[string]string) bool {
	rec, _ := record.Decode(data)
	if !rec.Ended() {
		return false
	}
	s := State{Gone: true, Record: rec, Now: time.Now(), Ends: n.o.Ends}
	s.Request, _ = rec.Tombstone(id)
	return len(Plan(s)) == 0 && NextDue(s).IsZero()
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
