package slack

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slack/ratelimit"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// inMemory is workspace for a synctest bubble.
func inMemory(t *testing.T, opt slacktest.Options) (*slacktest.Server, *Client) {
	t.Helper()
	opt.Scopes = everyScope
	s := slacktest.New(opt)
	populate(s)
	l := slacktest.NewListener()
	go func() { _ = s.Serve(l) }() // ends with Close
	tr := &http.Transport{DialContext: l.DialContext, MaxIdleConnsPerHost: 32}
	t.Cleanup(func() { tr.CloseIdleConnections(); s.Close(); synctest.Wait() })
	return s, client(t, Options{APIURL: "http://slack.test/api/", HTTPClient: &http.Client{Transport: tr, Timeout: callTimeout}})
}

func TestTwoHundredPostsIntoASlowChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t, slacktest.Options{ChannelRate: 1})
		const n = 200
		start := time.Now()
		var wg sync.WaitGroup
		back := 0
		var mu sync.Mutex
		for i := range n {
			wg.Go(func() {
				for {
					_, err := c.Post(t.Context(), post("C0DEVDEVDEV", fmt.Sprint(i), "request"))
					if err == nil {
						return
					}
					if !fault.Is(err, fault.Retry) {
						t.Errorf("post %d: %v", i, err)
						return
					}
					mu.Lock()
					back++
					mu.Unlock()
					time.Sleep(fault.After(err))
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		refusals := s.CallCounts()["chat.postMessage"] - n
		t.Logf("%d posts in %v, %d refusals, %d times sent back", n, took, refusals, back)
		if most := 200 * 105 * time.Second / 100; took > most {
			t.Errorf("took %v, at most %v wanted", took, most)
		}
		if refusals > 11 {
			t.Errorf("%d refusals, at most 11 wanted", refusals)
		}
		if got := len(s.Messages("C0DEVDEVDEV")); got != n {
			t.Errorf("%d messages, want %d", got, n)
		}
	})
}

func TestOtherChannelsAndMethodsGoOn(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	ref, err := c.Post(t.Context(), post("C0DEVDEVDEV", "0", "request"))
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(slacktest.Fault{Method: "chat.postMessage", Channel: "C0DEVDEVDEV", RetryAfter: time.Minute})
	_, err = c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
	if diff := cmp.Diff(outcome{fault.Retry, "ratelimited", time.Minute}, outcomeOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	calls := s.CallCounts()["chat.postMessage"]
	for i := range 3 {
		_, err = c.Post(t.Context(), post("C0DEVDEVDEV", fmt.Sprint(i), "request"))
		if got := outcomeOf(err); got.Reason != "paced" || got.Class != fault.Retry || got.RetryAfter < 59*time.Second {
			t.Errorf("closed channel: %v, after %v", err, got.RetryAfter)
		}
	}
	if n := s.CallCounts()["chat.postMessage"]; n != calls {
		t.Errorf("%d calls into the closed channel", n-calls)
	}
	if err := c.Ready(post("C0DEVDEVDEV", "1", "request")); outcomeOf(err).Reason != "paced" {
		t.Errorf("ready: %v", err)
	}
	// Everything else is as before.
	if err := c.Ready(post("C0OPSOPSOPS", "1", "request")); err != nil {
		t.Errorf("ready elsewhere: %v", err)
	}
	if _, err := c.Post(t.Context(), post("C0OPSOPSOPS", "1", "request")); err != nil {
		t.Errorf("another channel: %v", err)
	}
	if _, err := c.Post(t.Context(), post("U0ALICE", "1", "request")); err != nil {
		t.Errorf("a person: %v", err)
	}
	if err := c.React(t.Context(), ref, "x"); err != nil {
		t.Errorf("another method: %v", err)
	}
}

func TestARefusedMethodSlowsNoOther(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	ref, err := c.Post(t.Context(), post("C0DEVDEVDEV", "0", "request"))
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(slacktest.Fault{Method: "chat.update", RetryAfter: time.Minute})
	for _, want := range []string{"ratelimited", "paced"} {
		if err := c.Update(t.Context(), ref, post("", "1", "").Message); outcomeOf(err).Reason != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request")); err != nil {
		t.Error(err)
	}
}

func TestShortWaitsAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxWaitInside = 250 * time.Millisecond // ratelimit.maxWait
		_, c := inMemory(t, slacktest.Options{ChannelRate: 1})
		for i := range 2 {
			_, _ = c.Post(t.Context(), post("C0DEVDEVDEV", fmt.Sprint(i), "request")) // the second is refused
		}
		time.Sleep(time.Second - maxWaitInside)
		if _, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request")); err != nil {
			t.Errorf("%v before its slot: %v", maxWaitInside, err)
		}
		start := time.Now()
		if _, err := c.Post(t.Context(), post("C0DEVDEVDEV", "2", "request")); outcomeOf(err).Reason != "paced" {
			t.Errorf("a second before its slot: %v", err)
		}
		if d := time.Since(start); d > 0 {
			t.Errorf("waited %v for a slot that is known to be later", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.Sleep(channelInterval - maxWaitInside)
		time.AfterFunc(maxWaitInside/2, cancel)
		_, err := c.Post(ctx, post("C0DEVDEVDEV", "2", "request"))
		if got := outcomeOf(err); got.Reason != "canceled" || got.Class != fault.Retry {
			t.Errorf("canceled while it waits: %v", err)
		}
	})
}

