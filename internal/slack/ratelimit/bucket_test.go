package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// server is the other side of a limit in these tests.
type server struct {
	interval time.Duration
	burst    float64
	tokens   float64
	at       time.Time
	refusals int
	taken    int
}

func newServer(now time.Time, interval time.Duration, burst int) *server {
	return &server{interval: interval, burst: float64(burst), tokens: float64(burst), at: now}
}

// take returns zero or how long to wait, in whole seconds as Slack does.
func (s *server) take(now time.Time) time.Duration {
	s.tokens = min(s.burst, s.tokens+float64(now.Sub(s.at))/float64(s.interval))
	s.at = now
	if s.tokens+1e-9 >= 1 {
		s.tokens--
		s.taken++
		return 0
	}
	s.refusals++
	missing := time.Duration((1 - s.tokens) * float64(s.interval))
	return max(time.Second, (missing + time.Second - 1).Truncate(time.Second))
}

// drain sends n posts by so many callers, who come back when told, and returns
// when the last was taken.
func drain(b *bucket, s *server, n, callers int, latency func() time.Duration) time.Duration {
	start := s.at
	type arrival struct {
		key  string
		at   time.Time
		over bool // an answer; else the call comes to the bucket
		wait time.Duration
		attempt
	}
	next := 0
	var coming []arrival
	another := func(at time.Time) {
		if next < n {
			coming = append(coming, arrival{key: fmt.Sprint(next), at: at})
			next++
		}
	}
	for range callers {
		another(start)
	}
	for len(coming) > 0 {
		slices.SortStableFunc(coming, func(a, b arrival) int { return a.at.Compare(b.at) })
		a := coming[0]
		coming = coming[1:]
		now := a.at
		if a.over {
			b.done(now, a.attempt)
			if a.wait > 0 {
				b.refused(now, a.attempt, a.wait)
				coming = append(coming, arrival{key: a.key, at: now.Add(a.wait)})
			} else {
				b.accepted(a.attempt)
				another(now)
			}
			continue
		}
		ok, at, w := b.ask(now, a.key, 0)
		if !ok {
			w.promised = at
			a.at = at
			coming = append(coming, a)
			continue
		}
		took := latency()
		a.attempt, a.over, a.at = b.send(now, w), true, now.Add(took)
		a.wait = s.take(now.Add(took / 2))
		coming = append(coming, a)
	}
	return s.at.Sub(start)
}

// The rates that Slack documents, with what a call that comes a little early
// needs.
const (
	perChannel = time.Second * 101 / 100
	tier3      = time.Minute / 50 * 101 / 100
)

func TestBucketKeepsThePaceThatIsDocumented(t *testing.T) {
	ms := time.Millisecond
	rows := []struct {
		name       string
		interval   time.Duration // what the server takes
		burst      int
		latency    time.Duration
		jitter     time.Duration // added to the latency by chance
		documented time.Duration
		callers    int     // 200: all at once; fewer: each comes with the next call after its last
		atMost     float64 // times the floor
		refusals   int     // at most, beside one in twenty
	}{
		{"one a second", time.Second, 1, 0, 0, perChannel, 200, 1.05, 1},
		{"one a second, far away", time.Second, 1, 300 * ms, 0, perChannel, 200, 1.05, 1},
		{"one a second, very far away", time.Second, 1, 2 * time.Second, 0, perChannel, 200, 1.08, 1},
		{"one a second, few callers", time.Second, 1, 50 * ms, 0, perChannel, 8, 1.05, 1},
		{"one a second, unsteady", time.Second, 1, 40 * ms, 260 * ms, perChannel, 200, 1.2, 0},
		{"one a second, unsteady, few callers", time.Second, 1, 40 * ms, 260 * ms, perChannel, 8, 1.2, 0},
		{"one a second with a burst", time.Second, 10, 50 * ms, 0, perChannel, 200, 1.05, 4},
		{"one a second with a burst, unsteady", time.Second, 10, 40 * ms, 260 * ms, perChannel, 200, 1.05, 0},
		{"slower than documented", 3 * time.Second, 1, 50 * ms, 0, perChannel, 200, 1.05, 4},
		{"slower than documented, unsteady", 3 * time.Second, 1, 40 * ms, 260 * ms, perChannel, 200, 1.15, 4},
		{"much slower than documented", 20 * time.Second, 1, 50 * ms, 0, perChannel, 200, 1.05, 4},
		{"faster than documented", 500 * ms, 1, 20 * ms, 0, perChannel, 8, 2.05, 1}, // the price of not looking for it
		{"tier 3 with its burst", tier3 * 100 / 101, 50, 20 * ms, 0, tier3, 200, 1.05, 4},
		{"tier 3 with its burst, unsteady", tier3 * 100 / 101, 50, 40 * ms, 260 * ms, tier3, 8, 1.05, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			const n = 200
			chance := rand.New(rand.NewPCG(1, 1))
			latency := func() time.Duration { return row.latency + time.Duration(chance.Int64N(int64(row.jitter)+1)) }
			s := newServer(time.Unix(1700000000, 0), row.interval, row.burst)
			b := &bucket{documented: row.documented, window: 1, maxWindow: channelWindow}
			took := drain(b, s, n, row.callers, latency)
			floor := time.Duration(n-row.burst) * row.interval
			t.Logf("%v for a floor of %v (%.3f), %d refusals", took, floor, took.Seconds()/floor.Seconds(), s.refusals)
			if f := took.Seconds() / floor.Seconds(); f > row.atMost {
				t.Errorf("took %.3f of the floor, at most %.3f wanted", f, row.atMost)
			}
			if most := row.refusals + n/20; s.refusals > most {
				t.Errorf("%d refusals, at most %d wanted", s.refusals, most)
			}
		})
	}
}

