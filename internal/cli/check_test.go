package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/check"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// realCheck is what the program runs: the scripts use real
// connections.
func realCheck(ctx context.Context, o CheckOptions) []check.Finding {
	return app.Check(ctx, app.CheckOptions(o))
}

// checkWorld is the Teleport and the Slack that a story is about.
type checkWorld struct {
	teleport *teleporttest.Server
	slack    *slacktest.Server
	dir      string
}

type worldKey struct{}

// TestCheckStories runs "check" against both doubles. "world" changes them:
//
//	world identity ttl [role...]   a new identity file, which lasts that long
//	world scopes name...           what the Slack token may
//	world deny kind verb           a right that is missing in Teleport
//	world token error              Slack refuses the token
//	world version v                the version of Teleport
//	world apptoken error           Slack refuses the app-level token
//	world sockets on|off           the app has Socket Mode
//	world stop teleport|slack      it is not there any more
//	world posts n                  holds how many messages were posted
//	world writes                   holds that no plugin data was written
func TestCheckStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/check",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			w, err := newCheckWorld(env)
			env.Values[worldKey{}] = w
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "world": changeWorld,
		},
	})
}

func newCheckWorld(env *testscript.Env) (*checkWorld, error) {
	w := &checkWorld{dir: env.WorkDir}
	var err error
	if w.teleport, err = teleporttest.New(teleporttest.Options{ClusterName: "example.com"}); err != nil {
		return nil, err
	}
	env.Defer(w.teleport.Close)
	if err := w.teleport.Start(); err != nil {
		return nil, err
	}
	w.slack = slacktest.New(slacktest.Options{Scopes: []string{
		"chat:write", "users:read", "users:read.email", "reactions:write", "channels:read", "groups:read",
		"channels:history", "groups:history", "im:history", "im:write",
	}})
	w.slack.AddUser(slacktest.User{ID: "U0ALICE0001", Email: "alice@example.com"})
	w.slack.AddUser(slacktest.User{ID: "U0GONE00001", Email: "gone@example.com", Deleted: true})
	w.slack.AddChannel(slacktest.Channel{ID: "C0DEV000001", Name: "dev", BotIsMember: true})
	w.slack.AddChannel(slacktest.Channel{ID: "C0SEC000001", Name: "security", Private: true, BotIsMember: true})
	w.slack.AddChannel(slacktest.Channel{ID: "C0ELSE00001", Name: "elsewhere"})
	w.slack.AddChannel(slacktest.Channel{ID: "C0HIDDEN001", Name: "hidden", Private: true})
	w.slack.AddChannel(slacktest.Channel{ID: "C0ATTIC0001", Name: "attic", Archived: true, BotIsMember: true})
	w.slack.AddGroup(slacktest.Group{ID: "S0ONCALL001", Handle: "oncall"})
	w.slack.Start()
	env.Defer(w.slack.Close)
	env.Setenv("TELEPORT", w.teleport.Addr())
	env.Setenv("SLACK", w.slack.URL())
	return w, errors.Join(w.identity(12*time.Hour), os.WriteFile(w.dir+"/base.toml", fmt.Appendf(nil, `[teleport]
addr = %q
identity = "identity"
refresh_identity = true
[slack]
token = "xoxb-test"
api_url = %q
[role_to_recipients]
`, w.teleport.Addr(), w.slack.URL()), 0o600))
}

func (w *checkWorld) identity(ttl time.Duration, roles ...string) error {
	return w.teleport.WriteIdentity(w.dir+"/identity", teleporttest.Identity{User: "bot-slack", Roles: roles, TTL: ttl})
}

