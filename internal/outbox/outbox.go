// Package outbox makes sure that a message is posted once, although a process
// may end at any line and several replicas do the same work.
//
// Before a post, its intent is written with compare-and-swap; after it, the
// result. So there are three cases when an intent without a result is found:
//
//   - Another replica may be in the middle of the post. Its intent is a lease:
//     it is left alone until it has stood unchanged for Lease, by our own clock
//     since we first saw it.
//   - The post arrived and its result was not recorded. Recover finds the
//     message in Slack by the metadata that it carries.
//   - The post did not arrive, or nobody can tell because the token may not
//     read the history. It is posted again, and the log says so.
//
// An intent is only good for a while (Fresh): its post begins before another
// replica could take it for abandoned.
//
// Package outbox writes no record; where intents are kept, its callers know.
package outbox

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Finder looks for messages by the metadata that they carry.
type Finder interface {
	Find(ctx context.Context, channel, thread string, tag message.Tag, since time.Time) (access.MessageRef, bool, error)
}

// Options are what New needs.
type Options struct {
	Host   string // tells replicas apart; empty for the host's name
	Finder Finder
	// Lease is how long another replica's intent is left alone. Fresh is how
	// old an intent may be when its post begins. A call to Slack ends within
	// 10 s, so Lease has to exceed Fresh by more than that.
	Lease, Fresh time.Duration
}

// Outbox is one replica's. New makes one; it is safe for concurrent use.
type Outbox struct {
	o       Options
	replica string
}

// New returns an Outbox with a name of its own.
func New(o Options) *Outbox { return &Outbox{o: o, replica: name(o.Host)} }

// Replica returns the name that this replica writes into records.
func (b *Outbox) Replica() string { return b.replica }

// Intent returns the intent to post a part now; tries counts the attempts
// before.
func (b *Outbox) Intent(part string, tries int) record.Intent {
	return record.Intent{Part: part, By: b.replica, At: time.Now(), Try: tries + 1}
}

// Fresh reports whether the post of an intent of ours may begin now.
func (b *Outbox) Fresh(i record.Intent) bool { return time.Since(i.At) < b.o.Fresh }

// Leased returns how long an intent is to be left alone: not at all if it is
// ours. The watch remembers since when the intent has been there under the key.
func (b *Outbox) Leased(w *LeaseWatch, key string, i record.Intent) time.Duration {
	if i.By == b.replica {
		return 0
	}
	return max(w.Left(key, i.By+" "+i.Part+" "+i.At.String(), b.o.Lease), 0)
}

// Lost is a post whose result is not recorded.
type Lost struct {
	Intent  record.Intent
	Channel string
	Thread  string // the message that it replies to; empty for a message of its own
	Tag     message.Tag
	Scopes  string // those that reading the channel's history takes, for the hint
}

// Recover looks for a lost post. It returns where the message is and whether it
// was found; not found also stands for a token that may not look. Its error
// means that nobody can tell for now. It logs the result.
func (b *Outbox) Recover(ctx context.Context, log *slog.Logger, l Lost) (access.MessageRef, bool, error) {
	log = log.With(slog.Int(logkey.Attempt, l.Intent.Try))
	ref, found, err := b.o.Finder.Find(ctx, l.Channel, l.Thread, l.Tag, l.Intent.At)
	switch {
	case err != nil && fault.Temporary(err):
		return access.MessageRef{}, false, err
	case err != nil:
		log.Warn("lost post may have arrived, history can't be read, posting again", slog.String(logkey.Error, err.Error()),
			slog.String(logkey.Hint, cmp.Or(fault.Hint(err), "grant "+l.Scopes+" to rule out duplicates")))
		return access.MessageRef{}, false, nil
	case found:
		log.Info("lost post found in Slack", slog.String(logkey.ChannelID, ref.Channel), slog.String(logkey.MessageTS, ref.TS))
	default:
		log.Info("lost post not found in Slack, posting again")
	}
	return ref, found, nil
}
