package notify

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// A request in the log, at info, each line with its request_id: that it is new,
// each step of its messages, how it was resolved, and that it is fully
// delivered. What is tried again is not logged again.

// The kinds of problems that are logged once.
const (
	aboutTeleport    logonce.Kind = "teleport"
	aboutSlack       logonce.Kind = "slack"
	aboutDirectory   logonce.Kind = "directory"
	aboutRecipient   logonce.Kind = "recipient" // by the copy's ID
	aboutReactions   logonce.Kind = "reactions"
	aboutRecord      logonce.Kind = "record"       // by request
	aboutRecordParts logonce.Kind = "record parts" // by request
	aboutTemplate    logonce.Kind = "template"
)

// logStart logs what is new about the request, and at debug what is planned.
func (d *delivery) logStart(ctx context.Context) {
	req, was := d.st.Request, d.draft.Read()
	news := d.memory.logged != req.State.String()
	switch {
	case len(was.Copies) == 0:
		n := 0
		for _, c := range d.st.Record.Copies {
			if !c.Unknown() {
				n++
			}
		}
		if n > 0 && news {
			d.memory.logged = req.State.String()
			d.log.Info("new access request", slog.String(logkey.User, req.User), slog.Any(logkey.Roles, req.Roles),
				slog.String(logkey.RequestState, req.State.String()), slog.Int(logkey.Recipients, n))
		}
	case was.Snapshot.State != req.State && news:
		d.memory.logged = req.State.String()
		log := d.log.With(slog.String(logkey.RequestState, req.State.String()))
		if r, ok := decisive(req); ok {
			log = log.With(slog.String(logkey.Reviewer, r.Author))
		}
		log.Info("access request is resolved")
	}
	if !d.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	var steps []string
	for _, s := range Plan(d.st) {
		c := d.st.Record.Copies[d.st.Record.IndexOf(s.Copy)]
		steps = append(steps, s.Op.String()+" "+c.Name)
	}
	if len(steps) > 0 {
		d.log.Debug("planned the next steps", slog.Any(logkey.Steps, steps))
	}
}

// logEnd logs that nothing is left to do for a resolved request, if something was.
func (d *delivery) logEnd() {
	d.memory.logged = ""
	if d.draft.Saved() && d.st.Request.State.Resolved() {
		d.log.Info("access request fully delivered", slog.String(logkey.RequestState, d.st.Request.State.String()))
	}
}

// logStep logs a step that Slack has taken.
func (d *delivery) logStep(c call) {
	req := d.st.Request
	log := d.log.With(slog.String(logkey.Recipient, c.was.Name), slog.String(logkey.ChannelID, c.ref.Channel), slog.String(logkey.MessageTS, c.ref.TS))
	switch c.step.Op {
	case Post:
		log.Info("message posted", slog.String(logkey.RequestState, req.State.String()))
	case Update:
		log.Info("message updated", slog.String(logkey.RequestState, req.State.String()))
	case React:
		log.Info("reaction added", slog.String(logkey.Emoji, reaction(req.State)))
	case Reply:
		r := req.Reviews[c.step.Review]
		log.Info("review posted", slog.Int(logkey.Review, c.step.Review), slog.String(logkey.Reviewer, r.Author), slog.String(logkey.Decision, r.State.String()))
	case Final:
		log.Info("outcome posted", slog.String(logkey.RequestState, req.State.String()))
	case Remind:
		log.Info("reminder posted", slog.Int(logkey.Reminder, c.step.Reminder))
	case NotifyEnds:
		log.Info("notice posted that access ends", slog.Time(logkey.AccessExpires, req.AccessExpires))
	case NotifyEnded:
		log.Info("notice posted that access has ended", slog.Time(logkey.AccessExpires, req.AccessExpires))
	case Recover: // package outbox logs it
	}
}

// logProblem logs a step that Slack has refused, once for each recipient.
func (d *delivery) logProblem(p Problem, c call) {
	switch p {
	case NotAccepted:
		if fault.After(c.err) == 0 { // Slack names a time where it only paces
			d.recipientProblem(c, "Slack did not accept a message, trying again")
		}
	case AnswerLost:
		d.recipientProblem(c, "Slack's answer was lost, looking for the message")
	case AppRefused:
		d.n.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutSlack}, "Slack refuses the app, messages wait", c.err)
	case RecipientRefused:
		d.recipientProblem(c, "recipient can't be reached, others are not affected")
	case ReactionSkipped:
		d.recipientProblem(c, "reaction can't be added")
	case ReactionsDisabled:
		d.n.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutReactions}, "reactions are disabled, messages show how requests end", c.err)
	case ReminderSkipped:
		d.recipientProblem(c, "reminder can't be posted")
	case MessageLocked:
		d.n.o.Log.Warn("message can't be edited any more, posting the outcome in its thread", append(d.attrs(c), slog.String(logkey.Error, c.err.Error()))...)
	}
}

func (d *delivery) attrs(c call) []any {
	return []any{slog.String(logkey.Recipient, c.was.Name), slog.String(logkey.RequestID, d.id()), slog.String(logkey.Step, c.step.Op.String())}
}

func (d *delivery) recipientProblem(c call, msg string) {
	d.n.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutRecipient, Name: c.was.ID()}, msg, c.err, d.attrs(c)...)
}

// reportTemplates logs once which templates could not be used and why.
func (n *Notifier) reportTemplates(failed []*template.Error) {
	for _, f := range failed {
		n.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutTemplate, Name: f.Name}, "template failed for a request, using the built-in text", f,
			slog.String(logkey.Template, f.Name))
	}
}

// logRecord logs what of a request's record can't be read.
func (n *Notifier) logRecord(id string, problems []string) {
	if len(problems) > 0 {
		n.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutRecordParts, Name: id}, "part of a record can't be read, ignoring it",
			fault.New(fault.Bug, "", strings.Join(problems, "; ")), slog.String(logkey.RequestID, id))
	}
}

// logTeleportAnswers ends what loadFailed logged.
func (n *Notifier) logTeleportAnswers() {
	if n.problems.Clear(logonce.Key{Kind: aboutTeleport}) {
		n.o.Log.Info("Teleport answers again")
	}
}

// logLookup logs why recipients can't be assigned yet, if they can't.
func (n *Notifier) logLookup(err error) {
	if err == nil {
		n.problems.Clear(logonce.Key{Kind: aboutDirectory})
		return
	}
	n.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutDirectory}, "some recipients can't be looked up yet, trying again", err)
}

// loadFailed logs why a request could not be read.
func (n *Notifier) loadFailed(err error) Result {
	key := logonce.Key{Kind: aboutTeleport}
	if fault.Is(err, fault.Denied) {
		n.problems.Problem(slog.LevelWarn, key, "Teleport denies the plugin access, requests wait", withRightsHint(err))
	} else {
		n.problems.Problem(slog.LevelWarn, key, "Teleport doesn't answer, requests wait", err)
	}
	return Result{Failed: true, RetryAfter: fault.After(err)}
}

// withRightsHint adds what to do about a missing right.
func withRightsHint(err error) error {
	if fault.Hint(err) != "" {
		return err
	}
	return &fault.Error{
		Class: fault.Denied, Reason: "access_denied", Err: err,
		Hint: "the plugin's role needs list and read on access_request, and list, create, read and update on access_plugin_data",
	}
}

// recipientName names a copy's recipient; what the published plugin posted has
// no name.
func recipientName(c record.Copy) string { return cmp.Or(c.Name, c.ID()) }
