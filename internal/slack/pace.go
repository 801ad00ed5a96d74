package slack

import (
	"slices"
	"time"
)

// A lane is what Slack limits by itself: a method, or one channel's posts.
//
// It begins open: nothing is held back but a few calls at a time, a number
// that grows with each answer, so that a first refusal does not hit a whole
// crowd. The first 429 closes it until Retry-After is over, to the letter.
// Then one call goes through, and if that is taken the lane goes on at an
// interval: Slack's published rate at first, a little faster after every
// twenty calls that went well, back again when that was refused, and each
// such attempt twice as far from the last. So a refusal costs one call in
// twenty at most, and an interval that Slack's limit allows is found.
//
// Calls that have to wait get slots, one interval apart, by priority and then
// by arrival. A slot belongs to its call's key until it's over.
//
// lane is pure: whoever calls says what time it is.
type lane struct {
	start     time.Duration // the interval after the first refusal
	window    int           // calls at a time
	maxWindow int

	inFlight    int
	latency     time.Duration // how long answers take, smoothed
	closedUntil time.Time
	interval    time.Duration // between calls; 0 while the lane is open
	lastSent    time.Time
	lastTaken   time.Time     // when the last call that Slack took was sent
	trial       bool          // Slack has not taken a call since it refused one
	era         int           // counts refusals; what was sent in an older era says nothing about this one
	good        time.Duration // the interval that worked, while a shorter one is tried
	settled     bool          // the interval once held for provenAfter calls
	streak      int           // calls taken at this interval
	probeAfter  int           // streak after which a shorter interval is tried
	used        time.Time

	waiting []*waiter // by priority, then arrival
	arrived uint64
}

// waiter is a call that wants to go.
type waiter struct {
	key      string
	priority int
	arrival  uint64
	present  int       // how many callers wait inside right now
	promised time.Time // when the caller was told to come back
}

const (
	provenAfter   = 20                    // calls taken in a row that make an interval good
	maxProbeAfter = 640                   // calls between attempts at a shorter interval, at most
	minInterval   = 10 * time.Millisecond // shorter is open
	maxInterval   = time.Minute
	maxWaiting    = 10_000           // slots kept in a lane
	forgetWaiter  = 5 * time.Minute  // after its slot, a call that never came back
	forgetLane    = 2 * time.Minute  // without a call
	minGrace      = time.Second      // how late a call may come for its slot
	minComeBack   = time.Second / 10 // the shortest wait that is worth the way
)

// ask says whether a call may go now, and if not, when it probably may. It
// notes the call among those that wait.
func (l *lane) ask(now time.Time, key string, priority int) (ok bool, at time.Time, w *waiter) {
	l.used = now
	w = l.waiter(key)
	if w == nil {
		l.arrived++
		w = &waiter{key: key, priority: priority, arrival: l.arrived}
		l.insert(now, w)
	}
	ok, at = l.slot(now, w)
	return ok, at, w
}

// slot says when w may go.
func (l *lane) slot(now time.Time, w *waiter) (ok bool, at time.Time) {
	ahead := l.ahead(now, w)
	limit := l.window
	if l.trial {
		limit = 1
	}
	if l.interval == 0 && !now.Before(l.closedUntil) {
		if ahead < limit-l.inFlight {
			return true, now
		}
		return false, now.Add(max(l.latency*time.Duration(1+ahead/limit), minComeBack))
	}
	ready := l.closedUntil
	if t := l.lastSent.Add(l.interval); t.After(ready) {
		ready = t
	}
	at = ready.Add(time.Duration(ahead) * l.interval)
	switch {
	case now.Before(at):
		return false, at
	case l.inFlight >= limit:
		return false, now.Add(max(l.latency, minComeBack))
	}
	return true, now
}

