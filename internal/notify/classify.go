package notify

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Outcome is what a step's error means: what is recorded, how far it stops the
// delivery, and how it is logged.
type Outcome struct {
	Change  Change
	Stop    Stop
	Problem Problem
}

// Change is what an error changes in the copy.
type Change uint8

// The changes.
const (
	Keep         Change = iota // nothing: an intent stays, its post may have arrived
	CancelIntent               // the post certainly did not happen
	MarkFailed                 // this recipient can't have it until somebody changes something
	Skip                       // the step counts as done: the message is true without it
	Lock                       // the message can't be edited any more; its thread shows the outcome
)

// Stop is what can't go on in this delivery.
type Stop uint8

// The stops.
const (
	StopNothing   Stop = iota
	StopCopy           // the copy is finished for now; its failure is recorded
	RetryCopy          // the copy has to wait for the next delivery
	RetryAll           // every copy has to
	StopReactions      // the token may add no reactions
)

// Problem is how an error is logged.
type Problem uint8

// The problems.
const (
	NotAccepted       Problem = iota // Slack did not accept the call, it is made again
	AnswerLost                       // a post may or may not have arrived
	AppRefused                       // Slack refuses the app
	RecipientRefused                 // Slack refuses this recipient
	ReactionSkipped                  // a reaction was refused
	ReactionsDisabled                // all reactions are
	ReminderSkipped                  // a reminder was refused
	MessageLocked                    // a message can't be edited any more
)

// Classify returns what a step's error means. It is the one place that does.
func Classify(step Step, c record.Copy, err error) Outcome {
	class := fault.ClassOf(err)
	switch {
	case step.Op == React && (class == fault.Fatal || class == fault.Denied):
		return Outcome{Keep, StopReactions, ReactionsDisabled}
	case step.Op == React && class != fault.Retry && class != fault.Unknown:
		return Outcome{Skip, StopNothing, ReactionSkipped}
	case step.Op == Remind && !fault.Temporary(err) && class != fault.Conflict && class != fault.Fatal:
		return Outcome{Skip, StopNothing, ReminderSkipped}
	}
	switch class {
	case fault.Retry, fault.Conflict:
		return Outcome{CancelIntent, RetryCopy, NotAccepted}
	case fault.Unknown:
		if step.Op.posts() {
			return Outcome{Keep, RetryCopy, AnswerLost}
		}
		return Outcome{Keep, RetryCopy, NotAccepted}
	case fault.Fatal:
		return Outcome{CancelIntent, RetryAll, AppRefused}
	case fault.NotFound:
		if f, ok := fault.As(err); step.Op == Update && !(ok && f.Reason == messageGone) {
			return Outcome{Lock, StopNothing, MessageLocked}
		}
	}
	return Outcome{MarkFailed, StopCopy, RecipientRefused}
}

// messageGone is Slack's error where the message was deleted, as opposed to
// locked.
const messageGone = "message_not_found"

// Apply returns the copy as the error leaves it.
func (o Outcome) Apply(step Step, s State, c record.Copy, err error, now time.Time) record.Copy {
	switch o.Change {
	case Keep:
	case CancelIntent:
		c.Intent = nil
	case MarkFailed:
		c.Intent, c.Failure = nil, &record.Failure{Reason: reasonOf(err), At: now}
	case Skip:
		failure := c.Failure
		c = step.Apply(s, c, c.At)
		c.Failure = failure
	case Lock:
		// A message that shows the decision needs no reply with it.
		c.Locked, c.Final = true, c.Final && c.State == s.Request.State
	}
	return c
}

func reasonOf(err error) string {
	if f, ok := fault.As(err); ok && f.Reason != "" {
		return f.Reason
	}
	return "refused"
}
