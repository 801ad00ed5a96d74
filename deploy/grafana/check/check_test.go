// Package check_test holds the dashboard and the alert rules true: Prometheus
// itself parses every expression, each metric and label in one is a row of the
// reference, and each alert fires on what it is for and not when all is well.
// It is a module of its own, since Prometheus is a large thing to depend on.
package check_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

var promql = parser.NewParser(parser.Options{})

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reference returns the metrics of docs/reference.md and their labels. That
// they are the program's is tested beside it.
func reference(t *testing.T) map[string][]string {
	t.Helper()
	_, section, ok := strings.Cut(string(read(t, "../../../docs/reference.md")), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !ok {
		t.Fatal("the reference has no metrics")
	}
	known := map[string][]string{
		// Go's and the process's own, which the test in docs compares.
		"process_resident_memory_bytes": {}, "process_cpu_seconds_total": {}, "go_memstats_heap_inuse_bytes": {}, "go_goroutines": {},
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\|").FindAllStringSubmatch(section, -1) {
		var names []string
		for _, l := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(m[3], -1) {
			names = append(names, l[1])
		}
		if m[2] != "histogram" {
			known[m[1]] = names
			continue
		}
		known[m[1]+"_bucket"] = append([]string{"le"}, names...)
		known[m[1]+"_count"] = names
		known[m[1]+"_sum"] = names
	}
	if len(known) < 30 {
		t.Fatalf("only %d metrics found", len(known))
	}
	return known
}

// target are the labels that Prometheus adds to each series.
var target = []string{"job", "instance"}

// check parses an expression and looks up what it is about.
func check(t *testing.T, where, expr string, known map[string][]string) (used []string) {
	t.Helper()
	tree, err := promql.ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return nil
	}
	allowed := slices.Clone(target)
	var selected []*parser.VectorSelector
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			selected = append(selected, s)
		}
		return nil
	})
	for _, s := range selected {
		names, ok := known[s.Name]
		if !ok {
			t.Errorf("%s: there is no metric %q", where, s.Name)
		}
		allowed = append(allowed, names...)
		used = append(used, s.Name)
		for _, m := range s.LabelMatchers {
			if m.Name != labels.MetricName && !slices.Contains(names, m.Name) && !slices.Contains(target, m.Name) {
				t.Errorf("%s: %s has no label %q", where, s.Name, m.Name)
			}
		}
	}
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, l := range a.Grouping {
				if !slices.Contains(allowed, l) {
					t.Errorf("%s: groups by %q, which nothing in it has", where, l)
				}
			}
		}
		return nil
	})
	return used
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ UID string }
	Targets     []struct{ Expr, LegendFormat, RefID string }
}

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	known := reference(t)
	var dashboard struct {
		UID        string
		Panels     []panel
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(read(t, "../dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.UID != "teleport-slack" {
		t.Errorf("uid %q", dashboard.UID)
	}
	// What Grafana puts in before it asks.
	fill := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*")
	seen := map[string]bool{}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: id %d is not its own", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("%s lies over %s or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %d %q lacks something", p.ID, p.Title)
		}
		for _, target := range p.Targets {
			for _, name := range check(t, p.Title, fill.Replace(target.Expr), known) {
				seen[strings.NewReplacer("_bucket", "", "_count", "").Replace(name)] = true
			}
			for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !strings.Contains(target.Expr, m[1]) && m[1] != "instance" && m[1] != "version" {
					t.Errorf("%s: the legend shows %s, which the expression drops", p.Title, m[1])
				}
			}
		}
	}
	for _, v := range dashboard.Templating.List {
		if inner, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			expr, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
			check(t, "variable "+v.Name, fill.Replace(expr), known)
			if label != v.Name {
				t.Errorf("variable %s has the values of %s", v.Name, label)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d metrics are shown", len(seen))
	}
}

