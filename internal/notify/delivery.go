package notify

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/outbox"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

const (
	// maxCalls is how many calls to Slack one delivery makes at a time.
	maxCalls = 10

	// intentLease is how long another replica's intent is left alone, and
	// intentFresh how old an intent of ours may be when its post begins. Calls
	// to Slack end within 10 s.
	intentLease = 20 * time.Second
	intentFresh = 8 * time.Second

	// slowRound is how long results wait for the other calls of their round.
	slowRound = time.Second

	// reminderFresh is how long ago the request may have been read when somebody
	// is reminded of it: it may have been reviewed meanwhile.
	reminderFresh = 5 * time.Second

	// conflictRetry is how soon a request is loaded again after another replica
	// was faster to write its record.
	conflictRetry = 500 * time.Millisecond

	// lastSave is how long the results of a delivery may take to be saved after
	// the time for it is over.
	lastSave = time.Second

	// maxRefusals is how many refusals in a row, of whatever requests, count as
	// Slack being away, so that its return is logged and everything is tried.
	maxRefusals = 3
)

// historyScopes are those that finding a lost post takes.
const historyScopes = "channels:history, groups:history, im:history and channels:read"

// errStale is why the post of an intent that has become too old is not begun.
var errStale = &fault.Error{Op: "post message", Class: fault.Retry, Reason: fault.Paced, RetryAfter: time.Millisecond}

// delivery brings the messages of one request up to date, in rounds: each round
// takes every copy one step further. It belongs to one worker. Its fields are
// what it works with, what it knows, and how far it is: one look at one request
// in one place.
type delivery struct {
	n         *Notifier
	log       *slog.Logger
	memory    *deliveryMemory
	routing   *recipient.Routing
	st        State
	details   *access.Details // of the request; nil until they are looked up
	draft     *record.Draft
	copies    map[string]*copyState // by the copy's ID
	loadedAt  time.Time
	changedAt time.Time // when the change that this delivers was first seen; zero if it wasn't
	result    Result
	posted    bool // the result of a post is not saved yet
	stopped   bool // nothing more is begun: the record can't be written, or Slack refuses the app
}

// copyState is what a delivery knows of one copy beside its record.
type copyState struct {
	postponed bool // to the next delivery
	tries     int  // attempts at a lost post before this one
}

func (n *Notifier) newDelivery(st State, draft *record.Draft, memory *deliveryMemory, details *access.Details) *delivery {
	now := time.Now()
	d := &delivery{
		n: n, log: n.o.Log.With(slog.String(logkey.RequestID, st.Request.ID)), memory: memory, routing: n.recipients.Routing(),
		st: st, details: details, draft: draft, copies: map[string]*copyState{}, loadedAt: now, changedAt: n.takeChange(st.Request.ID),
	}
	d.st.Now = now
	d.st.RetryBefore = now.Add(-recipient.RetryAfter)
	if d.routing.Since.After(d.st.RetryBefore) {
		d.st.RetryBefore = d.routing.Since
	}
	if st.Record.Known() && st.Record.Snapshot.State != st.Request.State {
		draft.Edit(st.Record) // the record is to say so even if no message does
	}
	return d
}

func (d *delivery) id() string { return d.st.Request.ID }

func (d *delivery) recipientInput() recipient.Input {
	return recipient.Input{
		Request: d.st.Request, Record: d.st.Record, Routing: d.routing, Memory: &d.memory.recipients,
		Progress: func() { d.n.stall.touch(d.id()) },
	}
}

// stateOf returns what is known of a copy beside its record.
func (d *delivery) stateOf(id string) *copyState {
	c := d.copies[id]
	if c == nil {
		c = &copyState{}
		d.copies[id] = c
	}
	return c
}

// next returns the next step of each copy that can be done now.
func (d *delivery) next(ctx context.Context) []Step {
	d.st.Record, d.st.Now = d.draft.Record(), time.Now()
	if d.stopped {
		return nil
	}
	var round []Step
	for _, s := range Plan(d.st) {
		switch {
		case d.stateOf(s.Copy).postponed:
		case s.Op == Remind && time.Since(d.loadedAt) > reminderFresh:
			d.again(time.Millisecond)
		default:
			round = append(round, s)
		}
	}
	if ctx.Err() != nil && len(round) > 0 {
		d.result.Failed = true
		return nil
	}
	return round
}

