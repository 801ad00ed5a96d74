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
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// maxTries bounds how often a record is written after conflicts.
const maxTries = 6

// remind posts one message about everything that is due for one person.
func (s *scan) remind(ctx context.Context, b batch) {
	part := "lists-" + nonce()
	post := message.Post{Channel: b.to.ID, Tag: tag(b.to, part)}
	if err := s.r.o.Messenger.Ready(post); err != nil {
		s.fail(err)
		return
	}
	intent := s.r.outbox.Intent(part, 0)
	mine := s.saveIntents(ctx, b, intent)
	if len(mine) == 0 {
		return
	}
	lists := make([]access.AccessList, 0, len(mine))
	for _, p := range mine {
		lists = append(lists, p.list)
	}
	if !s.r.outbox.Fresh(intent) {
		s.failed = true
		s.cancelIntents(ctx, mine)
		return
	}
	now := time.Now()
	post.Message = message.Renderer{Cluster: *s.r.cluster.Load(), Style: s.r.o.Style, Now: now}.ListReviews(lists)
	ref, err := s.r.o.Messenger.Post(ctx, post)
	if fault.Is(err, fault.Bug) {
		s.r.o.Log.Error("Slack refused the form of a reminder, sending a plain one", slog.String(logkey.Error, err.Error()))
		post.Blocks = nil
		ref, err = s.r.o.Messenger.Post(ctx, post)
	}
	key := logonce.Key{Kind: postProblem, Name: b.to.ID}
	switch {
	case err == nil:
		s.r.problems.Clear(key)
		s.r.o.Log.Info("reminded of access list reviews", slog.String(logkey.Recipient, b.to.Name), slog.Int(logkey.Lists, len(lists)),
			slog.String(logkey.ChannelID, ref.Channel), slog.String(logkey.MessageTS, ref.TS))
		for _, p := range mine {
			s.recordReminded(ctx, p.dueList, p.names, now)
		}
	case fault.Is(err, fault.Unknown):
		// The intents stay: the next scan checks whether the message arrived.
		s.r.problems.Problem(slog.LevelWarn, key, "Slack's answer was lost, looking for the reminder", err, slog.String(logkey.Recipient, b.to.Name))
		s.fail(err)
	case fault.Temporary(err), fault.Is(err, fault.Conflict):
		if fault.After(err) == 0 {
			s.r.problems.Problem(slog.LevelWarn, key, "Slack did not accept a reminder, trying again", err, slog.String(logkey.Recipient, b.to.Name))
		}
		s.fail(err)
		s.cancelIntents(ctx, mine)
	default:
		s.r.problems.Problem(slog.LevelWarn, key, "access list owner can't be reached, trying again later", err, slog.String(logkey.Recipient, b.to.Name))
		s.cancelIntents(ctx, mine)
	}
}

// nonce makes the part of a message unique.
func nonce() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// saveIntents writes the intent to each list's record, and returns the parts where
// it succeeded. If another replica was first at the first list, it will write to the
// others too: then no intent is written, so that there is one message.
func (s *scan) saveIntents(ctx context.Context, b batch, intent record.Intent) (mine []part) {
	for i, p := range b.parts {
		var names []string
		ok := s.change(ctx, p.dueList, func(n record.Notices) (record.Notices, bool) {
			names = names[:0]
			for _, owner := range p.names {
				begun, busy := p.begun(n, owner)
				switch {
				case !p.since.After(n.Reminded[owner]): // another replica was faster
				case busy && begun.Part == intent.Part: // written before, but the answer was lost
					names = append(names, owner)
				case busy && s.leased(p.dueList, owner, begun) > 0:
					s.scanAfter(s.leased(p.dueList, owner, begun))
				default:
					names = append(names, owner)
					n = n.Begin(owner, intent)
				}
			}
			return n.Keep(p.owners), len(names) > 0
		})
		switch {
		case ok:
			mine = append(mine, part{dueList: p.dueList, names: names})
		case i == 0:
			return nil
		}
	}
	return mine
}

// cancelIntents removes the intents of a message that was certainly not posted.
func (s *scan) cancelIntents(ctx context.Context, mine []part) {
	for _, p := range mine {
		s.change(ctx, p.dueList, func(n record.Notices) (record.Notices, bool) {
			for _, owner := range p.names {
				if n.Intents[owner].By == s.r.outbox.Replica() {
					n = n.Drop(owner)
				}
			}
			return n, true
		})
	}
}

// recordReminded records that owners were reminded. If that fails, the next scan
// repeats it.
func (s *scan) recordReminded(ctx context.Context, d *dueList, owners []string, at time.Time) {
	name := d.list.Name
	ok := s.change(ctx, d, func(n record.Notices) (record.Notices, bool) {
		for _, owner := range owners {
			n = n.WithReminder(owner, at)
		}
		return n.Keep(d.owners), true
	})
	if ok {
		delete(s.r.unsaved, name) // load had put it into what is stored now
		for _, owner := range owners {
			s.r.leases.Forget(name + " " + owner)
		}
		return
	}
	if s.r.unsaved[name] == nil {
		s.r.unsaved[name] = map[string]time.Time{}
	}
	for _, owner := range owners {
		s.r.unsaved[name][owner] = at
	}
	s.failed = true
}

// change applies a change to a list's record, again after another replica wrote
// first. It returns false if the record could not be written, or if change had
// nothing to write any more.
func (s *scan) change(ctx context.Context, d *dueList, change func(record.Notices) (record.Notices, bool)) bool {
	key := logonce.Key{Kind: recordProblem, Name: d.list.Name}
	for range maxTries {
		next, ok := change(d.notices)
		if !ok {
			return false
		}
		set, expect := next.Changes()
		if len(set) == 0 {
			return true
		}
		err := s.r.o.Lists.UpdateListRecord(ctx, d.list.Name, set, expect)
		switch {
		case err == nil:
			s.r.problems.Clear(key)
			d.notices = next.Stored()
			return true
		case fault.Is(err, fault.NotFound): // the list is gone
			return false
		case !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unknown):
			s.r.problems.Problem(slog.LevelWarn, key, "can't write the record of an access list, trying again", err, slog.String(logkey.List, d.list.Name))
			s.fail(err)
			return false
		}
		if err := s.load(ctx, d); err != nil {
			s.fail(err)
			return false
		}
	}
	s.failed = true
	return false
}
