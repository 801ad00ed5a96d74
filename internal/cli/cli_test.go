package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// testVersion is what the program under test says it is.
var testVersion = Version{Semver: "1.2.3", Commit: "abcdef", Go: "go1.99", API: "18.0.0"}

// checkedM fails the run if a test left a goroutine behind.
type checkedM struct{ *testing.M }

func (m checkedM) Run() int {
	code := m.M.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestMain(m *testing.M) {
	testscript.Main(checkedM{m}, map[string]func(){program: func() {
		os.Exit(Main(context.Background(), Options{
			Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
			Version: testVersion, Start: scriptedStart, Demo: scriptedDemo, Scenarios: []string{"tour", "small-team"}, Post: scriptedPost, Check: realCheck, Route: scriptedRoute,
		}))
	}})
}

// scriptedRoute answers with one of everything.
func scriptedRoute(_ context.Context, o RouteOptions) (recipient.Explanation, error) {
	if o.RequestID == "none" {
		return recipient.Explanation{}, errors.New("read request none: not_found")
	}
	req := o.Request
	if o.RequestID != "" {
		req = access.Request{ID: o.RequestID, User: "alice@example.com", Roles: []string{"prod"}}
	} else {
		fmt.Printf("asked about %s %s with %v\n", req.User, req.Roles, o.Traits)
	}
	o.Log.With(slog.String("rule", "night")).Warn("rule has a cold\x1b", slog.String("error", "sneezes"), slog.String("hint", "tea"))
	o.Log.Info("nothing of importance")
	return recipient.Explanation{
		Request: req,
		Recipients: []recipient.Assigned{
			{
				Want: route.Want{Name: "dev", Why: route.ByRule, Rule: "night"}, Mentions: []string{"S0ONCALL01"},
				To: access.Recipient{ID: "C0DEV000001", Kind: access.Channel},
			},
			{
				Want: route.Want{Name: "nobody@example.com", Why: route.ByFallback, Role: "*"},
				Err:  &fault.Error{Op: "look up nobody@example.com", Reason: "users_not_found", Hint: "check the address"},
			},
		},
		Unresolved: []route.Unresolved{{Recipient: "x-{{.User.Traits.y}}", Rule: "night", What: `the requester has no trait "y"`}},
		Outside:    []string{"weekend\x1b"},
		Unseen:     []recipient.Unseen{{Rule: "prod", Err: &fault.Error{Op: "look up labels", Reason: "unknown_kind", Hint: "use roles"}}},
		Requester:  access.Recipient{ID: "U0ALICE0001", Kind: access.Person},
		Pending:    errors.New("Slack is away"),
	}, nil
}

// scriptedPost says what it was asked to post.
func scriptedPost(_ context.Context, o PostOptions) (string, error) {
	if o.To == "#nowhere" {
		return "", errors.New("post message to #nowhere: channel_not_found")
	}
	return fmt.Sprintf("%s, %d blocks, with the token of %s", o.To, len(o.Message.Blocks), filepath.Base(o.Config.Path)), nil
}

// scriptedStart plays the part that the script asks for, and makes a file
// called "up" when signals may come.
func scriptedStart(ctx context.Context, o StartOptions) error {
	fmt.Printf("start addr=%s debug=%v failfast=%v warnings=%d\n",
		o.Config.Teleport.Addr, o.Debug, o.FailFast, len(o.Warnings))
	up := func(name string) {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			panic(err)
		}
	}
	switch part := os.Getenv("START"); part {
	case "":
		return nil
	case "fail":
		return errors.Join(errors.New("first problem"), errors.New("second problem"))
	case "serve":
		up("up")
		for {
			select {
			case <-o.Reload:
				fmt.Println("reloaded")
				up("reloaded")
			case <-ctx.Done():
				return fmt.Errorf("serve: %w", ctx.Err())
			}
		}
	case "stubborn":
		up("up")
		<-ctx.Done()
		up("stopping")
		select {}
	default:
		return fmt.Errorf("no such part %q", part)
	}
}

