package slacktest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// inMemory serves a workspace inside a synctest bubble, and returns a client.
func inMemory(t *testing.T, opt slacktest.Options) (*slacktest.Server, *http.Client) {
	t.Helper()
	s := slacktest.New(opt)
	s.AddUser(slacktest.User{ID: "U0ALICE", Email: "alice@example.com"})
	s.AddChannel(slacktest.Channel{ID: "C0DEV", Name: "dev", BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0OPS", Name: "ops", BotIsMember: true})
	l := slacktest.NewListener()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	synctest.Wait()
	transport := &http.Transport{DialContext: l.DialContext}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, &http.Client{Transport: transport}
}

type result struct {
	Status     int
	Body       string // its beginning
	RetryAfter string
	Err        string // empty, "broken" or "timeout"
	Took       time.Duration
	Posted     int // messages that exist afterwards
	Logged     string
}

func post(t *testing.T, s *slacktest.Server, c *http.Client, channel string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begin := time.Now()
	before := len(s.AllMessages())
	body := url.Values{"channel": {channel}, "text": {"x"}}.Encode()
	req := newRequest(t, "POST", "http://slack.test/api/chat.postMessage", form, body).WithContext(ctx)
	var r result
	resp, err := c.Do(req)
	if err == nil {
		defer resp.Body.Close()
		r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After")
		var text []byte
		text, err = io.ReadAll(resp.Body)
		r.Body = string(text[:min(15, len(text))])
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.Err = "timeout"
	case err != nil:
		r.Err = "broken"
	}
	r.Took = time.Since(begin)
	synctest.Wait()
	r.Posted = len(s.AllMessages()) - before
	calls := s.Calls()
	r.Logged = calls[len(calls)-1].Outcome
	return r
}

func TestFaults(t *testing.T) {
	good := result{Status: 200, Body: `{"channel":"C0D`, Posted: 1, Logged: "ok"}
	for name, test := range map[string]struct {
		fault slacktest.Fault
		want  result
	}{
		"none":                     {slacktest.Fault{}, good},
		"another method":           {slacktest.Fault{Method: "chat.update", CutBefore: true}, good},
		"another channel":          {slacktest.Fault{Channel: "C0OPS", CutBefore: true}, good},
		"no match":                 {slacktest.Fault{CutBefore: true, Match: func(c slacktest.Call) bool { return c.Args["text"] == "y" }}, good},
		"match":                    {slacktest.Fault{CutBefore: true, Match: func(c slacktest.Call) bool { return c.Args["text"] == "x" }}, result{Err: "broken", Logged: "cut before"}},
		"channel by name":          {slacktest.Fault{Channel: "#dev", CutBefore: true}, result{Err: "broken", Logged: "cut before"}},
		"latency":                  {slacktest.Fault{Latency: 3 * time.Second}, result{Status: 200, Body: good.Body, Posted: 1, Logged: "ok", Took: 3 * time.Second}},
		"latency, client leaves":   {slacktest.Fault{Latency: time.Minute}, result{Err: "timeout", Logged: "gone", Took: 10 * time.Second}},
		"effect, client leaves":    {slacktest.Fault{Latency: time.Minute, AfterEffect: true}, result{Err: "timeout", Posted: 1, Logged: "ok, gone", Took: 10 * time.Second}},
		"cut before":               {slacktest.Fault{CutBefore: true}, result{Err: "broken", Logged: "cut before"}},
		"cut before has no effect": {slacktest.Fault{CutBefore: true, AfterEffect: true}, result{Err: "broken", Logged: "cut before"}},
		"cut after":                {slacktest.Fault{CutAfter: true}, result{Err: "broken", Posted: 1, Logged: "cut after"}},
		"cut in the answer":        {slacktest.Fault{CutBody: true}, result{Status: 200, Body: good.Body, Err: "broken", Posted: 1, Logged: "cut body"}},
		"429":                      {slacktest.Fault{RetryAfter: 1500 * time.Millisecond}, result{Status: 429, RetryAfter: "2", Body: `{"error":"ratel`, Logged: "ratelimited"}},
		"503":                      {slacktest.Fault{Status: 503}, result{Status: 503, Body: "Service Unavail", Logged: "http 503"}},
		"503 after the effect":     {slacktest.Fault{Status: 503, AfterEffect: true}, result{Status: 503, Body: "Service Unavail", Posted: 1, Logged: "http 503"}},
		"HTML with 200":            {slacktest.Fault{HTML: true}, result{Status: 200, Body: "<!DOCTYPE html>", Logged: "html 200"}},
		"HTML with 502":            {slacktest.Fault{HTML: true, Status: 502}, result{Status: 502, Body: "<!DOCTYPE html>", Logged: "html 502"}},
		"fatal_error":              {slacktest.Fault{Error: "fatal_error"}, result{Status: 200, Body: `{"error":"fatal`, Logged: "fatal_error"}},
		"fatal_error after effect": {slacktest.Fault{Error: "fatal_error", AfterEffect: true}, result{Status: 200, Body: `{"error":"fatal`, Posted: 1, Logged: "fatal_error"}},
		"slow and broken":          {slacktest.Fault{CutAfter: true, Latency: time.Second}, result{Err: "broken", Posted: 1, Logged: "cut after", Took: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := inMemory(t, slacktest.Options{})
				remove := s.Inject(test.fault)
				if diff := cmp.Diff(test.want, post(t, s, c, "C0DEV")); diff != "" {
					t.Error(diff)
				}
				remove()
				if diff := cmp.Diff(good, post(t, s, c, "C0DEV")); diff != "" {
					t.Error("after removal:", diff)
				}
			})
		})
	}
}

