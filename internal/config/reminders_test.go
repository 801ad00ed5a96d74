package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReminders(t *testing.T) {
	for _, tt := range []struct {
		name, section string
		problems      []string
		warnings      []string
	}{
		{name: "nothing set", section: ``},
		{name: "off", section: `pending_after = "0"`},
		{name: "the least", section: `pending_after = "1m"`},
		{name: "a list", section: "pending_after = \"30m\"\nescalate_to = [\"a\", \"b@example.com\"]"},
		{
			name: "too soon", section: "pending_after = \"30s\"\npending_every = \"1s\"",
			problems: []string{`f:8:1: reminders.pending_after: is 30s, expected at least 1m0s`, `f:9:1: reminders.pending_every: is 1s, expected at least 1m0s`},
		},
		{name: "no number", section: `pending_max = "3"`, problems: []string{`f:8:1: reminders.pending_max: is a string, expected a whole number from 0 to 100`}},
		{name: "too many", section: `pending_max = 101`, problems: []string{`f:8:1: reminders.pending_max: is the integer 101, expected a whole number from 0 to 100`}},
		{name: "less than none", section: `pending_max = -1`, problems: []string{`f:8:1: reminders.pending_max: is the integer -1, expected a whole number from 0 to 100`}},
		{name: "nobody", section: "pending_after = \"30m\"\nescalate_to = 5", problems: []string{`f:9:1: reminders.escalate_to: unexpected type for recipients: the integer 5, expected a string or a list of strings`}},
		{name: "no hours", section: `quiet_hours = "at night"`, problems: []string{`f:8:1: reminders.quiet_hours: is "at night", expected hours`}},
		{name: "no zone", section: "quiet_hours = \"22:00-07:00\"\ntime_zone = \"Mars/Olympus\"", problems: []string{`f:9:1: reminders.time_zone: is "Mars/Olympus", expected a time zone`}},
		{name: "whose zone", section: "quiet_hours = \"22:00-07:00\"\ntime_zone = \"Local\"", problems: []string{`f:9:1: reminders.time_zone: is "Local", expected a time zone`}},
		{name: "a path", section: "quiet_hours = \"22:00-07:00\"\ntime_zone = \"../../etc/passwd\"", problems: []string{`f:9:1: reminders.time_zone: is "../../etc/passwd", expected a time zone`}},
		{
			name: "without effect", section: "pending_every = \"1h\"\npending_max = 2\nescalate_to = \"a\"\ntime_zone = \"Asia/Seoul\"",
			warnings: []string{
				`f:8:1: reminders.pending_every: has no effect without pending_after`,
				`f:9:1: reminders.pending_max: has no effect without pending_after`,
				`f:10:1: reminders.escalate_to: has no effect without pending_after`,
				`f:11:1: reminders.time_zone: has no effect without quiet_hours`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, warnings, err := Parse("f", []byte(sound+"[reminders]\n"+tt.section), files)
			if diff := cmp.Diff(tt.problems, lines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, words(warnings)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