// deliver does the steps of a round side by side. Their results stay in the
// draft: the next round's begin writes them with its intents, or flush does. In a
// round with a slow call, the results of the others are written before it ends.
func (d *delivery) deliver(ctx context.Context, round []Step) {
	round = d.begin(ctx, round)
	calls, ended := make([]call, len(round)), make(chan int, len(round))
	slots := make(chan struct{}, maxCalls)
	for i, s := range round {
		c, _ := d.draft.Copy(s.Copy)
		calls[i] = call{step: s, was: c}
		go func() {
			slots <- struct{}{}
			d.perform(ctx, &calls[i])
			d.n.stall.touch(d.id())
			<-slots
			ended <- i // the last that it does: deliver waits for it
		}()
	}
	var over []int // ended and not recorded yet
	recordOver := func() {
		slices.Sort(over)
		for _, i := range over {
			d.record(calls[i])
		}
		over = nil
	}
	slow := time.NewTicker(slowRound)
	defer slow.Stop()
	for range calls {
		for waiting := true; waiting; {
			select {
			case i := <-ended:
				over, waiting = append(over, i), false
			case <-slow.C:
				if recordOver(); d.posted && !d.stopped {
					_ = d.save(ctx) // logged there, and the delivery stops
				}
			}
		}
	}
	recordOver()
}

// begin writes the intents of the round's posts, together with the results of
// posts before, and returns the steps that may go out now.
func (d *delivery) begin(ctx context.Context, round []Step) []Step {
	ready := d.ready(round)
	for _, s := range ready {
		if s.Op.describes() {
			d.describe(ctx)
		}
	}
	posts := slices.ContainsFunc(ready, func(s Step) bool { return s.Op.posts() })
	if !posts && !d.posted {
		return ready // edits have no intents, and their results can wait
	}
	rec := d.draft.Record()
	rec.Copies = slices.Clone(rec.Copies)
	intents := map[string]*record.Intent{} // by copy
	for _, s := range ready {
		if s.Op.posts() {
			intent := d.n.outbox.Intent(s.Part(), d.stateOf(s.Copy).tries)
			intents[s.Copy], rec.Copies[rec.IndexOf(s.Copy)].Intent = &intent, &intent
		}
	}
	d.draft.Edit(rec)
	if err := d.save(ctx); err != nil && !fault.Is(err, fault.Conflict) {
		d.cancelIntents(intents) // the write may have happened all the same
	}
	if d.stopped {
		return nil
	}
	return ready
}

// ready returns the steps of a round whose turn has come: no post before its
// channel's, and no look for a lost post while its lease lasts.
func (d *delivery) ready(round []Step) (ready []Step) {
	for _, s := range round {
		c, _ := d.draft.Copy(s.Copy)
		switch {
		case s.Op == Recover:
			if left := d.n.outbox.Leased(&d.memory.leases, s.Copy, *c.Intent); left > 0 {
				d.stateOf(s.Copy).postponed = true
				d.again(left)
				continue
			}
		case s.Op.posts():
			if err := d.n.o.Messenger.Ready(d.post(s, c)); err != nil {
				d.stateOf(s.Copy).postponed = true
				d.retryFor(err)
				continue
			}
		}
		ready = append(ready, s)
	}
	return ready
}

// describe looks up once what makes the request readable.
func (d *delivery) describe(ctx context.Context) {
	if d.details == nil {
		details := d.n.o.Describer.Details(ctx, d.st.Request)
		d.details = &details
	}
}

// cancelIntents takes back the intents of posts that were not begun. That is a
// result like others: the next delivery applies it if it can't be saved now.
func (d *delivery) cancelIntents(intents map[string]*record.Intent) {
	for _, id := range slices.Sorted(maps.Keys(intents)) {
		if was, ok := d.draft.Copy(id); ok {
			d.draft.Apply(was, func(c record.Copy) record.Copy { c.Intent = nil; return c })
		}
	}
}

// call is one call to Slack and what came of it.
type call struct {
	step  Step
	was   record.Copy // the copy before it
	ref   access.MessageRef
	found bool // for Recover
	err   error
	ended time.Time
}

