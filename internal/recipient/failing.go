package recipient

import (
	"sync"
	"time"
)

const (
	// RetryAfter is when a recipient that can't be reached is tried again.
	RetryAfter = 24 * time.Hour

	// maxFailing bounds how many failing recipients are remembered; past it,
	// counting starts anew.
	maxFailing = 10_000
)

// Failing counts the recipients that could not be reached when they were last
// tried. It is safe for concurrent use.
type Failing struct {
	mu    sync.Mutex
	since map[string]time.Time // by the recipient's name
}

func newFailing() *Failing { return &Failing{since: map[string]time.Time{}} }

// Add notes that the recipient can't be reached.
func (f *Failing) Add(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.since) >= maxFailing {
		clear(f.since)
	}
	f.since[name] = time.Now()
}

// Remove notes that the recipient was reached.
func (f *Failing) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.since, name)
}

// Len returns how many recipients fail. One that was not tried for RetryAfter
// is not counted any more.
func (f *Failing) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, at := range f.since {
		if time.Since(at) > RetryAfter {
			delete(f.since, name)
		}
	}
	return len(f.since)
}

func (f *Failing) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.since)
}
