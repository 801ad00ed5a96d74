package app_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// listening is a configuration with a listener.
const listening = `"*" = "dev"
[http]
listen_addr = "127.0.0.1:0"
`

// get asks the plugin's listener.
func (w *world) get(path string) (int, string) {
	w.t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Get("http://" + w.app.HTTPAddr().String() + path)
	w.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(body)
}

// ready waits until /readyz has the status and all the words.
func (w *world) ready(status int, words ...string) {
	w.t.Helper()
	var code int
	var body string
	defer func() {
		if w.t.Failed() {
			w.t.Logf("the last /readyz: %d\n%s", code, body)
		}
	}()
	w.eventually("/readyz says "+strings.Join(words, " and "), func() bool {
		code, body = w.get("/readyz")
		for _, word := range words {
			if !strings.Contains(body, word) {
				return false
			}
		}
		return code == status
	})
}

// metric returns the value of a series as /metrics has it, or "".
func (w *world) metric(series string) string {
	w.t.Helper()
	_, body := w.get("/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// counts waits until a series has a value.
func (w *world) counts(series, value string) {
	w.t.Helper()
	w.eventually(series+" is "+value, func() bool { return w.metric(series) == value })
}

func TestReadinessFollowsTeleportAndSlack(t *testing.T) {
	w := newWorld(t, listening)
	end := w.slack.Inject(slacktest.Fault{Method: "auth.test", Status: 503})
	w.launch()
	if code, body := w.get("/livez"); code != 200 || body != "ok\n" {
		t.Errorf("/livez: %d %q", code, body)
	}
	w.ready(503, "ok teleport: connected to example.com, version ", "ok watch: ", "ok identity: the credentials in "+w.dir, " are valid until 20",
		"failed slack: check token: http_503\n", "ok config: loaded at 20")
	w.counts("teleport_slack_slack_accepted", "0")
	end()
	w.ready(200, "ok slack: the token is accepted\n")
	w.counts("teleport_slack_slack_accepted", "1")
	w.counts("teleport_slack_teleport_connected", "1")
	w.counts("teleport_slack_teleport_watching", "1")

	w.teleport.Stop()
	w.ready(503, "failed teleport: ", "failed watch: access requests are not watched\n", "ok slack: ")
	w.counts("teleport_slack_teleport_connected", "0")
	if code, _ := w.get("/livez"); code != 200 {
		t.Error("an outage of Teleport is a reason to restart")
	}
	w.must(w.teleport.Restart())
	w.ready(200, "ok teleport: ", "ok watch: ")
	w.counts("teleport_slack_teleport_connects_total", "2")

	w.slack.RevokeToken()
	id := w.request(teleporttest.Request{})
	w.ready(503, "failed slack: ", "token_revoked: check slack.token")
	w.slack.SetToken(slacktest.DefaultToken)
	w.shows(id, []string{dev}, "PENDING")
	w.ready(200)
}

func TestARevokedTokenIsNoticedWithoutAnythingToPost(t *testing.T) {
	w := newWorld(t, listening)
	w.startPlugin()
	w.slack.RevokeToken()
	if !w.app.RecheckAuth(t.Context(), false) || !w.app.RecheckAuth(t.Context(), true) {
		t.Error("a revoked token is taken for good")
	}
	w.ready(503, "failed slack: check token: token_revoked: ")
	w.slack.SetToken(slacktest.DefaultToken)
	if w.app.RecheckAuth(t.Context(), true) {
		t.Error("a good token is taken for refused")
	}
	w.ready(200, "ok slack: ")
	for line, want := range map[string]int{`msg="Slack refuses the token"`: 1, `msg="Slack accepts the token again"`: 1} {
		if n := w.log.count(line); n != want {
			t.Errorf("%d × %s, want %d", n, line, want)
		}
	}
}

func TestARequestIsCounted(t *testing.T) {
	w := newWorld(t, `"*" = ["dev", "#elsewhere"]
[http]
listen_addr = "127.0.0.1:0"
`)
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev, alice}, "PENDING")
	w.review(id, "carol", approved, "")
	w.shows(id, []string{dev, alice}, "APPROVED")
	for series, want := range map[string]string{
		`teleport_slack_deliveries_total{kind="post"}`:                                                                        "2",
		`teleport_slack_deliveries_total{kind="update"}`:                                                                      "2",
		`teleport_slack_deliveries_total{kind="react"}`:                                                                       "2",
		`teleport_slack_deliveries_total{kind="reply"}`:                                                                       "2",
		`teleport_slack_deliveries_total{kind="final"}`:                                                                       "1",
		`teleport_slack_delivery_failures_total{class="permanent",kind="post",reason="channel_not_found"}`:                    "1",
		`teleport_slack_recipients_failing`:                                                                                   "1",
		`teleport_slack_announce_delay_seconds_count`:                                                                         "2",
		`teleport_slack_update_delay_seconds_count`:                                                                           "2",
		`teleport_slack_slack_request_duration_seconds_count{method="reactions.add"}`:                                         "2",
		`teleport_slack_slack_request_failures_total{class="permanent",method="chat.postMessage",reason="channel_not_found"}`: "1",
		`teleport_slack_queue_requests{state="working"}`:                                                                      "0",
		`teleport_slack_resyncs_total{result="ok"}`:                                                                           "1",
		`teleport_slack_config_last_reload_successful`:                                                                        "1",
		`teleport_slack_build_info{commit="abc",goversion="` + goVersion(t, w) + `",version="1.2.3"}`:                         "1",
	} {
		w.counts(series, want)
	}
	w.slack.Inject(slacktest.Fault{Method: "chat.postMessage", RetryAfter: time.Second, Times: 1})
	again := w.request(teleporttest.Request{})
	w.shows(again, []string{dev, alice}, "PENDING")
	w.counts(`teleport_slack_slack_rate_limited_total{method="chat.postMessage"}`, "1")
}

