package notify

import (
	"fmt"
	"sync"
	"time"
)

// StallLimit is how long a request may be in a worker's hands without a step
// of it ending, and how long requests may be due without a worker taking one.
// Every call ends within 15 seconds, so what takes this long hangs.
const StallLimit = 10 * time.Minute

// pulse knows when work last went on.
type pulse struct {
	mu    sync.Mutex
	last  time.Time            // of anything
	beats map[string]time.Time // of the requests that workers have
}

// beat says that work on the request goes on.
func (p *pulse) beat(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.beats == nil {
		p.beats = map[string]time.Time{}
	}
	p.last = time.Now()
	p.beats[id] = p.last
}

// end says that a worker is done with the request.
func (p *pulse) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	delete(p.beats, id)
}

// since returns how long nothing has happened at all, and the request that a
// worker has had the longest without a sign of life.
func (p *pulse) since(now time.Time) (quiet time.Duration, id string, stuck time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for request, at := range p.beats {
		if d := now.Sub(at); id == "" || d > stuck || d == stuck && request < id {
			id, stuck = request, d
		}
	}
	return now.Sub(p.last), id, stuck
}

// Stalled returns why the notifier can't be trusted to go on: a worker hangs,
// or none takes what is due. A Slack or a Teleport that does not answer is
// neither: requests then wait for their next turn.
func (n *Notifier) Stalled() error {
	quiet, id, stuck := n.pulse.since(time.Now())
	if stuck > StallLimit {
		return fmt.Errorf("request %s has got no further for %s", id, stuck.Round(time.Second))
	}
	if s := n.queue.Stats(); s.Oldest > StallLimit && quiet > StallLimit {
		return fmt.Errorf("%d requests are due and no worker has taken one for %s", s.Due, min(s.Oldest, quiet).Round(time.Second))
	}
	return nil
}
