package review

import (
	"sync"
	"time"
)

const (
	// rememberFor is how long a click is remembered at least: much longer than
	// Slack repeats an envelope that was not acknowledged.
	rememberFor = 10 * time.Minute
	// maxSeen bounds one of the two generations. A flood of clicks shortens the
	// memory; Teleport itself refuses a second review of the same user.
	maxSeen = 10_000
)

// seen remembers what has arrived, in two generations. The older one is dropped as
// a whole.
type seen struct {
	mu       sync.Mutex
	now, old map[string]struct{}
	since    time.Time // when now began
}

func newSeen() *seen { return &seen{now: map[string]struct{}{}} }

// first reports whether none of the names was seen before, and remembers them.
func (s *seen) first(at time.Time, names ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Sub(s.since) > rememberFor || len(s.now) >= maxSeen {
		s.old, s.now, s.since = s.now, map[string]struct{}{}, at
	}
	first := true
	for _, name := range names {
		_, now := s.now[name]
		_, old := s.old[name]
		first = first && !now && !old
		s.now[name] = struct{}{}
	}
	return first
}
