package rule

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // the zones, on machines that have no database of them
)

// Bounds of the schedules of one rule, far above what a week needs.
const (
	maxSchedules = 1000
	maxShifts    = 10_000 // of all schedules together
)

// Schedule is a part of the week in which a rule is in force, as Teleport has
// it.
type Schedule struct {
	Name     string
	Timezone string // a name of the IANA database; empty for UTC
	Shifts   []Shift
	// Unread is what the schedule has that this version can't read, such as
	// "field 2"; empty if it can read all. It might say anything about the time,
	// so such a schedule is a mistake.
	Unread string
}

// Shift is a time of one day of the week. It begins and ends on the same day.
type Shift struct {
	Weekday    string // in English, such as "Monday"
	Start, End string // HH:MM; both are included, to the instant
}

// Equal reports whether both are the same schedule.
func (s Schedule) Equal(o Schedule) bool {
	return s.Name == o.Name && s.Timezone == o.Timezone && s.Unread == o.Unread && slices.Equal(s.Shifts, o.Shifts)
}

// week is a compiled schedule.
type week struct {
	zone   *time.Location
	shifts []shift
}

type shift struct {
	day      time.Weekday
	from, to time.Duration // on the clock, since midnight
}

// compileSchedules compiles all schedules of a rule. An error in one is an error
// of the rule. Parts that are valid and still never apply are notes.
func compileSchedules(schedules []Schedule) (weeks []week, notes []string, err *Error) {
	if len(schedules) > maxSchedules {
		return nil, nil, &Error{Schedule: schedules[0].Name, Reason: fmt.Sprintf("is one of %d schedules, expected at most %d", len(schedules), maxSchedules)}
	}
	shifts := 0
	for _, s := range schedules {
		if shifts += len(s.Shifts); shifts > maxShifts {
			return nil, nil, &Error{Schedule: s.Name, Reason: fmt.Sprintf("too many shifts, expected at most %d in all schedules of a rule", maxShifts)}
		}
		w, idle, reason := s.compile()
		if reason != "" {
			return nil, nil, &Error{Schedule: s.Name, Reason: reason}
		}
		weeks = append(weeks, w)
		for _, why := range idle {
			notes = append(notes, fmt.Sprintf("schedule %s: %s", quote(s.Name), why))
		}
	}
	return weeks, notes, nil
}

func (s Schedule) compile() (w week, idle []string, wrong string) {
	if s.Unread != "" {
		return week{}, nil, "has " + s.Unread + ", which this version can't read"
	}
	zone, err := time.LoadLocation(s.Timezone) // UTC for ""
	if err != nil || s.Timezone == "Local" {
		return week{}, nil, quote(s.Timezone) + ` is not a time zone, expected one of the IANA database, such as "Europe/Berlin"`
	}
	w.zone = zone
	if len(s.Shifts) == 0 {
		idle = append(idle, "it has no shifts, and never applies")
	}
	for i, in := range s.Shifts {
		from, ok := minutes(in.Start)
		if !ok {
			return week{}, nil, fmt.Sprintf("shift %d: start %s is not a time of day, expected one such as %q", i+1, quote(in.Start), "09:00")
		}
		to, ok := minutes(in.End)
		if !ok {
			return week{}, nil, fmt.Sprintf("shift %d: end %s is not a time of day, expected one such as %q", i+1, quote(in.End), "17:30")
		}
		day, known := weekdays[in.Weekday]
		switch {
		case !known:
			idle = append(idle, fmt.Sprintf("shift %d: %s is not a weekday such as %q, the shift never applies", i+1, quote(in.Weekday), time.Monday))
		case from > to:
			idle = append(idle, fmt.Sprintf("shift %d: it ends before it begins and never applies, expected two shifts over midnight", i+1))
		default:
			w.shifts = append(w.shifts, shift{day, from, to})
		}
	}
	return w, idle, ""
}

// weekdays are the days by their names. Teleport compares them as they are, so
// "monday" is none.
var weekdays = map[string]time.Weekday{
	"Sunday": time.Sunday, "Monday": time.Monday, "Tuesday": time.Tuesday, "Wednesday": time.Wednesday,
	"Thursday": time.Thursday, "Friday": time.Friday, "Saturday": time.Saturday,
}

// holds reports whether t is in one of the shifts. As in Teleport, a shift begins
// and ends at its times on the clock of t's date; a time that comes twice, when
// the clock is put back, is one of the two.
func (w week) holds(t time.Time) bool {
	t = t.In(w.zone)
	at := func(clock time.Duration) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, w.zone)
	}
	return slices.ContainsFunc(w.shifts, func(s shift) bool {
		return s.day == t.Weekday() && !t.Before(at(s.from)) && !t.After(at(s.to))
	})
}
