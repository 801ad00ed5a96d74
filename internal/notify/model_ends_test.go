package notify_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// lasting is how long access may last: beyond every story, until everything
// works again, into a story, and too short for a notice.
var lasting = []time.Duration{12 * time.Hour, 25 * time.Minute, 5 * time.Minute, 3 * time.Minute}

// lastEnd is when the last access ends that doesn't outlast the story.
func (s *story) lastEnd() (last time.Time) {
	for _, r := range s.requests {
		if r.ends.After(last) && r.ends.Sub(s.began) < 2*time.Hour {
			last = r.ends
		}
	}
	return last
}

// checkEnd compares what a message tells of the end of access with what it
// should: the notice and the end are told while they are news and never after;
// and when everything worked in time, they are there.
func (s *story) checkEnd(r *asked, to string, m slacktest.Message, replies map[string]int) (problems []string) {
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s about %s, access %v to %v: ", to, r.id, r.given.Sub(s.began), r.ends.Sub(s.began))+fmt.Sprintf(format, args...))
	}
	const slack = 2 * time.Minute // for a post that was begun in time
	for _, reply := range m.Replies {
		_, part := tagOf(reply)
		at := timeOf(reply.TS)
		switch {
		case part == "access-ends" && (at.Before(r.ends.Add(-notice)) || at.After(r.ends.Add(slack))):
			wrong("the notice came at %v", at.Sub(s.began))
		case part == "access-ended" && (at.Before(r.ends) || at.After(r.ends.Add(30*time.Minute+slack))):
			wrong("the end was told at %v", at.Sub(s.began))
		}
	}
	if (r.state != "APPROVED" || r.ends.Sub(r.given) < 2*notice) && replies["access-ends"] > 0 {
		wrong("a notice for access that is %s", r.state)
	}
	shown := strings.Contains(string(m.Blocks), "access ended")
	if time.Now().Before(r.ends) && (shown || replies["access-ended"] > 0) {
		wrong("the end is told before it came")
	}
	if r.state != "APPROVED" || r.deleted || time.Now().Before(r.ends) {
		return problems
	}
	if s.healed.Before(r.ends.Add(-time.Minute)) {
		if !shown {
			wrong("the message doesn't say that access ended: %s", m.Blocks)
		}
		if to == r.asks && replies["access-ended"] == 0 {
			wrong("the end was not told")
		}
	}
	inTime := s.healed.Before(r.ends.Add(-notice-time.Minute)) && !r.ends.Add(-2*notice).Before(r.given)
	if to == r.asks && inTime && replies["access-ends"] == 0 {
		wrong("no notice, and everything worked since %v", s.healed.Sub(s.began))
	}
	return problems
}

// timeOf is when Slack took a message.
func timeOf(ts string) time.Time {
	seconds, _ := strconv.ParseFloat(ts, 64)
	return time.Unix(0, int64(seconds*1e9))
}
