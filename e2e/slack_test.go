//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// The recipients of every workspace. A story's configuration routes to
// channel and to Bob; Alice is told because she asks.
const (
	channel = "dev"
	bobID   = "U0BOB"
	aliceID = "U0ALICE"
)

// workspace is Slack, as a company has it.
type workspace struct{ *slacktest.Server }

// newWorkspace returns a workspace whose bot may do what the guide asks for,
// and what the scopes add.
func newWorkspace(t testing.TB, scopes ...string) workspace {
	t.Helper()
	s := slacktest.New(slacktest.Options{
		Scopes:    append(append(slacktest.DefaultScopes(), "reactions:write", "im:write"), scopes...),
		KeepCalls: 10_000,
	})
	s.AddUser(slacktest.User{ID: aliceID, Email: alice})
	s.AddUser(slacktest.User{ID: bobID, Email: bob})
	s.AddChannel(slacktest.Channel{ID: "C0DEV", Name: channel, BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0OPS", Name: "ops", BotIsMember: true})
	s.Start()
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			t.Logf("what Slack was asked:\n%s", calls(s.Calls()))
		}
	})
	return workspace{s}
}

// calls lists calls for people. Long arguments are cut.
func calls(all []slacktest.Call) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "%s %-22s %s", c.At.Format("15:04:05.000"), c.Method, c.Outcome)
		names := make([]string, 0, len(c.Args))
		for name := range c.Args {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&b, " %s=%.120q", name, c.Args[name])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// place is where messages are looked for.
type place struct {
	name     string
	messages func() []slacktest.Message
}

// places returns where a request is announced: two for those who decide, and
// one for the requester.
func (w workspace) places() []place {
	return []place{
		{"#" + channel, func() []slacktest.Message { return w.Messages(channel) }},
		{"Bob's direct messages", func() []slacktest.Message { return w.DirectMessages(bobID) }},
		{"Alice's direct messages", func() []slacktest.Message { return w.DirectMessages(aliceID) }},
	}
}

// about returns the messages that name the request, without thread replies.
func (p place) about(id string) []slacktest.Message {
	var found []slacktest.Message
	for _, m := range p.messages() {
		if strings.Contains(m.Text, id) || strings.Contains(string(m.Blocks), id) {
			found = append(found, m)
		}
	}
	return found
}

// announced waits until every place has a message about each request.
func (w workspace) announced(t testing.TB, ids ...string) {
	t.Helper()
	for _, p := range w.places() {
		for _, id := range ids {
			eventually(t, "request "+id+" is announced in "+p.name, func() (bool, string) {
				return len(p.about(id)) > 0, "no message about it"
			})
		}
	}
}

// shows waits until every message about a request shows its state, as in
// APPROVED. A reaction, as in white_check_mark, is waited for where there has
// to be one.
func (w workspace) shows(t testing.TB, id, state, reaction string) {
	t.Helper()
	for _, p := range w.places() {
		eventually(t, "request "+id+" is "+state+" in "+p.name, func() (bool, string) {
			messages := p.about(id)
			for _, m := range messages {
				reacted := slices.ContainsFunc(m.Reactions, func(r slacktest.Reaction) bool { return r.Name == reaction })
				switch {
				case !strings.Contains(string(m.Blocks), state):
					return false, string(m.Blocks)
				case reaction != "" && !reacted:
					return false, fmt.Sprintf("reactions %v", m.Reactions)
				}
			}
			return len(messages) > 0, "no message about it"
		})
	}
}

// once counts the messages about each request in every place and fails unless
// there is one. Call it when nothing is under way any more.
func (w workspace) once(t testing.TB, ids ...string) {
	t.Helper()
	for _, p := range w.places() {
		for _, id := range ids {
			n := len(p.about(id))
			total.add(n)
			if n != 1 {
				t.Errorf("%d messages about request %s in %s, want 1", n, id, p.name)
			}
		}
	}
}

// holdPosts makes every post take as long as that, and returns what waits
// until one is under way.
func (w workspace) holdPosts(t testing.TB, long time.Duration) (underWay func()) {
	t.Helper()
	begun := make(chan struct{}, 1)
	w.Inject(slacktest.Fault{
		Method:  "chat.postMessage",
		Latency: long,
		Match: func(slacktest.Call) bool {
			select {
			case begun <- struct{}{}:
			default:
			}
			return true
		},
	})
	return func() {
		t.Helper()
		select {
		case <-begun:
		case <-time.After(soon):
			t.Fatalf("nothing was posted within %v", soon)
		}
	}
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// requestOf returns the ID of the request that a message is about.
func requestOf(m slacktest.Message) string {
	if m.Metadata == nil {
		return ""
	}
	var tag struct {
		ID string `json:"request_id"`
	}
	_ = json.Unmarshal(m.Metadata.EventPayload, &tag) // no ID then
	return tag.ID
}
