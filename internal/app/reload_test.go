package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// hangup asks to read the configuration again and waits for its n-th answer.
func (w *world) hangup(n int) (line string) {
	w.t.Helper()
	w.reload <- struct{}{}
	w.eventually("the configuration is read again", func() bool { return w.log.count("configuration reloaded") == n })
	for l := range strings.Lines(w.log.String()) {
		if strings.Contains(l, "configuration reloaded") {
			line = l
		}
	}
	return line
}

func TestAReloadSaysWhatChangedAndWhatWaits(t *testing.T) {
	w := newWorld(t, listening)
	w.startPlugin()
	edit := func(from, to string) {
		t.Helper()
		text, err := os.ReadFile(w.config)
		w.must(err)
		if !strings.Contains(string(text), from) {
			t.Fatalf("%q is not in the configuration", from)
		}
		w.must(writeFile(w.config, strings.Replace(string(text), from, to, 1)))
	}
	for i, tt := range []struct {
		from, to string
		want     string
		severity slog.Level
	}{
		{"", "", `changed=[] needs_restart=[]`, slog.LevelInfo},
		{`"*" = "dev"`, `"*" = "#security"`, `changed=[role_to_recipients] needs_restart=[]`, slog.LevelInfo},
		{"[http]", "[log]\nseverity = \"warn\"\nformat = \"json\"\n[http]", `changed="[log.format log.severity]" needs_restart=[log.format]`, slog.LevelWarn},
		{"127.0.0.1:0", "127.0.0.1:1", `changed=[http.listen_addr] needs_restart="[http.listen_addr log.format]"`, slog.LevelWarn},
		{"", "", `changed=[] needs_restart="[http.listen_addr log.format]"`, slog.LevelWarn},
		{"127.0.0.1:1", "127.0.0.1:0", `changed=[http.listen_addr] needs_restart=[log.format]`, slog.LevelWarn},
		{`format = "json"`, "", `changed=[log.format] needs_restart=[]`, slog.LevelWarn},
		{`severity = "warn"`, `severity = "debug"`, `changed=[log.severity] needs_restart=[]`, slog.LevelDebug},
	} {
		edit(tt.from, tt.to)
		if line := w.hangup(i + 1); !strings.HasSuffix(strings.TrimSpace(line), tt.want) {
			t.Errorf("%q → %q: %s\nwant %s", tt.from, tt.to, line, tt.want)
		}
		w.eventually("the severity is in force", func() bool { return slog.Level(w.severity.Load()) == tt.severity })
		if strings.Contains(tt.want, "needs_restart=[log.format]") {
			w.ready(200, "warning config: needs a restart for log.format\n")
		}
	}
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{sec}, "PENDING")

	edit("[slack]", "[slack")
	w.reload <- struct{}{}
	w.eventually("the broken file is reported", func() bool { return w.log.has("configuration not reloaded") })
	w.ready(200, "warning config: using the previous configuration: "+w.config+":")
	w.counts("teleport_slack_config_last_reload_successful", "0")
	w.counts(`teleport_slack_config_reloads_total{result="failed"}`, "1")
	edit("[slack", "[slack]")
	w.hangup(9)
	w.ready(200, "ok config: loaded at ")
	w.counts("teleport_slack_config_last_reload_successful", "1")
}

func TestATokenInAFileIsReplacedWhileItRuns(t *testing.T) {
	w := newWorld(t, listening)
	file := filepath.Join(w.dir, "token")
	w.must(writeFile(file, slacktest.DefaultToken+"\n"))
	w.token = file
	w.writeConfig(listening)
	w.startPlugin()
	look := func() { w.app.CheckToken(t.Context()) }
	first := w.request(teleporttest.Request{})
	w.shows(first, []string{dev, alice}, "PENDING")

	w.must(os.Remove(file))
	look()
	look()
	w.ready(200, "warning slack: using the previous token: read token file: open "+file+": no such file or directory\n")
	w.counts("teleport_slack_slack_token_file_usable", "0")
	w.must(writeFile(file, "\n"))
	look()
	w.must(writeFile(file, slacktest.DefaultToken))
	look()
	w.ready(200, "ok slack: ")

	w.slack.SetToken("xoxb-another-one")
	second := w.request(teleporttest.Request{})
	w.ready(503, "failed slack: ", "invalid_auth")
	w.must(writeFile(file+"~", "xoxb-wrong-one"))
	w.must(os.Rename(file+"~", file))
	look()
	w.must(writeFile(file+"~", "xoxb-another-one"))
	w.must(os.Rename(file+"~", file))
	look()
	w.shows(second, []string{dev, alice}, "PENDING")
	w.ready(200, "ok slack: ")
	for line, want := range map[string]int{
		`level=WARN msg="Slack token file can't be used, keeping the previous token" path=` + file:                                  2,
		`level=INFO msg="Slack token file can be used again" path=` + file:                                                          1,
		`level=ERROR msg="Slack refuses the new token" path=` + file + ` error="check token: invalid_auth" hint="check slack.token`: 1,
		`level=INFO msg="using a new Slack token" path=` + file:                                                                     2,
		"another-one": 0,
	} {
		if n := w.log.count(line); n != want {
			t.Errorf("%d × %s, want %d", n, line, want)
		}
	}
}
