// Package reminder reminds the owners of access lists of reviews that are due,
// as the published plugin does: every week before the date and every day after
// it, in one direct message for all of a person's lists.
//
// It looks at all lists every few hours. What a look finds due for a person is
// written down as an intent in each list's record with compare-and-swap, then
// posted, then recorded. An intent without a result is looked for in Slack
// before it is posted again; another replica's is left alone until its lease is
// over. So nobody is reminded twice by two replicas, and a reminder that did
// not go out stays due.
//
// Servers without access lists and missing rights are told of once and change
// nothing else. Reminders of requests that wait are in package notify, where
// the rest of a request's thread is.
package reminder

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/outbox"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
)

// Lists is where access lists are, and what we remember of them.
type Lists interface {
	AccessLists(ctx context.Context, yield func(access.AccessList) error) error
	AccessListOwners(ctx context.Context, l access.AccessList) ([]string, error)
	ListRecord(ctx context.Context, name string) (map[string]string, error)
	UpdateListRecord(ctx context.Context, name string, set, expect map[string]string) error
}

// Messenger is what is done in Slack.
type Messenger interface {
	// Ready returns nil if the post could go out now, and says when if not.
	Ready(p message.Post) error
	Post(ctx context.Context, p message.Post) (access.MessageRef, error)
	Find(ctx context.Context, channel, thread string, tag message.Tag, since time.Time) (access.MessageRef, bool, error)
}

const (
	// firstLook and everyLook are the published plugin's, each less up to a
	// seventh.
	firstLook = 30 * time.Second
	everyLook = 3 * time.Hour

	// firstRetry and lastRetry are how soon it is tried again what went wrong.
	firstRetry = time.Minute
	lastRetry  = 30 * time.Minute
)

// Options are a Reminder's collaborators.
type Options struct {
	Lists     Lists
	Emails    people.Emails
	Directory people.Directory
	Messenger Messenger
	Style     message.Style
	Quiet     quiet.Hours // when nobody is reminded
	Host      string      // tells replicas apart; empty for the host's name
	Log       *slog.Logger
}

// Reminder reminds owners. New makes one.
type Reminder struct {
	o       Options
	outbox  *outbox.Outbox
	cluster atomic.Pointer[access.Cluster]

	// The rest belongs to Run.
	leases   outbox.LeaseWatch               // of other replicas' intents, by list and owner
	unsaved  map[string]map[string]time.Time // list → owner → when, of reminders that could not be recorded
	troubles troubles
	failures int // looks in a row that left something undone
}

// New returns a Reminder that does nothing until Run.
func New(o Options) *Reminder {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Reminder{
		o: o, outbox: outbox.New(outbox.Options{Host: o.Host, Finder: o.Messenger, Lease: intentLease, Fresh: intentFresh}), unsaved: map[string]map[string]time.Time{},
		troubles: troubles{log: o.Log, open: map[string]string{}},
	}
	r.cluster.Store(&access.Cluster{})
	return r
}

// Connected tells which cluster the lists are in, after each new connection.
func (r *Reminder) Connected(c access.Cluster) { r.cluster.Store(&c) }

// Run looks at access lists until ctx ends; a reminder that is under way then
// may take as long as drain to be recorded.
func (r *Reminder) Run(ctx context.Context, drain time.Duration) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(drain, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()

	wait := jitter(firstLook)
	for sleep(ctx, wait) {
		if end := r.o.Quiet.End(time.Now()); end.After(time.Now()) {
			wait = time.Until(end) + firstLook - jitter(firstLook) // replicas don't wake in the same moment
			continue
		}
		wait = r.look(ctx, work)
	}
	return nil
}

// look looks at all lists once and returns when to look again. Nothing new is
// begun once ctx ends; what was begun ends with work.
func (r *Reminder) look(ctx, work context.Context) time.Duration {
	l := &look{r: r, now: time.Now(), people: map[string]person{}}
	l.gather(ctx)
	for _, p := range l.groups(ctx) {
		if ctx.Err() != nil {
			break
		}
		l.remind(work, p)
	}
	if l.failed {
		l.wait(min(firstRetry<<min(r.failures, 10), lastRetry))
		r.failures++
	} else {
		r.failures = 0
	}
	if l.again > 0 {
		return min(l.again, everyLook)
	}
	return jitter(everyLook)
}

// jitter returns d less up to a seventh.
func jitter(d time.Duration) time.Duration { return d - time.Duration(rand.Int64N(int64(d)/7)) }

// sleep waits for d, and returns whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
