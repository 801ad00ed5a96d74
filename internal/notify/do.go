package notify

import (
	"context"
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// outage is how many refusals in a row, of whatever requests, are taken for
// Slack being away, so that its return is worth a word and a look at everything.
const outage = 3

// do runs one step and records what came of it.
func (p *pass) do(ctx context.Context, s Step) {
	if s.Op == Recover {
		p.recover(ctx, s.Copy)
		return
	}
	c := p.facts.Record.Copies[s.Copy]
	if s.Op.describes() && !p.described && !p.facts.Gone {
		p.described, p.details = true, p.n.o.Describer.Details(ctx, p.facts.Request)
	}
	m := p.message(s, c, false)
	p.n.reportTemplates(m.Failed)
	ref, err := p.send(ctx, s, c, m)
	if fault.Is(err, fault.Bug) && s.Op != React { // an emoji has no plain form
		p.log.Error("Slack refused the form of a message; a plain one is sent instead",
			slog.String(logkey.Recipient, c.Name), slog.String(logkey.Error, err.Error()))
		p.observe(s, c.State, err)
		ref, err = p.send(ctx, s, c, p.message(s, c, true))
	}
	if err != nil {
		p.failed(s, c, err)
		return
	}
	p.done(s, c, ref)
	if s.Op.posts() {
		p.arm()
		p.save(ctx)
	}
}

// message renders what the step sends.
func (p *pass) message(s Step, c record.Copy, plain bool) message.Message {
	req := p.facts.Request
	switch {
	case plain:
		return p.render.Minimal(req, c.For)
	case s.Op == Reply:
		return p.render.Review(req, s.Review, c.For)
	case s.Op == Final:
		return p.render.Final(req, c.For)
	case s.Op == Remind:
		return p.render.Reminder(req, c.Escalated)
	case s.Op == TellEnds:
		return p.render.AccessEnds(req, p.details)
	case s.Op == TellEnded:
		return p.render.AccessEnded(req, p.details)
	}
	return p.render.Request(req, p.details, c.For)
}

// send makes the call of the step.
func (p *pass) send(ctx context.Context, s Step, c record.Copy, m message.Message) (access.MessageRef, error) {
	slack := p.n.o.Messenger
	m = mentioning(s, c, m)
	switch s.Op {
	case Update:
		return c.At, slack.Update(ctx, c.At, m)
	case React:
		return c.At, slack.React(ctx, c.At, reaction(p.facts.Request.State))
	}
	post := p.post(s, c)
	post.Message = m
	return slack.Post(ctx, post)
}

// post addresses what the step posts.
func (p *pass) post(s Step, c record.Copy) message.Post {
	post := message.Post{
		Channel: c.To,
		Tag:     message.Tag{RequestID: p.id, Recipient: c.To, Part: s.Part()},
	}
	if s.Op != Post {
		post.Channel, post.Thread = c.At.Channel, c.At.TS
	}
	return post
}

// done records a step that Slack has taken.
func (p *pass) done(s Step, c record.Copy, ref access.MessageRef) {
	req, buttons := p.facts.Request, p.facts.Buttons
	now := p.facts.Now
	p.observe(s, c.State, nil)
	p.n.reached(nameOf(c))
	p.record(s.Copy, func(c record.Copy) record.Copy { return after(s, c, req, now, ref, buttons) })
	p.n.complaints.settle("slack " + keyOf(c))
	if p.n.refusals.Swap(0) >= outage {
		p.n.complaints.settle("slack")
		p.log.Info("Slack takes messages again")
		p.n.queue.Kick()
	}
	p.told(s, c, ref)
}

// after returns the copy once Slack has taken the step, which was rendered at
// now; ref is where a new message of its own is.
func after(s Step, c record.Copy, req access.Request, now time.Time, ref access.MessageRef, b access.Buttons) record.Copy {
	c.Failure = nil
	switch s.Op {
	case Post:
		c.Intent, c.At = nil, ref
		c.Shown, c.State, c.Final = Digest(req, c.For, b), req.State, req.State.Resolved()
		c.Over = over(req, now)
	case Update:
		c.Shown, c.State, c.Over = Digest(req, c.For, b), req.State, over(req, now)
	case React:
		c.Reaction = reaction(req.State)
	case Reply:
		c.Intent, c.Replies = nil, max(c.Replies, s.Review+1)
	case Final:
		c.Intent, c.Final = nil, true
	case Remind:
		c.Intent, c.Reminders, c.RemindedAt = nil, max(c.Reminders, s.Reminder), now
	case TellEnds:
		c.Intent, c.EndsTold = nil, true
	case TellEnded:
		c.Intent, c.EndedTold = nil, true
	case Recover: // what became of it, recover finds out
	}
	return c
}

// failed decides what an error means for the step and its copy.
func (p *pass) failed(s Step, c record.Copy, err error) {
	attrs := []any{slog.String(logkey.Recipient, c.Name), slog.String(logkey.RequestID, p.id), slog.String(logkey.Step, s.Op.String())}
	class := fault.ClassOf(err)
	if f, ok := fault.As(err); !ok || f.Reason != fault.Paced {
		p.observe(s, c.State, err)
	}

	if s.Op == React && class != fault.Retry && class != fault.Unknown {
		// A message without its emoji is still true.
		if class == fault.Fatal || class == fault.Denied {
			p.n.noReact.Store(true)
			p.facts.CanReact = false
			p.n.complaints.report("reactions", "reactions are switched off: messages alone show how requests end", err)
			return
		}
		p.n.complaints.report("slack "+keyOf(c), "reaction could not be put", err, attrs...)
		emoji := reaction(p.facts.Request.State)
		p.record(s.Copy, func(c record.Copy) record.Copy { c.Reaction = emoji; return c })
		return
	}

	if s.Op == Remind && !people.Temporary(err) && class != fault.Conflict && class != fault.Fatal {
		// A message without its reminder is still true, so it counts as done.
		p.n.complaints.report("slack "+keyOf(c), "reminder could not be posted", err, attrs...)
		now := p.facts.Now
		p.record(s.Copy, func(c record.Copy) record.Copy {
			c.Intent, c.Reminders, c.RemindedAt = nil, max(c.Reminders, s.Reminder), now
			return c
		})
		return
	}

	key := keyOf(c)
	p.blocked[key] = true
	switch class {
	case fault.Retry, fault.Conflict:
		if fault.After(err) == 0 {
			p.n.refusals.Add(1)
			p.n.complaints.report("slack "+keyOf(c), "Slack did not take a message; it is tried again", err, attrs...)
		}
		p.disarm(s)
		p.delay(err)
	case fault.Unknown:
		// The intent stays: the next pass looks whether the post arrived.
		p.n.refusals.Add(1)
		p.unknown[key] = s.Op.posts()
		if s.Op.posts() {
			p.n.complaints.report("slack "+key, "Slack's answer was lost; the message is looked for", err, attrs...)
		} else {
			p.n.complaints.report("slack "+key, "Slack did not take a message; it is tried again", err, attrs...)
		}
		p.delay(err)
	case fault.Fatal:
		p.n.refusals.Store(outage)
		p.n.complaints.report("slack", "Slack refuses the app; messages wait", err)
		p.disarm(s)
		for _, c := range p.facts.Record.Copies {
			p.blocked[keyOf(c)] = true
		}
		p.delay(err)
	case fault.NotFound:
		if s.Op == Update && !p.gone(err) {
			p.log.Warn("message can't be edited any more; its end is told in its thread", append(attrs, slog.String(logkey.Error, err.Error()))...)
			delete(p.blocked, key)
			state := p.facts.Request.State
			p.record(s.Copy, func(c record.Copy) record.Copy {
				// Where it shows the decision, that was told.
				c.Locked, c.Final = true, c.Final && c.State == state
				return c
			})
			return
		}
		p.giveUp(s, err, attrs)
	default:
		p.giveUp(s, err, attrs)
	}
}

// gone says that the message is not there any more, as opposed to locked.
func (p *pass) gone(err error) bool {
	f, ok := fault.As(err)
	return ok && f.Reason == "message_not_found"
}

// disarm takes back the intent of a post that certainly did not happen.
func (p *pass) disarm(s Step) {
	if s.Op.posts() {
		p.record(s.Copy, func(c record.Copy) record.Copy { c.Intent = nil; return c })
	}
}

// giveUp records that this recipient can't have it until somebody changes something.
func (p *pass) giveUp(s Step, err error, attrs []any) {
	reason := "refused"
	if f, ok := fault.As(err); ok && f.Reason != "" {
		reason = f.Reason
	}
	c := p.facts.Record.Copies[s.Copy]
	p.n.fails(nameOf(c))
	p.n.complaints.report("slack "+keyOf(c), "recipient can't be reached; the others are not affected", err, attrs...)
	at := time.Now()
	p.record(s.Copy, func(c record.Copy) record.Copy {
		c.Intent, c.Failure = nil, &record.Failure{Reason: reason, At: at}
		return c
	})
}
