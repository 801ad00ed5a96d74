package notify

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
)

func stalled(n *Notifier) string {
	if err := n.Stalled(); err != nil {
		return err.Error()
	}
	return ""
}

func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Options{Recipients: recipient.New(recipient.Options{})})
		is := func(when, want string) {
			t.Helper()
			if got := stalled(n); got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		is("at the start", "")
		time.Sleep(24 * time.Hour)
		is("a day without requests", "")

		n.stall.touch("slow")
		for range 20 {
			time.Sleep(StallLimit - time.Second)
			is("a request of many slow steps", "")
			n.stall.touch("slow")
		}
		n.stall.touch("other")
		time.Sleep(StallLimit / 2)
		n.stall.touch("other")
		n.stall.end("other")
		time.Sleep(StallLimit/2 + time.Second)
		is("a worker that hangs while others work", "request slow has made no progress for 10m1s")
		n.stall.end("slow")
		is("a worker that went on after all", "")

		n.queue.Add("due", queue.Normal)
		time.Sleep(StallLimit / 2)
		n.stall.touch("other")
		n.stall.end("other")
		time.Sleep(StallLimit/2 + time.Second)
		is("requests wait behind others", "")
		time.Sleep(StallLimit / 2)
		is("no worker takes what is due", "1 requests are due and no worker has taken one for 10m1s")
		id, err := n.queue.Next(t.Context())
		if err != nil || id != "due" {
			t.Fatal(id, err)
		}
		n.stall.touch(id)
		is("a worker takes it", "")

		n.queue.Retry(id, queue.Normal, time.Hour, 0)
		n.queue.Done(id)
		n.stall.end(id)
		time.Sleep(50 * time.Minute)
		is("a request waits out a backoff", "")
	})
}
