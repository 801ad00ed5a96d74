package telemetry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/review"
)

// calm are sources of a program that has nothing to do.
func calm() Sources {
	return Sources{
		Queue: func() queue.Stats { return queue.Stats{} }, Failing: func() int { return 0 },
		Teleport: func() TeleportState { return TeleportState{} }, Slack: func() SlackState { return SlackState{} },
		Config: func() error { return nil },
	}
}

func newTestMetrics() *Metrics {
	m := NewMetrics(MetricsOptions{
		Version: "1.2.3", Commit: "abc",
		Reasons: []string{"ratelimited", "not_in_channel", "http_5xx"}, Methods: []string{"chat.postMessage"},
	})
	m.Watch(calm())
	return m
}

// shows compares one metric as Prometheus would read it.
func shows(t *testing.T, m *Metrics, name, want string) {
	t.Helper()
	if err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want), name); err != nil {
		t.Error(err)
	}
}

// values returns the series of a metric, "label=value … number".
func values(t *testing.T, m *Metrics, name string) []string {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var series []string
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, s := range f.GetMetric() {
			var line string
			for _, l := range s.GetLabel() {
				line += l.GetName() + "=" + l.GetValue() + " "
			}
			v := s.GetCounter().GetValue() + s.GetGauge().GetValue()
			if h := s.GetHistogram(); h != nil {
				line += fmt.Sprintf("count=%d ", h.GetSampleCount())
				v = h.GetSampleSum()
			}
			series = append(series, line+fmt.Sprint(v))
		}
	}
	return series
}