func changeWorld(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*checkWorld)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: world what [argument...]")
	}
	switch what, args := args[0], args[1:]; what {
	case "identity":
		ttl, err := time.ParseDuration(args[0])
		ts.Check(err)
		ts.Check(w.identity(ttl, args[1:]...))
	case "scopes":
		w.slack.SetScopes(args...)
	case "deny":
		w.teleport.Deny(args[0], args[1])
	case "token":
		w.slack.FailToken(args[0])
	case "version":
		ts.Check(w.teleport.SetServerVersion(args[0]))
	case "apptoken":
		w.slack.FailAppToken(args[0])
	case "sockets":
		w.slack.FailAppToken("")
		w.slack.SetSocketMode(args[0] == "on")
	case "stop":
		if args[0] == "teleport" {
			w.teleport.Stop()
		} else {
			w.slack.Close()
		}
	case "posts":
		if n := fmt.Sprint(w.slack.CallCounts()["chat.postMessage"]); n != args[0] {
			ts.Fatalf("%s messages were posted", n)
		}
	case "writes":
		for _, write := range w.teleport.PluginDataWrites() {
			if write.Err == nil {
				ts.Fatalf("plugin data was written: %+v", write)
			}
		}
	default:
		ts.Fatalf("unknown change %q", what)
	}
}

func TestCheckPrints(t *testing.T) {
	findings := []check.Finding{
		{Name: "a", Status: check.OK, Detail: "fine"},
		{Name: "long name", Status: check.Warning, Detail: "one", Hint: "do this"},
		{Name: "long name", Status: check.Failure, Detail: "two\n\x1b[31mred", Hint: "do this"},
		{Name: "c", Status: check.Failure, Detail: "<three> & more", Hint: "do that"},
	}
	o := Options{Check: func(context.Context, CheckOptions) []check.Finding { return findings }}
	silence := func(chan<- os.Signal) func() { return func() {} }

	o.Args, o.Notify = []string{"check"}, silence
	code, stdout, stderr := run(t, o)
	want := `✓ a          fine
! long name  one
✗ long name  two; �[31mred
             → do this
✗ c          <three> & more
             → do that
`
	if diff := cmp.Diff(want, stdout); diff != "" || code != exitFailure || stderr != "teleport-slack: error: 2 checks failed\n" {
		t.Errorf("code %d, stderr %q (-want +got):\n%s", code, stderr, diff)
	}

	o.Args = []string{"check", "--json"}
	code, stdout, _ = run(t, o)
	var got []map[string]string
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	wantJSON := []map[string]string{
		{"name": "a", "status": "ok", "detail": "fine", "hint": ""},
		{"name": "long name", "status": "warning", "detail": "one", "hint": "do this"},
		{"name": "long name", "status": "failure", "detail": "two\n\x1b[31mred", "hint": "do this"},
		{"name": "c", "status": "failure", "detail": "<three> & more", "hint": "do that"},
	}
	if diff := cmp.Diff(wantJSON, got); diff != "" || code != exitFailure {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}

	findings = findings[:2]
	if code, _, stderr := run(t, o); code != exitOK || stderr != "" {
		t.Errorf("with a warning: code %d, stderr %q", code, stderr)
	}
	findings = nil
	if _, stdout, _ := run(t, o); strings.TrimSpace(stdout) != "[]" {
		t.Errorf("no findings are %q in JSON", stdout)
	}
}

func TestCheckPassesItsFlagsOn(t *testing.T) {
	var got CheckOptions
	code, _, _ := run(t, Options{
		Args:    []string{"check", "-c", "x.toml", "--send-test", "#dev", "--timeout", "3s"},
		Environ: []string{"A=b"},
		Check:   func(_ context.Context, o CheckOptions) []check.Finding { got = o; return nil },
		Notify:  func(chan<- os.Signal) func() { return func() {} },
	})
	want := CheckOptions{Path: "x.toml", Environ: []string{"A=b"}, SendTest: "#dev", Timeout: 3 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" || code != exitOK {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
}

// What was stopped in the middle is no success.
func TestAStoppedCheckIsAFailure(t *testing.T) {
	code, stdout, stderr := run(t, Options{
		Args:   []string{"check"},
		Check:  func(ctx context.Context, _ CheckOptions) []check.Finding { <-ctx.Done(); return nil },
		Notify: func(c chan<- os.Signal) func() { c <- syscall.SIGINT; return func() {} },
	})
	if code != exitFailure || stdout != "" || !strings.Contains(stderr, errUnfinished.Error()) {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