// perform makes the call of a step. It runs beside others, logs and observes, and
// changes nothing but c.
func (d *delivery) perform(ctx context.Context, c *call) {
	defer func() { c.ended = time.Now() }()
	switch {
	case c.step.Op == Recover:
		c.ref, c.found, c.err = d.n.outbox.Recover(ctx, d.log.With(slog.String(logkey.Recipient, c.was.Name)), d.lost(c.was))
		return
	case c.step.Op.posts() && !d.n.outbox.Fresh(*c.was.Intent):
		c.err = errStale
		return
	}
	m := d.render(c.step, c.was)
	d.n.reportTemplates(m.Failed)
	c.ref, c.err = d.send(ctx, c.step, c.was, m)
	if fault.Is(c.err, fault.Bug) && c.step.Op != React { // an emoji has no plain form
		d.log.Error("Slack refused the form of a message, sending a plain one",
			slog.String(logkey.Recipient, c.was.Name), slog.String(logkey.Error, c.err.Error()))
		d.observe(*c, c.err)
		if c.step.Op.posts() && !d.n.outbox.Fresh(*c.was.Intent) {
			c.err = errStale
			return
		}
		c.ref, c.err = d.send(ctx, c.step, c.was, d.renderer().Minimal(d.st.Request, c.was.For))
	}
}

func (d *delivery) renderer() message.Renderer {
	return message.Renderer{Cluster: *d.n.cluster.Load(), Buttons: d.st.Buttons, Style: d.n.o.Style, Now: d.st.Now}
}

// render returns the message that a step sends. Replies mention nobody again.
func (d *delivery) render(s Step, c record.Copy) message.Message {
	req, r := d.st.Request, d.renderer()
	var details access.Details
	if d.details != nil {
		details = *d.details
	}
	switch s.Op {
	case Reply:
		return r.Review(req, s.Review, c.For)
	case Final:
		return r.Final(req, c.For)
	case Remind:
		return r.Reminder(req, c.Escalated)
	case NotifyEnds:
		return r.AccessEnds(req, details)
	case NotifyEnded:
		return r.AccessEnded(req, details)
	}
	return r.Request(req, details, c.For)
}

// send sends a step's message, or adds its reaction.
func (d *delivery) send(ctx context.Context, s Step, c record.Copy, m message.Message) (access.MessageRef, error) {
	slack := d.n.o.Messenger
	if s.Op == Post || s.Op == Update {
		m = m.WithMentions(c.Mentions)
	}
	switch s.Op {
	case Update:
		return c.At, slack.Update(ctx, c.At, m)
	case React:
		return c.At, slack.React(ctx, c.At, reaction(d.st.Request.State))
	}
	post := d.post(s, c)
	post.Message = m
	return slack.Post(ctx, post)
}

// post addresses what the step posts.
func (d *delivery) post(s Step, c record.Copy) message.Post {
	post := message.Post{Channel: c.To, Tag: message.Tag{RequestID: d.id(), Recipient: c.To, Part: s.Part()}}
	if s.Op != Post {
		post.Channel, post.Thread = c.At.Channel, c.At.TS
	}
	return post
}

// lost is a copy's post whose result is not recorded.
func (d *delivery) lost(c record.Copy) outbox.Lost {
	l := outbox.Lost{
		Intent: *c.Intent, Channel: c.At.Channel, Scopes: historyScopes,
		Tag: message.Tag{RequestID: d.id(), Recipient: c.To, Part: c.Intent.Part},
	}
	if l.Channel == "" {
		l.Channel = c.To
	}
	if c.Intent.Part != (Step{Op: Post}).Part() {
		l.Thread = c.At.TS
	}
	return l
}

// record records what came of a call.
func (d *delivery) record(c call) {
	switch {
	case c.step.Op == Recover && c.err != nil:
		d.stateOf(c.step.Copy).postponed = true
		d.retryFor(c.err)
	case c.step.Op == Recover:
		d.stateOf(c.step.Copy).tries = c.was.Intent.Try
		d.draft.Apply(c.was, func(now record.Copy) record.Copy {
			if c.found {
				return found(now, c.was.Intent.Part, c.ref)
			}
			now.Intent = nil
			return now
		})
	case c.err != nil:
		d.failed(c)
	default:
		d.succeeded(c)
	}
}