func TestOpenBucketHoldsNothingBack(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newServer(now, time.Nanosecond, 1<<30)
	b := &bucket{window: 1, maxWindow: channelWindow}
	const latency = 100 * time.Millisecond
	took := drain(b, s, 200, 200, func() time.Duration { return latency })
	if floor := 200 / channelWindow * latency; took > floor+floor/10 {
		t.Errorf("took %v with %d at a time, want about %v", took, channelWindow, floor)
	}
}

func TestRetryAfterIsObeyedToTheLetter(t *testing.T) {
	now := time.Unix(1700000000, 0)
	b := &bucket{documented: time.Second, window: 1, maxWindow: 4}
	_, _, w := b.ask(now, "a", 0)
	sent := b.send(now, w)
	b.done(now, sent)
	b.refused(now, sent, 30*time.Second)
	if ok, at, _ := b.ask(now.Add(30*time.Second-1), "a", 0); ok || !at.Equal(now.Add(30*time.Second)) {
		t.Errorf("a nanosecond early: %v, back at %v", ok, at)
	}
	if ok, _, _ := b.ask(now.Add(30*time.Second), "a", 0); !ok {
		t.Error("not let through when the time was over")
	}
}

func TestAfterTheClosingOneGoesThroughFirst(t *testing.T) {
	now := time.Unix(1700000000, 0)
	b := refusedBucket(now, time.Second)
	now = now.Add(time.Second)
	_, _, a := b.ask(now, "a", 0)
	sent := b.send(now, a)
	now = now.Add(10 * time.Second) // its answer takes long
	if ok, _, _ := b.ask(now, "b", 0); ok {
		t.Error("a second went before the first was taken")
	}
	b.done(now, sent)
	b.accepted(sent)
	if ok, _, _ := b.ask(now, "b", 0); !ok {
		t.Error("the second did not go after the first was taken")
	}
}

// refusedBucket is a bucket in which a call was just refused.
func refusedBucket(now time.Time, retryAfter time.Duration) *bucket {
	b := &bucket{documented: time.Second, window: 1, maxWindow: 4}
	_, _, w := b.ask(now, "first", 0)
	sent := b.send(now, w)
	b.done(now, sent)
	b.refused(now, sent, retryAfter)
	return b
}

func TestSlotsAreByPriorityThenArrivalAndStayKept(t *testing.T) {
	const first, final, review = 0, 1, 2
	now := time.Unix(1700000000, 0)
	b := refusedBucket(now, 2*time.Second)
	promise := func(key string, priority int) time.Duration {
		_, at, w := b.ask(now, key, priority)
		w.promised = at
		return at.Sub(now)
	}
	s := time.Second
	for _, step := range []struct {
		key      string
		priority int
		want     time.Duration
	}{
		{"review 1", review, 2 * s},
		{"review 2", review, 3 * s},
		{"request 1", first, 2 * s}, // before both
		{"final 1", final, 3 * s},
		{"request 2", first, 3 * s},
		{"review 1", review, 5 * s}, // it asks again and is later now
		{"request 1", first, 2 * s}, // its slot is kept
	} {
		if got := promise(step.key, step.priority); got != step.want {
			t.Errorf("%s: slot in %v, want %v", step.key, got, step.want)
		}
	}
}

func TestOneWhoNeverComesBackHoldsNobodyUp(t *testing.T) {
	now := time.Unix(1700000000, 0)
	b := refusedBucket(now, time.Second)
	for _, key := range []string{"gone 1", "gone 2", "a"} {
		_, at, w := b.ask(now, key, 0)
		w.promised = at
	}
	now = now.Add(3 * time.Second) // a's slot
	if ok, at, _ := b.ask(now, "a", 0); !ok {
		t.Errorf("not let through at its slot; next in %v", at.Sub(now))
	}
	now = now.Add(forgetWaiter + 10*time.Second)
	b.forget(now)
	if len(b.waiting) > 1 { // a itself is still noted: the test did not send it
		t.Errorf("%d are still noted", len(b.waiting))
	}
}

func TestRefusalsOfOneStormTeachOnce(t *testing.T) {
	now := time.Unix(1700000000, 0)
	b := &bucket{documented: time.Second, window: 4, maxWindow: 4}
	var attempts []attempt
	for i := range 4 {
		_, _, w := b.ask(now, fmt.Sprint(i), 0)
		attempts = append(attempts, b.send(now, w))
	}
	for i, sent := range attempts {
		b.done(now, sent)
		b.refused(now, sent, time.Duration(1+i)*time.Second)
	}
	if b.interval != time.Second {
		t.Errorf("interval %v, want 1s", b.interval)
	}
	if want := now.Add(4 * time.Second); !b.closedUntil.Equal(want) {
		t.Errorf("closed until %v, want %v: the longest counts", b.closedUntil, want)
	}
}

