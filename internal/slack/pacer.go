package slack

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Times of reconnecting.
const (
	firstBackoff = time.Second
	maxBackoff   = time.Minute
	// Connections beyond Slack's ten: ours may be too many, or another
	// program's.
	firstTooMany = time.Minute
	maxTooMany   = 10 * time.Minute
	stableAfter  = 30 * time.Second // a connection that lived so long was a good one
	openBurst    = 6                // so many attempts, all connections together, …
	openWindow   = 30 * time.Second // … within so much time, even where nothing fails
)

// pacer says when the next connection may be opened. All connections share
// it: what one of them learns about Slack is true for the others, and while
// things fail their attempts come one after another.
type pacer struct {
	mu       sync.Mutex
	failures int
	next     time.Time            // the earliest next attempt
	recent   [openBurst]time.Time // the last attempts, a ring
	last     int
}

// wait waits for an attempt's turn; false if ctx ended first.
func (p *pacer) wait(ctx context.Context) bool {
	for {
		after := p.turn(time.Now())
		if after <= 0 {
			return ctx.Err() == nil
		}
		if !sleep(ctx, after) {
			return false
		}
	}
}

// turn takes the turn, or returns how long it is until there may be one.
func (p *pacer) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.recent[p.last].Add(openWindow)
	if p.next.After(at) {
		at = p.next
	}
	if now.Before(at) {
		return at.Sub(now)
	}
	p.recent[p.last] = now
	p.last = (p.last + 1) % openBurst
	if p.failures > 0 {
		p.next = now.Add(p.backoff())
	}
	return 0
}

// failed notes an attempt that came to nothing, or a connection that did not
// last.
func (p *pacer) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	wait := p.backoff()
	if after := fault.After(err); after > 0 {
		// To the letter, and not all replicas in the same moment.
		wait = max(wait, after+jitter(time.Second))
	}
	if at := time.Now().Add(wait); at.After(p.next) {
		p.next = at
	}
}

// lasted notes a connection that was good.
func (p *pacer) lasted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = 0
}

func (p *pacer) backoff() time.Duration { return backoff(p.failures, firstBackoff, maxBackoff) }

// backoff doubles with each failure, and is between half and all of that.
func backoff(failures int, first, most time.Duration) time.Duration {
	d := most
	if failures < 16 {
		d = min(most, first<<max(0, failures-1))
	}
	return d/2 + jitter(d/2)
}

func jitter(d time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(d) + 1)) }

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
