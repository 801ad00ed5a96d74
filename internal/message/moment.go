package message

import (
	"fmt"
	"strconv"
	"time"
)

// date returns t as a token that Slack shows in the reader's own time zone,
// or "" where there is no time to show: zero, Unix zero as some fields on the
// wire have it, and years that Slack has no date for.
func (p *phrases) date(t time.Time) string {
	if t.Unix() <= 0 || t.Year() > 9999 {
		return ""
	}
	return "<!date^" + strconv.FormatInt(t.Unix(), 10) + "^{date_short_pretty} {time}|" +
		t.UTC().Format(p.dateLayout) + " UTC>"
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
		text counted
	}{{day, p.days}, {time.Hour, p.hours}, {time.Minute, p.minutes}} {
		n := int(d / u.size)
		d %= u.size
		switch {
		case n <= 0:
		case s != "":
			return s + " " + p.count(u.text, n)
		default:
			s = p.count(u.text, n)
		}
	}
	return s
}

// count returns the text with n in it, in the form that n asks for.
func (p *phrases) count(text counted, n int) string {
	return fmt.Sprintf(text[p.plural(n)], n)
}
