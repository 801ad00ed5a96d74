// Package queue holds the keys of things to look at again.
//
// It is level-triggered: a key stands in it once however often it is added, it
// is handed to one worker at a time, and a key that is added while a worker has
// it comes back when that worker is done. So memory is one entry a key, not one
// an event, and nothing that was added is forgotten. Keys that are due go out
// by priority, then in the order in which they came.
//
// It holds no data but keys and knows nothing of what they mean.
package queue

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Priority orders keys that are due; a lower one goes first.
type Priority uint8

// The priorities.
const (
	Urgent  Priority = iota // somebody waits for a first message
	Normal                  // a message has to change
	Passing                 // a look in passing, such as a resync's
)

// The delays between attempts at the same key: the first, and the longest.
const (
	BackoffFirst = 500 * time.Millisecond
	BackoffMax   = 2 * time.Minute
)

// Queue is a set of keys, some due, some later. It is safe for concurrent use;
// New makes one.
type Queue struct {
	mu     sync.Mutex
	items  map[string]*item
	ready  readyHeap
	later  laterHeap
	seq    uint64
	signal chan struct{} // closed and replaced whenever something may have become due
}

type place uint8

const (
	nowhere place = iota // only remembered for its failures, or in a worker's hands
	inReady
	inLater
)

type item struct {
	key      string
	place    place
	index    int // in the heap that place names
	priority Priority
	seq      uint64
	due      time.Time
	since    time.Time // when it first became due, zero while it is not waiting
	working  bool
	again    bool          // added while working: due when done
	wait     time.Duration // asked to come back while working: due that long after it's done; 0 for not
	failures int
}

// New returns an empty queue.
func New() *Queue {
	return &Queue{items: map[string]*item{}, signal: make(chan struct{})}
}

func (q *Queue) item(key string, p Priority) *item {
	it, ok := q.items[key]
	if !ok {
		it = &item{key: key, priority: p}
		q.items[key] = it
	}
	it.priority = min(it.priority, p)
	return it
}

// Add makes the key due now. A key that waits out a backoff stays there: what
// kept it from succeeding has not changed because something else happened.
func (q *Queue) Add(key string, p Priority) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.item(key, p)
	switch {
	case it.working:
		it.again = true
	case it.place == inReady:
		heap.Fix(&q.ready, it.index)
	case it.place == inLater && it.failures > 0:
	default:
		q.makeReady(it)
	}
}

// After makes the key due after d, unless it is due before. Called by the
// worker that has the key, it counts from when that worker is done.
func (q *Queue) After(key string, p Priority, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.item(key, p)
	if it.working {
		if it.wait == 0 || d < it.wait {
			it.wait = max(d, 1)
		}
		return
	}
	q.makeLater(it, d)
}

// Retry makes a key that failed due after a backoff that grows with each
// failure, but not before atLeast, and not after atMost unless that is zero. It
// returns the delay.
func (q *Queue) Retry(key string, p Priority, atLeast, atMost time.Duration) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.item(key, p)
	d := max(backoff(it.failures), atLeast)
	if atMost > 0 {
		d = min(d, atMost)
	}
	it.failures++
	if it.working {
		it.wait = d
	} else {
		q.makeLater(it, d)
	}
	return d
}

// Succeed forgets the failures of a key.
func (q *Queue) Succeed(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it, ok := q.items[key]; ok {
		it.failures = 0
		q.drop(it)
	}
}

// Kick makes everything that waits out a backoff due now: what kept it from
// succeeding may have changed.
func (q *Queue) Kick() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.later.Len() > 0 {
		it := q.later.items[0]
		it.failures = 0
		q.makeReady(it)
	}
}

// Next waits for a key to be due and hands it out; the caller calls Done with
// it. The error is ctx's.
func (q *Queue) Next(ctx context.Context) (string, error) {
	for {
		q.mu.Lock()
		wait, timed := q.promote()
		if q.ready.Len() > 0 && ctx.Err() == nil {
			it := heap.Pop(&q.ready).(*item)
			it.place, it.working, it.priority = nowhere, true, Passing
			if q.ready.Len() > 0 {
				q.wake() // there is more for the others
			}
			q.mu.Unlock()
			return it.key, nil
		}
		signal := q.signal
		q.mu.Unlock()

		if !timed {
			wait = time.Hour
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		case <-signal:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Done says that the worker has finished with the key.
func (q *Queue) Done(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it, ok := q.items[key]
	if !ok || !it.working {
		return
	}
	it.working = false
	again, wait := it.again, it.wait
	it.again, it.wait = false, 0
	switch {
	case wait > 0 && (it.failures > 0 || !again):
		q.makeLater(it, wait)
	case again:
		q.makeReady(it)
	default:
		q.drop(it)
	}
}

// Stats is what the queue holds.
type Stats struct {
	Due     int           // keys that a worker could take now
	Later   int           // keys that wait for their time
	Working int           // keys that workers have
	Oldest  time.Duration // how long the oldest due key has waited
}

// Stats returns what the queue holds now.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.promote()
	s := Stats{Due: q.ready.Len(), Later: q.later.Len()}
	now := time.Now()
	for _, it := range q.items {
		if it.working {
			s.Working++
		}
	}
	for _, it := range q.ready.items {
		s.Oldest = max(s.Oldest, now.Sub(it.since))
	}
	return s
}

// makeReady moves the item to the due ones.
func (q *Queue) makeReady(it *item) {
	if it.place == inLater {
		heap.Remove(&q.later, it.index)
	}
	q.seq++
	it.seq, it.place, it.since = q.seq, inReady, time.Now()
	heap.Push(&q.ready, it)
	q.wake()
}

// makeLater moves the item to the waiting ones, unless it is due before.
func (q *Queue) makeLater(it *item, d time.Duration) {
	due := time.Now().Add(d)
	switch it.place {
	case inReady:
		return
	case inLater:
		if it.due.Before(due) {
			return
		}
		it.due = due
		heap.Fix(&q.later, it.index)
	case nowhere:
		it.due, it.place = due, inLater
		heap.Push(&q.later, it)
	}
	q.wake()
}

// promote moves what has become due, and returns how long until the next does.
func (q *Queue) promote() (time.Duration, bool) {
	now := time.Now()
	for q.later.Len() > 0 {
		it := q.later.items[0]
		if d := it.due.Sub(now); d > 0 {
			return d, true
		}
		q.makeReady(it)
	}
	return 0, false
}

// drop forgets an item that is nowhere and has nothing worth remembering.
func (q *Queue) drop(it *item) {
	if it.place == nowhere && !it.working && it.failures == 0 {
		delete(q.items, it.key)
	}
}

func (q *Queue) wake() {
	close(q.signal)
	q.signal = make(chan struct{})
}

// backoff returns the delay after the n-th failure in a row, counted from 0,
// with up to a quarter of jitter.
func backoff(n int) time.Duration {
	d := BackoffMax
	if n < 16 {
		d = min(BackoffFirst<<n, BackoffMax)
	}
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}
