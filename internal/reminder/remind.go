package reminder

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

const (
	// maxTries is how often a record is written again after somebody else wrote.
	maxTries = 6
)

// remind tells one person of everything that is due for them.
func (l *look) remind(ctx context.Context, g group) {
	part := "lists-" + nonce()
	post := message.Post{Channel: g.to.ID, Tag: tag(g.to, part)}
	if err := l.r.o.Messenger.Ready(post); err != nil {
		l.trouble(err)
		return
	}
	intent := l.r.outbox.Intent(part, 0)
	mine := l.claim(ctx, g, intent)
	if len(mine) == 0 {
		return
	}
	lists := make([]access.AccessList, 0, len(mine))
	for _, p := range mine {
		lists = append(lists, p.list)
	}
	if !l.r.outbox.Fresh(intent) {
		l.failed = true
		l.release(ctx, mine)
		return
	}
	now := time.Now()
	post.Message = message.Renderer{Cluster: *l.r.cluster.Load(), Style: l.r.o.Style, Now: now}.ListReviews(lists)
	ref, err := l.r.o.Messenger.Post(ctx, post)
	if fault.Is(err, fault.Bug) {
		l.r.o.Log.Error("Slack refused the form of a reminder; a plain one is sent instead", slog.String(logkey.Error, err.Error()))
		post.Blocks = nil
		ref, err = l.r.o.Messenger.Post(ctx, post)
	}
	subject := "slack " + g.to.ID
	switch {
	case err == nil:
		l.r.troubles.settle(subject)
		l.r.o.Log.Info("reminded of access list reviews", slog.String(logkey.Recipient, g.to.Name), slog.Int(logkey.Lists, len(lists)),
			slog.String(logkey.ChannelID, ref.Channel), slog.String(logkey.MessageTS, ref.TS))
		for _, p := range mine {
			l.told(ctx, p.due, p.names, now)
		}
	case fault.Is(err, fault.Unknown):
		// The intents stay: the next look finds out whether it arrived.
		l.r.troubles.report(subject, "Slack's answer was lost; the reminder is looked for", err, slog.String(logkey.Recipient, g.to.Name))
		l.trouble(err)
	case people.Temporary(err), fault.Is(err, fault.Conflict):
		if fault.After(err) == 0 {
			l.r.troubles.report(subject, "Slack did not take a reminder; it is tried again", err, slog.String(logkey.Recipient, g.to.Name))
		}
		l.trouble(err)
		l.release(ctx, mine)
	default:
		l.r.troubles.report(subject, "an owner of access lists can't be reached; it is tried again with the next look", err, slog.String(logkey.Recipient, g.to.Name))
		l.release(ctx, mine)
	}
}

// nonce tells one message from all others.
func nonce() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// claim writes down the intent in each list's record, and returns the parts
// where it stands. When the first is another replica's by now, so are the
// others in a moment: then none is claimed, so that there is one message.
func (l *look) claim(ctx context.Context, g group, intent record.Intent) (mine []part) {
	for i, p := range g.parts {
		var names []string
		ok := l.change(ctx, p.due, func(n record.Notices) (record.Notices, bool) {
			names = names[:0]
			for _, owner := range p.names {
				begun, busy := p.begun(n, owner)
				switch {
				case !p.since.After(n.Told[owner]): // somebody else was faster
				case busy && begun.Part == intent.Part: // written, and its answer was lost
					names = append(names, owner)
				case busy && l.leased(p.due, owner, begun) > 0:
					l.wait(l.leased(p.due, owner, begun))
				default:
					names = append(names, owner)
					n = n.Begin(owner, intent)
				}
			}
			return n.Keep(p.owners), len(names) > 0
		})
		switch {
		case ok:
			mine = append(mine, part{due: p.due, names: names})
		case i == 0:
			return nil
		}
	}
	return mine
}

// release takes the intents of a message back that certainly did not go out.
func (l *look) release(ctx context.Context, mine []part) {
	for _, p := range mine {
		l.change(ctx, p.due, func(n record.Notices) (record.Notices, bool) {
			for _, owner := range p.names {
				if n.Intents[owner].By == l.r.outbox.Replica() {
					n = n.Drop(owner)
				}
			}
			return n, true
		})
	}
}

// told records that owners were reminded. What can't be recorded now is
// remembered for the next look.
func (l *look) told(ctx context.Context, d *due, owners []string, at time.Time) {
	name := d.list.Name
	ok := l.change(ctx, d, func(n record.Notices) (record.Notices, bool) {
		for _, owner := range owners {
			n = n.Tell(owner, at)
		}
		return n.Keep(d.owners), true
	})
	if ok {
		delete(l.r.unsaved, name) // load had put it into what is stored now
		return
	}
	if l.r.unsaved[name] == nil {
		l.r.unsaved[name] = map[string]time.Time{}
	}
	for _, owner := range owners {
		l.r.unsaved[name][owner] = at
	}
	l.failed = true
}

// change writes a change to a list's record, and makes it anew when somebody
// else wrote first. False means that it could not be written or that change
// had nothing to write any more.
func (l *look) change(ctx context.Context, d *due, change func(record.Notices) (record.Notices, bool)) bool {
	subject := "record " + d.list.Name
	for range maxTries {
		next, ok := change(d.notices)
		if !ok {
			return false
		}
		set, expect := next.Changes()
		if len(set) == 0 {
			return true
		}
		err := l.r.o.Lists.UpdateListRecord(ctx, d.list.Name, set, expect)
		switch {
		case err == nil:
			l.r.troubles.settle(subject)
			d.notices = next.Stored()
			return true
		case fault.Is(err, fault.NotFound): // the list is gone
			return false
		case !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unknown):
			l.r.troubles.report(subject, "record of an access list can't be written yet", err, slog.String(logkey.List, d.list.Name))
			l.trouble(err)
			return false
		}
		if err := l.load(ctx, d); err != nil {
			l.trouble(err)
			return false
		}
	}
	l.failed = true
	return false
}
