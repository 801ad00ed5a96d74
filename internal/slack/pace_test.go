package slack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bucket is Slack's side of a limit in these tests.
type bucket struct {
	interval time.Duration
	burst    float64
	tokens   float64
	at       time.Time
	refusals int
	taken    int
}

func newBucket(now time.Time, interval time.Duration, burst int) *bucket {
	return &bucket{interval: interval, burst: float64(burst), tokens: float64(burst), at: now}
}

// take returns zero or how long to wait, in whole seconds as Slack does.
func (b *bucket) take(now time.Time) time.Duration {
	b.tokens = min(b.burst, b.tokens+float64(now.Sub(b.at))/float64(b.interval))
	b.at = now
	if b.tokens+1e-9 >= 1 {
		b.tokens--
		b.taken++
		return 0
	}
	b.refusals++
	missing := time.Duration((1 - b.tokens) * float64(b.interval))
	return max(time.Second, (missing + time.Second - 1).Truncate(time.Second))
}

// drain sends n posts by so many callers, who come back when told, and returns
// when the last was taken.
func drain(l *lane, b *bucket, n, callers int, latency time.Duration) time.Duration {
	start := b.at
	type arrival struct {
		key  string
		at   time.Time
		over bool // an answer; else the call comes to the lane
		wait time.Duration
		flight
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
			l.done(now, a.flight)
			if a.wait > 0 {
				l.refused(now, a.flight, a.wait)
				coming = append(coming, arrival{key: a.key, at: now.Add(a.wait)})
			} else {
				l.taken(a.flight)
				another(now)
			}
			continue
		}
		ok, at, w := l.ask(now, a.key, 0)
		if !ok {
			w.promised = at
			a.at = at
			coming = append(coming, a)
			continue
		}
		a.flight, a.over, a.at = l.send(now, w), true, now.Add(latency)
		a.wait = b.take(now.Add(latency / 2))
		coming = append(coming, a)
	}
	return b.at.Sub(start)
}

func TestLaneFindsSlacksPace(t *testing.T) {
	rows := []struct {
		name     string
		interval time.Duration // what Slack takes
		burst    int
		latency  time.Duration
		start    time.Duration // what the lane begins with
		callers  int           // 200: all at once; fewer: each comes with the next post after its last
		atMost   float64       // times the floor
		refusals int           // at most, beside one in twenty
	}{
		{"one a second", time.Second, 1, 0, channelInterval, 200, 1.05, 1},
		{"one a second, far away", time.Second, 1, 300 * time.Millisecond, channelInterval, 200, 1.05, 1},
		{"one a second, very far away", time.Second, 1, 2 * time.Second, channelInterval, 200, 1.08, 1},
		{"one a second, few callers", time.Second, 1, 50 * time.Millisecond, channelInterval, 8, 1.05, 1},
		{"one a second with a burst", time.Second, 10, 50 * time.Millisecond, channelInterval, 200, 1.05, 4},
		{"slower than it begins with", 3 * time.Second, 1, 50 * time.Millisecond, channelInterval, 200, 1.05, 4},
		{"faster than it begins with", 500 * time.Millisecond, 1, 20 * time.Millisecond, channelInterval, 8, 1.65, 1},
		{"tier 3 with its burst", tier3 * 100 / 101, 50, 20 * time.Millisecond, tier3, 200, 1.05, 4},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			const n = 200
			b := newBucket(time.Unix(1700000000, 0), row.interval, row.burst)
			l := &lane{start: row.start, window: 1, maxWindow: channelWindow}
			took := drain(l, b, n, row.callers, row.latency)
			floor := time.Duration(n-row.burst) * row.interval
			t.Logf("%v for a floor of %v (%.3f), %d refusals", took, floor, took.Seconds()/floor.Seconds(), b.refusals)
			if f := took.Seconds() / floor.Seconds(); f > row.atMost {
				t.Errorf("took %.3f of the floor, at most %.3f wanted", f, row.atMost)
			}
			if most := row.refusals + n/20; b.refusals > most {
				t.Errorf("%d refusals, at most %d wanted", b.refusals, most)
			}
		})
	}
}

func TestOpenLaneHoldsNothingBack(t *testing.T) {
	now := time.Unix(1700000000, 0)
	b := newBucket(now, time.Nanosecond, 1<<30)
	l := &lane{window: 1, maxWindow: channelWindow}
	const latency = 100 * time.Millisecond
	took := drain(l, b, 200, 200, latency)
	if floor := 200 / channelWindow * latency; took > floor+floor/10 {
		t.Errorf("took %v with %d at a time, want about %v", took, channelWindow, floor)
	}
}

func TestRetryAfterIsObeyedToTheLetter(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := &lane{start: time.Second, window: 1, maxWindow: 4}
	_, _, w := l.ask(now, "a", 0)
	f := l.send(now, w)
	l.done(now, f)
	l.refused(now, f, 30*time.Second)
	if ok, at, _ := l.ask(now.Add(30*time.Second-1), "a", 0); ok || !at.Equal(now.Add(30*time.Second)) {
		t.Errorf("a nanosecond early: %v, back at %v", ok, at)
	}
	if ok, _, _ := l.ask(now.Add(30*time.Second), "a", 0); !ok {
		t.Error("not let through when the time was over")
	}
}