// ahead counts those who have a slot before w. In an open lane only who stands
// there counts; in a slow one also who was promised a time, until that time
// and a grace are over.
func (l *lane) ahead(now time.Time, w *waiter) int {
	n := 0
	grace := max(l.interval, minGrace)
	for _, o := range l.waiting {
		if !o.before(w) {
			break // w itself, or who comes after it
		}
		if o.present > 0 || l.interval > 0 && !o.promised.IsZero() && !now.After(o.promised.Add(grace)) {
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

func (l *lane) waiter(key string) *waiter {
	for _, w := range l.waiting {
		if w.key == key {
			return w
		}
	}
	return nil
}

// insert keeps w unless there are too many already: then it gets a time like
// everybody, but its slot is not kept.
func (l *lane) insert(now time.Time, w *waiter) {
	if len(l.waiting) >= maxWaiting {
		l.forget(now)
	}
	if len(l.waiting) >= maxWaiting {
		return
	}
	i, _ := slices.BinarySearchFunc(l.waiting, w, func(a, b *waiter) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	l.waiting = slices.Insert(l.waiting, i, w)
}

// drop takes w out of those that wait.
func (l *lane) drop(w *waiter) {
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
}

// forget drops the calls that never came back.
func (l *lane) forget(now time.Time) {
	l.waiting = slices.DeleteFunc(l.waiting, func(w *waiter) bool {
		return w.present == 0 && now.After(w.promised.Add(forgetWaiter))
	})
}

// idle says that the lane has nothing worth keeping.
func (l *lane) idle(now time.Time) bool {
	l.forget(now)
	return l.inFlight == 0 && len(l.waiting) == 0 && now.After(l.closedUntil) && now.After(l.used.Add(forgetLane))
}

// flight is a call on its way.
type flight struct {
	sent  time.Time
	era   int
	tight bool // it was sent as soon as the interval let it, so its answer says something about that
}

// send notes that w's call goes out.
func (l *lane) send(now time.Time, w *waiter) flight {
	f := flight{sent: now, era: l.era, tight: now.Sub(l.lastSent) <= l.interval*21/20}
	l.drop(w)
	l.inFlight++
	l.lastSent, l.used = now, now
	return f
}

// done notes that a call is over, whatever came of it.
func (l *lane) done(now time.Time, f flight) {
	l.inFlight--
	l.used = now
	l.latency += (now.Sub(f.sent) - l.latency) / 4
}

// taken notes that Slack took a call.
func (l *lane) taken(f flight) {
	if f.sent.After(l.lastTaken) {
		l.lastTaken = f.sent
	}
	if l.interval == 0 {
		l.window = min(l.window+1, l.maxWindow)
		return
	}
	if f.era != l.era {
		return
	}
	l.trial = false
	if !f.tight {
		return
	}
	l.streak++
	if l.streak >= provenAfter {
		l.settled = true
	}
	if l.streak < l.probeAfter {
		return
	}
	// Steady for long enough: try a tenth less.
	l.good, l.interval, l.streak = l.interval, l.interval*9/10, 0
	if l.interval < minInterval {
		l.interval, l.good, l.settled, l.window = 0, 0, false, 1
	}
}

// refused notes a 429.
func (l *lane) refused(now time.Time, f flight, retryAfter time.Duration) {
	if t := now.Add(retryAfter); t.After(l.closedUntil) {
		l.closedUntil = t
	}
	if f.era != l.era {
		return // it was on its way when another was refused, and teaches nothing new
	}
	l.era++
	l.trial = true
	l.lastSent = time.Time{} // Retry-After alone says when the next may go
	switch {
	case l.interval == 0:
		l.interval, l.probeAfter, l.window = l.start, provenAfter, l.maxWindow
	case l.good > 0 && l.streak < l.probeAfter:
		// The attempt failed: back to what is known to work, without a trial,
		// and wait longer with the next.
		l.interval, l.good, l.trial = l.good, 0, false
		l.probeAfter = min(2*l.probeAfter, maxProbeAfter)
	case l.settled:
		// It held for a while, so it's nearly right.
		l.interval = l.interval * 11 / 10
		l.settled = l.streak >= provenAfter
	default:
		// The time that Slack would have wanted between the last call it took
		// and the next, but not more than twice as much as before: limits by
		// the minute make it long.
		l.interval = min(max(l.closedUntil.Sub(l.lastTaken), l.interval*11/10), 2*l.interval)
	}
	l.interval = min(l.interval, maxInterval)
	l.streak = 0
}
