package slack

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

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
	openEvery    = 5 * time.Second  // the address is asked for that often in the long run …
	openBurst    = 6                // … and so often at once
)

// pacer says when the next connection may be opened. All connections share
// it: what one of them learns about Slack is true for the others, and while
// things fail their attempts come one after another.
type pacer struct {
	limit *rate.Limiter

	mu       sync.Mutex
	failures int
	next     time.Time // the earliest next attempt
}

func newPacer() *pacer { return &pacer{limit: rate.NewLimiter(rate.Every(openEvery), openBurst)} }

// wait waits for an attempt's turn; false if ctx ended first.
func (p *pacer) wait(ctx context.Context) bool {
	if p.limit.Wait(ctx) != nil {
		return false
	}
	for {
		p.mu.Lock()
		now := time.Now()
		at := p.next
		if !now.Before(at) {
			if p.failures > 0 {
				p.next = now.Add(p.backoff())
			}
			p.mu.Unlock()
			return ctx.Err() == nil
		}
		p.mu.Unlock()
		if !sleep(ctx, at.Sub(now)) {
			return false
		}
	}
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
