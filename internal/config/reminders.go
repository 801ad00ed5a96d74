package config

import (
	"strconv"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/teleport-slack/teleport-slack/internal/quiet"
)

const (
	// defaultReminders is how many reminders a thread gets.
	defaultReminders = 3
	// maxReminders catches typing mistakes.
	maxReminders = 100
	// minReminder is the least time before and between reminders.
	minReminder = time.Minute
)

// Reminders is the [reminders] section, which the published plugin does not have.
// The published plugin always reminds of access list reviews.
type Reminders struct {
	AccessLists  bool          // owners are reminded of access list reviews
	PendingAfter time.Duration // how long a request waits before its first reminder; zero for never
	PendingEvery time.Duration // how long after one the next may be; above zero if PendingAfter is
	PendingMax   int
	EscalateTo   []string    // recipients as written
	Quiet        quiet.Hours `key:"quiet_hours"` // with its time_zone
}

// reminders reads [reminders].
func (r *reader) reminders(s *section) Reminders {
	c := Reminders{AccessLists: true, PendingMax: defaultReminders}
	if on, f := s.flag("access_lists"); f.present() && !f.wrong {
		c.AccessLists = on
	}
	var after, every, most, to field
	c.PendingAfter, after = r.reminderTime(s, "pending_after")
	c.PendingEvery, every = r.reminderTime(s, "pending_every")
	if c.PendingEvery == 0 {
		c.PendingEvery = c.PendingAfter
	}
	if n, f := r.count(s, "pending_max", maxReminders); f.present() {
		c.PendingMax, most = n, f
	} else {
		most = f
	}
	if e, f := s.find("escalate_to"); e != nil {
		to = f
		list, ok := r.recipientList(f, e.val)
		to.wrong = !ok
		c.EscalateTo = list
	} else {
		to = f
	}
	if c.PendingAfter == 0 && !after.wrong {
		for _, f := range []field{every, most, to} {
			if f.present() && !f.wrong {
				r.warn(f, `set pending_after, such as "30m"`, "has no effect without pending_after")
			}
		}
	}
	c.Quiet = r.quietHours(s)
	return c
}

// reminderTime reads a time before or between reminders.
func (r *reader) reminderTime(s *section, name string) (time.Duration, field) {
	d, f := s.duration(name)
	if d > 0 && d < minReminder {
		r.problem(f, "", "is %s, expected at least %s", d, minReminder)
		f.wrong = true
		return 0, f
	}
	return d, f
}

// count reads a whole number from 0.
func (r *reader) count(s *section, name string, most int) (int, field) {
	e, f := s.find(name)
	if e == nil {
		return 0, f
	}
	n, err := strconv.ParseInt(e.val.text, 0, 64)
	if e.val.kind != unstable.Integer || err != nil || n < 0 || n > int64(most) {
		r.problem(f, "", "is %s, expected a whole number from 0 to %d", e.val.describe(), most)
		f.wrong = true
		return 0, f
	}
	return int(n), f
}

func (r *reader) quietHours(s *section) quiet.Hours {
	text, hours := s.text("quiet_hours")
	name, zone := s.text("time_zone")
	var q quiet.Hours
	if text != "" {
		var err error
		if q, err = quiet.Parse(text); err != nil {
			r.problem(hours, `write from when to when, such as "22:00-07:00"`, "is %s, expected hours", quote(text))
		}
	}
	if name == "" {
		return q
	}
	l, err := time.LoadLocation(name)
	switch {
	case err != nil || name == "Local":
		r.problem(zone, `name a zone of the IANA database, such as "Europe/Berlin"`, "is %s, expected a time zone", quote(name))
	case text == "" && !hours.wrong:
		r.warn(zone, `set quiet_hours, such as "22:00-07:00"`, "has no effect without quiet_hours")
	case !q.IsZero():
		q.Zone = l
	}
	return q
}
