//go:build e2e

package e2e

import (
	"testing"
	"time"
)

const (
	// soon bounds everything that takes Teleport or the plugin a few seconds
	// at most on an idle machine; a busy one gets more than enough.
	soon = 60 * time.Second
	// lookEvery is how often a wait looks again.
	lookEvery = 50 * time.Millisecond
)

// eventually looks until ok says that what was expected is there, and fails
// with its last words when that doesn't come soon.
func eventually(t testing.TB, what string, ok func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(soon)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		done, seen := ok()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v; last seen: %s", what, soon, seen)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: test ended; last seen: %s", what, seen)
		}
	}
}
