package socketmode

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/wait"
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

// pacer decides when the next connection may be opened. All connections share
// it: what one learns about Slack holds for the others, and while attempts fail
// they come one after another.
type pacer struct {
	mu       sync.Mutex
	failures int
	next     time.Time            // the earliest next attempt
	recent   [openBurst]time.Time // the last attempts, a ring
	last     int
}

// wait waits until a connection may be opened. It returns false if ctx ended
// first.
func (p *pacer) wait(ctx context.Context) bool {
	for {
		after := p.turn(time.Now())
		if after <= 0 {
			return ctx.Err() == nil
		}
		if !wait.Sleep(ctx, after) {
			return false
		}
	}
}

// turn counts an attempt and returns zero, or returns how long to wait for it.
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

// failed notes an attempt that failed, or a connection that did not last.
func (p *pacer) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	pause := p.backoff()
	if after := fault.After(err); after > 0 {
		// To the letter, and not all replicas in the same moment.
		pause = max(pause, after+jitter(time.Second))
	}
	if at := time.Now().Add(pause); at.After(p.next) {
		p.next = at
	}
}

// succeeded notes a connection that lasted.
func (p *pacer) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = 0
}

func (p *pacer) backoff() time.Duration { return backoff(p.failures, firstBackoff, maxBackoff) }

// backoff returns a pause that doubles with each failure, less up to half of it
// by chance.
func backoff(failures int, first, most time.Duration) time.Duration {
	d := most
	if failures < 16 {
		d = min(most, first<<max(0, failures-1))
	}
	return d/2 + jitter(d/2)
}

func jitter(d time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(d) + 1)) }
