package demo

import "sync"

// signal notifies listeners that something changed, but not what.
type signal struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{} // each of capacity 1
}

func newSignal() *signal { return &signal{listeners: map[chan struct{}]struct{}{}} }

func (s *signal) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		select {
		case l <- struct{}{}:
		default: // a notification is pending, which covers this change too
		}
	}
}

// subscribe returns a channel of notifications, and how to end the subscription.
func (s *signal) subscribe() (news <-chan struct{}, leave func()) {
	l := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[l] = struct{}{}
	return l, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, l)
	}
}
