package notify

import (
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Reminders is how reviewers are reminded of requests that nobody looks at, in
// the thread of each message. The zero value reminds nobody.
type Reminders struct {
	After      time.Duration // how long a request waits before the first; zero for never
	Every      time.Duration // how long after one the next may be; zero for After
	Max        int           // how many there are in a thread
	EscalateTo []string      // who is told when the last has had no answer for as long
	Quiet      quiet.Hours   // when nobody is reminded
}

// every returns the time between reminders, which is never zero.
func (r Reminders) every() time.Duration {
	if r.Every > 0 {
		return r.Every
	}
	return r.After
}

// waits says that nobody has looked at the request yet and somebody still can.
func (f Facts) waits() bool {
	r := f.Request
	return !f.Gone && !r.State.Resolved() && len(r.Reviews) == 0 && (r.Expires.IsZero() || f.Now.Before(r.Expires))
}

// reminded says that there are reminders in the copy's thread. An adopted direct
// message may be the requester's own, who has nothing to decide.
func reminded(c record.Copy) bool {
	return c.For == access.Reviewers && !c.At.IsZero() && c.Failure == nil &&
		!(c.To == "" && strings.HasPrefix(c.At.Channel, "D"))
}

// audible returns t, or when the quiet hours end that t is in. What became due
// before now can only be done now: after a long absence there is one reminder,
// and not all that were missed.
func (f Facts) audible(t time.Time) time.Time {
	if t.Before(f.Now) {
		t = f.Now
	}
	return f.Reminders.Quiet.End(t)
}

// begun returns since when the copy's recipient could have looked.
func begun(f Facts, c record.Copy) time.Time {
	if at := postedAt(c.At); at.After(f.Request.Created) {
		return at
	}
	return f.Request.Created
}

// remindAt returns when the copy's next reminder is due, or zero if none is.
func remindAt(f Facts, c record.Copy) time.Time {
	switch {
	case f.Reminders.After <= 0 || !f.waits() || !reminded(c):
		return time.Time{}
	case c.Escalated && c.Reminders == 0:
		return f.audible(f.Now) // it says why they are told
	case c.Escalated || c.Reminders >= f.Reminders.Max:
		return time.Time{}
	case c.Reminders == 0:
		return f.audible(begun(f, c).Add(f.Reminders.After))
	}
	return f.audible(c.RemindedAt.Add(f.Reminders.every()))
}

// escalateAt returns when others are to be told of the request, or zero for
// never: when the last reminder in every thread has had no answer.
func escalateAt(f Facts) time.Time {
	if f.Reminders.After <= 0 || !f.waits() || f.Record.Escalated || len(f.Reminders.EscalateTo) == 0 {
		return time.Time{}
	}
	var last time.Time
	for _, c := range f.Record.Copies {
		if !reminded(c) || c.Escalated {
			continue
		}
		at := begun(f, c).Add(f.Reminders.After)
		switch left := f.Reminders.Max - c.Reminders; {
		case left > 0:
			at = remindAt(f, c).Add(time.Duration(left) * f.Reminders.every())
		case c.Reminders > 0:
			at = c.RemindedAt.Add(f.Reminders.every())
		}
		if at.After(last) {
			last = at
		}
	}
	if last.IsZero() { // nobody could be told
		last = f.Request.Created.Add(f.Reminders.After + time.Duration(f.Reminders.Max)*f.Reminders.every())
	}
	return f.audible(last)
}

// escalates says that others are to be told of the request now.
func escalates(f Facts) bool {
	at := escalateAt(f)
	return !at.IsZero() && !at.After(f.Now)
}

// held says that the copy's first message has to wait, or is no longer wanted:
// whoever is told because nobody looked is not told once somebody has.
func held(f Facts, c record.Copy) bool {
	return c.Escalated && (!f.waits() || f.audible(f.Now).After(f.Now))
}

// reminders returns the reminder that is due in the copy's thread.
func reminders(f Facts, i int, c record.Copy) []Step {
	at := remindAt(f, c)
	if at.IsZero() || at.After(f.Now) {
		return nil
	}
	return []Step{{Op: Remind, Copy: i, Reminder: c.Reminders + 1}}
}

// nextReminder returns when the passing of time alone makes a reminder due, or
// zero if it never will.
func nextReminder(f Facts) time.Time {
	var next time.Time
	sooner := func(at time.Time) {
		if at.After(f.Now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	sooner(escalateAt(f))
	for _, c := range f.Record.Copies {
		sooner(remindAt(f, c))
		if c.Escalated && c.At.IsZero() && f.waits() {
			sooner(f.audible(f.Now))
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

// maxUnix is the end of year 9999: what is later is no time of a message.
const maxUnix = 253402300799
