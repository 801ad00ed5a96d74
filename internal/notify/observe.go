package notify

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/queue"
)

// Observer gets what was done, for metrics. Its methods are called from many
// goroutines and must not block.
type Observer interface {
	Stepped(Stepped)
	Reconciled(Reconciled)
}

// Stepped is one step that Slack has taken or refused.
type Stepped struct {
	Op  Op
	Err error // nil if Slack took it
	// Late is the delay: for Post since the request was made, or since somebody
	// became a recipient of it; for the Update that shows a decision, since
	// that. Zero for everything else, for failures, and where the time of the
	// decision is not known.
	Late time.Duration
}

// Reconciled is one delivery of one request.
type Reconciled struct {
	Took   time.Duration
	Status Status
}

// Status is how a delivery ended.
type Status uint8

// The statuses.
const (
	Settled Status = iota // nothing is left to do
	Waiting               // something has to wait for its time
	Failed                // something could not be done
)

var statusNames = [...]string{"settled", "waiting", "failed"}

// String returns the status as a metric's label.
func (s Status) String() string { return statusNames[s] }

// Statuses returns every status.
func Statuses() []Status { return []Status{Settled, Waiting, Failed} }

// Result is how a delivery ended: fully delivered if it is zero.
type Result struct {
	Failed     bool          // something is due and could not be done
	RetryAfter time.Duration // reconcile again after this long; zero for not, unless Failed
	Within     time.Duration // but not later than this, whatever the backoff; zero for no limit
}

// status returns how the delivery ended.
func (r Result) status() Status {
	switch {
	case r.Failed:
		return Failed
	case r.RetryAfter > 0:
		return Waiting
	}
	return Settled
}

// observe reports a step that Slack has taken or refused.
func (d *delivery) observe(c call, err error) {
	o := d.n.o.Observer
	if o == nil {
		return
	}
	e := Stepped{Op: c.step.Op, Err: err}
	req := d.st.Request
	switch {
	case err != nil:
	case c.step.Op == Post:
		began := req.Created
		if d.routing.Changed && d.routing.Since.After(began) {
			began = d.routing.Since
		}
		e.Late = latency(began, c.ended)
	case c.step.Op == Update && req.State.Resolved() && !c.was.State.Resolved():
		decided := d.changedAt
		if r, ok := decisive(req); ok {
			decided = r.Created
		}
		e.Late = latency(decided, c.ended)
	}
	o.Stepped(e)
}

// latency returns the time between two; zero if the first is not known. Teleport's
// clock may be ahead of ours.
func latency(from, to time.Time) time.Duration {
	if from.IsZero() {
		return 0
	}
	return max(to.Sub(from), 1)
}

// Failing returns how many recipients could not be reached when they were last
// tried.
func (n *Notifier) Failing() int { return n.recipients.Failing.Len() }

// Stats returns how many requests wait for their delivery.
func (n *Notifier) Stats() queue.Stats { return n.queue.Stats() }
