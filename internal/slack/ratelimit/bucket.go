package ratelimit

import (
	"slices"
	"time"
)

const (
	provenAfter  = 20 // calls taken in a row that show an interval to be right, or nearly
	growth       = 16 // an interval that was refused grows by this part of it
	maxInterval  = time.Minute
	maxWaiting   = 10_000           // calls that a bucket keeps a slot for
	forgetWaiter = 5 * time.Minute  // after its slot, a call that never came back
	forgetBucket = 2 * time.Minute  // after its last call
	minGrace     = time.Second      // how late a call may come for its slot
	minComeBack  = time.Second / 10 // the shortest wait that a caller is sent away for
)

// A bucket paces what the server limits by itself. The package comment
// describes its states.
//
// It only computes: the caller passes the time and holds the lock.
// Its fields are one state of the arithmetic above.
type bucket struct {
	documented time.Duration // the interval after the first refusal
	window     int           // calls that may be in flight
	maxWindow  int

	inflight int
	latency  time.Duration // from sending to the answer, smoothed
	lastUsed time.Time

	closedUntil time.Time
	epoch       int           // counts refusals; an answer to a call of an older epoch is ignored
	trial       bool          // no call was taken in this epoch yet
	interval    time.Duration // between calls; 0 while the bucket is open
	lastSent    time.Time     // zero after a refusal
	lastTaken   time.Time     // when the last call that the server took was sent
	taken       int           // calls taken at this interval, as fast as it allows

	waiting  []*waiter // by priority, then arrival
	arrivals uint64
}

// waiter is a call that wants to go.
type waiter struct {
	key      string
	priority int
	arrival  uint64
	present  int       // how many callers are waiting in Limiter.Wait for it
	promised time.Time // when the caller was told to come back
}

// attempt is a call that was sent.
type attempt struct {
	sent  time.Time
	epoch int
	paced bool // it was sent as soon as the interval allowed, so its answer shows whether that is long enough
}

// ask reports whether a call may go now, and if not, when it probably may. The
// call gets a place among those that wait.
func (b *bucket) ask(now time.Time, key string, priority int) (ok bool, at time.Time, w *waiter) {
	b.lastUsed = now
	w = b.waiter(key)
	if w == nil {
		b.arrivals++
		w = &waiter{key: key, priority: priority, arrival: b.arrivals}
		b.insert(now, w)
	}
	ok, at = b.slot(now, w)
	return ok, at, w
}

// slot returns when w may go, and whether that is now.
func (b *bucket) slot(now time.Time, w *waiter) (ok bool, at time.Time) {
	ahead := b.ahead(now, w)
	limit := b.window
	if b.trial {
		limit = 1
	}
	if b.interval == 0 && !now.Before(b.closedUntil) {
		if ahead < limit-b.inflight {
			return true, now
		}
		return false, now.Add(max(b.latency*time.Duration(1+ahead/limit), minComeBack))
	}
	first := b.closedUntil
	if t := b.lastSent.Add(b.interval); t.After(first) {
		first = t
	}
	at = first.Add(time.Duration(ahead) * b.interval)
	switch {
	case now.Before(at):
		return false, at
	case b.inflight >= limit:
		return false, now.Add(max(b.latency, minComeBack))
	}
	return true, now
}

// ahead counts the calls that go before w. In an open bucket these are the
// callers that are present; in a paced one also those that were told to come
// back, until their time and a grace are over.
func (b *bucket) ahead(now time.Time, w *waiter) int {
	n := 0
	grace := max(b.interval, minGrace)
	for _, o := range b.waiting {
		if !o.before(w) {
			break // w itself, or after it
		}
		if o.present > 0 || b.interval > 0 && !o.promised.IsZero() && !now.After(o.promised.Add(grace)) {
			n++
		}
	}
	return n
}

func (w *waiter) before(o *waiter) bool {
	if w.priority != o.priority {
		return w.priority < o.priority
	}
	return w.arrival < o.arrival
}

func (b *bucket) waiter(key string) *waiter {
	for _, w := range b.waiting {
		if w.key == key {
			return w
		}
	}
	return nil
}

// insert keeps w unless too many wait already: then w gets a time like the
// others, but no slot is kept for it.
func (b *bucket) insert(now time.Time, w *waiter) {
	if len(b.waiting) >= maxWaiting {
		b.forget(now)
	}
	if len(b.waiting) >= maxWaiting {
		return
	}
	i, _ := slices.BinarySearchFunc(b.waiting, w, func(a, b *waiter) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	b.waiting = slices.Insert(b.waiting, i, w)
}

// drop removes w from those that wait.
func (b *bucket) drop(w *waiter) {
	if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
}

// forget drops the calls that never came back.
func (b *bucket) forget(now time.Time) {
	b.waiting = slices.DeleteFunc(b.waiting, func(w *waiter) bool {
		return w.present == 0 && now.After(w.promised.Add(forgetWaiter))
	})
}

// idle reports whether the bucket can be forgotten.
func (b *bucket) idle(now time.Time) bool {
	b.forget(now)
	return b.inflight == 0 && len(b.waiting) == 0 && now.After(b.closedUntil) && now.After(b.lastUsed.Add(forgetBucket))
}

// send notes that w's call is sent.
func (b *bucket) send(now time.Time, w *waiter) attempt {
	a := attempt{sent: now, epoch: b.epoch, paced: now.Sub(b.lastSent) <= b.interval*21/20}
	b.drop(w)
	b.inflight++
	b.lastSent, b.lastUsed = now, now
	return a
}

// done notes that a call is over, with or without an answer.
func (b *bucket) done(now time.Time, a attempt) {
	b.inflight--
	b.lastUsed = now
	b.latency += (now.Sub(a.sent) - b.latency) / 4
}

// accepted notes that the server took a call.
func (b *bucket) accepted(a attempt) {
	if a.sent.After(b.lastTaken) {
		b.lastTaken = a.sent
	}
	if b.interval == 0 {
		b.window = min(b.window+1, b.maxWindow)
		return
	}
	if a.epoch != b.epoch {
		return
	}
	b.trial = false
	if a.paced {
		b.taken++
	}
}

// refused notes that the server refused a call because of its rate.
func (b *bucket) refused(now time.Time, a attempt, retryAfter time.Duration) {
	if t := now.Add(retryAfter); t.After(b.closedUntil) {
		b.closedUntil = t
	}
	if a.epoch != b.epoch {
		return // it was in flight when another was refused, and shows nothing new
	}
	switch {
	case b.interval == 0:
		b.interval, b.window = b.documented, b.maxWindow
	case b.trial:
		// Even the call after the wait was refused: never more than one such
		// call in an interval, whatever Retry-After says.
		if t := a.sent.Add(b.interval); t.After(b.closedUntil) {
			b.closedUntil = t
		}
	case a.paced:
		b.grow(a, retryAfter)
	}
	b.epoch++
	b.trial = true
	b.taken = 0
	b.lastSent = time.Time{} // closedUntil alone decides when the next may go
}

// grow makes the interval longer, after a call was refused that had kept it.
//
// By a little if it had been right for a while: then one call was late and the
// next early. If not, what Retry-After adds to the time since the last call
// that was taken, less its rounding to seconds; at most twice as much as
// before, since a limit per minute makes Retry-After long.
func (b *bucket) grow(a attempt, retryAfter time.Duration) {
	longer := b.interval + b.interval/growth
	if b.taken < provenAfter {
		longer = max(longer, min(a.sent.Sub(b.lastTaken)+retryAfter-time.Second, 2*b.interval))
	}
	b.interval = min(longer, maxInterval)
}
