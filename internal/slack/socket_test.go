package slack

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestAClickReachesTheHandler(t *testing.T) {
	got := make(chan Envelope, 1)
	inOffice(t, slacktest.Options{}, SocketOptions{}, func(_ context.Context, e Envelope) json.RawMessage {
		got <- e
		return json.RawMessage(`{"ignored":true}`)
	}, func(o *office) {
		o.connected()
		d := o.click()
		o.acknowledged(d)
		if d.Response() != nil {
			t.Errorf("response to a click: %s", d.Response())
		}
		e := <-got
		if diff := cmp.Diff(Envelope{ID: d.ID, Type: "interactive", Kind: "block_actions", Payload: d.Payload}, e); diff != "" {
			t.Error(diff)
		}
		s := o.socket.State()
		want := SocketState{Wanted: 2, Connected: 2, AppID: "A0TELEPORT", Opened: 2, Envelopes: 1, LastEnvelope: s.LastEnvelope}
		if diff := cmp.Diff(want, s); diff != "" || s.LastEnvelope.IsZero() {
			t.Error(diff)
		}
		if err := o.stop(); err != nil {
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
			inOffice(t, slacktest.Options{Redeliveries: -1}, SocketOptions{Connections: test.connections}, nothing, func(o *office) {
				o.SetCopies(test.copies)
				o.connected()
				var clicks []*slacktest.Delivery
				for i := range 1000 {
					clicks = append(clicks, o.click())
					if i%50 == 25 {
						sockets := o.Sockets()
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
					o.acknowledged(d)
					if n := o.times(d); n != 1 {
						t.Errorf("%s was handled %d times", d.ID, n)
					}
				}
				if s := o.socket.State(); s.Opened < 20 || s.Envelopes != 1000 || s.Duplicates != uint64(1000*(test.copies-1)) {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestAnOldConnectionThatSlackForgetsIsEnded(t *testing.T) {
	inOffice(t, slacktest.Options{}, SocketOptions{Connections: 1}, nothing, func(o *office) {
		o.connected()
		old := o.Sockets()[0]
		old.SendText(`{"type":"disconnect","reason":"warning"}`)
		time.Sleep(time.Second)
		if n := o.socket.State().Connected; n != 2 {
			t.Errorf("%d connections beside the old one", n)
		}
		time.Sleep(lingerFor + time.Second)
		select {
		case <-old.Done():
		default:
			t.Error("the old connection is still there")
		}
		if s := o.socket.State(); s.Connected != 1 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
		// However often Slack asks, at most one old one is kept.
		for range 10 {
			sockets := o.Sockets()
			sockets[len(sockets)-1].SendText(`{"type":"disconnect","reason":"warning"}`)
			time.Sleep(openWindow/openBurst + time.Second)
			if n := o.socket.State().Connected; n > 2 {
				t.Errorf("%d connections", n)
			}
		}
	})
}

func TestWhatComesTwiceIsHandledOnce(t *testing.T) {
	inOffice(t, slacktest.Options{}, SocketOptions{}, nothing, func(o *office) {
		o.SetCopies(5)
		o.connected()
		d := o.click()
		o.acknowledged(d)
		synctest.Wait()
		if sent, acked := d.Counts(); sent != 5 || acked != 5 || o.times(d) != 1 {
			t.Errorf("sent %d times, acknowledged %d, handled %d", sent, acked, o.times(d))
		}
	})
}

func TestASubmissionGetsItsResponse(t *testing.T) {
	const answer = `{"response_action":"errors","errors":{"reason":"too short"}}`
	inOffice(t, slacktest.Options{}, SocketOptions{}, func(ctx context.Context, e Envelope) json.RawMessage {
		if e.Kind != "view_submission" {
			return nil
		}
		if at, ok := ctx.Deadline(); !ok || time.Until(at) > respondWithin {
			t.Errorf("deadline %v, %v", time.Until(at), ok)
		}
		time.Sleep(2 * time.Second)
		return json.RawMessage(answer)
	}, func(o *office) {
		o.SetCopies(3)
		o.connected()
		d := o.Deliver(slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Payload: json.RawMessage(`{"type":"view_submission"}`)})
		begin := time.Now()
		o.acknowledged(d)
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("acknowledged after %v", took)
		}
		synctest.Wait()
		_, acked := d.Counts()
		if string(d.Response()) != answer || o.times(d) != 1 || acked != 3 {
			t.Errorf("response %s, handled %d times, acknowledged %d times", d.Response(), o.times(d), acked)
		}
		// The same again, after everything: the same answer.
		again := o.Deliver(d.Envelope)
		o.acknowledged(again)
		if string(again.Response()) != answer || o.times(d) != 1 {
			t.Errorf("again: response %s, handled %d times", again.Response(), o.times(d))
		}
	})
}

// TestSlowHandlersDontStallAcknowledgements: each is acknowledged at once, or
// not at all if there is no room.
func TestSlowHandlersDontStallAcknowledgements(t *testing.T) {
	inOffice(t, slacktest.Options{Redeliveries: -1}, SocketOptions{}, func(ctx context.Context, _ Envelope) json.RawMessage {
		<-ctx.Done()
		return nil
	}, func(o *office) {
		o.connected()
		var clicks []*slacktest.Delivery
		for range workers + backlog {
			d := o.click()
			begin := time.Now()
			o.acknowledged(d)
			if took := time.Since(begin); took != 0 {
				t.Errorf("acknowledged after %v", took)
			}
			synctest.Wait()
			clicks = append(clicks, d)
		}
		over := o.click()
		if err := over.Wait(o.t.Context()); err == nil {
			t.Error("what can't be taken was acknowledged")
		}
		if o.log.count("too many interactions at once") != 1 {
			t.Errorf("log:\n%s", o.log)
		}
		time.Sleep(time.Hour) // each takes half a minute
		for _, d := range clicks {
			if n := o.times(d); n != 1 {
				t.Errorf("handled %d times", n)
			}
		}
		if n := o.times(over); n != 0 {
			t.Errorf("what was left unanswered was handled %d times", n)
		}
		// Slack may send it once more, and there is room again.
		again := o.Deliver(over.Envelope)
		o.acknowledged(again)
		synctest.Wait()
		if n := o.times(over); n != 1 {
			t.Errorf("handled %d times the second time", n)
		}
		if s := o.socket.State(); s.Overflows != 1 || s.Lost != 0 || o.log.count("all interactions are answered again") != 1 {
			t.Errorf("%+v, log:\n%s", s, o.log)
		}
	})
}

func TestALateResponseClosesTheModal(t *testing.T) {
	inOffice(t, slacktest.Options{}, SocketOptions{}, func(ctx context.Context, e Envelope) json.RawMessage {
		if e.Kind == "view_submission" {
			time.Sleep(20 * time.Second) // whatever its context says
		}
		return json.RawMessage(`{"response_action":"clear"}`)
	}, func(o *office) {
		o.connected()
		submission := slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Payload: json.RawMessage(`{"type":"view_submission"}`)}
		var all []*slacktest.Delivery
		begin := time.Now()
		for range responders {
			all = append(all, o.Deliver(submission))
		}
		for _, d := range all {
			o.acknowledged(d)
			if d.Response() != nil || time.Since(begin) != respondWithin {
				t.Errorf("response %q after %v", d.Response(), time.Since(begin))
			}
		}
		// Their handlers are still at it: no room.
		submission.Once = true
		if o.Deliver(submission).Wait(o.t.Context()) == nil {
			t.Error("what can't be taken was acknowledged")
		}
		o.acknowledged(o.click()) // which doesn't concern clicks
		time.Sleep(time.Minute)
		if s := o.socket.State(); s.Late != responders || s.Overflows != 1 || s.Lost != 0 {
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
			inOffice(t, slacktest.Options{}, SocketOptions{}, func(context.Context, Envelope) json.RawMessage {
				return json.RawMessage(response)
			}, func(o *office) {
				o.connected()
				d := o.Deliver(slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Payload: json.RawMessage(`{"type":"view_submission"}`)})
				o.acknowledged(d)
				if d.Response() != nil || o.log.count("left out") != 1 {
					t.Errorf("response %s, log:\n%s", d.Response(), o.log)
				}
			})
		})
	}
}

func TestUnknownEnvelopesAreAcknowledgedAndLoggedOnce(t *testing.T) {
	inOffice(t, slacktest.Options{}, SocketOptions{}, nothing, func(o *office) {
		o.connected()
		for range 3 {
			d := o.Deliver(slacktest.Envelope{Type: "hologram", Payload: json.RawMessage(`[1]`)})
			o.acknowledged(d)
			if o.times(d) != 0 {
				t.Error("a hologram was handled")
			}
		}
		for _, e := range []slacktest.Envelope{
			{Type: "interactive"}, {Type: "interactive", Payload: json.RawMessage(`"text"`)},
			{Type: "interactive", Payload: json.RawMessage(`{"type":7,"channel":[]}`)}, {Type: "events_api"}, {Type: "slash_commands"},
		} {
			d := o.Deliver(e)
			o.acknowledged(d)
			synctest.Wait()
			if o.times(d) != 1 {
				t.Errorf("%s %s was handled %d times", e.Type, e.Payload, o.times(d))
			}
		}
		if n := o.log.count("unknown type"); n != 1 || o.socket.State().Unknown != 3 {
			t.Errorf("logged %d times, %+v", n, o.socket.State())
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
			inOffice(t, slacktest.Options{}, SocketOptions{}, func(ctx context.Context, _ Envelope) json.RawMessage {
				select {
				case <-time.After(test.handler):
				case <-ctx.Done():
				}
				finished <- ctx.Err()
				return nil
			}, func(o *office) {
				o.connected()
				o.acknowledged(o.click())
				synctest.Wait()
				begin := time.Now()
				if err := o.stop(); err != nil {
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
	inOffice(t, slacktest.Options{}, SocketOptions{}, func(context.Context, Envelope) json.RawMessage {
		time.Sleep(time.Second)
		return json.RawMessage(answer)
	}, func(o *office) {
		o.connected()
		d := o.Deliver(slacktest.Envelope{Type: "interactive", AcceptsResponse: true, Once: true, Payload: json.RawMessage(`{"type":"view_submission"}`)})
		synctest.Wait()
		if err := o.stop(); err != nil {
			t.Error(err)
		}
		o.acknowledged(d)
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
			so := SocketOptions{AppToken: func() string {
				if good {
					return slacktest.DefaultAppToken
				}
				return test.token
			}}
			inOffice(t, slacktest.Options{}, so, nothing, func(o *office) {
				o.connected()
				// From now on, and for connections that are there.
				good = false
				if test.spoil != nil {
					test.spoil(o.Server)
				}
				for _, s := range o.Sockets() {
					s.Disconnect("refresh_requested")
				}
				<-o.ended
				err := o.stop()
				f, ok := fault.As(err)
				if !ok || f.Class != fault.Fatal || f.Reason != test.want || !strings.Contains(f.Hint, test.hint) {
					t.Fatalf("Run: %v, hint %q", err, fault.Hint(err))
				}
				if strings.Contains(err.Error()+f.Hint, "xapp-wrong") {
					t.Errorf("the token is in %v", err)
				}
				if s := o.socket.State(); s.Reason != test.want {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestRunCanBeCalledAgain(t *testing.T) {
	inOffice(t, slacktest.Options{SocketModeOff: true}, SocketOptions{}, nothing, func(o *office) {
		<-o.ended
		if err := o.stop(); !fault.Is(err, fault.Fatal) {
			t.Fatalf("Run: %v", err)
		}
		o.SetSocketMode(true)
		ctx, cancel := context.WithCancel(o.t.Context())
		done := make(chan error)
		go func() { done <- o.socket.Run(ctx, nothing) }()
		o.connected()
		if s := o.socket.State(); s.Connected != 2 || s.Reason != "" {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
