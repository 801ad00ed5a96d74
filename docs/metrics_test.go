package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
)

// metric is what the reference says about one: its type and its labels.
type metric struct {
	Type   string
	Labels string
}

// metrics returns what the program exports, each with a series.
func metrics(t *testing.T) map[string]metric {
	t.Helper()
	end := time.Now()
	m := telemetry.NewMetrics(telemetry.MetricsOptions{})
	m.Watch(telemetry.Sources{
		Queue: func() queue.Stats { return queue.Stats{} }, Failing: func() int { return 0 },
		Teleport: func() telemetry.TeleportState { return telemetry.TeleportState{Expires: end} },
		Slack:    func() telemetry.SlackState { return telemetry.SlackState{Expires: end} },
		Config:   func() error { return nil }, Sockets: func() (int, bool) { return 0, true },
	})
	err := fault.New(fault.Retry, "", "ratelimited")
	m.Stepped(notify.Stepped{Err: err})
	m.SlackCalled("", time.Second, err)
	m.TeleportCalled(time.Second, err)
	m.RuleFailed("")
	families, gatherErr := m.Gatherer().Gather()
	if gatherErr != nil {
		t.Fatal(gatherErr)
	}
	found := map[string]metric{}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		slices.Sort(labels)
		found[f.GetName()] = metric{strings.ToLower(f.GetType().String()), strings.Join(labels, ", ")}
	}
	// What has no series yet has a description all the same.
	descriptions := make(chan *prometheus.Desc, 1000)
	m.Gatherer().(prometheus.Collector).Describe(descriptions)
	close(descriptions)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descriptions {
		n := name.FindStringSubmatch(d.String())
		if len(n) == 2 && found[n[1]] == (metric{}) && strings.HasPrefix(n[1], "teleport_slack_") {
			t.Errorf("%s has no series here: make it one", n[1])
		}
	}
	return found
}

func TestTheReferenceHasEveryMetricAndNoOther(t *testing.T) {
	documented := map[string]metric{}
	for name, cells := range rows(t, part(t, "## Metrics")) {
		labels := strings.Split(cells[1], ", ")
		slices.Sort(labels)
		documented[name] = metric{cells[0], strings.Join(labels, ", ")}
	}
	exported := metrics(t)
	for name := range exported {
		if !strings.HasPrefix(name, "teleport_slack_") {
			delete(exported, name) // Go's and the process's own
		}
	}
	if diff := cmp.Diff(exported, documented); diff != "" {
		t.Errorf("metrics that exist (-) and that reference.md explains (+):\n%s", diff)
	}
}

// Whatever the dashboard and the alerts ask for, the program has; that they ask
// for it rightly is tested beside them, by Prometheus's parser.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	exported := metrics(t)
	name := regexp.MustCompile(`\b(teleport_slack|go|process)_[a-z_]+\b`)
	for _, path := range []string{"../deploy/grafana/dashboard.json", "../deploy/grafana/alerts.yaml"} {
		asked := 0
		for _, n := range name.FindAllString(read(t, path), -1) {
			for _, suffix := range []string{"_bucket", "_count"} {
				if base, ok := strings.CutSuffix(n, suffix); ok && exported[base].Type == "histogram" {
					n = base
				}
			}
			if exported[n] == (metric{}) {
				t.Errorf("%s asks for %s, which nothing exports", path, n)
			}
			asked++
		}
		if asked < 10 {
			t.Errorf("%s asks for %d metrics", path, asked)
		}
	}
}
