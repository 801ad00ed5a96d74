package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// world is a Teleport and a Slack with the plugin between them, over real
// connections.
type world struct {
	t        *testing.T
	teleport *teleporttest.Server
	slack    *slacktest.Server
	dir      string
	config   string
	log      *logBuffer
	token    string // as the configuration has it
	app      *app.App
	severity atomic.Int64 // as the plugin last set it
	back     atomic.Int64 // how far Teleport's clock is behind
	stop     func() error // stops the plugin; nil while it doesn't run
	reload   chan struct{}
}

// The people and channels of the world.
const (
	alice = "U0ALICE0001" // asks
	bob   = "U0BOB000001" // decides
	carol = "U0CAROL0001" // decides; dave's and carol's Teleport names are no emails
	dev   = "C0DEV000001" // #dev
	sec   = "C0SEC000001" // #security, private
)

// newWorld starts both servers. The recipients are the body of [role_to_recipients].
func newWorld(t *testing.T, recipients string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), log: &logBuffer{}, token: slacktest.DefaultToken}
	var err error
	w.teleport, err = teleporttest.New(teleporttest.Options{
		ClusterName: "example.com", ProxyPublicAddr: "proxy.example.com:443", AdvancedAccessWorkflows: true, ResourcesForAll: true,
		Clock: func() time.Time { return time.Now().Add(-time.Duration(w.back.Load())) },
	})
	w.must(err)
	t.Cleanup(w.teleport.Close)
	for name, email := range map[string]string{"carol": "carol@example.com", "mallory": ""} {
		u, err := types.NewUser(name)
		w.must(err)
		if email != "" {
			u.SetTraits(map[string][]string{"email": {email}})
		}
		w.must(w.teleport.AddUser(u))
	}
	role, err := types.NewRole("editor", types.RoleSpecV6{Allow: types.RoleConditions{Logins: []string{"root", "ubuntu"}}})
	w.must(err)
	w.must(w.teleport.AddRole(role))
	w.must(w.teleport.AddNode("uuid-1", "db-1.internal", nil))
	w.must(w.teleport.Start())
	w.writeIdentity()

	w.slack = slacktest.New(slacktest.Options{Scopes: append(slacktest.DefaultScopes(), "reactions:write", "im:write", "channels:read", "channels:history", "groups:history", "im:history")})
	for id, name := range map[string]string{alice: "alice", bob: "bob", carol: "carol"} {
		w.slack.AddUser(slacktest.User{ID: id, Name: name, Email: name + "@example.com"})
	}
	w.slack.AddChannel(slacktest.Channel{ID: dev, Name: "dev", BotIsMember: true})
	w.slack.AddChannel(slacktest.Channel{ID: sec, Name: "security", Private: true, BotIsMember: true})
	w.slack.Start()
	t.Cleanup(w.slack.Close)

	w.writeConfig(recipients)
	t.Cleanup(func() {
		if w.stop != nil {
			w.stopPlugin()
		}
		if t.Failed() {
			t.Logf("log of the plugin:\n%s", w.log)
		}
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// clockBack sets Teleport's clock back, for requests of long ago.
func (w *world) clockBack(d time.Duration) { w.back.Store(int64(d)) }

func (w *world) writeIdentity() {
	w.must(w.teleport.WriteIdentity(filepath.Join(w.dir, "identity"), teleporttest.Identity{}))
}

func (w *world) writeConfig(recipients string) {
	w.config = filepath.Join(w.dir, "teleport-slack.toml")
	w.must(os.WriteFile(w.config, fmt.Appendf(nil, `
[teleport]
addr = %q
identity = %q
refresh_identity = true

[slack]
token = %q
api_url = %q

[role_to_recipients]
%s
`, w.teleport.Addr(), filepath.Join(w.dir, "identity"), w.token, w.slack.URL(), recipients), 0o600))
}

// startPlugin runs the plugin and waits until it is ready.
func (w *world) startPlugin() {
	w.t.Helper()
	w.launch()
	w.eventually("the plugin is ready", func() bool { return w.log.has("Plugin is ready") })
}

// launch runs the plugin without waiting.
func (w *world) launch() {
	w.t.Helper()
	c, _, err := config.Load(w.config)
	w.must(err)
	w.reload = make(chan struct{}, 1)
	w.log.reset()
	a, err := app.New(app.Options{
		Config: c, Reload: w.reload,
		Log:         slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		SetSeverity: func(l slog.Level) { w.severity.Store(int64(l)) },
		Version:     "1.2.3", Commit: "abc",
	})
	w.must(err)
	w.app = a
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	w.stop = func() error { cancel(); return <-done }
}

func (w *world) stopPlugin() {
	w.t.Helper()
	stop := w.stop
	w.stop = nil
	if err := stop(); err != nil {
		w.t.Errorf("the plugin ended with: %v", err)
	}
}

// eventually waits for something that has no other sign.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("it never happened that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// request makes a request of alice's.
func (w *world) request(r teleporttest.Request) string {
	w.t.Helper()
	if r.User == "" {
		r.User = "alice@example.com"
	}
	if r.Roles == nil && r.Resources == nil {
		r.Roles = []string{"editor"}
	}
	req, err := w.teleport.CreateRequest(r)
	w.must(err)
	return req.GetName()
}

func (w *world) review(id, author string, state types.RequestState, reason string) {
	w.t.Helper()
	_, err := w.teleport.Review(id, author, state, reason)
	w.must(err)
}

// about returns the messages about a request in a channel or a direct message.
func (w *world) about(to, id string) []slacktest.Message {
	all := w.slack.Messages(to)
	if strings.HasPrefix(to, "U") {
		all = w.slack.DirectMessages(to)
	}
	var ms []slacktest.Message
	for _, m := range all {
		if strings.Contains(string(m.Blocks)+m.Text, id) {
			ms = append(ms, m)
		}
	}
	return ms
}

// shows waits until the one message about the request, in each of the places, has all the words.
func (w *world) shows(id string, places []string, words ...string) {
	w.t.Helper()
	for _, to := range places {
		var ms []slacktest.Message
		ok := func() bool {
			ms = w.about(to, id)
			if len(ms) == 0 {
				return false
			}
			for _, word := range words {
				if !strings.Contains(string(ms[0].Blocks)+ms[0].Text, word) {
					return false
				}
			}
			return true
		}
		deadline := time.Now().Add(20 * time.Second)
		for !ok() {
			if time.Now().After(deadline) {
				w.t.Fatalf("%s never showed %q about %s:\n%+v", to, words, id, ms)
			}
			time.Sleep(5 * time.Millisecond)
		}
		if len(ms) != 1 {
			w.t.Fatalf("%s has %d messages about %s", to, len(ms), id)
		}
	}
}

// reaction returns the emoji on the request's message in a place.
func (w *world) reaction(to, id string) string {
	var names []string
	for _, m := range w.about(to, id) {
		for _, r := range m.Reactions {
			names = append(names, r.Name)
		}
	}
	return strings.Join(names, " ")
}

// replies returns the thread of the request's message in a place.
func (w *world) replies(to, id string) []string {
	var texts []string
	for _, m := range w.about(to, id) {
		for _, r := range m.Replies {
			texts = append(texts, r.Text)
		}
	}
	return texts
}

// logBuffer is a log that a test can read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *logBuffer) has(s string) bool { return strings.Contains(l.String(), s) }

func (l *logBuffer) count(s string) int { return strings.Count(l.String(), s) }

func writeFile(path, content string) error { return os.WriteFile(path, []byte(content), 0o600) }
