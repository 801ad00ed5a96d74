//go:build e2e

package e2e

import (
	"fmt"
	"sync"
)

// tally counts messages: one is wanted for each request and each recipient.
type tally struct {
	mu                               sync.Mutex
	wanted, delivered, lost, doubled int
}

// total is the tally of all stories, which TestMain prints.
var total tally

// add counts one wanted message of which found copies are there.
func (t *tally) add(found int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wanted++
	switch found {
	case 0:
		t.lost++
	case 1:
		t.delivered++
	default:
		t.delivered++
		t.doubled++
	}
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("messages: %d wanted, %d delivered, %d lost, %d doubled", t.wanted, t.delivered, t.lost, t.doubled)
}
