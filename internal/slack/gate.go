package slack

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// maxWaitInside is how long a call waits for its slot in here; what takes
// longer is sent back with the time to come again.
const maxWaitInside = 250 * time.Millisecond

const (
	channelWindow = 4 // posts into one channel at a time
	methodWindow  = 16
	postsWindow   = 1 << 16 // posts altogether: channels have their own lanes
)

// intervals are Slack's published rates as the time between calls, with one
// per cent for the way, since a call that arrives a millisecond early is
// refused. Sources conflict on some, and Slack may take more or less: lanes
// find out. https://docs.slack.dev/apis/web-api/rate-limits
var intervals = map[string]time.Duration{
	"chat.postMessage":      200 * time.Millisecond, // altogether: "several hundred messages per minute"
	"chat.update":           tier3,
	"reactions.add":         tier3,
	"users.lookupByEmail":   tier3,
	"conversations.open":    tier3,
	"conversations.history": tier3,
	"conversations.replies": tier3,
	"conversations.list":    tier2,
	"conversations.info":    tier3,
	"usergroups.list":       tier2,
	"chat.postEphemeral":    tier4,
	"views.open":            tier4,
	"users.info":            tier4,
}

const (
	tier2           = time.Minute / 20 * 101 / 100
	tier3           = time.Minute / 50 * 101 / 100
	tier4           = time.Minute / 100 * 101 / 100
	channelInterval = time.Second * 101 / 100
	otherInterval   = time.Second * 101 / 100
)

// gate lets calls through at their lanes' pace: the clock, the lock and the
// waiting around lanes.
type gate struct {
	mu      sync.Mutex
	lanes   map[string]*lane
	changed chan struct{} // closed when something may have become free
	swept   time.Time
	quiet   []quietRefusal
}

// quietRefusal is a refused post into a channel that had been quiet. It can
// hardly be about that channel; several of them mean the whole workspace.
type quietRefusal struct {
	lane *lane
	at   time.Time
}

const (
	quietFor       = 5 * time.Second  // without a post, a channel is quiet
	quietWithin    = 10 * time.Second // so many refusals …
	quietWorkspace = 3                // … in so many channels are about the workspace
)

// ticket is a call on its way.
type ticket struct {
	lanes   []*lane // of the method, and of the channel if it has its own
	flights []flight
	quiet   bool // the channel had been
}

func newGate() *gate {
	return &gate{lanes: map[string]*lane{}, changed: make(chan struct{})}
}

// of returns the lanes that a call has to pass.
func (g *gate) of(r request) []*lane {
	start, ok := intervals[r.method]
	if !ok {
		start = otherInterval
	}
	if r.lane == "" {
		return []*lane{g.lane(r.method, start, 2, methodWindow)}
	}
	return []*lane{g.lane(r.method, start, postsWindow, postsWindow), g.lane(r.lane, channelInterval, 1, channelWindow)}
}

func (g *gate) lane(name string, start time.Duration, window, maxWindow int) *lane {
	l := g.lanes[name]
	if l == nil {
		l = &lane{start: start, window: window, maxWindow: maxWindow}
		g.lanes[name] = l
	}
	return l
}

// enter waits for the call's turn if that comes soon, and otherwise returns
// when to come back for it.
func (g *gate) enter(ctx context.Context, r request) (*ticket, error) {
	deadline := time.Now().Add(maxWaitInside)
	for {
		g.mu.Lock()
		now := time.Now()
		g.sweep(now)
		lanes := g.of(r)
		waiters, all, at := ask(lanes, now, r)
		switch {
		case ctx.Err() != nil:
			leaveQueue(lanes, waiters)
			g.mu.Unlock()
			return nil, canceled(ctx, r)
		case all:
			t := g.send(now, lanes, waiters)
			g.mu.Unlock()
			return t, nil
		case at.After(deadline) && known(lanes, now), !now.Before(deadline):
			for _, w := range waiters {
				w.promised = at
			}
			g.mu.Unlock()
			return nil, comeBack(r, at.Sub(now))
		}
		for _, w := range waiters {
			w.present++
		}
		changed := g.changed
		g.mu.Unlock()

		// Without a known time, the wait is for somebody's answer.
		until := deadline
		if at.Before(until) {
			until = at
		}
		timer := time.NewTimer(until.Sub(now))
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		g.mu.Lock()
		for _, w := range waiters {
			w.present--
		}
		g.mu.Unlock()
	}
}