func scriptedDemo(_ context.Context, o DemoOptions) error {
	fmt.Fprintf(o.Stdout, "demo addr=%s fallback=%v scenario=%s config=%s\n", o.Addr, o.Fallback, o.Scenario, o.Config)
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfile": waitFile, "signal": sendSignal, "exits": exits,
		},
	})
}

// TestEveryHelpFits80Columns also holds that help goes to standard output.
func TestEveryHelpFits80Columns(t *testing.T) {
	for _, command := range []string{"", "start", "configure", "manifest", "check", "version", "demo", "health", "completion"} {
		args := strings.Fields(command + " --help")
		code, stdout, stderr := run(t, Options{Args: args})
		if code != exitOK || stderr != "" || !strings.Contains(stdout, "usage: teleport-slack") || !strings.Contains(stdout, "examples:") {
			t.Errorf("%q: code %d, stderr %q, stdout:\n%s", args, code, stderr, stdout)
		}
		for line := range strings.Lines(stdout) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
				t.Errorf("%q: %d columns: %s", args, n, line)
			}
		}
	}
}

func run(t *testing.T, o Options) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	o.Stdout, o.Stderr, o.Version = &out, &errs, testVersion
	code = Main(t.Context(), o)
	return code, out.String(), errs.String()
}

func TestAResultThatCannotBeWrittenIsAFailure(t *testing.T) {
	for _, command := range []string{"configure", "manifest", "version"} {
		var errs bytes.Buffer
		code := Main(t.Context(), Options{Args: []string{command}, Stdout: brokenWriter{}, Stderr: &errs})
		if code != exitFailure || !strings.Contains(errs.String(), "error: write output: ") {
			t.Errorf("%s: code %d, stderr %q", command, code, errs.String())
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// soundFile writes a configuration without problems and returns its path.
func soundFile(t *testing.T, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "teleport-slack.toml")
	text := "[teleport]\nidentity = '/id'\n[slack]\ntoken = 'xoxb-22'\n[role_to_recipients]\n'*' = 'x'\n" + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The signals arrive while Start runs: what follows is decided by supervise
// alone, so the test needs neither a process nor time.
func TestSignals(t *testing.T) {
	term, hup := os.Signal(syscall.SIGTERM), os.Signal(syscall.SIGHUP)
	tests := []struct {
		name    string
		signals []os.Signal
		start   func(ctx context.Context, o StartOptions) error
		code    int
		stderr  string
	}{
		{"one asks to stop", []os.Signal{term},
			func(ctx context.Context, _ StartOptions) error { <-ctx.Done(); return nil }, exitOK, "Successfully shut down"},
		{"being cancelled is a clean stop", []os.Signal{os.Interrupt},
			func(ctx context.Context, _ StartOptions) error { <-ctx.Done(); return ctx.Err() }, exitOK, "Successfully shut down"},
		{"being cancelled without a signal is not", nil,
			func(context.Context, StartOptions) error { return context.Canceled }, exitFailure, "error: context canceled"},
		{"what fails while stopping is a failure", []os.Signal{term},
			func(ctx context.Context, _ StartOptions) error { <-ctx.Done(); return errors.New("3 are left") }, exitFailure, "error: 3 are left"},
		{"hang-up asks to reload", []os.Signal{hup, hup, hup},
			func(ctx context.Context, o StartOptions) error {
				select {
				case <-o.Reload:
					return nil
				case <-ctx.Done():
					return errors.New("stopped instead")
				}
			}, exitOK, "Successfully shut down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			notify := func(c chan<- os.Signal) func() {
				for _, s := range tt.signals {
					c <- s
				}
				return func() {}
			}
			code, _, stderr := run(t, Options{Args: []string{"start", "-c", soundFile(t, "")}, Start: tt.start, Notify: notify})
			if code != tt.code || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("code %d, want %d with %q:\n%s", code, tt.code, tt.stderr, stderr)
			}
		})
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	release, ended := make(chan struct{}), make(chan struct{})
	pid := filepath.Join(t.TempDir(), "pid")
	code, _, stderr := run(t, Options{
		Args: []string{"start", "-c", soundFile(t, ""), "--pid-file", pid},
		Start: func(context.Context, StartOptions) error {
			defer close(ended)
			<-release
			return nil
		},
		Notify: func(c chan<- os.Signal) func() {
			c <- syscall.SIGTERM
			c <- syscall.SIGINT
			return func() {}
		},
	})
	if code != exitFailure || !strings.Contains(stderr, "stopped by a second signal") {
		t.Errorf("code %d:\n%s", code, stderr)
	}
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Errorf("pid file is left behind: %v", err)
	}
	close(release)
	<-ended
}