func TestAfterTheClosingOneGoesThroughFirst(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := refusedLane(now, time.Second)
	now = now.Add(time.Second)
	_, _, a := l.ask(now, "a", 0)
	f := l.send(now, a)
	now = now.Add(10 * time.Second) // its answer takes long
	if ok, _, _ := l.ask(now, "b", 0); ok {
		t.Error("a second went before the first was taken")
	}
	l.done(now, f)
	l.taken(f)
	if ok, _, _ := l.ask(now, "b", 0); !ok {
		t.Error("the second did not go after the first was taken")
	}
}

// refusedLane is a lane in which a call was just refused.
func refusedLane(now time.Time, retryAfter time.Duration) *lane {
	l := &lane{start: time.Second, window: 1, maxWindow: 4}
	_, _, w := l.ask(now, "first", 0)
	f := l.send(now, w)
	l.done(now, f)
	l.refused(now, f, retryAfter)
	return l
}

func TestSlotsAreByPriorityThenArrivalAndStayKept(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := refusedLane(now, 2*time.Second)
	promise := func(key string, priority int) time.Duration {
		_, at, w := l.ask(now, key, priority)
		w.promised = at
		return at.Sub(now)
	}
	s := time.Second
	for _, step := range []struct {
		key      string
		priority int
		want     time.Duration
	}{
		{"review 1", reviewPriority, 2 * s},
		{"review 2", reviewPriority, 3 * s},
		{"request 1", firstPriority, 2 * s}, // before both
		{"final 1", finalPriority, 3 * s},
		{"request 2", firstPriority, 3 * s},
		{"review 1", reviewPriority, 5 * s}, // it asks again and is later now
		{"request 1", firstPriority, 2 * s}, // its slot is kept
	} {
		if got := promise(step.key, step.priority); got != step.want {
			t.Errorf("%s: slot in %v, want %v", step.key, got, step.want)
		}
	}
}

func TestOneWhoNeverComesBackHoldsNobodyUp(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := refusedLane(now, time.Second)
	for _, key := range []string{"gone 1", "gone 2", "a"} {
		_, at, w := l.ask(now, key, 0)
		w.promised = at
	}
	now = now.Add(3 * time.Second) // a's slot
	if ok, at, _ := l.ask(now, "a", 0); !ok {
		t.Errorf("not let through at its slot; next in %v", at.Sub(now))
	}
	now = now.Add(forgetWaiter + 10*time.Second)
	l.forget(now)
	if len(l.waiting) > 1 { // a itself is still noted: the test did not send it
		t.Errorf("%d are still noted", len(l.waiting))
	}
}

func TestRefusalsOfOneStormTeachOnce(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := &lane{start: time.Second, window: 4, maxWindow: 4}
	var flights []flight
	for i := range 4 {
		_, _, w := l.ask(now, fmt.Sprint(i), 0)
		flights = append(flights, l.send(now, w))
	}
	for i, f := range flights {
		l.done(now, f)
		l.refused(now, f, time.Duration(1+i)*time.Second)
	}
	if l.interval != time.Second {
		t.Errorf("interval %v, want 1s", l.interval)
	}
	if want := now.Add(4 * time.Second); !l.closedUntil.Equal(want) {
		t.Errorf("closed until %v, want %v: the longest counts", l.closedUntil, want)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := refusedLane(now, time.Second)
	l.waiting = nil
	l.arrived = maxWaiting
	for i := range maxWaiting {
		l.waiting = append(l.waiting, &waiter{key: fmt.Sprint(i), arrival: uint64(i), promised: now.Add(time.Hour)})
	}
	if ok, at, _ := l.ask(now, "one more", 0); ok || at.Before(now.Add(maxWaiting*time.Second)) {
		t.Errorf("%v, back in %v: want a slot behind all", ok, at.Sub(now))
	}
	if len(l.waiting) != maxWaiting {
		t.Errorf("%d wait, want %d", len(l.waiting), maxWaiting)
	}
}

// TestLaneNeverBreaksItsPromises drives a lane with anything that can happen.
func TestLaneNeverBreaksItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1700000000, 0)
		l := &lane{start: time.Second, window: 1, maxWindow: 4}
		var flying []flight
		var closed time.Time
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "passes")))
			switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
			case what < 2:
				key := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "key"))
				ok, at, w := l.ask(now, key, rapid.IntRange(0, 3).Draw(t, "priority"))
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
				flying = append(flying, l.send(now, w))
				if len(flying) > 4 {
					t.Fatalf("%d at a time", len(flying))
				}
			case len(flying) > 0:
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
				f := flying[i]
				flying = slices.Delete(flying, i, i+1)
				l.done(now, f)
				switch rapid.IntRange(0, 2).Draw(t, "answer") {
				case 0:
					l.taken(f)
				case 1:
					after := time.Duration(rapid.IntRange(0, 60).Draw(t, "retry after")) * time.Second
					l.refused(now, f, after)
					if e := now.Add(after); e.After(closed) {
						closed = e
					}
				}
			}
			if l.interval < 0 || l.interval > maxInterval || l.inFlight != len(flying) {
				t.Fatalf("interval %v, %d in flight for %d", l.interval, l.inFlight, len(flying))
			}
		}
	})
}
