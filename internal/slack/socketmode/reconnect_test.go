package socketmode

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// TestNoFailureEndsSocketMode: whatever goes wrong for an hour, it is
// connected soon after, and did not hammer meanwhile.
func TestNoFailureEndsSocketMode(t *testing.T) {
	const method = "apps.connections.open"
	for name, test := range map[string]struct {
		fault  slacktest.Fault
		reason string
	}{
		"connections refused": {slacktest.Fault{Method: method, CutBefore: true}, "network"},
		"not found":           {slacktest.Fault{Method: method, Status: 404}, "http_404"},
		"server error":        {slacktest.Fault{Method: method, Status: 503}, "http_503"},
		"a captive portal":    {slacktest.Fault{Method: method, HTML: true}, "invalid_answer"},
		"internal error":      {slacktest.Fault{Method: method, Error: "internal_error"}, "internal_error"},
		"a new error":         {slacktest.Fault{Method: method, Error: "something_new"}, "something_new"},
		"rate limit":          {slacktest.Fault{Method: method, RetryAfter: 30 * time.Second}, "ratelimited"},
		"no answer":           {slacktest.Fault{Method: method, Latency: time.Hour, CutBefore: true}, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
				env.connected()
				remove := env.Inject(test.fault)
				for _, s := range env.Sockets() {
					s.Cut()
				}
				time.Sleep(time.Hour)
				if s := env.client.State(); s.Connected != 0 || s.Reason != test.reason {
					t.Errorf("%+v", s)
				}
				if n := env.opens(); n > 2*65+20 { // two connections, one attempt in half a minute to a minute each, and the beginning
					t.Errorf("%d attempts in an hour", n)
				}
				if n := env.log.count("Socket Mode connection failed, retrying"); n != 1 && n != 2 { // "network" first
					t.Errorf("logged %d times:\n%s", n, env.log)
				}
				remove()
				time.Sleep(3 * time.Minute)
				if s := env.client.State(); s.Connected != 2 || s.Reason != "" || env.log.count("connected to Slack's Socket Mode again") != 1 {
					t.Errorf("%+v\n%s", s, env.log)
				}
				env.acknowledged(env.click())
			})
		})
	}
}

func TestSocketObeysRetryAfterToTheLetter(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.connected()
		env.Inject(slacktest.Fault{Method: "apps.connections.open", RetryAfter: 5 * time.Minute, Times: 1})
		env.ResetCalls()
		env.Sockets()[0].Cut()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		first := env.opens()
		begin := time.Now()
		for env.opens() == first && time.Since(begin) < time.Hour {
			time.Sleep(100 * time.Millisecond)
		}
		if waited := time.Since(begin); first != 1 || waited < 5*time.Minute-2*time.Second || waited > 5*time.Minute+2*time.Second {
			t.Errorf("%d calls, then a wait of %v", first, waited)
		}
	})
}

// TestStorms: connections that come up and break at once, for an hour.
func TestStorms(t *testing.T) {
	for name, storm := range map[string]func(*slacktest.Socket){
		"cut":         func(s *slacktest.Socket) { s.Cut() },
		"sent away":   func(s *slacktest.Socket) { s.Disconnect("goodbye") },
		"raw garbage": func(s *slacktest.Socket) { s.SendRaw([]byte("\xff\xff\xff\xff\x00\x01HTTP/1.1 400\r\n\r\n")) },
		"too long":    func(s *slacktest.Socket) { s.SendText(strings.Repeat("x", maxFrameBytes+1)) },
		"nonsense": func(s *slacktest.Socket) {
			for range maxUnreadable {
				s.SendText("nonsense")
			}
		},
		"refreshes": func(s *slacktest.Socket) { s.Disconnect("refresh_requested") },
	} {
		t.Run(name, func(t *testing.T) {
			inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
				over := make(chan struct{})
				done := make(chan struct{})
				go func() {
					defer close(done)
					hit := map[int]bool{}
					for {
						select {
						case <-over:
							return
						case <-time.After(50 * time.Millisecond):
						}
						for _, s := range env.Sockets() {
							if !hit[s.ID] {
								hit[s.ID] = true
								storm(s)
							}
						}
					}
				}()
				time.Sleep(time.Hour)
				close(over)
				<-done
				// Refreshes are Slack's wish, and more of them are obeyed.
				limit := 150
				if name == "refreshes" || name == "sent away" {
					limit = int(time.Hour/openWindow)*openBurst + openBurst
				}
				if n := env.opens(); n > limit || n < 50 {
					t.Errorf("%d attempts in an hour", n)
				}
				if n := env.log.count("level=WARN") + env.log.count("level=INFO"); n > 20 {
					t.Errorf("%d lines in the log", n)
				}
				time.Sleep(5 * time.Minute)
				if s := env.client.State(); s.Connected != 2 {
					t.Errorf("after the storm: %+v", s)
				}
				env.acknowledged(env.click())
			})
		})
	}
}