func TestWhatSlackTookAndDidNot(t *testing.T) {
	m := newTestMetrics()
	refused := fault.New(fault.Permanent, "post message to #dev", "not_in_channel")
	for _, s := range []notify.Stepped{
		{Op: notify.Post, Late: 2 * time.Second},
		{Op: notify.Post, Err: refused, Late: time.Hour}, // a failure has no delay
		{Op: notify.Post, Err: fmt.Errorf("deep: %w", refused)},
		{Op: notify.Update, Late: 400 * time.Millisecond},
		{Op: notify.Update}, // shows no decision
		{Op: notify.React},
		{Op: notify.Update, Err: &fault.Error{Class: fault.Unknown, Reason: "http_503"}},
		{Op: notify.Reply, Err: errors.New("nobody classified this")},
		{Op: notify.Reply, Err: fault.New(fault.Retry, "", "invented_yesterday")},
	} {
		m.Stepped(s)
	}
	for name, want := range map[string][]string{
		"teleport_slack_deliveries_total": {"kind=access-ended 0", "kind=access-ends 0", "kind=final 0", "kind=post 1", "kind=react 1", "kind=reminder 0", "kind=reply 0", "kind=update 2"},
		"teleport_slack_delivery_failures_total": {
			"class=permanent kind=post reason=not_in_channel 2",
			"class=retry kind=reply reason=other 2",
			"class=unknown kind=update reason=http_5xx 1",
		},
		"teleport_slack_announce_delay_seconds": {"count=1 2"},
		"teleport_slack_update_delay_seconds":   {"count=1 0.4"},
	} {
		if diff := cmp.Diff(want, values(t, m, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCallsAreCounted(t *testing.T) {
	m := newTestMetrics()
	m.SlackCalled("chat.postMessage", time.Second, nil)
	m.SlackCalled("chat.postMessage", time.Second, fault.New(fault.Retry, "", "ratelimited"))
	m.SlackCalled("admin.invented", time.Second, fault.New(fault.Bug, "", "xoxb-hostile"))
	m.TeleportCalled(time.Second, nil)
	m.TeleportCalled(time.Second, fault.New(fault.NotFound, "", "not_found"))
	m.TeleportCalled(time.Second, fault.New(fault.Conflict, "", "compare_failed"))
	m.TeleportCalled(time.Second, fault.New(fault.Unsupported, "", "not_implemented"))
	m.TeleportCalled(time.Second, fault.New(fault.Denied, "", "access_denied"))
	m.TeleportConnected()
	m.Resynced(nil)
	m.Resynced(errors.New("x"))
	m.Reloaded(errors.New("x"))
	m.Reviewed(review.Result{Decision: "approve", Outcome: review.Submitted})
	m.Reviewed(review.Result{Decision: "whatever", Outcome: "else"})
	m.RuleFailed("not_in_channel")
	m.RuleFailed("the name of a rule")
	m.Reconciled(notify.Reconciled{Took: time.Second, Status: notify.Failed})
	for name, want := range map[string][]string{
		"teleport_slack_slack_request_duration_seconds":    {"method=chat.postMessage count=2 2", "method=other count=1 1"},
		"teleport_slack_slack_request_failures_total":      {"class=bug method=other reason=other 1", "class=retry method=chat.postMessage reason=ratelimited 1"},
		"teleport_slack_slack_rate_limited_total":          {"method=chat.postMessage 1"},
		"teleport_slack_teleport_request_duration_seconds": {"count=4 4"},
		"teleport_slack_teleport_request_failures_total":   {"class=denied reason=other 1"},
		"teleport_slack_teleport_connects_total":           {"1"},
		"teleport_slack_resyncs_total":                     {"result=failed 1", "result=ok 1"},
		"teleport_slack_rule_failures_total":               {"reason=not_in_channel 1", "reason=other 1"},
		"teleport_slack_config_reloads_total":              {"result=failed 1", "result=ok 0"},
		"teleport_slack_reviews_total": {
			"decision=approve outcome=asked 0", "decision=approve outcome=failed 0", "decision=approve outcome=refused 0",
			"decision=approve outcome=repeated 0", "decision=approve outcome=submitted 1",
			"decision=deny outcome=asked 0", "decision=deny outcome=failed 0", "decision=deny outcome=refused 0",
			"decision=deny outcome=repeated 0", "decision=deny outcome=submitted 0", "decision=other outcome=other 1",
		},
		"teleport_slack_reconcile_duration_seconds": {"result=failed count=1 1", "result=settled count=0 0", "result=waiting count=0 0"},
	} {
		if diff := cmp.Diff(want, values(t, m, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	last := values(t, m, "teleport_slack_resync_last_success_timestamp_seconds")
	if len(last) != 1 || last[0] == "0" {
		t.Errorf("the last look at all requests is at %v", last)
	}
}

func TestStatesAreAskedForAtEachScrape(t *testing.T) {
	var q queue.Stats
	var tp TeleportState
	var sl SlackState
	var broken error
	failing := 0
	m := NewMetrics(MetricsOptions{})
	m.Watch(Sources{
		Queue: func() queue.Stats { return q }, Failing: func() int { return failing },
		Teleport: func() TeleportState { return tp }, Slack: func() SlackState { return sl },
		Config: func() error { return broken }, Sockets: func() (int, bool) { return 2, true },
	})
	state := func() map[string][]string {
		got := map[string][]string{}
		for _, name := range []string{
			"queue_requests", "queue_oldest_age_seconds", "recipients_failing", "teleport_connected", "teleport_watching",
			"teleport_credentials_expiry_timestamp_seconds", "teleport_credentials_expiring", "slack_accepted", "slack_token_expiry_timestamp_seconds",
			"slack_token_file_usable", "config_last_reload_successful", "slack_socket_connections",
		} {
			got[name] = values(t, m, "teleport_slack_"+name)
		}
		return got
	}
	want := map[string][]string{
		"queue_requests": {"state=due 0", "state=later 0", "state=working 0"}, "queue_oldest_age_seconds": {"0"},
		"recipients_failing": {"0"}, "teleport_connected": {"0"}, "teleport_watching": {"0"},
		"teleport_credentials_expiry_timestamp_seconds": nil, // rather none than 1970
		"teleport_credentials_expiring":                 {"0"},
		"slack_accepted":                                {"0"}, "slack_token_expiry_timestamp_seconds": nil, "slack_token_file_usable": {"1"},
		"config_last_reload_successful": {"1"}, "slack_socket_connections": {"2"},
	}
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	q = queue.Stats{Due: 3, Later: 2, Working: 1, Oldest: 1500 * time.Millisecond}
	tp = TeleportState{Connected: true, Watching: true, Expires: time.Unix(2e9, 0), ExpiresSoon: true}
	sl = SlackState{Accepted: true, Expires: time.Unix(2e9+1, 0), TokenFile: errors.New("gone")}
	broken, failing = errors.New("x"), 4
	want = map[string][]string{
		"queue_requests": {"state=due 3", "state=later 2", "state=working 1"}, "queue_oldest_age_seconds": {"1.5"},
		"recipients_failing": {"4"}, "teleport_connected": {"1"}, "teleport_watching": {"1"},
		"teleport_credentials_expiry_timestamp_seconds": {"2e+09"}, "teleport_credentials_expiring": {"1"},
		"slack_accepted": {"1"}, "slack_token_expiry_timestamp_seconds": {"2.000000001e+09"}, "slack_token_file_usable": {"0"},
		"config_last_reload_successful": {"0"}, "slack_socket_connections": {"2"},
	}
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Errorf("later (-want +got):\n%s", diff)
	}
}

func TestTheBuildIsNamed(t *testing.T) {
	got := values(t, newTestMetrics(), "teleport_slack_build_info")
	if len(got) != 1 || !strings.HasPrefix(got[0], "commit=abc goversion=go") || !strings.HasSuffix(got[0], "version=1.2.3 1") {
		t.Errorf("build info: %q", got)
	}
}

// Prometheus's own rules for names, units and help.
func TestNamesFollowTheConventions(t *testing.T) {
	m := newTestMetrics()
	shows(t, m, "teleport_slack_teleport_connects_total", `
# HELP teleport_slack_teleport_connects_total Successful connections to Teleport.
# TYPE teleport_slack_teleport_connects_total counter
teleport_slack_teleport_connects_total 0
`)
	exercise(m)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// exercise makes each metric have a series.
func exercise(m *Metrics) {
	err := fault.New(fault.Retry, "", "ratelimited")
	m.Stepped(notify.Stepped{Op: notify.Post, Err: err})
	m.SlackCalled("chat.postMessage", time.Second, err)
	m.TeleportCalled(time.Second, err)
	m.RuleFailed("x")
}

// Whatever comes from outside, no label has a value that was not foreseen.
func TestLabelsAreBounded(t *testing.T) {
	m := newTestMetrics()
	for i := range 2000 {
		err := fault.New(fault.Class(i%9), "", fmt.Sprintf("reason_%d", i))
		m.Stepped(notify.Stepped{Op: notify.Post, Err: err})
		m.SlackCalled(fmt.Sprintf("method.%d", i), time.Second, err)
		m.TeleportCalled(time.Second, err)
		m.Reviewed(review.Result{Decision: fmt.Sprintf("decision %d", i), Outcome: review.Outcome(fmt.Sprintf("outcome %d", i))})
		m.RuleFailed(fmt.Sprintf("reason %d", i))
	}
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if n := len(f.GetMetric()); n > 11 && strings.HasPrefix(f.GetName(), namespace) {
			t.Errorf("%s has %d series", f.GetName(), n)
		}
		for _, s := range f.GetMetric() {
			for _, l := range s.GetLabel() {
				if strings.ContainsFunc(l.GetValue(), func(r rune) bool { return r >= '0' && r <= '9' }) &&
					!slices.Contains([]string{"version", "goversion"}, l.GetName()) {
					t.Errorf("%s has %s=%q", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
}
