package notify

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// TestClassify has a row for each class of errors, and each kind of step that a
// class means something else for.
func TestClassify(t *testing.T) {
	posts := []Op{Post, Reply, Final, NotifyEnds, NotifyEnded}
	again := Outcome{CancelIntent, RetryCopy, NotAccepted}
	refused := Outcome{MarkFailed, StopCopy, RecipientRefused}
	app := Outcome{CancelIntent, RetryAll, AppRefused}
	noReaction := Outcome{Skip, StopNothing, ReactionSkipped}
	noReactions := Outcome{Keep, StopReactions, ReactionsDisabled}
	noReminder := Outcome{Skip, StopNothing, ReminderSkipped}
	locked := Outcome{Lock, StopNothing, MessageLocked}

	covered := map[fault.Class]map[Op]bool{}
	check := func(class fault.Class, err error, want Outcome, ops ...Op) {
		t.Helper()
		for _, op := range ops {
			if got := Classify(Step{Op: op}, record.Copy{}, err); got != want {
				t.Errorf("%v, %v: %+v, want %+v", op, err, got, want)
			}
			if covered[class] == nil {
				covered[class] = map[Op]bool{}
			}
			covered[class][op] = true
		}
	}
	for _, row := range []struct {
		class                       fault.Class
		post, update, react, remind Outcome
	}{
		{fault.Retry, again, again, again, again},
		{fault.Conflict, again, again, noReaction, again},
		{fault.Unknown, Outcome{Keep, RetryCopy, AnswerLost}, Outcome{Keep, RetryCopy, NotAccepted}, Outcome{Keep, RetryCopy, NotAccepted}, Outcome{Keep, RetryCopy, AnswerLost}},
		{fault.Fatal, app, app, noReactions, app},
		{fault.Denied, refused, refused, noReactions, noReminder},
		{fault.Permanent, refused, refused, noReaction, noReminder},
		{fault.Bug, refused, refused, noReaction, noReminder},
		{fault.Unsupported, refused, refused, noReaction, noReminder},
		{fault.NotFound, refused, locked, noReaction, noReminder},
	} {
		err := fault.New(row.class, "do it", "some_reason")
		check(row.class, err, row.post, posts...)
		check(row.class, err, row.update, Update)
		check(row.class, err, row.react, React)
		check(row.class, err, row.remind, Remind)
	}
	check(fault.NotFound, fault.New(fault.NotFound, "edit", messageGone), refused, Update)
	check(fault.Retry, errors.New("nobody classified this"), again, append(posts, Update, React, Remind)...)
	for class := fault.Retry; class <= fault.Unsupported; class++ {
		for _, op := range Ops() {
			if op != Recover && !covered[class][op] { // package outbox decides about lost posts
				t.Errorf("no row for %v, %v", op, class)
			}
		}
	}
}

// TestOutcomesInTheRecord reads as: what an error leaves in a copy.
func TestOutcomesInTheRecord(t *testing.T) {
	st := State{Request: access.Request{ID: "r1", State: access.Approved}, Now: noon}
	was := posted("C1")
	was.Intent, was.Final, was.State = &record.Intent{Part: "final"}, true, access.Pending
	err := fault.New(fault.Permanent, "post", "is_archived")
	for name, tt := range map[string]struct {
		change Change
		step   Step
		want   func(*record.Copy)
	}{
		"nothing":                     {Keep, Step{Op: Final}, func(*record.Copy) {}},
		"the intent is cancelled":     {CancelIntent, Step{Op: Final}, func(c *record.Copy) { c.Intent = nil }},
		"the recipient failed":        {MarkFailed, Step{Op: Final}, func(c *record.Copy) { c.Intent, c.Failure = nil, &record.Failure{Reason: "is_archived", At: noon} }},
		"the reaction counts as done": {Skip, Step{Op: React}, func(c *record.Copy) { c.Reaction = "white_check_mark" }},
		"the reminder counts as done": {Skip, Step{Op: Remind, Reminder: 2}, func(c *record.Copy) { c.Intent, c.Reminders, c.RemindedAt = nil, 2, noon }},
		"a lock: the outcome is due":  {Lock, Step{Op: Update}, func(c *record.Copy) { c.Locked, c.Final = true, false }},
	} {
		want := was
		tt.want(&want)
		got := Outcome{Change: tt.change}.Apply(tt.step, st, was, err, noon)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A failure that is recorded stays when a reaction is skipped.
func TestASkippedStepKeepsTheFailure(t *testing.T) {
	c := posted("C1")
	c.Failure = &record.Failure{Reason: "thread_locked", At: noon.Add(-time.Hour)}
	got := Outcome{Change: Skip}.Apply(Step{Op: React}, State{Request: access.Request{State: access.Denied}}, c, nil, noon)
	if got.Failure != c.Failure || got.Reaction != "x" {
		t.Errorf("%+v", got)
	}
}
