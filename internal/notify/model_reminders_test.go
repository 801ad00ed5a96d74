package notify_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// oncall hears of requests that nobody looks at.
const oncall = "C0ONCALL001"

// reminding is short enough to happen within the stories.
var reminding = notify.Reminders{After: 4 * time.Minute, Every: 6 * time.Minute, Max: 2, Escalate: true}

// escalatedAfter is when the others are told at the earliest.
func escalatedAfter() time.Duration {
	return reminding.After + time.Duration(reminding.Max)*reminding.Every
}

// hearing is everybody who hears of a request: those who should, and those who
// do because nobody looked.
func (s *story) hearing(r *asked) []string {
	if len(s.about(oncall, r.id)) == 0 && !s.unreviewed(r, s.healed, 5*time.Minute) {
		return r.hear
	}
	return append(r.hear[:len(r.hear):len(r.hear)], oncall)
}

// unreviewed reports whether nobody reviewed the request, and everything worked
// for so long after it was made that all reminders were sent, with time to spare.
func (s *story) unreviewed(r *asked, since time.Time, spare time.Duration) bool {
	if r.created.After(since) {
		since = r.created
	}
	return !r.gone && r.looked.IsZero() && time.Since(since) > escalatedAfter()+spare
}

// checkReminders compares the reminders in a message's thread with what there
// should be: in their time, apart from each other, and none once somebody looked.
func (s *story) checkReminders(r *asked, to string, m slacktest.Message, replies map[string]int) (problems []string) {
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s about %s, made at %v: ", to, r.id, r.created.Sub(s.began))+fmt.Sprintf(format, args...))
	}
	const slow = 20 * time.Second // for a post that was begun in time
	tooLate := func(what string, at time.Time) {
		if !r.looked.IsZero() && at.After(r.looked.Add(slow)) {
			wrong("%s at %v, and somebody looked at %v", what, at.Sub(s.began), r.looked.Sub(s.began))
		}
	}
	most, first := reminding.Max, r.created.Add(reminding.After)
	if to == oncall {
		most, first = 1, r.created.Add(escalatedAfter())
		if at := timeOf(m.TS); at.Before(first.Add(-time.Second)) {
			wrong("others are told at %v", at.Sub(s.began))
		}
		tooLate("others are told", timeOf(m.TS))
	}
	var last time.Time
	seen := map[string]bool{}
	for _, reply := range m.Replies {
		_, part := tagOf(reply)
		if !strings.HasPrefix(part, "reminder-") {
			continue
		}
		at := timeOf(reply.TS)
		tooLate(part, at)
		if at.Before(first.Add(-time.Second)) {
			wrong("%s came at %v", part, at.Sub(s.began))
		}
		if !seen[part] && !last.IsZero() && at.Sub(last) < reminding.Every-slow {
			wrong("%s came at %v, the one before at %v", part, at.Sub(s.began), last.Sub(s.began))
		}
		seen[part], last = true, at
	}
	if len(seen) > most || to == r.asks && len(seen) > 0 {
		wrong("reminders %v", seen)
	}
	if to != r.asks && s.unreviewed(r, s.healed, 5*time.Minute) {
		for n := range most {
			if replies[fmt.Sprint("reminder-", n+1)] == 0 {
				wrong("reminder %d is missing, and everything worked since %v", n+1, s.healed.Sub(s.began))
			}
		}
	}
	return problems
}
