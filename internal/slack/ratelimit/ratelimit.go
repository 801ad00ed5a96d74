// Package ratelimit paces calls to a server that refuses what comes too fast
// and names the time to come again. It does not know what the calls do.
//
// What the server limits by itself is a bucket: a method, and within a method
// a channel. A call passes its method's bucket, and its channel's if it names
// one. A bucket has three states:
//
//   - Open: calls are not spaced. Only a few are in flight at a time, a number
//     that grows with each answer, so that the first refusal hits few.
//   - Closed: after a refusal no call goes before Retry-After is over, to the
//     letter. Then one call goes alone.
//   - Paced: once that call was taken, calls go at the documented interval.
//     Nothing tries whether a shorter one would do (decision 0021). If the
//     server refuses even calls at this interval, it grows.
//
// A bucket without calls for two minutes is forgotten, and begins open again.
//
// What holds:
//
//   - A bucket is not slowed before the server refused something in it, and
//     does not slow others.
//   - A call that has to wait longer than a moment is sent back with the time
//     to come again, and its slot is kept. Slots go by priority, then by
//     arrival. A caller that does not come for its slot holds up no other.
//   - What is remembered is bounded: idle buckets and calls that never came
//     back are forgotten.
//
// The arithmetic (bucket.go) is apart from the clock, the lock and the waiting
// (this file). There are no goroutines: callers wait in their own.
package ratelimit

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// maxWait is how long Wait waits for a slot; a caller whose slot is later is
// sent back.
const maxWait = 250 * time.Millisecond

// Windows: calls in flight at a time.
const (
	channelWindow     = 4 // in one channel
	methodFirstWindow = 2
	methodWindow      = 16
	sharedWindow      = 1 << 16 // of a method whose calls name channels: those have windows of their own
)

// A refusal in a channel that had been quiet is hardly about that channel; if
// several such come together, they are about the method as a whole.
const (
	quietFor      = 5 * time.Second  // without a call, a channel is quiet
	quietWithin   = 10 * time.Second // so many refusals …
	quietChannels = 3                // … in so many channels are about the method
)

// Rates are the documented intervals between calls.
type Rates struct {
	Methods map[string]time.Duration
	Other   time.Duration // for methods that are not listed
	Channel time.Duration // for each channel
}

// Call is a call that wants to be sent.
type Call struct {
	Op       string // for errors: "post message to #dev"
	Method   string
	Channel  string // empty if only the method's rate counts
	Key      string // the slot is kept for this key
	Priority int    // smaller goes first
}

// Outcome is how a call ended, as far as its rate is concerned.
type Outcome int

// The outcomes.
const (
	Accepted Outcome = iota // the server dealt with it, if only to say no
	Refused                 // it came too fast
	NoAnswer                // nothing is known
)

// Result is how a call ended.
type Result struct {
	Outcome    Outcome
	RetryAfter time.Duration // for Refused
}

// Limiter lets calls go at the pace of their buckets. It is safe for
// concurrent use.
type Limiter struct {
	rates Rates

	mu      sync.Mutex
	buckets map[name]*bucket
	changed chan struct{} // closed when a call may have become possible
	swept   time.Time
	quiet   []quietRefusal
}

// name is a bucket's: a method alone, or a channel within a method.
type name struct{ method, channel string }

// quietRefusal is a refusal in a channel that had been quiet.
type quietRefusal struct {
	bucket *bucket
	at     time.Time
}

// New returns a Limiter whose buckets are open.
func New(r Rates) *Limiter {
	return &Limiter{rates: r, buckets: map[name]*bucket{}, changed: make(chan struct{})}
}

// Reservation is a call in flight. Done must be called once.
type Reservation struct {
	limiter  *Limiter
	buckets  []*bucket // the method's, then the channel's
	attempts []attempt
	quiet    bool // the channel had been
}

// Wait waits for the call's turn if that comes within a moment. Otherwise it
// returns a fault.Retry error with the reason fault.Paced and the time to come
// again; the slot is kept until then.
func (l *Limiter) Wait(ctx context.Context, c Call) (*Reservation, error) {
	deadline := time.Now().Add(maxWait)
	for {
		l.mu.Lock()
		now := time.Now()
		l.sweep(now)
		buckets := l.of(c)
		waiters, all, at := ask(buckets, now, c)
		switch {
		case ctx.Err() != nil:
			dropAbsent(buckets, waiters)
			l.mu.Unlock()
			return nil, canceled(ctx, c)
		case all:
			r := l.send(now, buckets, waiters)
			l.mu.Unlock()
			return r, nil
		case at.After(deadline) && timed(buckets, now), !now.Before(deadline):
			promise(waiters, at)
			l.mu.Unlock()
			return nil, comeBack(c, at.Sub(now))
		}
		for _, w := range waiters {
			w.present++
		}
		changed := l.changed
		l.mu.Unlock()

		// Without a known time, the wait is for the answer to another call.
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
		l.mu.Lock()
		for _, w := range waiters {
			w.present--
		}
		l.mu.Unlock()
	}
}