func TestTheWatchdogFindsASilentConnection(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.connected()
		time.Sleep(time.Minute)
		begin := time.Now()
		for _, s := range env.Sockets() {
			s.Die()
		}
		d := env.click() // into the void
		for env.SocketsOpened() < 4 && time.Since(begin) < time.Hour {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(begin); took > pingEvery+pongWithin+2*time.Second {
			t.Errorf("found after %v", took)
		}
		// Slack finds out as well, and sends to the living.
		env.connected()
		if err := d.Wait(env.t.Context()); err == nil && env.times(d) != 1 {
			t.Errorf("acknowledged, and handled %d times", env.times(d))
		}
		again := env.click()
		env.acknowledged(again)
		if s := env.client.State(); s.Silent != 2 || s.Connected != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestQuietConnectionsStay(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.connected()
		time.Sleep(24 * time.Hour)
		if s := env.client.State(); s.Opened != 2 || s.Lost != 0 || s.Connected != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWithoutAHelloAConnectionIsNone(t *testing.T) {
	// A proxy that lets the handshake through and nothing after it.
	inEnvironment(t, slacktest.Options{NoHello: true}, Options{}, nothing, func(env *environment) {
		time.Sleep(time.Minute)
		if s := env.client.State(); s.Connected != 0 || s.Reason != "no_hello" || s.Opened != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestTooManyConnections: who is refused slows down and leaves the others in
// peace.
func TestTooManyConnections(t *testing.T) {
	inEnvironment(t, slacktest.Options{MaxSockets: 1}, Options{}, nothing, func(env *environment) {
		time.Sleep(10 * time.Hour)
		if s := env.client.State(); s.Connected != 1 || s.Lost != 0 || s.Reason != "" {
			t.Errorf("%+v", s)
		}
		if n := env.opens(); n > 2+4+10*60/5 {
			t.Errorf("%d attempts in ten hours", n)
		}
		if n := env.log.count("Socket Mode connection failed, retrying"); n != 1 || !strings.Contains(env.log.String(), "fewer replicas") {
			t.Errorf("logged %d times:\n%s", n, env.log)
		}
		env.acknowledged(env.click())
	})
}

func TestAConnectionThatWasOneTooManyLater(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.connected()
		time.Sleep(time.Minute)
		env.ResetCalls()
		env.Sockets()[1].Disconnect("too_many_websockets")
		time.Sleep(29 * time.Second)
		if n, s := env.opens(), env.client.State(); n != 0 || s.Connected != 1 {
			t.Errorf("%d attempts, %+v", n, s)
		}
		time.Sleep(time.Minute)
		if n, s := env.opens(), env.client.State(); n != 1 || s.Connected != 2 {
			t.Errorf("%d attempts, %+v", n, s)
		}
	})
}

func TestOddMessagesDontHurtAConnection(t *testing.T) {
	inEnvironment(t, slacktest.Options{}, Options{}, nothing, func(env *environment) {
		env.connected()
		for _, text := range []string{
			"", "{", "null", "7", `"text"`, "[]", "{}", `{"type":null}`, `{"type":7}`, `{"type":""}`, "\xff", `{"type":"ping"}`,
			`{"type":"hello"}`, `{"type":"hello","connection_info":7}`, `{"type":"interactive"}`, `{"type":"interactive","envelope_id":7}`,
			`{"type":"interactive","envelope_id":"` + strings.Repeat("x", 300) + `"}`, `{"TYPE":"disconnect","reason":"link_disabled"}`,
		} {
			for _, s := range env.Sockets() {
				s.SendText(text)
			}
		}
		d := env.Deliver(slacktest.Envelope{Type: "interactive", Payload: json.RawMessage(`{"type":["block_actions"]}`)})
		env.acknowledged(d)
		synctest.Wait()
		s := env.client.State()
		if s.Connected != 2 || s.Lost != 0 || s.Opened != 2 || s.Unreadable == 0 || s.Envelopes != 1 {
			t.Errorf("%+v", s)
		}
		if n := env.log.count("can't be read"); n != 1 {
			t.Errorf("logged %d times", n)
		}
	})
}

// TestClicksWhileSlackMisbehaves: with redelivery, each click is handled once
// whatever happens to the connections.
func TestClicksWhileSlackMisbehaves(t *testing.T) {
	inEnvironment(t, slacktest.Options{Redeliveries: 40}, Options{}, nothing, func(env *environment) {
		env.SetCopies(2)
		env.connected()
		harm := []func(*slacktest.Socket){
			(*slacktest.Socket).Cut,
			(*slacktest.Socket).Die,
			func(s *slacktest.Socket) { s.Disconnect("refresh_requested") },
			func(s *slacktest.Socket) { s.SendRaw([]byte{0xff}) },
			func(s *slacktest.Socket) { s.SendText("{") },
		}
		var clicks []*slacktest.Delivery
		for i := range 1000 {
			clicks = append(clicks, env.click())
			if sockets := env.Sockets(); i%20 == 10 && len(sockets) > 0 {
				harm[i/20%len(harm)](sockets[i/20%len(sockets)])
			}
			time.Sleep(500 * time.Millisecond)
		}
		for _, d := range clicks {
			env.acknowledged(d)
			if n := env.times(d); n != 1 {
				t.Errorf("%s was handled %d times", d.ID, n)
			}
		}
	})
}
