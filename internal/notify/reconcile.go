package notify

import (
	"context"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// writerGrace is how long a replica leaves what is due to the one that wrote
// the record last, which saves making the same edits twice.
const writerGrace = 3 * time.Second

// reconcile makes Slack show one request, as far as that can be done now.
//
// The process may end at any line: before a round its posts' intents are written,
// after it the results. Posts without a result are found in Slack by their intent
// (posted again if the token may not read the history); edits are made again.
func (n *Notifier) reconcile(ctx context.Context, id string) Result {
	d, err := n.load(ctx, id) // the request or its tombstone, the record, what is in force
	if err != nil {
		return n.loadFailed(err)
	}
	if d.st.Empty() {
		n.forget(id)
		return Result{}
	}
	n.assign(ctx, d)
	if left := n.deferToWriter(d.st, d.memory); left > 0 {
		d.again(left)
		return n.finish(d)
	}
	d.logStart(ctx)
	for round := d.next(ctx); len(round) > 0; round = d.next(ctx) { // plan: what each copy needs next
		d.deliver(ctx, round) // intents in one write, the calls side by side, results in one write
	}
	d.flush(ctx)
	return n.finish(d)
}

// load reads the request and its record.
func (n *Notifier) load(ctx context.Context, id string) (*delivery, error) {
	memory := n.memory(id)
	draft, problems, err := n.records.Open(ctx, id, memory.unsaved)
	n.logRecord(id, problems)
	if err != nil {
		return nil, err
	}
	st := State{Record: draft.Record(), CanReact: !n.noReact.Load(), Buttons: *n.buttons.Load(), Ends: n.o.Ends, Reminders: n.o.Reminders}
	var details *access.Details // looked up once a message needs them
	var fresh bool              // an event has just brought the request
	if st.Request, fresh = n.takeEvent(id); !fresh || st.Record.By != "" && st.Record.By != n.outbox.Replica() {
		st.Request, err = n.o.Requests.Request(ctx, id) // another writer may have seen a later state than the event's
	}
	switch {
	case fault.Is(err, fault.NotFound):
		st.Gone = true
		tombstone, known := st.Record.Tombstone(id)
		st.Request, details = tombstone, &known
	case err != nil:
		return nil, fault.Wrapf(err, "read request %s", id)
	}
	n.logTeleportAnswers()
	return n.newDelivery(st.withDigests(), draft, memory, details), nil
}

// assign adds a copy for each recipient.
func (n *Notifier) assign(ctx context.Context, d *delivery) {
	edit := func(rec record.Record, err error) {
		was := d.st.Record
		d.draft.Note(rec) // mentions alone are not worth a write
		if len(rec.Copies) != len(was.Copies) || rec.RecipientsPending != was.RecipientsPending || rec.Assigned != was.Assigned || rec.Escalated != was.Escalated {
			d.draft.Edit(rec)
		}
		d.st.Record = rec
		if err != nil {
			d.retryFor(err)
			d.within(d.memory.recipients.Patience())
		}
		n.logLookup(err)
	}
	if d.st.announces() {
		edit(n.recipients.Assign(ctx, d.recipientInput()))
	}
	if d.st.escalates() {
		edit(n.recipients.Escalate(ctx, d.recipientInput()))
	}
}

// deferToWriter returns how long to leave what is due to another writer.
func (n *Notifier) deferToWriter(st State, m *deliveryMemory) time.Duration {
	writer := st.Record.By
	if writer == "" || n.outbox.SameHost(writer) || len(Plan(st)) == 0 {
		return 0
	}
	return max(m.leases.Left(writerLease, writer+" "+st.digest(access.Reviewers), writerGrace), 0)
}

// finish decides when to look at the request again, and what to remember of it.
func (n *Notifier) finish(d *delivery) Result {
	if at := NextDue(d.st); !at.IsZero() {
		n.alarms.After(d.id(), queue.Normal, at.Sub(d.st.Now))
	}
	d.memory.unsaved = d.draft.Unsaved()
	if d.result != (Result{}) {
		n.changed(d.id(), d.changedAt)
		return d.result
	}
	d.logEnd()
	n.release(d.id())
	if d.st.Gone {
		n.forget(d.id())
		return d.result
	}
	n.settle(d.st, d.routing)
	return d.result
}
