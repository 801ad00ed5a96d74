package demo

import "sync"

// signal tells listeners that something is new, without saying what.
type signal struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{} // each of capacity 1
}

func newSignal() *signal { return &signal{listeners: map[chan struct{}]struct{}{}} }

func (s *signal) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		select {
		case l <- struct{}{}:
		default: // it has not looked yet, and will see this too
		}
	}
}

// join returns what tells of news, and how to leave.
func (s *signal) join() (news <-chan struct{}, leave func()) {
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