func TestRepliesShareTheRateOfTheNameThatWasPostedTo(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	ref, err := c.Post(t.Context(), post("#dev", "0", "request"))
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(slacktest.Fault{Method: "chat.postMessage", RetryAfter: time.Minute, Times: 1})
	if _, err := c.Post(t.Context(), post("#dev", "1", "request")); outcomeOf(err).Reason != "ratelimited" {
		t.Fatal(err)
	}
	if _, err := c.Post(t.Context(), post(ref.Channel, "0", "review-1")); outcomeOf(err).Reason != "paced" {
		t.Errorf("got %v, want it to wait with the channel", err)
	}
}

func TestManyQuietChannelsRefusedIsTheWorkspacesLimit(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	for i := range 10 {
		s.AddChannel(slacktest.Channel{ID: fmt.Sprintf("C0MANYMANY%d", i), BotIsMember: true})
	}
	s.Inject(slacktest.Fault{Method: "chat.postMessage", RetryAfter: time.Minute})
	var got []string
	for i := range 10 {
		_, err := c.Post(t.Context(), post(fmt.Sprintf("C0MANYMANY%d", i), "1", "request"))
		got = append(got, outcomeOf(err).Reason)
	}
	want := []string{"ratelimited", "ratelimited", "ratelimited", "paced", "paced", "paced", "paced", "paced", "paced", "paced"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.Resolve(t.Context(), "alice@example.com"); err != nil {
		t.Errorf("another method: %v", err)
	}
}

// TestWhatAnErrorSaysAboutTheRate: only an answer of Slack shows that a call was
// not too fast.
func TestWhatAnErrorSaysAboutTheRate(t *testing.T) {
	for want, errs := range map[ratelimit.Result][]error{
		{Outcome: ratelimit.Accepted}: {
			nil, fault.New(fault.Permanent, "post", "not_in_channel"), fault.New(fault.Fatal, "post", "invalid_auth"),
			fault.New(fault.NotFound, "edit", "message_not_found"), fault.New(fault.Conflict, "react", "already_reacted"),
		},
		{Outcome: ratelimit.NoAnswer}: {
			fault.New(fault.Retry, "post", "network"), fault.New(fault.Unknown, "post", "timeout"), fault.New(fault.Retry, "post", "http_503"),
		},
		{Outcome: ratelimit.Refused, RetryAfter: 7 * time.Second}: {
			&fault.Error{Reason: reasonRateLimited, Class: fault.Retry, RetryAfter: 7 * time.Second},
		},
	} {
		for _, err := range errs {
			if got := limitResult(err); got != want {
				t.Errorf("%v: %+v, want %+v", err, got, want)
			}
		}
	}
}