func goVersion(t *testing.T, w *world) string {
	_, body := w.get("/metrics")
	m := regexp.MustCompile(`goversion="(go[^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatal("no build info")
	}
	return m[1]
}

func TestWithoutAnAddressNobodyListens(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	if addr := w.app.HTTPAddr(); addr != nil {
		t.Errorf("it listens at %v", addr)
	}
	if w.log.has("serving health and metrics") {
		t.Error("and says so")
	}
}

func TestAPortInUseIsAnErrorAtStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t, strings.Replace(listening, "127.0.0.1:0", l.Addr().String(), 1))
	c, _, err := config.Load(w.config)
	w.must(err)
	_, err = app.New(app.Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	want := w.config + ": http.listen_addr: listen for http.listen_addr: listen tcp " + l.Addr().String() + ": bind: address already in use"
	if err == nil || err.Error() != want {
		t.Errorf("error: %v\nwant:  %s", err, want)
	}
}

func TestTheProfilerHasASwitchOfItsOwn(t *testing.T) {
	for extra, want := range map[string]int{"": 404, "pprof = true\n": 200} {
		w := newWorld(t, listening+extra)
		w.launch()
		if code, _ := w.get("/debug/pprof/heap?debug=1"); code != want {
			t.Errorf("%q: %d, want %d", extra, code, want)
		}
		w.stopPlugin()
	}
}

// Whatever goes wrong, no token is in what the program tells.
func TestNothingSecretIsTold(t *testing.T) {
	w := newWorld(t, listening)
	file := filepath.Join(w.dir, "token")
	w.must(writeFile(file, slacktest.DefaultToken))
	w.token = file
	w.writeConfig(listening)
	w.startPlugin()
	for _, f := range []slacktest.Fault{
		{Error: slacktest.DefaultToken}, {Error: "invalid_auth"}, {CutBefore: true}, {HTML: true}, {Error: "missing_scope"}, {Error: "fatal_error", AfterEffect: true},
	} {
		end := w.slack.Inject(f)
		seen := len(w.slack.Calls())
		id := w.request(teleporttest.Request{Reason: "please"})
		w.eventually("Slack was called", func() bool { return len(w.slack.Calls()) > seen })
		_, ready := w.get("/readyz")
		_, metrics := w.get("/metrics")
		for what, text := range map[string]string{"/readyz": ready, "/metrics": metrics} {
			if strings.Contains(text, slacktest.DefaultToken) {
				t.Errorf("the token is in %s:\n%s", what, text)
			}
		}
		end()
		w.shows(id, []string{dev}, "PENDING")
	}
	for _, content := range []string{slacktest.DefaultToken + " " + slacktest.DefaultToken, "xapp-1-" + slacktest.DefaultToken} {
		w.must(writeFile(file, content))
		w.app.CheckToken(t.Context())
		w.reload <- struct{}{}
		w.eventually("the reload is refused", func() bool { return w.log.has("configuration not reloaded") })
		w.ready(200, "warning slack: using the previous token: ", "warning config: using the previous configuration: ")
	}
	w.stopPlugin()
	if w.log.has(slacktest.DefaultToken) {
		t.Error("the token is in the log")
	}
	// A token may be revealed where it is sent, checked or compared, and
	// nowhere else.
	allowed := []string{"../app/interactivity.go", "../app/reload.go", "../app/token.go", "../config/changes.go", "../config/review.go", "../config/secret.go", "../config/settings.go", "../config/token.go"}
	for _, path := range allowed {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob("../*/*.go")
	w.must(err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		w.must(err)
		if !strings.HasSuffix(path, "_test.go") && strings.Contains(string(text), ".Reveal()") && !strings.Contains(strings.Join(allowed, " "), path) {
			t.Errorf("%s reveals a secret", path)
		}
	}
}
