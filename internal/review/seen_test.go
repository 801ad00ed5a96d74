package review

import (
	"fmt"
	"testing"
	"time"
)

func TestWhatWasSeenIsRemembered(t *testing.T) {
	s := newSeen()
	now := time.Unix(1700000000, 0)
	if !s.first(now, "envelope 1", "click a") {
		t.Error("the first is not the first")
	}
	for name, names := range map[string][]string{
		"both again": {"envelope 1", "click a"}, "the click in another envelope": {"envelope 2", "click a"}, "the envelope with another click": {"envelope 1", "click b"},
	} {
		if s.first(now, names...) {
			t.Errorf("%s passes for new", name)
		}
	}
	if !s.first(now, "envelope 3", "click c") {
		t.Error("another one does not")
	}
	// Over two generations and into the third.
	for _, after := range []time.Duration{time.Second, rememberFor, rememberFor + 2*time.Second} {
		if s.first(now.Add(after), "click a") {
			t.Errorf("after %v it passes for new", after)
		}
	}
	later := newSeen()
	later.first(now, "click a")
	later.first(now.Add(rememberFor+time.Second), "x")
	if later.first(now.Add(rememberFor+2*time.Second), "click a") {
		t.Error("the older generation is not asked")
	}
}

func TestTheMemoryOfClicksIsBounded(t *testing.T) {
	s := newSeen()
	now := time.Unix(1700000000, 0)
	for i := range 10 * maxSeen {
		s.first(now, fmt.Sprint("click ", i))
	}
	if n := len(s.now) + len(s.old); n > 2*maxSeen {
		t.Errorf("%d names are kept", n)
	}
	if s.first(now, fmt.Sprint("click ", 10*maxSeen-1)) {
		t.Error("the last one is forgotten")
	}
}