// ask asks all lanes: each has to let the call go, and the latest time counts.
func ask(lanes []*lane, now time.Time, r request) (waiters []*waiter, all bool, at time.Time) {
	all, at = true, now
	for _, l := range lanes {
		ok, t, w := l.ask(now, r.key, r.priority)
		waiters, all = append(waiters, w), all && ok
		if t.After(at) {
			at = t
		}
	}
	return waiters, all, at
}

// known says that a slow lane set the time, not the answers that are awaited.
func known(lanes []*lane, now time.Time) bool {
	for _, l := range lanes {
		if l.interval > 0 || now.Before(l.closedUntil) {
			return true
		}
	}
	return false
}

func leaveQueue(lanes []*lane, waiters []*waiter) {
	for i, l := range lanes {
		if waiters[i].present == 0 {
			l.drop(waiters[i])
		}
	}
}

func (g *gate) send(now time.Time, lanes []*lane, waiters []*waiter) *ticket {
	t := &ticket{lanes: lanes}
	last := lanes[len(lanes)-1]
	t.quiet = len(lanes) > 1 && last.inFlight == 0 && now.Sub(last.lastSent) > quietFor
	for i, l := range lanes {
		t.flights = append(t.flights, l.send(now, waiters[i]))
	}
	return t
}

// leave hands the call's result to its lanes.
func (g *gate) leave(t *ticket, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	f, failed := fault.As(err)
	blamed := -1
	if failed && f.Reason == "ratelimited" {
		blamed = g.blame(now, t)
	}
	for i, l := range t.lanes {
		l.done(now, t.flights[i])
		switch {
		case i == blamed:
			l.refused(now, t.flights[i], f.RetryAfter)
		case blamed < 0 && (!failed || answered(f)):
			l.taken(t.flights[i])
		}
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// blame says which of the call's lanes a refusal is about.
func (g *gate) blame(now time.Time, t *ticket) int {
	last := len(t.lanes) - 1
	if !t.quiet {
		return last
	}
	own := t.lanes[last]
	distinct := 1
	kept := g.quiet[:0]
	for _, q := range g.quiet {
		if now.Sub(q.at) <= quietWithin && q.lane != own {
			kept = append(kept, q)
			distinct++
		}
	}
	// More than a few say nothing new.
	kept = append(kept, quietRefusal{lane: own, at: now})
	g.quiet = kept[max(0, len(kept)-quietWorkspace-1):]
	if distinct >= quietWorkspace || t.lanes[0].interval > 0 {
		return 0
	}
	return last
}

// answered says that Slack dealt with the call, if only to refuse what it
// asked for.
func answered(f *fault.Error) bool {
	switch f.Class {
	case fault.Retry, fault.Unknown:
		return false
	}
	return true
}

// ready is enter without going: nil if the call could, else its slot.
func (g *gate) ready(r request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	lanes := g.of(r)
	waiters, all, at := ask(lanes, now, r)
	if all || !known(lanes, now) || at.Sub(now) <= maxWaitInside {
		return nil
	}
	for _, w := range waiters {
		w.promised = at
	}
	return comeBack(r, at.Sub(now))
}

// rename makes a channel's lane known by its ID, once that is learnt.
func (g *gate) rename(from, to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lanes[from]
	if l == nil || from == to {
		return
	}
	delete(g.lanes, from)
	if g.lanes[to] == nil {
		g.lanes[to] = l
	}
}

// sweep forgets idle lanes, now and then.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < forgetLane {
		return
	}
	g.swept = now
	for name, l := range g.lanes {
		if l.idle(now) {
			delete(g.lanes, name)
		}
	}
}

func comeBack(r request, after time.Duration) error {
	return &fault.Error{Op: r.op, Reason: "paced", Class: fault.Retry, RetryAfter: after}
}

func canceled(ctx context.Context, r request) error {
	f := &fault.Error{Op: r.op, Reason: "canceled", Class: fault.Retry, Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Reason = "timeout"
	}
	return f
}
