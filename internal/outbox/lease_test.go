package outbox

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestNames(t *testing.T) {
	a, again, b := name("a"), name("a"), name("b")
	if a == again {
		t.Error("two processes on one host have one name")
	}
	for _, tt := range []struct {
		x, y string
		want bool
	}{{a, again, true}, {a, b, false}, {a, a, true}, {"", a, false}, {a, "", false}, {name("a"), name("ab"), false}} {
		if got := sameHost(tt.x, tt.y); got != tt.want {
			t.Errorf("sameHost(%q, %q) = %v", tt.x, tt.y, got)
		}
	}
}

func TestLeaseWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s LeaseWatch
		const while = 20 * time.Second
		steps := []struct {
			sleep   time.Duration
			subject string
			what    string
			forget  bool
			want    time.Duration
		}{
			{0, "x", "a", false, 20 * time.Second},
			{5 * time.Second, "x", "a", false, 15 * time.Second},
			{0, "y", "a", false, 20 * time.Second},
			{5 * time.Second, "x", "b", false, 20 * time.Second},
			{30 * time.Second, "x", "b", false, -10 * time.Second},
			{0, "x", "b", true, 20 * time.Second},
		}
		for i, step := range steps {
			time.Sleep(step.sleep)
			if step.forget {
				s.Forget(step.subject)
			}
			if got := s.Left(step.subject, step.what, while); got != step.want {
				t.Errorf("step %d: %v left, want %v", i, got, step.want)
			}
		}
	})
}
