package socketmode

import (
	"encoding/json"
	"sync"
)

// maxDelivered is how many envelopes are remembered. Slack delivers an envelope
// again within minutes; this is more than people click in that time.
const maxDelivered = 4096

// dedup remembers the envelopes that were delivered, and forgets the oldest
// first.
type dedup struct {
	mu    sync.Mutex
	byID  map[string]*delivered
	order []string // a ring
	next  int
}

// delivered is an envelope that was delivered.
type delivered struct {
	id       string
	answered bool
	response json.RawMessage
	waiting  []*connection // get the response, once there is one
}

func newDedup() *dedup { return &dedup{byID: map[string]*delivered{}} }

// add remembers an envelope and reports whether it is new. Of one that is not,
// it returns the response; while there is none yet, known is false, and answer
// will return c with the others.
func (d *dedup) add(id string, c *connection) (isNew, known bool, response json.RawMessage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.byID[id]; a != nil {
		if !a.answered {
			a.waiting = append(a.waiting, c)
		}
		return false, a.answered, a.response
	}
	d.byID[id] = &delivered{id: id, waiting: []*connection{c}}
	if len(d.order) < maxDelivered {
		d.order = append(d.order, id)
		return true, false, nil
	}
	delete(d.byID, d.order[d.next])
	d.order[d.next] = id
	d.next = (d.next + 1) % maxDelivered
	return true, false, nil
}

// answer keeps the response and returns the connections that wait for it. Only
// the first answer counts.
func (d *dedup) answer(id string, response json.RawMessage) []*connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.byID[id]
	if a == nil || a.answered {
		return nil
	}
	waiting := a.waiting
	a.answered, a.response, a.waiting = true, response, nil
	return waiting
}

// forget makes the envelope new again, because it was not accepted.
func (d *dedup) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Its place in the ring stays, and clears at most a namesake early.
	delete(d.byID, id)
}