func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse(read(t, "../alerts.yaml"), false, model.UTF8Validation, promql, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var rules []rulefmt.Rule
	for _, g := range groups.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

func TestAlertsAreAboutWhatThereIs(t *testing.T) {
	known := reference(t)
	names := map[string]bool{}
	for _, r := range alerts(t) {
		check(t, r.Alert, r.Expr, known)
		if names[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		names[r.Alert] = true
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks something", r.Alert)
		}
		for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(r.Annotations["description"], -1) {
			if by := regexp.MustCompile(`by \(([^)]*)\)`).FindStringSubmatch(r.Expr); by == nil || !slices.Contains(strings.Split(by[1], ", "), m[1]) {
				t.Errorf("%s: its description has the label %s, which the expression drops", r.Alert, m[1])
			}
		}
	}
}

// well is a program that has nothing to complain of, for two hours; time
// begins at zero, and so do timestamps.
const well = `load 1m
  teleport_slack_build_info{job="ts",instance="a"} 1x120
  teleport_slack_teleport_watching{job="ts",instance="a"} 1x120
  teleport_slack_slack_accepted{job="ts",instance="a"} 1x120
  teleport_slack_teleport_credentials_expiring{job="ts",instance="a"} 0x120
  teleport_slack_teleport_credentials_expiry_timestamp_seconds{job="ts",instance="a"} 99999x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="1"} 0+5x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="60"} 0+5x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="300"} 0+5x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="+Inf"} 0+5x120
  teleport_slack_queue_oldest_age_seconds{job="ts",instance="a"} 2x120
  teleport_slack_recipients_failing{job="ts",instance="a"} 0x120
  teleport_slack_delivery_failures_total{job="ts",instance="a",kind="post",class="retry",reason="ratelimited"} 0+1x120
  teleport_slack_delivery_failures_total{job="ts",instance="a",kind="post",class="fatal",reason="token_revoked"} 3x120
  teleport_slack_slack_rate_limited_total{job="ts",instance="a",method="chat.postMessage"} 0+1x120
  teleport_slack_teleport_request_failures_total{job="ts",instance="a",class="retry",reason="connection_problem"} 0+1x120
  teleport_slack_resync_last_success_timestamp_seconds{job="ts",instance="a"} 0+60x120
  teleport_slack_config_last_reload_successful{job="ts",instance="a"} 1x120
  teleport_slack_slack_token_file_usable{job="ts",instance="a"} 1x120
`

// ill is what each alert is for: series in place of those in well, or a name
// whose series are gone.
var ill = map[string]string{
	"TeleportSlackAbsent":              `-teleport_slack_build_info`,
	"TeleportSlackNotWatching":         `teleport_slack_teleport_watching{job="ts",instance="a"} 0x120`,
	"TeleportSlackRefused":             `teleport_slack_slack_accepted{job="ts",instance="a"} 0x120`,
	"TeleportSlackCredentialsExpiring": `teleport_slack_teleport_credentials_expiring{job="ts",instance="a"} 1x120`,
	"TeleportSlackCredentialsExpired":  `teleport_slack_teleport_credentials_expiry_timestamp_seconds{job="ts",instance="a"} 5000x120`,
	"TeleportSlackTokenExpiring":       `teleport_slack_slack_token_expiry_timestamp_seconds{job="ts",instance="a"} 9000x120`,
	"TeleportSlackMessagesLate": `teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="1"} 0x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="60"} 0+1x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="300"} 0+5x120
  teleport_slack_announce_delay_seconds_bucket{job="ts",instance="a",le="+Inf"} 0+5x120`,
	"TeleportSlackQueueStuck":          `teleport_slack_queue_oldest_age_seconds{job="ts",instance="a"} 400x120`,
	"TeleportSlackRecipientsFailing":   `teleport_slack_recipients_failing{job="ts",instance="a"} 2x120`,
	"TeleportSlackDeliveryRefused":     `teleport_slack_delivery_failures_total{job="ts",instance="a",kind="post",class="fatal",reason="token_revoked"} 0+1x120`,
	"TeleportSlackRateLimited":         `teleport_slack_slack_rate_limited_total{job="ts",instance="a",method="chat.postMessage"} 0+60x120`,
	"TeleportSlackTeleportRefuses":     `teleport_slack_teleport_request_failures_total{job="ts",instance="a",class="denied",reason="access_denied"} 0+1x120`,
	"TeleportSlackResyncStale":         `teleport_slack_resync_last_success_timestamp_seconds{job="ts",instance="a"} 3000x120`,
	"TeleportSlackConfigurationBroken": `teleport_slack_config_last_reload_successful{job="ts",instance="a"} 0x120`,
	"TeleportSlackNoButtons":           `teleport_slack_slack_socket_connections{job="ts",instance="a"} 0x120`,
	"TeleportSlackRuleFailing":         `teleport_slack_rule_failures_total{job="ts",instance="a",reason="condition"} 0+1x120`,
	"TeleportSlackTokenFileBroken":     `teleport_slack_slack_token_file_usable{job="ts",instance="a"} 0x120`,
}

// world returns well with a change.
func world(change string) string {
	gone := strings.TrimPrefix(change, "-")
	name, _, _ := strings.Cut(gone, "{")
	var kept []string
	for _, line := range strings.Split(strings.TrimSpace(well), "\n") {
		if name == "" || !strings.HasPrefix(strings.TrimSpace(line), name+"{") {
			kept = append(kept, line)
		}
	}
	if change == gone && change != "" {
		kept = append(kept, "  "+change)
	}
	return strings.Join(kept, "\n") + "\n"
}

// firing returns the alerts whose expressions hold after two hours.
func firing(t *testing.T, series string) []string {
	t.Helper()
	db := promqltest.LoadedStorage(t, series)
	defer db.Close()
	engine := promqltest.NewTestEngine(t, false, 0, 100_000)
	var names []string
	for _, r := range alerts(t) {
		q, err := engine.NewInstantQuery(t.Context(), db, nil, r.Expr, time.Unix(2*60*60, 0))
		if err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
		v, err := q.Exec(t.Context()).Vector()
		if err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
		if len(v) > 0 {
			names = append(names, r.Alert)
		}
		q.Close()
	}
	return names
}

func TestAlertsFireWhenTheyShouldAndNotOtherwise(t *testing.T) {
	if names := firing(t, world("")); names != nil {
		t.Errorf("when all is well: %v", names)
	}
	for _, r := range alerts(t) {
		change, ok := ill[r.Alert]
		if !ok {
			t.Errorf("nothing here is what %s is for", r.Alert)
			continue
		}
		if names := firing(t, world(change)); len(names) != 1 || names[0] != r.Alert {
			t.Errorf("what %s is for makes %v fire", r.Alert, names)
		}
	}
}
