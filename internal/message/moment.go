package message

import (
	"strconv"
	"time"
)

// date returns t as a token that Slack shows in the reader's own time zone,
// or "" where there is no time to show: zero, Unix zero as some fields on the
// wire have it, and years that Slack has no date for.
func date(t time.Time) string {
	if t.Unix() <= 0 || t.Year() > 9999 {
		return ""
	}
	return "<!date^" + strconv.FormatInt(t.Unix(), 10) + "^{date_short_pretty} {time}|" +
		t.UTC().Format("2 Jan 2006 15:04") + " UTC>"
}

// duration returns d in its two largest units, or "" below half a minute.
func (p *phrases) duration(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Round(time.Minute)
	if d >= day {
		d = d.Round(time.Hour)
	}
	s := ""
	for _, u := range []struct {
		size time.Duration
		name count
	}{{day, p.day}, {time.Hour, p.hour}, {time.Minute, p.minute}} {
		n := int(d / u.size)
		d %= u.size
		switch {
		case n <= 0:
		case s != "":
			return s + " " + strconv.Itoa(n) + " " + u.name.of(n)
		default:
			s = strconv.Itoa(n) + " " + u.name.of(n)
		}
	}
	return s
}
