// Package notify is the story: it makes Slack show what Teleport says.
//
// For each access request there are two facts, what Teleport says now and what
// Slack shows now, which is our record. Plan compares them and returns the
// steps that are missing; Reconcile runs them one after another and records
// each result. Events only say which request to look at, so a lost event, a
// crash or an hour without Slack is repaired by the next look.
//
// What holds at any time:
//
//   - Nothing counts as done before Slack has it, and the record is written
//     after the effect that it records.
//   - Before anything is posted, the intent to post it is written with
//     compare-and-swap. An intent without a result is looked up in Slack
//     before it is posted again.
//   - What can't be delivered to one recipient never holds up another.
//
// It never decides a request, and it knows neither Slack's nor Teleport's wire.
package notify

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/replica"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Requests is where requests are read.
type Requests interface {
	Request(ctx context.Context, id string) (access.Request, error)
	Requests(ctx context.Context, yield func(access.Request) error) error
}

// Records is where the records of requests are kept.
type Records interface {
	Record(ctx context.Context, id string) (map[string]string, error)
	Records(ctx context.Context, yield func(id string, data map[string]string) error) error
	UpdateRecord(ctx context.Context, id string, set, expect map[string]string) error
}

// Describer looks up what makes a request readable.
type Describer interface {
	Details(ctx context.Context, req access.Request) access.Details
	Email(ctx context.Context, username string) (string, error)
}

// Messenger is what is done in Slack.
type Messenger interface {
	// Ready returns nil if the post could go out now, and says when if not.
	Ready(p message.Post) error
	Post(ctx context.Context, p message.Post) (access.MessageRef, error)
	Update(ctx context.Context, at access.MessageRef, m message.Message) error
	React(ctx context.Context, at access.MessageRef, emoji string) error
	Find(ctx context.Context, channel, thread string, tag message.Tag, since time.Time) (access.MessageRef, bool, error)
}

// Directory knows who is who in Slack.
type Directory interface {
	Resolve(ctx context.Context, name string) (access.Recipient, error)
}

// How the work is done.
const (
	// DefaultWorkers is how many requests are worked on at the same time.
	DefaultWorkers = 16

	// announceResolvedWithin is how old a request may be that was decided
	// before we ever saw it, for its recipients to be told still. It covers
	// restarts and short outages without flooding channels with history when
	// the plugin is installed.
	announceResolvedWithin = time.Hour

	// retryFailedAfter is when a recipient that can't be reached is tried again.
	retryFailedAfter = 24 * time.Hour
)

// Options are a Notifier's collaborators.
type Options struct {
	Requests  Requests
	Records   Records
	Describer Describer
	Messenger Messenger
	Directory Directory
	Inspector Inspector // nil if rules can't ask for traits and labels
	Routes    route.Table
	// RuleFailed counts rules that could not be read or asked: with the name
	// of the rule, empty if it is about all of them, and a short reason. It is
	// called from many goroutines; may be nil.
	RuleFailed func(rule, reason string)
	Style      message.Style
	Ends       Ends
	Reminders  Reminders
	// NoRequester keeps requesters without a message of their own. Messages
	// that they have from before are still kept true.
	NoRequester bool
	Workers     int      // zero for DefaultWorkers
	Host        string   // tells replicas apart; empty for the host's name
	Observer    Observer // may be nil
	Log         *slog.Logger
}

// Notifier reconciles requests. New makes one.
type Notifier struct {
	o       Options
	replica string
	queue   *queue.Queue
	alarms  *queue.Queue // requests to look at when access ends or a reminder is due

	cluster  atomic.Pointer[access.Cluster]
	routes   atomic.Pointer[routing]
	buttons  atomic.Pointer[access.Buttons]
	full     atomic.Bool  // the next Resync looks at records too
	noReact  atomic.Bool  // the token may not put reactions
	refusals atomic.Int32 // how often in a row Slack did not take something

	escalation []route.Recipient // who is told of requests that nobody looks at
	complaints *complaints
	pulse      pulse
	foreign    replica.Sightings // what other replicas are about to do, by request and copy

	mu         sync.Mutex
	sources    []rule.Source        // the rules as they came
	rulesKnown bool                 // they came at least once
	unsaved    map[string][]effect  // results that a failed write left unrecorded, by request
	settled    map[string]settled   // requests of which nothing is left to do
	heard      map[string]time.Time // when a change was first heard of, by request
	failing    map[string]time.Time // recipients that could not be reached, and when
}

// settled is what a request was when nothing was left to do.
type settled struct {
	digest string
	until  time.Time // when to look again all the same; zero for never
}

// routing is the routes and since when they are in force.
type routing struct {
	table   route.Routes
	rules   []rule.Rule // in the order of their names
	named   route.Named // whom they name
	since   time.Time
	changed bool // others were in force before, in this process
}

