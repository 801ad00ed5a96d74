// Package notify keeps Slack messages in sync with Teleport access requests.
//
// For each access request there are two facts: what Teleport says now, and what
// Slack shows now, which is our record. Plan compares them and returns the next
// step of each copy; a delivery makes these calls and records the results.
// Events only say which request to reconcile, so a lost event, a crash or an
// hour without Slack is repaired by the next one. Start with reconcile.go.
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
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/outbox"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
	"github.com/teleport-slack/teleport-slack/internal/wait"
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

// DefaultWorkers is how many requests are delivered at the same time.
const DefaultWorkers = 16

// Options are a Notifier's collaborators.
type Options struct {
	Requests   Requests
	Records    Records
	Recipients *recipient.Resolver
	Describer  Describer
	Messenger  Messenger
	Style      message.Style
	Ends       Ends
	Reminders  Reminders
	Workers    int      // zero for DefaultWorkers
	Host       string   // tells replicas apart; empty for the host's name
	Observer   Observer // may be nil
	Log        *slog.Logger
}

// Notifier reconciles requests. New makes one. Its fields are its parts, what is
// in force for every request, and what it remembers of each.
type Notifier struct {
	o          Options
	recipients *recipient.Resolver
	outbox     *outbox.Outbox
	records    *record.Store
	problems   *logonce.Logger
	stall      stallDetector
	queue      *queue.Queue // requests to reconcile
	alarms     *queue.Queue // requests to reconcile when access ends or a reminder is due

	cluster  atomic.Pointer[access.Cluster]
	buttons  atomic.Pointer[access.Buttons]
	full     atomic.Bool  // the next Resync reads records too
	noReact  atomic.Bool  // the token may not add reactions
	refusals atomic.Int32 // how often in a row Slack did not accept a call

	mu       sync.Mutex
	requests map[string]*requestMemory
}

// New returns a Notifier that does nothing until Run.
func New(o Options) *Notifier {
	if o.Workers == 0 {
		o.Workers = DefaultWorkers
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	box := outbox.New(outbox.Options{Host: o.Host, Finder: o.Messenger, Lease: intentLease, Fresh: intentFresh})
	n := &Notifier{
		o: o, recipients: o.Recipients, outbox: box, records: record.NewStore(o.Records, box.Replica()),
		problems: logonce.New(o.Log), queue: queue.New(), alarms: queue.New(), requests: map[string]*requestMemory{},
	}
	n.cluster.Store(&access.Cluster{})
	n.buttons.Store(&access.Buttons{})
	n.full.Store(true)
	return n
}

// Connected sets the cluster that requests come from, after each new connection.
func (n *Notifier) Connected(c access.Cluster) {
	n.cluster.Store(&c)
	n.full.Store(true)
}

// SetRoutes replaces the static routes. Recipients that could not be reached
// are tried again with the next Resync.
func (n *Notifier) SetRoutes(t route.Table) {
	n.recipients.SetRoutes(t)
	n.noReact.Store(false)
	n.problems.Reset()
	n.unsettleAll()
}

// SetRules replaces the access monitoring rules. Requests are not reconciled
// again until they change or Resync is called.
func (n *Notifier) SetRules(sources []rule.Source) {
	if n.recipients.SetRules(sources) {
		n.unsettleAll()
	}
}

// SetButtons changes which requests can be decided from within Slack. Messages
// that are out get or lose their buttons with the next Resync; it returns
// whether there is anything to change.
func (n *Notifier) SetButtons(b access.Buttons) bool {
	old := n.buttons.Swap(&b)
	return !reflect.DeepEqual(*old, b)
}

// Changed notes that a request was put, as it is now, or deleted, which nil
// stands for.
func (n *Notifier) Changed(id string, now *access.Request) {
	n.changedTo(id, now)
	n.queue.Add(id, queue.Urgent)
}

// Reachable notes that what failed may work now: everything that waits out a
// backoff is due.
func (n *Notifier) Reachable() {
	if n.noReact.Swap(false) {
		n.problems.Clear(logonce.Key{Kind: aboutReactions})
		n.unsettleAll() // messages may lack their reaction
	}
	n.queue.Kick()
}

// Run delivers until ctx ends, then finishes what is in flight for as long as
// drain lasts. It returns when nothing of it runs any more.
func (n *Notifier) Run(ctx context.Context, drain time.Duration) error {
	work, release := wait.Drain(ctx, drain)
	defer release()

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

// Left returns how many requests still have something to do.
func (n *Notifier) Left() int {
	s := n.queue.Stats()
	return s.Due + s.Later + s.Working
}

// handle reconciles one request and decides when to reconcile it again.
func (n *Notifier) handle(ctx context.Context, id string) {
	defer n.queue.Done(id)
	begin := time.Now()
	n.stall.touch(id)
	result := n.reconcile(ctx, id)
	n.stall.end(id)
	if n.o.Observer != nil {
		n.o.Observer.Reconciled(Reconciled{Took: time.Since(begin), Status: result.status()})
	}
	after := result.RetryAfter
	if result.Within > 0 {
		after = min(after, result.Within)
	}
	log := n.o.Log.With(slog.String(logkey.RequestID, id), slog.Duration(logkey.RetryIn, after))
	switch {
	case result.Failed:
		log.Debug("delivery failed, trying again later")
		n.queue.Retry(id, queue.Normal, after, result.Within)
	case after > 0:
		log.Debug("delivery waits")
		n.queue.After(id, queue.Normal, after)
	default:
		n.queue.Succeed(id)
	}
}
