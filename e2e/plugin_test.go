//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// stopLimit is how long the plugin may take to stop: 15 seconds for what is in
// flight, as it promises, and a little for itself.
const stopLimit = 17 * time.Second

// plugin is the built program with a configuration of its own.
type plugin struct {
	dir     string
	config  string
	env     []string
	process *process
}

// settings are what stories differ in.
type settings struct {
	addr     string // of Teleport
	identity string // file
	refresh  time.Duration
	slackURL string
	env      []string
}

// newPlugin writes a configuration; start runs it.
func newPlugin(t testing.TB, s settings) *plugin {
	t.Helper()
	refresh := ""
	if s.refresh != 0 {
		refresh = fmt.Sprintf("refresh_identity = true\nrefresh_identity_interval = %q\n", s.refresh)
	}
	return configured(t, s.env, fmt.Sprintf(`[teleport]
addr = %q
identity = %q
%s
[slack]
token = %q
api_url = %q

[role_to_recipients]
"*" = [%q, %q]

[log]
output = "stderr"
severity = "debug"
`, s.addr, s.identity, refresh, slacktest.DefaultToken, s.slackURL, channel, bob))
}

// configured returns a plugin with the configuration as it is.
func configured(t testing.TB, env []string, config string) *plugin {
	t.Helper()
	p := &plugin{dir: t.TempDir(), env: env}
	p.config = filepath.Join(p.dir, "teleport-slack.toml")
	writeFile(t, p.config, config)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the plugin's configuration:\n%s", config)
		}
	})
	return p
}

// start runs the program and waits until it says that it is ready.
func (p *plugin) start(t testing.TB) {
	t.Helper()
	p.launch(t)
	eventually(t, "the plugin is ready", func() (bool, string) {
		said := p.process.output.String()
		if !p.process.running() {
			t.Fatalf("the plugin has ended")
		}
		return strings.Contains(said, "Plugin is ready"), lastLines(said, 3)
	})
}

// launch runs the program.
func (p *plugin) launch(t testing.TB) {
	t.Helper()
	p.process = start(t, "teleport-slack", p.dir, p.env, paths().plugin, "start", "--config", p.config)
}

// stop asks the program to stop, and fails unless it does so cleanly and in
// time.
func (p *plugin) stop(t testing.TB) {
	t.Helper()
	p.process.signal(t, syscall.SIGTERM)
	if code := p.process.wait(t, stopLimit); code != 0 {
		t.Errorf("exit code after SIGTERM: got %d, want 0", code)
	}
}

// keepsSecrets fails if the program has ever said the token.
func (p *plugin) keepsSecrets(t testing.TB) {
	t.Helper()
	if strings.Contains(p.process.output.String(), slacktest.DefaultToken) {
		t.Errorf("the token stands in the log")
	}
}

// publishedConfig fills in the published plugin's own configuration file.
func publishedConfig(t testing.TB, values map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "published.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return os.Expand(string(text), func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return "$" + name
	})
}