// New returns a Notifier that does nothing until Run.
func New(o Options) *Notifier {
	if o.Workers == 0 {
		o.Workers = DefaultWorkers
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	n := &Notifier{
		o: o, replica: replica.Name(o.Host), queue: queue.New(), alarms: queue.New(),
		complaints: newComplaints(o.Log),
		unsaved:    map[string][]effect{}, settled: map[string]settled{},
		heard: map[string]time.Time{}, failing: map[string]time.Time{},
	}
	n.cluster.Store(&access.Cluster{})
	n.buttons.Store(&access.Buttons{})
	n.SetRoutes(o.Routes)
	var broken error
	if n.escalation, broken = route.ParseRecipients(o.Reminders.EscalateTo); broken != nil {
		n.complaints.report("escalation", "some routes can't be read and are left out", broken)
	}
	n.full.Store(true)
	return n
}

// sameHost says that the replica is this process or one of its past lives.
func (n *Notifier) sameHost(other string) bool { return replica.SameHost(n.replica, other) }

// Connected tells which cluster the requests come from, after each new connection.
func (n *Notifier) Connected(c access.Cluster) {
	n.cluster.Store(&c)
	n.full.Store(true)
}

// SetRoutes changes who hears of requests. Recipients that could not be
// reached are tried again.
func (n *Notifier) SetRoutes(t route.Table) {
	n.noReact.Store(false)
	table, broken := t.Compile()
	n.mu.Lock()
	r := &routing{table: table, since: time.Now()}
	if old := n.routes.Load(); old != nil {
		r.rules, r.named, r.changed = old.rules, old.named, true
	}
	n.routes.Store(r)
	clear(n.settled)
	clear(n.failing)
	n.mu.Unlock()
	n.complaints.forget()
	if broken != nil { // the configuration is checked before, so this is somebody else's table
		n.complaints.report("routes", "some routes can't be read and are left out", broken)
	}
}

// SetButtons changes which requests can be decided from within Slack. Messages
// that are out get or lose their buttons with the next Resync; it returns
// whether there is anything to change.
func (n *Notifier) SetButtons(b access.Buttons) bool {
	old := n.buttons.Swap(&b)
	return !reflect.DeepEqual(*old, b)
}

// Changed says that a request was put or deleted.
func (n *Notifier) Changed(id string) {
	n.hear(id, time.Now())
	n.queue.Add(id, queue.Urgent)
}

// Reachable says that what failed may work now: everything that waits out a
// backoff is due.
func (n *Notifier) Reachable() {
	n.noReact.Store(false)
	n.queue.Kick()
}

// Resync looks at every request that is not as it was when nothing was left to
// do, and after a new connection at every record, because requests may have
// ended while nobody watched.
func (n *Notifier) Resync(ctx context.Context) error {
	full := n.full.Swap(false)
	live := map[string]struct{}{}
	err := n.o.Requests.Requests(ctx, func(req access.Request) error {
		live[req.ID] = struct{}{}
		if n.isSettled(req) {
			return nil
		}
		p := queue.Passing
		if !req.State.Resolved() {
			p = queue.Urgent
		}
		n.queue.Add(req.ID, p)
		return nil
	})
	if err == nil && full {
		err = n.o.Records.Records(ctx, func(id string, data map[string]string) error {
			if _, ok := live[id]; !ok && !n.endedIn(id, data) {
				n.queue.Add(id, queue.Passing)
			}
			return nil
		})
	}
	if err != nil {
		if full {
			n.full.Store(true)
		}
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id := range n.settled {
		if _, ok := live[id]; !ok {
			// It ended without a word: its event was lost.
			delete(n.settled, id)
			n.queue.Add(id, queue.Normal)
		}
	}
	return nil
}

// settle remembers that nothing is left to do for the request as it is.
func (n *Notifier) settle(f Facts, by *routing) {
	s := settled{digest: Digest(f.Request, access.Reviewers, f.Buttons)}
	for _, c := range f.Record.Copies {
		if c.Failure != nil {
			s.until = time.Now().Add(retryFailedAfter)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.routes.Load() == by { // else others may have to hear of it by now
		n.settled[f.Request.ID] = s
	}
}

func (n *Notifier) isSettled(req access.Request) bool {
	n.mu.Lock()
	s, ok := n.settled[req.ID]
	n.mu.Unlock()
	return ok && s.digest == Digest(req, access.Reviewers, *n.buttons.Load()) && (s.until.IsZero() || time.Now().Before(s.until))
}

// Run works until ctx ends, then finishes what is in flight for as long as
// drain lasts. It returns when nothing of it runs any more.
func (n *Notifier) Run(ctx context.Context, drain time.Duration) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(drain, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()

	var g errgroup.Group
	for range n.o.Workers {
		g.Go(func() error {
			for {
				id, err := n.queue.Next(ctx)
				if err != nil {
					return nil // ctx ended; what is left is found again at the next start
				}
				n.handle(work, id)
			}
		})
	}
	g.Go(func() error {
		for {
			id, err := n.alarms.Next(ctx)
			if err != nil {
				return nil
			}
			n.alarms.Done(id)
			n.queue.Add(id, queue.Normal)
		}
	})
	return g.Wait()
}

// Left returns how many requests still had something to do.
func (n *Notifier) Left() int {
	s := n.queue.Stats()
	return s.Due + s.Later + s.Working
}

// handle reconciles one request and decides when to look at it again.
func (n *Notifier) handle(ctx context.Context, id string) {
	defer n.queue.Done(id)
	begin := time.Now()
	out := n.Reconcile(ctx, id)
	if n.o.Observer != nil {
		n.o.Observer.Reconciled(Reconciled{Took: time.Since(begin), Result: out.result()})
	}
	switch {
	case out.failed:
		n.o.Log.Debug("request is tried again later", slog.String(logkey.RequestID, id), slog.Duration(logkey.RetryIn, out.again))
		n.queue.Retry(id, queue.Normal, out.again)
	case out.again > 0:
		n.o.Log.Debug("request waits for its next look", slog.String(logkey.RequestID, id), slog.Duration(logkey.RetryIn, out.again))
		n.queue.After(id, queue.Normal, out.again)
	default:
		n.queue.Succeed(id)
	}
}