func TestTheLogNeverHasAToken(t *testing.T) {
	code, stdout, stderr := run(t, Options{
		Args: []string{"start", "-d", "-c", soundFile(t, "[log]\nseverty = 'xoxb-22'\n")},
		Start: func(_ context.Context, o StartOptions) error {
			o.Log.Info("all of it", "config", o.Config, "token", o.Config.Slack.Token, "warnings", o.Warnings)
			return nil
		},
		Notify: func(chan<- os.Signal) func() { return func() {} },
	})
	if code != exitOK || !strings.Contains(stderr, "all of it") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if strings.Contains(stdout+stderr, "xoxb-22") {
		t.Errorf("the token is in:\n%s", stderr)
	}
}

func TestReport(t *testing.T) {
	hinted := func(what, hint string) error { return usageError{errors.New(what), hint} }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"one", errors.New("a"), "teleport-slack: error: a\n"},
		{"joined", errors.Join(errors.New("a"), errors.Join(errors.New("b"))), "teleport-slack: error: a\nteleport-slack: error: b\n"},
		{"wrapped several", fmt.Errorf("x: %w", errors.Join(errors.New("a"), errors.New("b"))), "teleport-slack: error: x: a; b\n"},
		{"a shared hint is told once", errors.Join(hinted("a", "h"), hinted("b", "h"), hinted("c", "i")),
			"teleport-slack: error: a\nteleport-slack: error: b\nteleport-slack: hint: h\nteleport-slack: error: c\nteleport-slack: hint: i\n"},
		{"escape sequences", errors.New("a\x1b[31m\r\nb"), "teleport-slack: error: a�[31m; b\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		report(&out, tt.err)
		if out.String() != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, out.String(), tt.want)
		}
	}
}

func TestFailFast(t *testing.T) {
	tests := []struct {
		environ []string
		want    bool
		err     string
	}{
		{nil, false, ""},
		{[]string{"TELEPORT_PLUGIN_FAIL_FAST="}, false, ""},
		{[]string{"TELEPORT_PLUGIN_FAIL_FAST=true"}, true, ""},
		{[]string{"TELEPORT_PLUGIN_FAIL_FAST=0", "X=1", "TELEPORT_PLUGIN_FAIL_FAST=1"}, true, ""},
		{[]string{"TELEPORT_PLUGIN_FAIL_FAST=yes"}, false, `environment: TELEPORT_PLUGIN_FAIL_FAST: is "yes", expected true or false`},
	}
	for _, tt := range tests {
		got, err := Options{Environ: tt.environ}.failFast()
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("%q: %v, %q; want %v, %q", tt.environ, got, text, tt.want, tt.err)
		}
	}
}

func TestVersionLines(t *testing.T) {
	for want, v := range map[string]Version{
		"teleport-slack v1.2.3 git:abcdef go1.99\nteleport api 18.0.0": testVersion,
		"teleport-slack v1.2.3 go1.99\nteleport api 18.0.0":            {Semver: "1.2.3", Go: "go1.99", API: "18.0.0"},
		"teleport-slack v2.0.0 git:0123456789ab go1.99\nteleport api 18.0.0": func() Version {
			v := BuildVersion("v2.0.0", "0123456789abcdef", "18.0.0")
			v.Go = "go1.99"
			return v
		}(),
	} {
		if got := v.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if v := BuildVersion("", "", "18"); v.Semver == "" || v.Semver[0] == 'v' {
		t.Errorf("version of a build without a name: %+v", v)
	}
}