func TestWhichCallsAFaultConcerns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t, slacktest.Options{})
		s.Inject(slacktest.Fault{Skip: 1, Times: 2, Error: "first"})
		s.Inject(slacktest.Fault{Times: 3, Error: "second"})
		s.Inject(slacktest.Fault{Times: 1, Latency: time.Second})
		s.Inject(slacktest.Fault{Times: 2, Latency: time.Second})
		var got []string
		var took []time.Duration
		for range 6 {
			r := post(t, s, c, "U0ALICE")
			got, took = append(got, r.Logged), append(took, r.Took)
		}
		// The second fault is not used up while the first decides.
		if diff := cmp.Diff([]string{"second", "first", "first", "second", "second", "ok"}, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]time.Duration{2 * time.Second, time.Second, 0, 0, 0, 0}, took); diff != "" {
			t.Error(diff)
		}
		s.Inject(slacktest.Fault{Channel: "D0ALICE", Error: "dm"})
		if r := post(t, s, c, "U0ALICE"); r.Logged != "dm" {
			t.Errorf("direct message by user: %q", r.Logged)
		}
		if r := post(t, s, c, "C0DEV"); r.Logged != "ok" {
			t.Errorf("another channel: %q", r.Logged)
		}
		s.ClearFaults()
		if r := post(t, s, c, "D0ALICE"); r.Logged != "ok" {
			t.Errorf("after ClearFaults: %q", r.Logged)
		}
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t, slacktest.Options{})
		s.Inject(slacktest.Fault{Latency: time.Hour})
		done := make(chan result)
		go func() { done <- post(t, s, c, "C0DEV") }()
		synctest.Wait()
		begin := time.Now()
		s.Close()
		if r := <-done; r.Err != "broken" || time.Since(begin) != 0 {
			t.Errorf("%+v after %v", r, time.Since(begin))
		}
	})
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t, slacktest.Options{ChannelRate: 0.4, ChannelBurst: 2})
		limited := func(channel string) string { return post(t, s, c, channel).RetryAfter }
		var got []string
		for _, channel := range []string{"C0DEV", "#dev", "C0DEV", "C0OPS", "U0ALICE", "D0ALICE", "U0ALICE"} {
			got = append(got, limited(channel))
		}
		if diff := cmp.Diff([]string{"", "", "3", "", "", "", "3"}, got); diff != "" {
			t.Error(diff)
		}
		time.Sleep(2499 * time.Millisecond) // a post every 2.5 s
		if got := limited("C0DEV"); got != "1" {
			t.Errorf("a moment too early: Retry-After %q", got)
		}
		time.Sleep(time.Millisecond)
		if got := limited("C0DEV"); got != "" {
			t.Errorf("at the moment: Retry-After %q", got)
		}
		s.SetChannelLimit(slacktest.Limit{})
		s.SetMethodLimit("chat.postMessage", slacktest.Limit{PerSecond: 1})
		got = []string{limited("C0DEV"), limited("C0OPS")}
		time.Sleep(time.Second)
		got = append(got, limited("C0OPS"))
		if diff := cmp.Diff([]string{"", "1", ""}, got); diff != "" {
			t.Error(diff)
		}
		if calls := s.CallCounts(); calls["chat.postMessage"] != 12 || len(calls) != 1 {
			t.Errorf("calls %v", calls)
		}
	})
}

func TestTierLimitsAreOfMethodsThatExist(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	for method, limit := range slacktest.TierLimits() {
		if a := call(t, s, method); a.Error == "unknown_method" || limit.PerSecond <= 0 || limit.Burst <= 0 {
			t.Errorf("%s: %+v, error %q", method, limit, a.Error)
		}
	}
	if !strings.Contains(callText(s), "users.list") {
		t.Error("the calls were not logged")
	}
}

func TestObserveTellsOfEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		s, client := inMemory(t, slacktest.Options{Observe: func(c slacktest.Call) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, c.Method+": "+c.Outcome)
		}})
		s.Inject(slacktest.Fault{Method: "auth.test", Status: 503, Times: 1})
		for range 2 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://slack/api/auth.test", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+slacktest.DefaultToken)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff([]string{"auth.test: http 503", "auth.test: ok"}, seen); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}
