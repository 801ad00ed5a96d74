package reminder

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// window returns since when owners of the list are to be reminded once more:
// every week from when its reminders begin until its review is due, and every
// day after that. False means that no reminder is due yet, or ever. Weeks and
// days are spans of time and not of a calendar, so no time zone changes them.
func window(l access.AccessList, now time.Time) (time.Time, bool) {
	if l.NextReview.IsZero() {
		return time.Time{}, false
	}
	begin := l.NextReview.Add(-max(l.NotifyBefore, 0))
	switch {
	case now.Before(begin):
		return time.Time{}, false
	case now.After(l.NextReview):
		return l.NextReview.Add(now.Sub(l.NextReview).Truncate(day)), true
	}
	return begin.Add(now.Sub(begin).Truncate(week)), true
}
