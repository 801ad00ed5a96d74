package telemetry

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/review"
)

// namespace is the prefix of our metrics; Go's and the process's have none.
const namespace = "teleport_slack"

// other replaces label values outside of the fixed set. Values from outside are
// never labels, or they could fill the memory.
const other = "other"

// The upper bounds of histograms, in seconds.
var (
	// Delay of notifications: a second is the goal, an hour is an outage.
	delayBuckets = []float64{0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}
	// A reconcile takes a few calls; the longest may wait for many.
	reconcileBuckets = []float64{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	// A call to Slack has 10 s, one to Teleport 15.
	slackBuckets    = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	teleportBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15}
)

// MetricsOptions are what NewMetrics needs.
type MetricsOptions struct {
	Version string
	Commit  string
	// Reasons are the values that a label named reason may have; all others
	// are "other".
	Reasons []string
	// Methods are Slack's methods that are called, likewise.
	Methods []string
}

// The decisions and outcomes of clicks.
var (
	decisions = []string{"approve", "deny"}
	outcomes  = []review.Outcome{review.Submitted, review.Asked, review.Refused, review.Failed, review.Repeated}
)

// Metrics are the program's metrics, in a registry of their own. Its methods may be
// called from several goroutines.
// Its fields are the metrics.
type Metrics struct {
	registry *prometheus.Registry
	reasons  map[string]bool
	methods  map[string]bool

	deliveries        *prometheus.CounterVec
	deliveryFailures  *prometheus.CounterVec
	announceDelay     prometheus.Histogram
	updateDelay       prometheus.Histogram
	reconciles        *prometheus.HistogramVec
	slackRequests     *prometheus.HistogramVec
	slackFailures     *prometheus.CounterVec
	slackRateLimited  *prometheus.CounterVec
	teleportRequests  prometheus.Histogram
	teleportFailures  *prometheus.CounterVec
	teleportConnects  prometheus.Counter
	resyncs           *prometheus.CounterVec
	resyncLastSuccess prometheus.Gauge
	reviewed          *prometheus.CounterVec
	reloads           *prometheus.CounterVec
	rules             *prometheus.CounterVec
}

var (
	_ notify.Observer = (*Metrics)(nil)
	_ review.Observer = (*Metrics)(nil)
)

// NewMetrics returns the metrics, all at zero.
func NewMetrics(o MetricsOptions) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		reasons:  setOf(o.Reasons), methods: setOf(o.Methods),

		deliveries:        counters("deliveries_total", "Successful steps in Slack, by kind: post, update, react, reply, final, access-ends, access-ended, reminder.", "kind"),
		deliveryFailures:  counters("delivery_failures_total", "Failed steps in Slack, each attempt, by kind, class and reason.", "kind", "class", "reason"),
		announceDelay:     histogram("announce_delay_seconds", "Time from an access request to a message about it.", delayBuckets),
		updateDelay:       histogram("update_delay_seconds", "Time from the decision on an access request to a message that shows it.", delayBuckets),
		reconciles:        histograms("reconcile_duration_seconds", "Duration of a reconcile of an access request, by result: settled, waiting, failed.", reconcileBuckets, "result"),
		slackRequests:     histograms("slack_request_duration_seconds", "Duration of calls to Slack, by method.", slackBuckets, "method"),
		slackFailures:     counters("slack_request_failures_total", "Calls that Slack refused or did not answer, by method, class and reason.", "method", "class", "reason"),
		slackRateLimited:  counters("slack_rate_limited_total", "Calls that Slack answered with 429, by method.", "method"),
		teleportRequests:  histogram("teleport_request_duration_seconds", "Duration of calls to Teleport.", teleportBuckets),
		teleportFailures:  counters("teleport_request_failures_total", "Calls that Teleport refused or did not answer, by class and reason.", "class", "reason"),
		teleportConnects:  counter("teleport_connects_total", "Successful connections to Teleport."),
		resyncs:           counters("resyncs_total", "Listings of all access requests, by result: ok, failed.", "result"),
		resyncLastSuccess: gauge("resync_last_success_timestamp_seconds", "When all access requests were last listed."),
		reviewed:          counters("reviews_total", "Clicks on buttons in Slack, by decision and outcome: submitted, asked, refused, failed, repeated.", "decision", "outcome"),
		reloads:           counters("config_reloads_total", "Reloads of the configuration, by result: ok, failed.", "result"),
		rules:             counters("rule_failures_total", "Access monitoring rules that could not be parsed or evaluated, by reason.", "reason"),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "The version of the program; always 1.",
	}, []string{"version", "commit", "goversion"})
	build.WithLabelValues(o.Version, o.Commit, runtime.Version()).Set(1)
	m.registry.MustRegister(
		build,
		m.deliveries, m.deliveryFailures, m.announceDelay, m.updateDelay, m.reconciles,
		m.slackRequests, m.slackFailures, m.slackRateLimited,
		m.teleportRequests, m.teleportFailures, m.teleportConnects,
		m.resyncs, m.resyncLastSuccess, m.reviewed, m.reloads, m.rules,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.begin()
	return m
}

