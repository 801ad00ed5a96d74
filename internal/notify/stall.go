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

// stallDetector knows when work last went on.
type stallDetector struct {
	mu      sync.Mutex
	last    time.Time            // of any request
	touched map[string]time.Time // of the requests that workers have
}

// touch notes that work on the request goes on.
func (p *stallDetector) touch(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.touched == nil {
		p.touched = map[string]time.Time{}
	}
	p.last = time.Now()
	p.touched[id] = p.last
}

// end notes that a worker is done with the request.
func (p *stallDetector) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	delete(p.touched, id)
}

// since returns how long nothing has happened at all, and the request that a
// worker has had the longest without a step ending.
func (p *stallDetector) since(now time.Time) (quiet time.Duration, id string, stuck time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for request, at := range p.touched {
		if d := now.Sub(at); id == "" || d > stuck || d == stuck && request < id {
			id, stuck = request, d
		}
	}
	return now.Sub(p.last), id, stuck
}

// Stalled returns why the notifier can't be trusted to go on: a worker hangs,
// or none takes what is due. A Slack or a Teleport that doesn't answer is
// neither: requests then wait for their next delivery.
func (n *Notifier) Stalled() error {
	quiet, id, stuck := n.stall.since(time.Now())
	if stuck > StallLimit {
		return fmt.Errorf("request %s has made no progress for %s", id, stuck.Round(time.Second))
	}
	if s := n.queue.Stats(); s.Oldest > StallLimit && quiet > StallLimit {
		return fmt.Errorf("%d requests are due and no worker has taken one for %s", s.Due, min(s.Oldest, quiet).Round(time.Second))
	}
	return nil
}
