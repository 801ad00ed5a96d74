package notify

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// recover finds out what became of an unfinished post.
func (p *pass) recover(ctx context.Context, i int) {
	c := p.facts.Record.Copies[i]
	if wait := p.n.leave(p.id, c); wait > 0 {
		p.blocked[keyOf(c)] = true
		p.wait(wait)
		return
	}
	channel := c.At.Channel
	if channel == "" {
		channel = c.To
	}
	thread := ""
	if c.Intent.Part != "request" {
		thread = c.At.TS
	}
	tag := message.Tag{RequestID: p.id, Recipient: c.To, Part: c.Intent.Part}
	log := p.log.With(slog.String(logkey.Recipient, c.Name), slog.Int(logkey.Attempt, c.Intent.Try))
	ref, found, err := p.n.o.Messenger.Find(ctx, channel, thread, tag, c.Intent.At)
	switch {
	case err != nil && people.Temporary(err):
		p.blocked[keyOf(c)] = true
		p.delay(err)
		return
	case err != nil:
		log.Warn("an earlier post may have arrived; the token may not look, so it is posted again",
			slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, cmp.Or(fault.Hint(err), historyHint)))
	case found:
		log.Info("an earlier post had arrived", slog.String(logkey.ChannelID, ref.Channel), slog.String(logkey.MessageTS, ref.TS))
	default:
		log.Info("an earlier post had not arrived; it is posted again")
	}
	intent := *c.Intent
	p.tries[keyOf(c)] = intent.Try
	p.record(i, func(c record.Copy) record.Copy {
		c.Intent = nil
		if found {
			c = arrived(c, intent.Part, ref)
		}
		return c
	})
}

// arrived records a post that recover found. What a found message shows is not
// known, so that it is edited once more.
func arrived(c record.Copy, part string, ref access.MessageRef) record.Copy {
	switch part {
	case "request":
		c.At, c.Shown = ref, "found"
	case "final":
		c.Final = true
	case "access-ends":
		c.EndsTold = true
	case "access-ended":
		c.EndedTold = true
	default:
		kind, number, _ := strings.Cut(part, "-")
		switch n, err := strconv.Atoi(number); {
		case err != nil:
		case kind == "review":
			c.Replies = max(c.Replies, n+1)
		case kind == "reminder":
			c.Reminders, c.RemindedAt = max(c.Reminders, n), postedAt(ref)
		}
	}
	return c
}

// leave returns how long to leave another replica's intent alone.
func (n *Notifier) leave(id string, c record.Copy) time.Duration {
	if c.Intent.By == n.replica {
		return 0
	}
	return n.foreign.Left(id+" "+keyOf(c), c.Intent.By+" "+c.Intent.Part+" "+c.Intent.At.String(), leaseWatch)
}

// unsight forgets what was seen of a request in other hands.
func (n *Notifier) unsight(id string, rec record.Record) {
	n.foreign.Forget(id)
	n.foreign.Forget(id + " rules")
	n.foreign.Forget(id + " mentions")
	for _, c := range rec.Copies {
		n.foreign.Forget(id + " " + keyOf(c))
	}
}
