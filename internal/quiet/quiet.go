// Package quiet implements quiet hours: daily hours in which no reminders are sent.
//
// The hours are local time in a time zone and may span midnight. When daylight
// saving time begins or ends, they still begin and end at their local times, so a
// night may have an hour less or more.
//
// It does not send anything, and does not decide what is sent outside of the hours.
package quiet

import (
	"fmt"
	"strings"
	"time"
)

const minutesPerDay = 24 * 60

// nearby is more than any clock is changed by at once.
const nearby = 3 * time.Hour

// Hours are from one minute of the day to another. The zero value is never
// quiet.
type Hours struct {
	From, To int            // minutes since midnight on the wall; To is not quiet any more
	Zone     *time.Location // nil for UTC
}

// Parse reads hours such as "22:00-07:00".
func Parse(s string) (Hours, error) {
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return Hours{}, fmt.Errorf("%q is no span of hours", s)
	}
	var h Hours
	var err error
	if h.From, err = minute(from); err != nil {
		return Hours{}, err
	}
	if h.To, err = minute(to); err != nil {
		return Hours{}, err
	}
	if h.To == minutesPerDay {
		h.To = 0
	}
	if h.From == minutesPerDay {
		return Hours{}, fmt.Errorf("%q is the end of a day and no beginning", strings.TrimSpace(from))
	}
	if h.From == h.To {
		return Hours{}, fmt.Errorf("%q has no length", s)
	}
	return h, nil
}

// minute reads a time of day, from 00:00 to 24:00.
func minute(s string) (int, error) {
	s = strings.TrimSpace(s)
	if s == "24:00" {
		return minutesPerDay, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day", s)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// String returns the hours as Parse reads them.
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
}

// IsZero reports whether no hour is quiet.
func (h Hours) IsZero() bool { return h.From == h.To }

// Equal reports whether the same hours are quiet.
func (h Hours) Equal(other Hours) bool {
	name := func(l *time.Location) string {
		if l == nil {
			l = time.UTC
		}
		return l.String() // what else is in it changes as it is used
	}
	return h.From == other.From && h.To == other.To && (h.IsZero() || name(h.Zone) == name(other.Zone))
}

// End returns t if it is not quiet then, and otherwise when that ends.
func (h Hours) End(t time.Time) time.Time {
	if h.IsZero() {
		return t
	}
	zone := h.Zone
	if zone == nil {
		zone = time.UTC
	}
	wall := t.In(zone)
	if !h.holds(minuteOf(wall)) {
		return t
	}
	days := 0
	if minuteOf(wall) >= h.To {
		days = 1 // over midnight
	}
	end := time.Date(wall.Year(), wall.Month(), wall.Day()+days, h.To/60, h.To%60, 0, 0, zone)
	// Near there the clock may skip an hour or have it twice, so that the
	// moment is not the first of its name, or has none: the minutes are tried.
	first := t.Truncate(time.Minute).Add(time.Minute)
	if near := end.Add(-nearby); near.After(first) {
		first = near
	}
	for h.holds(minuteOf(first.In(zone))) {
		first = first.Add(time.Minute)
	}
	return first.In(t.Location())
}

func minuteOf(wall time.Time) int { return wall.Hour()*60 + wall.Minute() }

// holds reports whether the minute of the day is quiet.
func (h Hours) holds(m int) bool {
	if h.From < h.To {
		return h.From <= m && m < h.To
	}
	return m >= h.From || m < h.To
}
