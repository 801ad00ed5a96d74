package socketmode

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestAClickReachesTheHandler(t *testing.T) {
	got := make(chan Envelope, 1)
	inEnvironment(t, slacktest.Options{}, Options{}, func(_ context.Context, e Envelope) json.RawMessage {
		got <- e
		return json.RawMessage(`{"ignored":true}`)
	}, func(env *environment) {
		env.connected()
		d := env.click()
		env.acknowledged(d)
		if d.Response() != nil {
			t.Errorf("response to a click: %s", d.Response())
		}
		e := <-got
		if diff := cmp.Diff(Envelope{ID: d.ID, Type: "interactive", Kind: "block_actions", Payload: d.Payload}, e); diff != "" {
			t.Error(diff)
		}
		s := env.client.State()
		want := State{Wanted: 2, Connected: 2, AppID: "A0TELEPORT", Opened: 2, Envelopes: 1, LastEnvelope: s.LastEnvelope}
		if diff := cmp.Diff(want, s); diff != "" || s.LastEnvelope.IsZero() {
			t.Error(diff)
		}
		if err := env.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestNoClickIsLostInARefresh is the reason for two connections and for
// reading the old one to its end.
func TestNoClickIsLostInARefresh(t *testing.T) {
	for name, test := range map[string]struct {
		reason      string
		connections int
		copies      int
		all         bool // connections are renewed at the same time
	}{
		"warnings":                 {"warning", 2, 1, false},
		"refresh":                  {"refresh_requested", 2, 1, false},
		"all at once":              {"warning", 2, 1, true},
		"one connection, warned":   {"warning", 1, 1, true},
		"everything comes twice":   {"refresh_requested", 2, 2, false},
		"a reason nobody knows of": {"something_new", 2, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			// Nothing is sent again: what a connection misses is lost.
			inEnvironment(t, slacktest.Options{Redeliveries: -1}, Options{Connections: test.connections}, nothing, func(env *environment) {
				env.SetCopies(test.copies)
				env.connected()
				var clicks []*slacktest.Delivery
				for i := range 1000 {
					clicks = append(clicks, env.click())
					if i%50 == 25 {
						sockets := env.Sockets()
						if !test.all {
							sockets = sockets[len(sockets)-1:]
						}
						for _, s := range sockets {
							s.Disconnect(test.reason)
						}
					}
					time.Sleep(300 * time.Millisecond)
				}
				time.Sleep(time.Minute)
				for _, d := range clicks {
					env.acknowledged(d)
					if n := env.times(d); n != 1 {
						t.Errorf("%s was handled %d times", d.ID, n)
					}
				}
				if s := env.client.State(); s.Opened < 20 || s.Envelopes != 1000 || s.Duplicates != uint64(1000*(test.copies-1)) {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestAnOldConnectionThatSlackForgetsIsEnded(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{Connections: 1}, nothing, func(env *environment) {
		env.connected()
		old := env.Sockets()[0]
		old.SendText(`{"type":"disconnect","reason":"warning"}`)
		time.Sleep(time.Second)
		if n := env.client.State().Connected; n != 2 {
			t.Errorf("%d connections beside the old one", n)
		}
		time.Sleep(lingerFor + time.Second)
		select {
		case <-old.Done():
		default:
			t.Error("the old connection is still there")
		}
		if s := env.client.State(); s.Connected != 1 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
		// However often Slack asks, at most one old one is kept.
		for range 10 {
			sockets := env.Sockets()
			sockets[len(sockets)-1].SendText(`{"type":"disconnect","reason":"warning"}`)
			time.Sleep(openWindow/openBurst + time.Second)
			if n := env.client.State().Connected; n > 2 {
				t.Errorf("%d connections", n)
			}
		}
	})
}

func TestWhatComesTwiceIsHandledOnce(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.SetCopies(5)
		env.connected()
		d := env.click()
		env.acknowledged(d)
		synctest.Wait()
		if sent, acked := d.Counts(); sent != 5 || acked != 5 || env.times(d) != 1 {
			t.Errorf("sent %d times, acknowledged %d, handled %d", sent, acked, env.times(d))
		}
	})
}

func TestASubmissionGetsItsResponse(t *testing.T) {
	const answer = `{"response_action":"errors","errors":{"reason":"too short"}}`
	inEnvironment(t, slacktest.Options{}, Options{}, func(ctx context.Context, e Envelope) json.RawMessage {
		if e.Kind != "view_submission" {
			return nil
		}
		if at, ok := ctx.Deadline(); !ok || time.Until(at) > respondWithin {
			t.Errorf("deadline %v, %v", time.Until(at), ok)
		}
		time.Sleep(2 * time.Second)
		return json.RawMessage(answer)
	}, func(env *environment) {
		env.SetCopies(3)
		env.connected()
		d := env.Deliver(slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Payload: json.RawMessage(`{"type":"view_submission"}`)})
		begin := time.Now()
		env.acknowledged(d)
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("acknowledged after %v", took)
		}
		synctest.Wait()
		_, acked := d.Counts()
		if string(d.Response()) != answer || env.times(d) != 1 || acked != 3 {
			t.Errorf("response %s, handled %d times, acknowledged %d times", d.Response(), env.times(d), acked)
		}
		// The same again, after everything: the same answer.
		again := env.Deliver(d.Envelope)
		env.acknowledged(again)
		if string(again.Response()) != answer || env.times(d) != 1 {
			t.Errorf("again: response %s, handled %d times", again.Response(), env.times(d))
		}
	})
}

// TestSlowHandlersDontStallAcknowledgements: each is acknowledged at once, or
// not at all if there is no room.
func TestSlowHandlersDontStallAcknowledgements(t *testing.T) {
	inEnvironment(t, slacktest.Options{Redeliveries: -1}, Options{}, func(ctx context.Context, _ Envelope) json.RawMessage {
		<-ctx.Done()
		return nil
	}, func(env *environment) {
		env.connected()
		var clicks []*slacktest.Delivery
		for range workers + backlog {
			d := env.click()
			begin := time.Now()
			env.acknowledged(d)
			if took := time.Since(begin); took != 0 {
				t.Errorf("acknowledged after %v", took)
			}
			synctest.Wait()
			clicks = append(clicks, d)
		}
		over := env.click()
		if err := over.Wait(env.t.Context()); err == nil {
			t.Error("what can't be taken was acknowledged")
		}
		if env.log.count("too many interactions at once") != 1 {
			t.Errorf("log:\n%s", env.log)
		}
		time.Sleep(time.Hour) // each takes half a minute
		for _, d := range clicks {
			if n := env.times(d); n != 1 {
				t.Errorf("handled %d times", n)
			}
		}
		if n := env.times(over); n != 0 {
			t.Errorf("what was left unanswered was handled %d times", n)
		}
		// Slack may send it once more, and there is room again.
		again := env.Deliver(over.Envelope)
		env.acknowledged(again)
		synctest.Wait()
		if n := env.times(over); n != 1 {
			t.Errorf("handled %d times the second time", n)
		}
		if s := env.client.State(); s.Overflows != 1 || s.Lost != 0 || env.log.count("all interactions are answered again") != 1 {
			t.Errorf("%+v, log:\n%s", s, env.log)
		}
	})
}

func TestALateResponseClosesTheModal(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, func(ctx context.Context, e Envelope) json.RawMessage {
		if e.Kind == "view_submission" {
			time.Sleep(20 * time.Second) // whatever its context says
		}
		return json.RawMessage(`{"response_action":"clear"}`)
	}, func(env *environment) {
		env.connected()
		submission := slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Payload: json.RawMessage(`{"type":"view_submission"}`)}
		var all []*slacktest.Delivery
		begin := time.Now()
		for range responders {
			all = append(all, env.Deliver(submission))
		}
		for _, d := range all {
			env.acknowledged(d)
			if d.Response() != nil || time.Since(begin) != respondWithin {
				t.Errorf("response %q after %v", d.Response(), time.Since(begin))
			}
		}
		// Their handlers are still at it: no room.
		submission.Once = true
		if env.Deliver(submission).Wait(env.t.Context()) == nil {
			t.Error("what can't be taken was acknowledged")
		}
		env.acknowledged(env.click()) // which doesn't concern clicks
		time.Sleep(time.Minute)
		if s := env.client.State(); s.Late != responders || s.Overflows != 1 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAResponseThatSlackWouldDropIsLeftOut(t *testing.T) {
	for name, response := range map[string]string{
		"too long": `"` + strings.Repeat("x", 20<<10) + `"`,
		"no JSON":  `{`,
	} {
		t.Run(name, func(t *testing.T) {
			inEnvironment(t, slacktest.Options{}, Options{}, func(context.Context, Envelope) json.RawMessage {
				return json.RawMessage(response)
			}, func(env *environment) {
				env.connected()
				d := env.Deliver(slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Payload: json.RawMessage(`{"type":"view_submission"}`)})
				env.acknowledged(d)
				if d.Response() != nil || env.log.count("left out") != 1 {
					t.Errorf("response %s, log:\n%s", d.Response(), env.log)
				}
			})
		})
	}
}

func TestUnknownEnvelopesAreAcknowledgedAndLoggedOnce(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.connected()
		for range 3 {
			d := env.Deliver(slacktest.Envelope{Type: "hologram", Payload: json.RawMessage(`[1]`)})
			env.acknowledged(d)
			if env.times(d) != 0 {
				t.Error("a hologram was handled")
			}
		}
		for _, e := range []slacktest.Envelope{
			{Type: "interactive"}, {Type: "interactive", Payload: json.RawMessage(`"text"`)},
			{Type: "interactive", Payload: json.RawMessage(`{"type":7,"channel":[]}`)}, {Type: "events_api"}, {Type: "slash_commands"},
		} {
			d := env.Deliver(e)
			env.acknowledged(d)
			synctest.Wait()
			if env.times(d) != 1 {
				t.Errorf("%s %s was handled %d times", e.Type, e.Payload, env.times(d))
			}
		}
		if n := env.log.count("unknown type"); n != 1 || env.client.State().Unknown != 3 {
			t.Errorf("logged %d times, %+v", n, env.client.State())
		}
	})
}

func TestTheEndWaitsForWhatWasAcknowledged(t *testing.T) {
	for name, test := range map[string]struct{ handler, end time.Duration }{
		"quick":   {3 * time.Second, 3 * time.Second},
		"endless": {time.Hour, drainWithin},
	} {
		t.Run(name, func(t *testing.T) {
			finished := make(chan error, 1)
			inEnvironment(t, slacktest.Options{}, Options{}, func(ctx context.Context, _ Envelope) json.RawMessage {
				select {
				case <-time.After(test.handler):
				case <-ctx.Done():
				}
				finished <- ctx.Err()
				return nil
			}, func(env *environment) {
				env.connected()
				env.acknowledged(env.click())
				synctest.Wait()
				begin := time.Now()
				if err := env.stop(); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took != test.end {
					t.Errorf("Run ended after %v, want %v", took, test.end)
				}
				if err := <-finished; (err != nil) != (name == "endless") {
					t.Errorf("the handler's context: %v", err)
				}
			})
		})
	}
}

func TestTheEndAnswersASubmissionUnderWay(t *testing.T) {
	const answer = `{"response_action":"clear"}`
	inEnvironment(t, slacktest.Options{}, Options{}, func(context.Context, Envelope) json.RawMessage {
		time.Sleep(time.Second)
		return json.RawMessage(answer)
	}, func(env *environment) {
		env.connected()
		d := env.Deliver(slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Once: true, Payload: json.RawMessage(`{"type":"view_submission"}`)})
		synctest.Wait()
		if err := env.stop(); err != nil {
			t.Error(err)
		}
		env.acknowledged(d)
		if string(d.Response()) != answer {
			t.Errorf("response %s", d.Response())
		}
	})
}

func TestWhatEndsSocketMode(t *testing.T) {
	for name, test := range map[string]struct {
		token string
		spoil func(*slacktest.Server)
		want  string
		hint  string
	}{
		"wrong token":       {"xapp-wrong", nil, "invalid_auth", "review.app_token"},
		"no token":          {"", nil, "not_authed", "review.app_token"},
		"bot token":         {slacktest.DefaultToken, nil, "not_allowed_token_type", "review.app_token"},
		"revoked":           {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("token_revoked") }, "token_revoked", "review.app_token"},
		"expired":           {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("token_expired") }, "token_expired", "review.app_token"},
		"scope":             {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("missing_scope") }, "missing_scope", "connections:write"},
		"no permission":     {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("no_permission") }, "no_permission", "review.app_token"},
		"another team":      {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("forbidden_team") }, "forbidden_team", "organisation"},
		"switched off":      {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.SetSocketMode(false) }, "link_disabled", "Interactivity"},
		"no such method":    {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("unknown_method") }, "unknown_method", "slack.api_url"},
		"IP address":        {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("accesslimited") }, "accesslimited", "IP"},
		"keys are withheld": {slacktest.DefaultAppToken, func(s *slacktest.Server) { s.FailAppToken("ekm_access_denied") }, "ekm_access_denied", "admin"},
	} {
		t.Run(name, func(t *testing.T) {
			good := true
			so := Options{AppToken: func() string {
				if good {
					return slacktest.DefaultAppToken
				}
				return test.token
			}}
			inEnvironment(t, slacktest.Options{}, so, nothing, func(env *environment) {
				env.connected()
				// From now on, and for connections that are there.
				good = false
				if test.spoil != nil {
					test.spoil(env.Server)
				}
				for _, s := range env.Sockets() {
					s.Disconnect("refresh_requested")
				}
				<-env.ended
				err := env.stop()
				f, ok := fault.As(err)
				if !ok || f.Class != fault.Fatal || f.Reason != test.want || !strings.Contains(f.Hint, test.hint) {
					t.Fatalf("Run: %v, hint %q", err, fault.Hint(err))
				}
				if strings.Contains(err.Error()+f.Hint, "xapp-wrong") {
					t.Errorf("the token is in %v", err)
				}
				if s := env.client.State(); s.Reason != test.want {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestRunCanBeCalledAgain(t *testing.T) {
	inEnvironment(t, slacktest.Options{SocketModeOff: true}, Options{}, nothing, func(env *environment) {
		<-env.ended
		if err := env.stop(); !fault.Is(err, fault.Fatal) {
			t.Fatalf("Run: %v", err)
		}
		env.SetSocketMode(true)
		ctx, cancel := context.WithCancel(env.t.Context())
		done := make(chan error)
		go func() { done <- env.client.Run(ctx, nothing) }()
		env.connected()
		if s := env.client.State(); s.Connected != 2 || s.Reason != "" {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestProbeConnectsToNothing: Probe takes nobody's clicks.
func TestProbeConnectsToNothing(t *testing.T) {
	s := slacktest.New(slacktest.Options{})
	s.Start()
	t.Cleanup(s.Close)
	client := New(Options{AppToken: func() string { return slacktest.DefaultAppToken }, APIURL: s.URL()})
	if err := client.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(s.Sockets()); n != 0 {
		t.Errorf("%d connections", n)
	}
	s.SetSocketMode(false)
	if err := client.Probe(t.Context()); !fault.Is(err, fault.Fatal) || fault.Hint(err) != slack.HintSocketMode {
		t.Errorf("with Socket Mode off: %v (%s)", err, fault.Hint(err))
	}
}
