package rule

import (
	"fmt"
	"time"
)

// weekday returns the day's English name. An input has its times in UTC.
func weekday(_ *env, args []value) (value, bool) {
	return value{string: args[0].time.UTC().Weekday().String()}, true
}

// checkClock wants the two times of day in the condition itself, where a
// mistake is found when the rule arrives.
func checkClock(p *parser, args []expr) *Error {
	for _, x := range args[1:] {
		if x.quoted == nil {
			return p.fail(x.pos, `expected a time of day in quotes, such as "09:00", in clock_between`)
		}
		if _, ok := minutes(*x.quoted); !ok {
			return p.fail(x.pos, fmt.Sprintf("%s is no time of day, expected one such as %q", quote(*x.quoted), "09:00"))
		}
	}
	return nil
}

// clockBetween says that the time of day is after the first and before the
// second, within one day of UTC: with the first not before the second it is
// never true.
func clockBetween(_ *env, args []value) (value, bool) {
	from, _ := minutes(args[1].string) // checked when the rule arrived
	to, _ := minutes(args[2].string)
	t := args[0].time.UTC()
	y, m, d := t.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	since := t.Sub(midnight)
	return value{bool: since > from && since < to}, true
}

// minutes reads HH:MM as the time since midnight.
func minutes(s string) (time.Duration, bool) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}
