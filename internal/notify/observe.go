package notify

import (
	"cmp"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Observer is told what was done, for whoever counts it. Its methods are
// called from many goroutines and must not block.
type Observer interface {
	Stepped(Stepped)
	Reconciled(Reconciled)
}

// Stepped is what came of one step.
type Stepped struct {
	Op  Op
	Err error // nil if Slack took it
	// Late is how long after what it tells of: for Post since the request was
	// made, or since somebody was made a recipient of it; for the Update that
	// shows a decision, since that. Zero for everything else, for failures,
	// and where the time of the decision is not known.
	Late time.Duration
}

// Reconciled is one look at one request.
type Reconciled struct {
	Took   time.Duration
	Result Result
}

// Result is how a look ended.
type Result uint8

// The results.
const (
	Settled Result = iota // nothing is left to do
	Waiting               // something has to wait for its time
	Failed                // something could not be done
)

var resultNames = [...]string{"settled", "waiting", "failed"}

// String returns the result as a metric's label.
func (r Result) String() string { return resultNames[r] }

// Results returns every result.
func Results() []Result { return []Result{Settled, Waiting, Failed} }

// Ops returns every kind of step.
func Ops() []Op { return []Op{Recover, Post, Update, React, Reply, Final, TellEnds, TellEnded, Remind} }

// result says how the look ended.
func (o outcome) result() Result {
	switch {
	case o.failed:
		return Failed
	case o.again > 0:
		return Waiting
	}
	return Settled
}

// observe tells of a step that Slack has taken or refused; c is the copy as it
// was before.
func (p *pass) observe(s Step, shown access.State, err error) {
	o := p.n.o.Observer
	if o == nil {
		return
	}
	e := Stepped{Op: s.Op, Err: err}
	req := p.facts.Request
	switch {
	case err != nil:
	case s.Op == Post:
		e.Late = since(later(req.Created, p.rerouted))
	case s.Op == Update && req.State.Resolved() && !shown.Resolved():
		at := p.heard
		if r, ok := decisive(req); ok {
			at = r.Created
		}
		e.Late = since(at)
	}
	o.Stepped(e)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// since returns how long ago that was; zero is for unknown. Teleport's clock
// may be ahead of ours.
func since(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(time.Since(at), 1)
}

// heardOf takes out when a change of the request was first heard of.
func (n *Notifier) heardOf(id string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := n.heard[id]
	delete(n.heard, id)
	return at
}

// hear notes when a change was first heard of, unless one is noted already.
func (n *Notifier) hear(id string, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.heard[id]; !ok && !at.IsZero() {
		n.heard[id] = at
	}
}

// nameOf names a copy's recipient; what the published plugin posted has none.
func nameOf(c record.Copy) string { return cmp.Or(c.Name, keyOf(c)) }

// fails notes that a recipient can't be reached.
func (n *Notifier) fails(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.failing) >= maxComplaints {
		clear(n.failing)
	}
	n.failing[name] = time.Now()
}

// reached notes that a recipient got something.
func (n *Notifier) reached(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.failing, name)
}

// Failing returns how many recipients could not be reached when they were last
// tried. Who is not tried for a day is not counted any more.
func (n *Notifier) Failing() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, at := range n.failing {
		if time.Since(at) > retryFailedAfter {
			delete(n.failing, name)
		}
	}
	return len(n.failing)
}

// Stats returns what waits to be looked at.
func (n *Notifier) Stats() queue.Stats { return n.queue.Stats() }
