package slack

import (
	"encoding/json"
	"sync"
)

// maxSeen is how many envelopes are remembered, for what comes twice. Slack
// sends an envelope again within minutes; this is more than a person clicks.
const maxSeen = 4096

// seen remembers which envelopes came, the oldest forgotten first.
type seen struct {
	mu    sync.Mutex
	byID  map[string]*arrival
	order []string // a ring
	next  int
}

// arrival is an envelope that came.
type arrival struct {
	id       string
	answered bool
	response json.RawMessage
	waiting  []*link // whom the response goes to, once there is one
}

func newSeen() *seen { return &seen{byID: map[string]*arrival{}} }

// note says whether the envelope is new. Of one that is not, it returns the
// response; while there is none yet, w gets it with the others, and known is
// false.
func (s *seen) note(id string, w *link) (isNew, known bool, response json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[id]; a != nil {
		if !a.answered {
			a.waiting = append(a.waiting, w)
		}
		return false, a.answered, a.response
	}
	s.byID[id] = &arrival{id: id, waiting: []*link{w}}
	if len(s.order) < maxSeen {
		s.order = append(s.order, id)
		return true, false, nil
	}
	delete(s.byID, s.order[s.next])
	s.order[s.next] = id
	s.next = (s.next + 1) % maxSeen
	return true, false, nil
}

// answer keeps the response and returns who waits for it. Only the first
// answer counts.
func (s *seen) answer(id string, response json.RawMessage) []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byID[id]
	if a == nil || a.answered {
		return nil
	}
	waiting := a.waiting
	a.answered, a.response, a.waiting = true, response, nil
	return waiting
}

// forget makes the envelope new again: it was not taken.
func (s *seen) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Its place in the ring stays, and clears at most a namesake early.
	delete(s.byID, id)
}
