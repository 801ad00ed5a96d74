package reminder

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// window returns the start of the current week or day: a reminder since then
// counts, otherwise one is due. There is one every week from the start of the
// list's reminders until the review is due, and every day after that. False means
// that no reminder is due yet, or ever. Weeks and days are durations, independent
// of time zones.
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
