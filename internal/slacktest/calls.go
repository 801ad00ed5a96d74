package slacktest

import (
	"maps"
	"time"
)

// Call is one request that a client made.
type Call struct {
	Seq     int               // 1, 2, …, in the order in which they were answered
	Method  string            // as in the address, also if there is no such method
	Args    map[string]string // without the token; what was not a string is JSON text
	At      time.Time         // when it came
	Outcome string            // "ok", Slack's error, or what a Fault did: "cut before", "http 503", "html 200"; "gone" if the client left before, "…, gone" if after the effect
}

// callLog holds the last calls and counts all of them.
type callLog struct {
	keep   int
	seq    int
	calls  []Call
	counts map[string]int
}

// finish logs a call before its answer is sent, so that a client that has
// its answer finds its call.
func (s *Server) finish(call Call, outcome string) {
	call = s.remember(call, outcome)
	if s.opt.Observe != nil {
		s.opt.Observe(call)
	}
}

func (s *Server) remember(call Call, outcome string) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.log
	l.seq++
	l.counts[call.Method]++
	call.Seq, call.Outcome = l.seq, outcome
	l.calls = append(l.calls, call)
	if len(l.calls) >= 2*l.keep && len(l.calls) > l.keep {
		l.calls = append([]Call(nil), l.calls[len(l.calls)-l.keep:]...)
	}
	return call
}

// Calls returns the last calls, oldest first, at most Options.KeepCalls.
// Their Args are shared and must not be changed.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.log.calls
	if len(calls) > s.log.keep {
		calls = calls[len(calls)-s.log.keep:]
	}
	return append([]Call(nil), calls...)
}

// CallCounts returns how often each method was called since New or
// ResetCalls, whatever the outcome.
func (s *Server) CallCounts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.log.counts)
}

// ResetCalls forgets all calls so far.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.calls, s.log.counts = nil, map[string]int{}
}
