package demo

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// toggle is a fault that can be switched on and off.
type toggle struct {
	name string
	what string // label
	hint string
	on   func(ctx context.Context) (off func() error, err error)
}

// toggles returns all of them in the page's order.
func (env *environment) toggles() []toggle {
	slackFault := func(f slacktest.Fault) func(context.Context) (func() error, error) {
		return func(context.Context) (func() error, error) {
			remove := env.slack.Inject(f)
			return func() error { remove(); return nil }, nil
		}
	}
	return []toggle{
		{"slack-slow", "Slack is slow", "every answer takes 2 seconds", slackFault(slacktest.Fault{Latency: 2 * time.Second})},
		{"slack-429", "Slack says 429", "too many requests, come back in 3 seconds", slackFault(slacktest.Fault{RetryAfter: 3 * time.Second})},
		{"slack-away", "Slack is away", "every call gets 503", slackFault(slacktest.Fault{Status: http.StatusServiceUnavailable})},
		{"slack-token", "Token is revoked", "Slack refuses the plugin's token", func(context.Context) (func() error, error) {
			env.slack.FailToken("token_revoked")
			return func() error { env.slack.FailToken(""); return nil }, nil
		}},
		{"teleport-away", "Teleport is away", "no connection until it is switched off", func(context.Context) (func() error, error) {
			env.teleport.Stop()
			return env.teleport.Restart, nil
		}},
		{"plugin-killed", "Plugin is killed", "its connections are cut at once; off starts it again", func(ctx context.Context) (func() error, error) {
			env.replicas.end(firstReplica, true)
			return func() error { return env.replicas.start(ctx, firstReplica) }, nil
		}},
		{"second-replica", "Second replica", "another process of the plugin beside the first", func(ctx context.Context) (func() error, error) {
			err := env.replicas.start(ctx, secondReplica)
			return func() error { env.replicas.end(secondReplica, false); return nil }, err
		}},
	}
}

// switchView is a toggle and its state, as the page shows it.
type switchView struct {
	Name string `json:"name"`
	What string `json:"what"`
	Hint string `json:"hint"`
	On   bool   `json:"on"`
}

// switches are the toggles and their states.
type switches struct {
	journal *journal
	all     []toggle
	news    *signal

	mu  sync.Mutex
	off map[string]func() error // how to switch off those that are on
}

func newSwitches(j *journal, all []toggle) *switches {
	return &switches{journal: j, all: all, news: newSignal(), off: map[string]func() error{}}
}

// turn switches a toggle on or off; if it already is, turn does nothing.
// Processes that it starts run until ctx ends.
func (s *switches) turn(ctx context.Context, name string, on bool) error {
	for _, t := range s.all {
		if t.name == name {
			return s.turnOne(ctx, t, on)
		}
	}
	return trace.NotFound("there is no switch %q", name)
}

func (s *switches) turnOne(ctx context.Context, t toggle, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	off, is := s.off[t.name]
	if is == on {
		return nil
	}
	var err error
	done := "switched on"
	if on {
		if off, err = t.on(ctx); err == nil {
			s.off[t.name] = off
		}
	} else {
		done = "switched off"
		delete(s.off, t.name)
		err = off()
	}
	if err != nil {
		return err
	}
	s.journal.add(entry{From: fromDemo, Text: t.what + ": " + done, Trouble: on && t.name != "second-replica"})
	s.news.notify()
	return nil
}

// trouble reports whether a fault is on, so that messages may be late.
func (s *switches) trouble() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.off)
	if _, ok := s.off["second-replica"]; ok {
		n--
	}
	return n > 0
}

func (s *switches) view() []switchView {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []switchView
	for _, t := range s.all {
		_, on := s.off[t.name]
		out = append(out, switchView{t.name, t.what, t.hint, on})
	}
	return out
}
