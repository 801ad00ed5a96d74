package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teleport-slack/teleport-slack/internal/queue"
)

// Sources are read at each scrape. None may be nil but Sockets.
type Sources struct {
	Queue    func() queue.Stats
	Failing  func() int // recipients that can't be reached
	Teleport func() TeleportState
	Slack    func() SlackState
	Config   func() error // why the configuration in force is not the file's; nil if it is
	// Sockets returns how many Socket Mode connections are open, and whether
	// any are wanted; nil with review.enabled = false.
	Sockets func() (open int, wanted bool)
}

// TeleportState is the state of the connection to Teleport.
type TeleportState struct {
	Connected   bool
	Watching    bool
	Expires     time.Time // when the credentials end; zero if unknown
	ExpiresSoon bool      // soon enough for a warning
}

// SlackState is the state of the Slack app.
type SlackState struct {
	Accepted  bool      // the token is valid and has the required scopes
	Expires   time.Time // when the token ends; zero if it doesn't or Slack doesn't say
	TokenFile error     // why the token's file can't be used; nil if it can, or there is none
}

// sourceCollector turns sources into metrics.
// Its fields are the metrics.
type sourceCollector struct {
	from Sources

	queued, oldest, failing       *prometheus.Desc
	connected, watching           *prometheus.Desc
	credentialEnd, credentialSoon *prometheus.Desc
	accepted, tokenEnd, tokenFile *prometheus.Desc
	config, sockets               *prometheus.Desc
}

func newSourceCollector(from Sources) *sourceCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return &sourceCollector{
		from:           from,
		queued:         desc("queue_requests", "Access requests in the queue, by state: due, later, working.", "state"),
		oldest:         desc("queue_oldest_age_seconds", "How long the oldest request that is due has waited."),
		failing:        desc("recipients_failing", "Recipients that could not be reached when they were last tried."),
		connected:      desc("teleport_connected", "1 while there is a connection to Teleport."),
		watching:       desc("teleport_watching", "1 while access requests are watched."),
		credentialEnd:  desc("teleport_credentials_expiry_timestamp_seconds", "When the Teleport credentials expire."),
		credentialSoon: desc("teleport_credentials_expiring", "1 while the Teleport credentials expire soon and should be renewed."),
		accepted:       desc("slack_accepted", "1 while Slack accepts the token and it has the required scopes."),
		tokenEnd:       desc("slack_token_expiry_timestamp_seconds", "When the Slack token expires; only for rotating tokens."),
		tokenFile:      desc("slack_token_file_usable", "0 while the Slack token file can't be used, and the previous token stays in use."),
		config:         desc("config_last_reload_successful", "0 after a reload failed, while the previous configuration stays in force."),
		sockets:        desc("slack_socket_connections", "Open Socket Mode connections; only with review.enabled."),
	}
}

// Describe implements [prometheus.Collector].
func (c *sourceCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.queued, c.oldest, c.failing, c.connected, c.watching, c.credentialEnd, c.credentialSoon, c.accepted, c.tokenEnd, c.tokenFile, c.config, c.sockets,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *sourceCollector) Collect(ch chan<- prometheus.Metric) {
	is := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	end := func(d *prometheus.Desc, at time.Time) {
		if !at.IsZero() { // rather no series than one that says 1970
			is(d, float64(at.Unix()))
		}
	}
	q := c.from.Queue()
	is(c.queued, float64(q.Due), "due")
	is(c.queued, float64(q.Later), "later")
	is(c.queued, float64(q.Working), "working")
	is(c.oldest, q.Oldest.Seconds())
	is(c.failing, float64(c.from.Failing()))

	t := c.from.Teleport()
	is(c.connected, one(t.Connected))
	is(c.watching, one(t.Watching))
	end(c.credentialEnd, t.Expires)
	is(c.credentialSoon, one(t.ExpiresSoon))

	s := c.from.Slack()
	is(c.accepted, one(s.Accepted))
	end(c.tokenEnd, s.Expires)
	is(c.tokenFile, one(s.TokenFile == nil))

	is(c.config, one(c.from.Config() == nil))
	if c.from.Sockets != nil {
		if open, wanted := c.from.Sockets(); wanted {
			is(c.sockets, float64(open))
		}
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