// succeeded records a step that Slack has taken.
func (d *delivery) succeeded(c call) {
	st := d.st
	d.draft.Apply(c.was, func(now record.Copy) record.Copy { return c.step.Apply(st, now, c.ref) })
	d.posted = d.posted || c.step.Op.posts()
	d.observe(c, nil)
	d.n.recipients.Failing.Remove(recipientName(c.was))
	d.n.problems.Clear(logonce.Key{Kind: aboutRecipient, Name: c.was.ID()})
	if d.n.refusals.Swap(0) >= maxRefusals {
		d.n.problems.Clear(logonce.Key{Kind: aboutSlack})
		d.log.Info("Slack accepts messages again")
		d.n.queue.Kick()
	}
	d.logStep(c)
}

// failed records what an error means for the step and its copy.
func (d *delivery) failed(c call) {
	out := Classify(c.step, c.was, c.err)
	if f, ok := fault.As(c.err); !ok || f.Reason != fault.Paced {
		d.observe(c, c.err)
	}
	d.logProblem(out.Problem, c)
	st := d.st
	if out.Change != Keep {
		d.draft.Apply(c.was, func(now record.Copy) record.Copy { return out.Apply(c.step, st, now, c.err, c.ended) })
	}
	switch out.Problem {
	case AppRefused:
		d.n.refusals.Store(maxRefusals)
	case NotAccepted, AnswerLost:
		if fault.After(c.err) == 0 {
			d.n.refusals.Add(1)
		}
	case RecipientRefused:
		d.n.recipients.Failing.Add(recipientName(c.was))
	}
	switch out.Stop {
	case StopNothing:
	case StopReactions:
		d.n.noReact.Store(true)
		d.st.CanReact = false
	case StopCopy:
		d.stateOf(c.step.Copy).postponed = true
	case RetryCopy:
		d.stateOf(c.step.Copy).postponed = true
		d.retryFor(c.err)
	case RetryAll:
		d.stopped = true
		d.retryFor(c.err)
	}
}

// retryFor notes that an error keeps something from being done in this delivery.
func (d *delivery) retryFor(err error) {
	if after := fault.After(err); after > 0 {
		d.again(after) // the other side named a time: this is waiting, not failing
		return
	}
	d.result.Failed = true
}

// again asks for another delivery after a time, or sooner if something else asks
// for it.
func (d *delivery) again(after time.Duration) {
	if d.result.RetryAfter == 0 || after < d.result.RetryAfter {
		d.result.RetryAfter = after
	}
}

// within asks for another delivery after that time at the latest, if it is not zero.
func (d *delivery) within(limit time.Duration) {
	if limit > 0 && (d.result.Within == 0 || limit < d.result.Within) {
		d.result.Within = limit
	}
}

// flush writes what is not written yet. A save that failed is not repeated here:
// the next delivery does that, with what was posted.
func (d *delivery) flush(ctx context.Context) {
	if ctx.Err() != nil { // the process stops; what was posted is still recorded
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastSave)
		defer cancel()
	}
	if d.draft.Dirty() && d.draft.Err() == nil {
		_ = d.save(ctx) // logged there, and the result says that it failed
	}
	d.st.Record = d.draft.Record()
}

// save writes the record, and logs why it can't be written.
func (d *delivery) save(ctx context.Context) error {
	err := d.draft.Save(ctx, func(r record.Record) record.Record {
		switch {
		case d.st.Gone:
			r.Snapshot.State = d.st.Request.State
			return r
		case d.details == nil:
			return r.WithRequest(d.st.Request, access.Details{})
		}
		return r.WithRequest(d.st.Request, *d.details)
	})
	key := logonce.Key{Kind: aboutRecord, Name: d.id()}
	switch {
	case err == nil:
		d.n.problems.Clear(key)
		d.posted = false
		if d.draft.Merged() { // what was assigned and planned before may be wrong by now
			d.stopped = true
			d.again(time.Millisecond)
		}
		return nil
	case fault.Is(err, fault.Conflict):
		d.log.Debug("another replica delivers this request")
		d.stopped = true
		d.again(conflictRetry)
		return err
	default:
		d.n.problems.Problem(slog.LevelWarn, key, "record of a request can't be written yet", err, slog.String(logkey.RequestID, d.id()))
	}
	d.stopped, d.result.Failed = true, true
	return err
}