// TestARefusalAtThePaceMakesTheIntervalLonger: by what Retry-After shows, or
// by a little if the interval had been right for a while.
func TestARefusalAtThePaceMakesTheIntervalLonger(t *testing.T) {
	const little = time.Second + time.Second/growth
	for name, row := range map[string]struct {
		taken      int           // calls at the pace before the refused one
		late       time.Duration // after the pace would have let it go
		retryAfter time.Duration
		want       time.Duration
	}{
		"Retry-After shows nothing more":     {1, 0, time.Second, little},
		"Retry-After shows more":             {1, 0, 1900 * time.Millisecond, 1900 * time.Millisecond},
		"a limit per minute":                 {1, 0, 40 * time.Second, 2 * time.Second},
		"it had been right for a while":      {provenAfter, 0, 40 * time.Second, little},
		"nearly for a while":                 {provenAfter - 1, 0, 40 * time.Second, 2 * time.Second},
		"the call was slower than the pace":  {1, time.Second, 40 * time.Second, time.Second},
		"the only call since the last close": {0, 0, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1700000000, 0)
			b := refusedBucket(now, time.Second)
			send := func(after time.Duration) attempt {
				now = now.Add(after)
				ok, at, w := b.ask(now, "a", 0)
				if !ok {
					t.Fatalf("not let through; next in %v", at.Sub(now))
				}
				sent := b.send(now, w)
				b.done(now, sent)
				return sent
			}
			if row.taken > 0 {
				b.accepted(send(time.Second)) // alone, not at the pace
				for range row.taken {
					b.accepted(send(b.interval))
				}
			}
			b.refused(now, send(time.Second+row.late), row.retryAfter)
			if b.interval != row.want {
				t.Errorf("interval %v, want %v", b.interval, row.want)
			}
		})
	}
}

// TestAServerThatRefusesEverythingIsNotHammered, even if it says to come again
// at once.
func TestAServerThatRefusesEverythingIsNotHammered(t *testing.T) {
	start := time.Unix(1700000000, 0)
	b := &bucket{documented: time.Second, window: 1, maxWindow: 4}
	calls := 0
	for now := start; now.Before(start.Add(time.Minute)); now = now.Add(10 * time.Millisecond) {
		if ok, _, w := b.ask(now, "a", 0); ok {
			calls++
			sent := b.send(now, w)
			b.done(now, sent)
			b.refused(now, sent, 0)
		}
	}
	if calls < 55 || calls > 62 {
		t.Errorf("%d calls in a minute at one a second", calls)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	now := time.Unix(1700000000, 0)
	b := refusedBucket(now, time.Second)
	b.waiting = nil
	b.arrivals = maxWaiting
	for i := range maxWaiting {
		b.waiting = append(b.waiting, &waiter{key: fmt.Sprint(i), arrival: uint64(i), promised: now.Add(time.Hour)})
	}
	if ok, at, _ := b.ask(now, "one more", 0); ok || at.Before(now.Add(maxWaiting*time.Second)) {
		t.Errorf("%v, back in %v: want a slot behind all", ok, at.Sub(now))
	}
	if len(b.waiting) != maxWaiting {
		t.Errorf("%d wait, want %d", len(b.waiting), maxWaiting)
	}
}

// TestBucketNeverBreaksItsPromises drives a bucket with anything that can happen.
func TestBucketNeverBreaksItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1700000000, 0)
		b := &bucket{documented: time.Second, window: 1, maxWindow: 4}
		var flying []attempt
		var closed time.Time
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "passes")))
			switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
			case what < 2:
				key := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "key"))
				ok, at, w := b.ask(now, key, rapid.IntRange(0, 3).Draw(t, "priority"))
				if !ok {
					if !at.After(now) {
						t.Fatalf("sent back to the past: %v", at.Sub(now))
					}
					w.promised = at
					continue
				}
				if now.Before(closed) {
					t.Fatalf("let through %v before Retry-After was over", closed.Sub(now))
				}
				flying = append(flying, b.send(now, w))
				if len(flying) > 4 {
					t.Fatalf("%d at a time", len(flying))
				}
			case len(flying) > 0:
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				sent := flying[i]
				flying = slices.Delete(flying, i, i+1)
				b.done(now, sent)
				switch rapid.IntRange(0, 2).Draw(t, "answer") {
				case 0:
					b.accepted(sent)
				case 1:
					after := time.Duration(rapid.IntRange(0, 60).Draw(t, "retry after")) * time.Second
					b.refused(now, sent, after)
					if e := now.Add(after); e.After(closed) {
						closed = e
					}
				}
			}
			if b.interval < 0 || b.interval > maxInterval || b.inflight != len(flying) {
				t.Fatalf("interval %v, %d in flight for %d", b.interval, b.inflight, len(flying))
			}
		}
	})
}
