package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/queue"
)

// next takes a key that must be due now.
func next(t *testing.T, q *queue.Queue) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	key, err := q.Next(ctx)
	if err != nil {
		t.Fatalf("nothing is due: %v", err)
	}
	return key
}

// idle fails if something is due now.
func idle(t *testing.T, q *queue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if key, err := q.Next(ctx); err == nil {
		t.Fatalf("%q is due", key)
	}
}

func TestKeysGoOutByPriorityThenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		q.Add("resync-1", queue.Passing)
		q.Add("resync-2", queue.Passing)
		q.Add("change", queue.Normal)
		q.Add("new-1", queue.Urgent)
		q.Add("new-2", queue.Urgent)
		q.Add("resync-2", queue.Urgent) // what is found in passing and then becomes urgent moves up
		var got []string
		for range 5 {
			got = append(got, next(t, q))
		}
		if want := "[resync-2 new-1 new-2 change resync-1]"; fmt.Sprint(got) != want {
			t.Errorf("order %v, want %v", got, want)
		}
	})
}

func TestAKeyStandsOnceAndIsWithOneWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		for range 1000 {
			q.Add("a", queue.Urgent)
		}
		if key := next(t, q); key != "a" {
			t.Fatalf("got %q", key)
		}
		q.Add("a", queue.Urgent)
		idle(t, q) // its worker is not done
		q.Done("a")
		next(t, q) // what was added meanwhile is not forgotten
		q.Done("a")
		idle(t, q)
		if s := q.Stats(); s != (queue.Stats{}) {
			t.Errorf("%+v remains", s)
		}
	})
}

func TestBackoffGrowsAndEndsWithSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		q.Add("a", queue.Urgent)
		last := time.Duration(0)
		for i := range 12 {
			next(t, q)
			d := q.Retry("a", queue.Normal, 0, 0)
			q.Done("a")
			if ceiling := min(queue.BackoffFirst<<i, queue.BackoffMax); d > ceiling || d < ceiling*3/4 {
				t.Errorf("backoff %d is %v, want within a quarter below %v", i+1, d, ceiling)
			}
			last = d
			q.Add("a", queue.Urgent) // an event does not cut it short
			idle(t, q)
			time.Sleep(d)
		}
		if last < time.Minute {
			t.Errorf("backoff ends at %v", last)
		}
		next(t, q)
		q.Succeed("a")
		q.Add("a", queue.Urgent)
		q.Done("a")
		next(t, q)
		if d := q.Retry("a", queue.Normal, 0, 0); d > queue.BackoffFirst {
			t.Errorf("first backoff after a success is %v", d)
		}
	})
}

func TestRetryWaitsAtLeastAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		q.Add("a", queue.Urgent)
		next(t, q)
		if d := q.Retry("a", queue.Normal, 30*time.Second, 0); d != 30*time.Second {
			t.Errorf("delay %v, want Slack's 30s", d)
		}
		q.Done("a")
		time.Sleep(30*time.Second - time.Millisecond)
		idle(t, q)
		time.Sleep(time.Millisecond)
		next(t, q)
	})
}

func TestAfterIsCutShortByAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		q.Add("a", queue.Urgent)
		next(t, q)
		q.After("a", queue.Normal, time.Hour)
		q.Done("a")
		idle(t, q)
		q.Add("a", queue.Urgent)
		next(t, q)
		q.Done("a")
		idle(t, q)
	})
}

func TestRetryWaitsAtMostAsAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		for range 20 { // far into the longest backoff
			q.Retry("a", queue.Normal, 0, 0)
		}
		if d := q.Retry("b", queue.Normal, time.Hour, 3*time.Second); d != 3*time.Second {
			t.Errorf("delay %v of an hour, want 3s", d)
		}
		q.Kick()
		next(t, q)
		next(t, q)
		for range 20 {
			q.Retry("a", queue.Normal, 0, 0)
		}
		if d := q.Retry("a", queue.Normal, 0, 3*time.Second); d != 3*time.Second {
			t.Errorf("delay %v after many failures, want 3s", d)
		}
		q.Done("a")
		time.Sleep(3*time.Second - time.Millisecond)
		idle(t, q)
		time.Sleep(time.Millisecond)
		next(t, q)
	})
}

func TestKickEndsEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		for i := range 3 {
			q.Retry(fmt.Sprint(i), queue.Normal, time.Hour, 0)
		}
		idle(t, q)
		q.Kick()
		for range 3 {
			next(t, q)
		}
	})
}

func TestOldestIsHowLongADueKeyWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		q.Add("a", queue.Urgent)
		time.Sleep(3 * time.Second)
		q.Add("b", queue.Urgent)
		q.After("c", queue.Urgent, time.Hour)
		if got, want := q.Stats(), (queue.Stats{Due: 2, Later: 1, Oldest: 3 * time.Second}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestNextEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := q.Next(ctx); done <- err }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// TestNothingIsForgottenNorDoubled lets workers and adders race and checks
// that after the last Add of each key a worker saw it, alone.
func TestNothingIsForgottenNorDoubled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.IntRange(1, 8).Draw(rt, "keys")
		adds := rapid.SliceOfN(rapid.IntRange(0, keys-1), 1, 60).Draw(rt, "adds")
		fails := rapid.SliceOfN(rapid.Bool(), 60, 60).Draw(rt, "fails")
		synctest.Test(t, func(t *testing.T) {
			q := queue.New()
			version := make([]int, keys)
			seen := make([]int, keys)
			busy := make([]bool, keys)
			var mu sync.Mutex
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			for w := range 3 {
				wg.Go(func() {
					for n := 0; ; n++ {
						key, err := q.Next(ctx)
						if err != nil {
							return
						}
						var k int
						_, _ = fmt.Sscan(key, &k)
						mu.Lock()
						if busy[k] {
							t.Errorf("key %d is with two workers", k)
						}
						busy[k] = true
						v := version[k]
						mu.Unlock()
						time.Sleep(time.Millisecond)
						mu.Lock()
						busy[k] = false
						if fails[(n*3+w)%len(fails)] && n < 20 {
							q.Retry(key, queue.Normal, 0, 0)
						} else {
							seen[k] = max(seen[k], v)
							q.Succeed(key)
						}
						mu.Unlock()
						q.Done(key)
					}
				})
			}
			for i, k := range adds {
				mu.Lock()
				version[k] = i + 1
				mu.Unlock()
				q.Add(fmt.Sprint(k), queue.Priority(i%3))
				if i%4 == 0 {
					time.Sleep(time.Millisecond / 2)
				}
			}
			time.Sleep(time.Hour)
			mu.Lock()
			defer mu.Unlock()
			for k := range keys {
				if seen[k] != version[k] {
					t.Errorf("key %d: last seen %d, last added %d", k, seen[k], version[k])
				}
			}
			if s := q.Stats(); s != (queue.Stats{}) {
				t.Errorf("%+v remains", s)
			}
		})
	})
}

func BenchmarkAddNextDone(b *testing.B) {
	q := queue.New()
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprint("0193c1ff-8ee2-7a5b-9c38-", i)
	}
	ctx := context.Background()
	for i := 0; b.Loop(); i++ {
		q.Add(keys[i%len(keys)], queue.Urgent)
		key, _ := q.Next(ctx)
		q.Succeed(key)
		q.Done(key)
	}
}
