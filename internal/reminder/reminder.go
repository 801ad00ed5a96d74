// Package reminder reminds the owners of access lists of due reviews, as the
// published plugin does: every week before the date and every day after it, in one
// direct message for all of a person's lists.
//
// It scans all lists every few hours. What is due for a person is first written as
// an intent to each list's record with compare-and-swap, then posted, then
// recorded. An intent without a result is looked for in Slack before the message is
// posted again; another replica's intent is a lease. So two replicas never remind a
// person twice, and a reminder that was not posted stays due.
//
// A server without access lists and missing rights are logged once. Reminders of
// pending requests are in package notify, with the rest of a request's thread.
package reminder

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/outbox"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

// Lists reads access lists, and reads and writes their records.
type Lists interface {
	AccessLists(ctx context.Context, yield func(access.AccessList) error) error
	AccessListOwners(ctx context.Context, l access.AccessList) ([]string, error)
	ListRecord(ctx context.Context, name string) (map[string]string, error)
	UpdateListRecord(ctx context.Context, name string, set, expect map[string]string) error
}

// Messenger posts to Slack.
type Messenger interface {
	// Ready returns nil if the post could go out now, else an error with the delay.
	Ready(p message.Post) error
	Post(ctx context.Context, p message.Post) (access.MessageRef, error)
	Find(ctx context.Context, channel, thread string, tag message.Tag, since time.Time) (access.MessageRef, bool, error)
}

const (
	// firstScan and scanEvery are the published plugin's, each shortened by up to
	// a seventh.
	firstScan = 30 * time.Second
	scanEvery = 3 * time.Hour

	// A scan that failed is repeated after firstRetry, then after twice as long,
	// up to lastRetry.
	firstRetry = time.Minute
	lastRetry  = 30 * time.Minute
)

// Options are the arguments of New.
type Options struct {
	Lists     Lists
	Emails    people.Emails
	Directory people.Directory
	Messenger Messenger
	Style     message.Style
	Quiet     quiet.Hours // without reminders
	Host      string      // names the replica; empty for the host's name
	Log       *slog.Logger
}

// Reminder reminds owners of access lists. New makes one.
type Reminder struct {
	o       Options
	outbox  *outbox.Outbox
	cluster atomic.Pointer[access.Cluster]

	// Only Run uses the rest.
	leases   outbox.LeaseWatch               // of other replicas' intents, by list and owner
	unsaved  map[string]map[string]time.Time // list → owner → when, of reminders that are not recorded yet
	problems *logonce.Logger
	failures int // scans in a row that failed
}

// New returns a Reminder that does nothing until Run.
func New(o Options) *Reminder {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Reminder{
		o: o, outbox: outbox.New(outbox.Options{Host: o.Host, Finder: o.Messenger, Lease: intentLease, Fresh: intentFresh}), unsaved: map[string]map[string]time.Time{},
		problems: logonce.New(o.Log),
	}
	r.cluster.Store(&access.Cluster{})
	return r
}

// Connected sets the cluster of the lists, after each new connection.
func (r *Reminder) Connected(c access.Cluster) { r.cluster.Store(&c) }

// Run scans access lists until ctx ends. A reminder that is being posted then may
// take up to drain to be recorded.
func (r *Reminder) Run(ctx context.Context, drain time.Duration) error {
	work, release := wait.Drain(ctx, drain)
	defer release()

	pause := jitter(firstScan)
	for wait.Sleep(ctx, pause) {
		if end := r.o.Quiet.End(time.Now()); end.After(time.Now()) {
			pause = time.Until(end) + firstScan - jitter(firstScan) // replicas must not begin together
			continue
		}
		pause = r.scan(ctx, work)
	}
	return nil
}

// scan checks all lists once and returns when to scan again. It begins no reminder
// after ctx ended; a reminder uses the context work.
func (r *Reminder) scan(ctx, work context.Context) time.Duration {
	s := &scan{r: r, now: time.Now(), people: map[string]person{}}
	s.gather(ctx)
	for _, b := range s.batches(ctx) {
		if ctx.Err() != nil {
			break
		}
		s.remind(work, b)
	}
	if s.failed {
		s.scanAfter(min(firstRetry<<min(r.failures, 10), lastRetry))
		r.failures++
	} else {
		r.failures = 0
	}
	if s.again > 0 {
		return min(s.again, scanEvery)
	}
	return jitter(scanEvery)
}

// jitter returns d shortened by up to a seventh.
func jitter(d time.Duration) time.Duration { return d - time.Duration(rand.Int64N(int64(d)/7)) }