// Ready returns nil if the call could go now, or within a moment. Otherwise it
// returns the error that Wait would return; the slot is kept.
func (l *Limiter) Ready(c Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	buckets := l.of(c)
	waiters, all, at := ask(buckets, now, c)
	if all || !timed(buckets, now) || at.Sub(now) <= maxWait {
		return nil
	}
	promise(waiters, at)
	return comeBack(c, at.Sub(now))
}

// Done reports how the call ended.
func (r *Reservation) Done(res Result) {
	l := r.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	refuser := -1
	if res.Outcome == Refused {
		refuser = l.refuser(now, r)
	}
	for i, b := range r.buckets {
		b.done(now, r.attempts[i])
		switch {
		case i == refuser:
			b.refused(now, r.attempts[i], res.RetryAfter)
		case res.Outcome == Accepted:
			b.accepted(r.attempts[i])
		}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// Rename makes a channel's bucket known by another name, such as the ID of
// what was only known by its name so far.
func (l *Limiter) Rename(method, from, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name{method, from}]
	if b == nil || from == to {
		return
	}
	delete(l.buckets, name{method, from})
	if l.buckets[name{method, to}] == nil {
		l.buckets[name{method, to}] = b
	}
}

// of returns the buckets that a call has to pass.
func (l *Limiter) of(c Call) []*bucket {
	documented, ok := l.rates.Methods[c.Method]
	if !ok {
		documented = l.rates.Other
	}
	if c.Channel == "" {
		return []*bucket{l.bucket(name{method: c.Method}, documented, methodFirstWindow, methodWindow)}
	}
	return []*bucket{
		l.bucket(name{method: c.Method}, documented, sharedWindow, sharedWindow),
		l.bucket(name{c.Method, c.Channel}, l.rates.Channel, 1, channelWindow),
	}
}

func (l *Limiter) bucket(n name, documented time.Duration, window, maxWindow int) *bucket {
	b := l.buckets[n]
	if b == nil {
		b = &bucket{documented: documented, window: window, maxWindow: maxWindow}
		l.buckets[n] = b
	}
	return b
}

// ask asks all buckets: each has to let the call go, and the latest time
// counts.
func ask(buckets []*bucket, now time.Time, c Call) (waiters []*waiter, all bool, at time.Time) {
	all, at = true, now
	for _, b := range buckets {
		ok, t, w := b.ask(now, c.Key, c.Priority)
		waiters, all = append(waiters, w), all && ok
		if t.After(at) {
			at = t
		}
	}
	return waiters, all, at
}

// timed reports whether a closed or paced bucket set the time; otherwise the
// wait is for answers.
func timed(buckets []*bucket, now time.Time) bool {
	for _, b := range buckets {
		if b.interval > 0 || now.Before(b.closedUntil) {
			return true
		}
	}
	return false
}

func promise(waiters []*waiter, at time.Time) {
	for _, w := range waiters {
		w.promised = at
	}
}

// dropAbsent removes the waiters for which no caller waits.
func dropAbsent(buckets []*bucket, waiters []*waiter) {
	for i, b := range buckets {
		if waiters[i].present == 0 {
			b.drop(waiters[i])
		}
	}
}

func (l *Limiter) send(now time.Time, buckets []*bucket, waiters []*waiter) *Reservation {
	r := &Reservation{limiter: l, buckets: buckets}
	last := buckets[len(buckets)-1]
	r.quiet = len(buckets) > 1 && last.inflight == 0 && now.Sub(last.lastSent) > quietFor
	for i, b := range buckets {
		r.attempts = append(r.attempts, b.send(now, waiters[i]))
	}
	return r
}

// refuser returns the index of the bucket that a refusal is about.
func (l *Limiter) refuser(now time.Time, r *Reservation) int {
	last := len(r.buckets) - 1
	if !r.quiet {
		return last
	}
	channel := r.buckets[last]
	distinct := 1
	kept := l.quiet[:0]
	for _, q := range l.quiet {
		if now.Sub(q.at) <= quietWithin && q.bucket != channel {
			kept = append(kept, q)
			distinct++
		}
	}
	kept = append(kept, quietRefusal{bucket: channel, at: now})
	l.quiet = kept[max(0, len(kept)-quietChannels-1):] // more say nothing new
	if distinct >= quietChannels || r.buckets[0].interval > 0 {
		return 0
	}
	return last
}

// sweep forgets idle buckets, from time to time.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < forgetBucket {
		return
	}
	l.swept = now
	for n, b := range l.buckets {
		if b.idle(now) {
			delete(l.buckets, n)
		}
	}
}

func comeBack(c Call, after time.Duration) error {
	return &fault.Error{Op: c.Op, Reason: fault.Paced, Class: fault.Retry, RetryAfter: after}
}

func canceled(ctx context.Context, c Call) error {
	f := &fault.Error{Op: c.Op, Reason: "canceled", Class: fault.Retry, Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Reason = "timeout"
	}
	return f
}
