package ratelimit

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var rates = Rates{
	Methods: map[string]time.Duration{"post": 200 * time.Millisecond, "edit": 1200 * time.Millisecond},
	Other:   time.Second,
	Channel: time.Second,
}

// call makes a call that ends as told, and returns what Wait returned.
func call(t *testing.T, l *Limiter, c Call, res Result) error {
	t.Helper()
	r, err := l.Wait(t.Context(), c)
	if err != nil {
		return err
	}
	r.Done(res)
	return nil
}

func refusedFor(d time.Duration) Result { return Result{Outcome: Refused, RetryAfter: d} }

// TestEachMethodHasItsRate: after a refusal, the second call of the pace goes
// an interval after the first.
func TestEachMethodHasItsRate(t *testing.T) {
	for c, want := range map[Call]time.Duration{
		{Method: "edit", Key: "a"}:                     1200 * time.Millisecond,
		{Method: "not listed", Key: "a"}:               time.Second,
		{Method: "post", Channel: "C1", Key: "a"}:      time.Second,
		{Method: "anything", Channel: "C1", Key: "a"}:  time.Second,
		{Method: "post", Key: "one without a channel"}: 200 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := New(rates)
			if err := call(t, l, c, refusedFor(10*time.Second)); err != nil {
				t.Fatal(err)
			}
			if err := call(t, l, c, Result{}); fault.After(err) != 10*time.Second {
				t.Errorf("%+v: %v, back in %v", c, err, fault.After(err))
			}
			time.Sleep(10 * time.Second)
			if err := call(t, l, c, Result{}); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for time.Since(start) < time.Minute {
				err := call(t, l, c, Result{})
				if err == nil {
					break
				}
				time.Sleep(fault.After(err))
			}
			if took := time.Since(start); took != want {
				t.Errorf("%+v: the next went after %v, want %v", c, took, want)
			}
		})
	}
}

func TestAPacedErrorIsOfTheCall(t *testing.T) {
	l := New(rates)
	c := Call{Op: "edit it", Method: "edit", Key: "a"}
	_ = call(t, l, c, refusedFor(time.Minute))
	for what, err := range map[string]error{"Wait": call(t, l, c, Result{}), "Ready": l.Ready(c)} {
		f, ok := fault.As(err)
		if !ok || f.Op != "edit it" || f.Reason != fault.Paced || f.Class != fault.Retry || f.RetryAfter <= 59*time.Second {
			t.Errorf("%s: %+v", what, err)
		}
	}
}

// TestACanceledCallKeepsNoSlot: the next is not behind it.
func TestACanceledCallKeepsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(rates)
		c := Call{Method: "edit", Key: "a"}
		_ = call(t, l, c, refusedFor(maxWait))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(maxWait/2, cancel)
		_, err := l.Wait(ctx, c)
		if f, ok := fault.As(err); !ok || f.Reason != "canceled" || f.Class != fault.Retry {
			t.Errorf("canceled while it waits: %v", err)
		}
		time.Sleep(maxWait / 2)
		if err := call(t, l, Call{Method: "edit", Key: "b"}, Result{}); err != nil {
			t.Errorf("the next: %v", err)
		}
		late, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		if _, err := l.Wait(late, c); err == nil || fault.Is(err, fault.Unknown) {
			t.Errorf("after its deadline: %v", err)
		} else if f, _ := fault.As(err); f.Reason != "timeout" {
			t.Errorf("after its deadline: %v", err)
		}
	})
}

// TestNoAnswerTeachesNothing: after the wait one call goes alone, until one is
// taken.
func TestNoAnswerTeachesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(rates)
		_ = call(t, l, Call{Method: "edit", Key: "a"}, refusedFor(time.Second))
		time.Sleep(time.Second)
		for range 3 {
			r, err := l.Wait(t.Context(), Call{Method: "edit", Key: "a"})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if _, err := l.Wait(t.Context(), Call{Method: "edit", Key: "b"}); err == nil {
				t.Fatal("a second went before the first was taken")
			}
			r.Done(Result{Outcome: NoAnswer})
			time.Sleep(time.Minute)
		}
	})
}

func TestARenamedChannelKeepsItsPace(t *testing.T) {
	l := New(rates)
	at := func(channel string) Call { return Call{Method: "post", Channel: channel, Key: "a"} }
	_ = call(t, l, at("#dev"), refusedFor(time.Minute))
	l.Rename("post", "#dev", "C1")
	l.Rename("post", "C1", "C1")
	l.Rename("post", "#gone", "C2")
	if err := l.Ready(at("C1")); err == nil {
		t.Error("open under the new name")
	}
	if err := l.Ready(at("#dev")); err != nil {
		t.Errorf("closed under the old name: %v", err)
	}
	// A bucket that has the name already stays.
	l.Rename("post", "#dev", "C1")
	if err := l.Ready(at("C1")); err == nil {
		t.Error("opened by another's name")
	}
}

// TestAForgottenBucketBeginsOpen: the pace ends with the traffic.
func TestAForgottenBucketBeginsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(rates)
		c := Call{Method: "edit", Key: "a"}
		_ = call(t, l, c, refusedFor(time.Second))
		time.Sleep(time.Second)
		_ = call(t, l, c, Result{})
		if err := l.Ready(c); err == nil {
			t.Fatal("not paced")
		}
		time.Sleep(forgetWaiter + 2*forgetBucket)
		for range 2 {
			if err := call(t, l, c, Result{}); err != nil {
				t.Errorf("still paced: %v", err)
			}
		}
	})
}

func TestIdleBucketsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(rates)
		post := func(channel string) {
			if err := call(t, l, Call{Method: "post", Channel: channel, Key: "a"}, Result{}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			post(fmt.Sprint(i))
		}
		time.Sleep(2*forgetBucket + time.Second)
		post("C1")
		if n := len(l.buckets); n != 2 {
			t.Errorf("%d buckets, want those of the last post", n)
		}
	})
}
