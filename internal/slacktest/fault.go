package slacktest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Fault is something that goes wrong with some of the calls. Which calls:
// those that all of Method, Channel and Match agree on, after the first Skip
// of them, Times often. What goes wrong: Latency, and then at most one of the
// others, the first of them in the order below. If several faults concern a
// call, their latencies add up and the oldest that says more decides.
//
// The call's effect does not happen, unless AfterEffect is set.
// Its fields are knobs.
type Fault struct {
	Method  string          // "chat.postMessage"; empty: every method
	Channel string          // the conversation of the argument "channel": its ID, name or user; empty: any
	Match   func(Call) bool // more conditions; nil: none; must not call the server
	Skip    int             // lets that many calls pass first
	Times   int             // how many calls it concerns; 0: until removed

	Latency time.Duration // waits; if the client gives up while waiting, the call ends there

	CutBefore  bool          // breaks the connection without an answer and without an effect, also with AfterEffect
	CutAfter   bool          // lets the effect happen, then breaks the connection without an answer; implies AfterEffect
	CutBody    bool          // lets the effect happen, then breaks the connection in the middle of the answer; implies AfterEffect
	RetryAfter time.Duration // 429 with Retry-After in whole seconds
	HTML       bool          // an HTML page, with Status or 200
	Status     int           // that HTTP status with a plain text body, such as 503
	Error      string        // "ok": false with this error, such as "fatal_error"

	AfterEffect bool // the effect happens before what is said above
}

// rule is a fault in place.
type rule struct {
	Fault
	skip, left int
}

// Inject puts a fault in place, and returns what removes it.
func (s *Server) Inject(f Fault) (remove func()) {
	r := &rule{Fault: f, skip: f.Skip, left: f.Times}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(r)
	}
}

// ClearFaults removes every fault.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

func (s *Server) drop(r *rule) {
	for i, other := range s.rules {
		if other == r {
			s.rules = append(s.rules[:i:i], s.rules[i+1:]...)
			return
		}
	}
}

// fault returns what goes wrong with a call and counts it.
func (s *Server) fault(call *Call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.At = s.opt.Clock()
	var sum Fault
	if len(s.rules) == 0 {
		return sum
	}
	channel := s.world.place(call.Args["channel"])
	for _, r := range append([]*rule(nil), s.rules...) {
		switch {
		case r.Method != "" && r.Method != call.Method,
			r.Channel != "" && s.world.place(r.Channel) != channel,
			r.Match != nil && !r.Match(*call),
			sum.ends() && r.ends():
			continue
		case r.skip > 0:
			r.skip--
			continue
		}
		if r.left > 0 {
			if r.left--; r.left == 0 {
				s.drop(r)
			}
		}
		latency := sum.Latency + r.Latency
		if r.ends() || r.AfterEffect {
			sum = r.Fault
		}
		sum.Latency = latency
	}
	if sum.CutBefore {
		sum.AfterEffect = false
	} else if sum.CutAfter || sum.CutBody {
		sum.AfterEffect = true
	}
	return sum
}

// ends reports whether the fault takes the place of the answer.
func (f *Fault) ends() bool {
	return f.CutBefore || f.CutAfter || f.CutBody || f.RetryAfter > 0 || f.HTML || f.Status != 0 || f.Error != ""
}

// outcome names the fault in the log of calls.
func (f *Fault) outcome() string {
	switch {
	case f.CutBefore:
		return "cut before"
	case f.CutAfter:
		return "cut after"
	case f.CutBody:
		return "cut body"
	case f.RetryAfter > 0:
		return "ratelimited"
	case f.HTML:
		return "html " + strconv.Itoa(f.status())
	case f.Status != 0:
		return "http " + strconv.Itoa(f.Status)
	}
	return f.Error
}

func (f *Fault) status() int {
	if f.Status == 0 {
		return http.StatusOK
	}
	return f.Status
}

// answer sends the fault instead of the answer that there would be.
func (f *Fault) answer(w http.ResponseWriter, real *response) {
	switch {
	case f.CutBefore, f.CutAfter:
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	case f.CutBody:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(real.json)))
		w.WriteHeader(real.status)
		w.Write(real.json[:len(real.json)/2])
		_ = http.NewResponseController(w).Flush() // the connection is cut next
		panic(http.ErrAbortHandler)
	case f.RetryAfter > 0:
		w.Header().Set("Retry-After", seconds(f.RetryAfter))
		writeError(w, http.StatusTooManyRequests, "ratelimited")
	case f.HTML:
		writeHTML(w, f.status(), "Something went wrong")
	case f.Status != 0:
		http.Error(w, http.StatusText(f.Status), f.Status)
	default:
		writeError(w, http.StatusOK, f.Error)
	}
}

func writeError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body{"ok": false, "error": code})
}
