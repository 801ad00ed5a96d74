package notify

import (
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// What becomes due because time passes: reminders, escalation, the end of
// access. Nothing here is late for having been missed: after a long absence
// there is one reminder, and an end of access that is long past is not news.

// endedWithin is how long after access ended its messages still get their end.
// Teleport keeps our record for an hour after that moment, when the request
// itself is gone already.
const endedWithin = 30 * time.Minute

// Reminders is how reviewers are reminded of requests that nobody has reviewed,
// in the thread of each message. The zero value reminds nobody.
type Reminders struct {
	After    time.Duration // how long a request waits before the first; zero for never
	Every    time.Duration // how long after one the next may be; zero for After
	Max      int           // how many there are in a thread
	Escalate bool          // the request is escalated once the last has had no answer for as long
	Quiet    quiet.Hours   // when nobody is reminded
}

// every returns the time between reminders, which is never zero.
func (r Reminders) every() time.Duration {
	if r.Every > 0 {
		return r.Every
	}
	return r.After
}

// NextDue returns when the passing of time alone makes Plan return something
// else, or zero if it never will. Reminders come first: there are none any more
// when access begins. A failed recipient is tried again by Resync; see settled.
func NextDue(s State) time.Time {
	due := []time.Time{nextReminder(s)} // none once access may have begun
	if len(s.Record.Copies) > 0 {
		due = append(due, noticeAt(s), s.Request.AccessEnds())
	}
	for _, at := range due {
		if at.After(s.Now) {
			return at
		}
	}
	return time.Time{}
}

// over reports whether the request's access has ended.
func over(req access.Request, now time.Time) bool {
	at := req.AccessEnds()
	return !at.IsZero() && !now.Before(at)
}

// ended reports whether messages should show that access has ended.
func (s State) ended() bool {
	return over(s.Request, s.Now) && s.Now.Sub(s.Request.AccessEnds()) < endedWithin
}

// ending reports whether it is time for the notice that access will end.
func (s State) ending() bool {
	at := noticeAt(s)
	return !at.IsZero() && !s.Now.Before(at) && s.Now.Before(s.Request.AccessEnds())
}

// noticeAt returns when the notice is due, or zero if none is. Access that was
// granted for less than two notices gets none: the decision, which says until
// when, was only just posted.
func noticeAt(s State) time.Time {
	ends := s.Request.AccessEnds()
	if ends.IsZero() || s.Ends.Notice <= 0 || s.Gone {
		return time.Time{}
	}
	began := s.Request.Created
	if s.Request.AssumeStart.After(began) {
		began = s.Request.AssumeStart
	}
	for _, v := range s.Request.Reviews {
		if v.Created.After(began) {
			began = v.Created
		}
	}
	at := ends.Add(-s.Ends.Notice)
	if at.Add(-s.Ends.Notice).Before(began) {
		return time.Time{}
	}
	return at
}

// unreviewed reports whether nobody has reviewed the request yet and somebody still
// can.
func (s State) unreviewed() bool {
	r := s.Request
	return !s.Gone && !r.State.Resolved() && len(r.Reviews) == 0 && (r.Expires.IsZero() || s.Now.Before(r.Expires))
}

// hasReminders reports whether there may be reminders in the copy's thread. An
// adopted direct message may be the requester's own, who has nothing to decide.
func hasReminders(c record.Copy) bool {
	return c.For == access.Reviewers && !c.At.IsZero() && c.Failure == nil &&
		!(c.To == "" && strings.HasPrefix(c.At.Channel, "D"))
}

// audible returns t, or the end of the quiet hours that t is in. What became due
// before now can only be done now.
func (s State) audible(t time.Time) time.Time {
	if t.Before(s.Now) {
		t = s.Now
	}
	return s.Reminders.Quiet.End(t)
}

// visibleSince returns since when the copy's recipient could have reviewed.
func visibleSince(s State, c record.Copy) time.Time {
	if at := postedAt(c.At); at.After(s.Request.Created) {
		return at
	}
	return s.Request.Created
}

// remindAt returns when the copy's next reminder is due, or zero if none is.
func remindAt(s State, c record.Copy) time.Time {
	switch {
	case s.Reminders.After <= 0 || !s.unreviewed() || !hasReminders(c):
		return time.Time{}
	case c.Escalated && c.Reminders == 0:
		return s.audible(s.Now) // it says why they are notified
	case c.Escalated || c.Reminders >= s.Reminders.Max:
		return time.Time{}
	case c.Reminders == 0:
		return s.audible(visibleSince(s, c).Add(s.Reminders.After))
	}
	return s.audible(c.RemindedAt.Add(s.Reminders.every()))
}

// reminderDue reports whether the copy's next reminder is due.
func reminderDue(s State, c record.Copy) bool {
	at := remindAt(s, c)
	return !at.IsZero() && !at.After(s.Now)
}

// escalateAt returns when the request is to be escalated, or zero for never:
// when the last reminder in every thread has had no answer.
func escalateAt(s State) time.Time {
	if s.Reminders.After <= 0 || !s.unreviewed() || s.Record.Escalated || !s.Reminders.Escalate {
		return time.Time{}
	}
	var last time.Time
	for _, c := range s.Record.Copies {
		if !hasReminders(c) || c.Escalated {
			continue
		}
		at := visibleSince(s, c).Add(s.Reminders.After)
		switch left := s.Reminders.Max - c.Reminders; {
		case left > 0:
			at = remindAt(s, c).Add(time.Duration(left) * s.Reminders.every())
		case c.Reminders > 0:
			at = c.RemindedAt.Add(s.Reminders.every())
		}
		if at.After(last) {
			last = at
		}
	}
	if last.IsZero() { // nobody has a message
		last = s.Request.Created.Add(s.Reminders.After + time.Duration(s.Reminders.Max)*s.Reminders.every())
	}
	return s.audible(last)
}

// escalates reports whether the request is to be escalated now.
func (s State) escalates() bool {
	at := escalateAt(s)
	return !at.IsZero() && !at.After(s.Now)
}

// held reports whether the copy's first message has to wait, or is no longer
// wanted: an escalation ends once somebody has reviewed.
func held(s State, c record.Copy) bool {
	return c.Escalated && (!s.unreviewed() || s.audible(s.Now).After(s.Now))
}

// nextReminder returns when the passing of time alone makes a reminder or an
// escalation due, or zero if it never will.
func nextReminder(s State) time.Time {
	var next time.Time
	sooner := func(at time.Time) {
		if at.After(s.Now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	sooner(escalateAt(s))
	for _, c := range s.Record.Copies {
		sooner(remindAt(s, c))
		if c.Escalated && c.At.IsZero() && s.unreviewed() {
			sooner(s.audible(s.Now))
		}
	}
	return next
}

// postedAt returns when Slack took a message, which its timestamp says.
func postedAt(ref access.MessageRef) time.Time {
	seconds, _, _ := strings.Cut(ref.TS, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n <= 0 || n > maxUnix {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// maxUnix is the end of the year 9999: what is later is no time of a message.
const maxUnix = 253402300799