// begin creates the known series at zero, so that their first increase is visible.
func (m *Metrics) begin() {
	for _, op := range notify.Ops() {
		if op != notify.Recover { // which delivers nothing
			m.deliveries.WithLabelValues(op.String())
		}
	}
	for _, r := range notify.Statuses() {
		m.reconciles.WithLabelValues(r.String())
	}
	for _, result := range []string{"ok", "failed"} {
		m.resyncs.WithLabelValues(result)
		m.reloads.WithLabelValues(result)
	}
	for _, decision := range decisions {
		for _, outcome := range outcomes {
			m.reviewed.WithLabelValues(decision, string(outcome))
		}
	}
}

// Watch adds the metrics that are read at each scrape. It is called once, when
// all the sources exist.
func (m *Metrics) Watch(s Sources) { m.registry.MustRegister(newSourceCollector(s)) }

// Handler serves the metrics in Prometheus's format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Gatherer gives the metrics to tests.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Stepped counts a step of a request's messages.
func (m *Metrics) Stepped(s notify.Stepped) {
	if s.Err != nil {
		class, reason := m.labels(s.Err)
		m.deliveryFailures.WithLabelValues(s.Op.String(), class, reason).Inc()
		return
	}
	m.deliveries.WithLabelValues(s.Op.String()).Inc()
	switch {
	case s.Late == 0:
	case s.Op == notify.Post:
		m.announceDelay.Observe(s.Late.Seconds())
	case s.Op == notify.Update:
		m.updateDelay.Observe(s.Late.Seconds())
	}
}

// Reconciled counts a reconcile of a request.
func (m *Metrics) Reconciled(r notify.Reconciled) {
	m.reconciles.WithLabelValues(r.Status.String()).Observe(r.Took.Seconds())
}

// SlackCalled counts a call to Slack.
func (m *Metrics) SlackCalled(method string, took time.Duration, err error) {
	if !m.methods[method] {
		method = other
	}
	m.slackRequests.WithLabelValues(method).Observe(took.Seconds())
	if err == nil {
		return
	}
	class, reason := m.labels(err)
	m.slackFailures.WithLabelValues(method, class, reason).Inc()
	if f, ok := fault.As(err); ok && f.Reason == "ratelimited" {
		m.slackRateLimited.WithLabelValues(method).Inc()
	}
}

// TeleportCalled counts a call to Teleport. NotFound and Conflict count as answers,
// not as errors.
func (m *Metrics) TeleportCalled(took time.Duration, err error) {
	switch fault.ClassOf(err) {
	case fault.Unsupported:
		return // an old server; another way is taken, and counted
	case fault.NotFound, fault.Conflict:
		err = nil
	}
	m.teleportRequests.Observe(took.Seconds())
	if err != nil {
		m.teleportFailures.WithLabelValues(m.labels(err)).Inc()
	}
}

// TeleportConnected counts a successful connection.
func (m *Metrics) TeleportConnected() { m.teleportConnects.Inc() }

// Resynced counts a listing of all requests.
func (m *Metrics) Resynced(err error) {
	m.resyncs.WithLabelValues(result(err)).Inc()
	if err == nil {
		m.resyncLastSuccess.SetToCurrentTime()
	}
}

// Reviewed counts the outcome of a click.
func (m *Metrics) Reviewed(r review.Result) {
	decision, outcome := other, other
	if slices.Contains(decisions, r.Decision) {
		decision = r.Decision
	}
	if slices.Contains(outcomes, r.Outcome) {
		outcome = string(r.Outcome)
	}
	m.reviewed.WithLabelValues(decision, outcome).Inc()
}

// RuleFailed counts an access monitoring rule that could not be parsed or evaluated.
// Rule names are chosen by people, so they are in the log and not a label.
func (m *Metrics) RuleFailed(reason string) {
	if !m.reasons[reason] {
		reason = other
	}
	m.rules.WithLabelValues(reason).Inc()
}

// Reloaded counts a reload of the configuration.
func (m *Metrics) Reloaded(err error) { m.reloads.WithLabelValues(result(err)).Inc() }

func result(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}

// labels returns what a failure is counted as.
func (m *Metrics) labels(err error) (class, reason string) {
	class, reason = fault.ClassOf(err).String(), other
	if f, ok := fault.As(err); ok {
		reason = f.Reason
	}
	if status, ok := strings.CutPrefix(reason, "http_"); ok && len(status) == 3 {
		reason = "http_" + status[:1] + "xx"
	}
	if !m.reasons[reason] {
		reason = other
	}
	return class, reason
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}
