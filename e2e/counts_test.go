//go:build e2e

package e2e

import (
	"fmt"
	"sync"
)

// counts are of messages: one is wanted for each request and each recipient.
type counts struct {
	mu                               sync.Mutex
	wanted, delivered, lost, doubled int
}

// total are the counts of all stories, which TestMain prints.
var total counts

// add counts one wanted message of which found copies are there.
func (t *counts) add(found int) {
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

func (t *counts) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("messages: %d wanted, %d delivered, %d lost, %d doubled", t.wanted, t.delivered, t.lost, t.doubled)
}
