package notify

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// TestPlanOfReminders reads as: how long after noon, when the request was made
// and posted, somebody is reminded of it, and when to look again. Reminders
// come after half an hour, then every hour, twice; then others are told.
func TestPlanOfReminders(t *testing.T) {
	waiting := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}, Created: noon}
	in := func(to string, change ...func(*record.Copy)) record.Copy {
		c := posted(to)
		c.At.TS = "1795521600.000100" // noon
		for _, f := range change {
			f(&c)
		}
		c.Shown = Digest(waiting, c.For, access.Buttons{})
		return c
	}
	told := func(n int, at time.Duration) func(*record.Copy) {
		return func(c *record.Copy) { c.Reminders, c.RemindedAt = n, noon.Add(at) }
	}
	late := func(c *record.Copy) { c.At.TS = "1795525200.000100" } // at one
	usual := Reminders{After: 30 * time.Minute, Every: time.Hour, Max: 2, Escalate: true}
	night := usual
	night.Quiet, _ = quiet.Parse("12:10-15:00")
	seoul := usual
	seoul.Quiet, _ = quiet.Parse("21:10-08:00")
	seoul.Quiet.Zone, _ = time.LoadLocation("Asia/Seoul")
	const minute, hour = time.Minute, time.Hour
	remind := func(copy string, n int) []Step { return []Step{{Op: Remind, Copy: copy, Reminder: n}} }
	for _, tt := range []struct {
		name   string
		at     time.Duration // since noon
		how    Reminders
		change func(*State)
		copies []record.Copy
		want   []Step
		next   time.Duration
		others bool // are told now
	}{
		{name: "off", at: 10 * hour, copies: []record.Copy{in("C1")}},
		{name: "too early", at: 10 * minute, how: usual, copies: []record.Copy{in("C1")}, next: 20 * minute},
		{name: "the first", at: 30 * minute, how: usual, copies: []record.Copy{in("C1")}, want: remind("C1", 1), next: 2 * hour},
		{name: "after the first", at: 31 * minute, how: usual, copies: []record.Copy{in("C1", told(1, 30*minute))}, next: 59 * minute},
		{name: "the second", at: 90 * minute, how: usual, copies: []record.Copy{in("C1", told(1, 30*minute))}, want: remind("C1", 2), next: hour},
		{name: "after the last", at: 91 * minute, how: usual, copies: []record.Copy{in("C1", told(2, 90*minute))}, next: 59 * minute},
		{name: "the others", at: 150 * minute, how: usual, copies: []record.Copy{in("C1", told(2, 90*minute))}, others: true},
		{name: "once", at: 20 * hour, how: usual, change: func(f *State) { f.Record.Escalated = true }, copies: []record.Copy{in("C1", told(2, 90*minute))}},
		{
			name: "why they are told", at: 150 * minute, how: usual, change: func(f *State) { f.Record.Escalated = true },
			copies: []record.Copy{in("C1", told(2, 90*minute)), in("C2", func(c *record.Copy) { c.Escalated = true })}, want: remind("C2", 1),
		},
		{
			name: "that only once", at: 20 * hour, how: usual, change: func(f *State) { f.Record.Escalated = true },
			copies: []record.Copy{in("C2", func(c *record.Copy) { c.Escalated = true }, told(1, 150*minute))},
		},
		{name: "after a long absence: one", at: 20 * hour, how: usual, copies: []record.Copy{in("C1")}, want: remind("C1", 1), next: 2 * hour},
		{name: "and the next in its time", at: 20*hour + minute, how: usual, copies: []record.Copy{in("C1", told(1, 20*hour))}, next: 59 * minute},
		{name: "each thread has its own", at: 90 * minute, how: usual, copies: []record.Copy{in("C1", told(1, 30*minute)), in("C2", late)}, want: []Step{{Op: Remind, Copy: "C1", Reminder: 2}, {Op: Remind, Copy: "C2", Reminder: 1}}, next: 2 * hour},
		{name: "a message that came late", at: 45 * minute, how: usual, copies: []record.Copy{in("C1", late)}, next: 45 * minute},
		{name: "the others wait for every thread", at: 150 * minute, how: usual, copies: []record.Copy{in("C1", told(2, 90*minute)), in("C2", told(2, 100*minute))}, next: 10 * minute},
		{name: "nobody could be told", at: 150 * minute, how: usual, others: true},
		{name: "nobody could be told yet", at: 140 * minute, how: usual, next: 10 * minute},
		{
			name: "who can't be reached is left out", at: 31 * minute, how: usual,
			copies: []record.Copy{in("C1", func(c *record.Copy) { c.Failure = &record.Failure{Reason: "is_archived", At: noon} })}, next: 119 * minute,
		},
		{name: "not the requester", at: 40 * minute, how: Reminders{After: minute, Max: 1}, copies: []record.Copy{in("U1", func(c *record.Copy) { c.For = access.Requester })}},
		{name: "an adopted channel", at: 30 * minute, how: usual, copies: []record.Copy{in("C1", func(c *record.Copy) { c.To = "" })}, want: remind("C1/1795521600.000100", 1), next: 2 * hour},
		{name: "an adopted direct message may be the requester's", at: 40 * minute, how: Reminders{After: minute, Max: 1}, copies: []record.Copy{in("D1", func(c *record.Copy) { c.To = "" })}},
		{name: "no reminders, only the others", at: 30 * minute, how: Reminders{After: 30 * minute, Escalate: true}, copies: []record.Copy{in("C1")}, others: true},
		{name: "without a rhythm the first is it", at: 59 * minute, how: Reminders{After: 30 * minute, Max: 2}, copies: []record.Copy{in("C1", told(1, 30*minute))}, next: minute},
		{name: "it has expired", at: 30 * minute, how: usual, change: func(f *State) { f.Request.Expires = noon.Add(30 * minute) }, copies: []record.Copy{in("C1")}},
		{name: "in the night", at: 30 * minute, how: night, copies: []record.Copy{in("C1")}, next: 150 * minute},
		{name: "in the morning", at: 3 * hour, how: night, copies: []record.Copy{in("C1")}, want: remind("C1", 1), next: 2 * hour},
		{name: "no rhythm makes up for the night", at: 3*hour + minute, how: night, copies: []record.Copy{in("C1", told(1, 3*hour))}, next: 59 * minute},
		{name: "the others sleep too", at: 150 * minute, how: night, copies: []record.Copy{in("C1", told(2, 90*minute))}, next: 30 * minute},
		{
			name: "the others fell asleep", at: 150 * minute, how: night, change: func(f *State) { f.Record.Escalated = true },
			copies: []record.Copy{in("C1", told(2, 90*minute)), {To: "C2", Escalated: true}}, next: 30 * minute,
		},
		{name: "an old debt is not paid at night", at: 20 * minute, how: night, change: func(f *State) { f.Request.Created = noon.Add(-hour) }, copies: []record.Copy{in("C1", func(c *record.Copy) { c.At.TS = "1795518000.0001" })}, next: 160 * minute},
		{name: "Seoul's night", at: 30 * minute, how: seoul, copies: []record.Copy{in("C1")}, next: 10*hour + 30*minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := State{Request: waiting, Record: record.Record{Copies: tt.copies}, CanReact: true, RetryBefore: noon.Add(-time.Hour), Now: noon.Add(tt.at), Reminders: tt.how}
			if tt.change != nil {
				tt.change(&f)
				for i := range f.Record.Copies {
					if f.Record.Copies[i].Shown != "" {
						f.Record.Copies[i].Shown = Digest(f.Request, f.Record.Copies[i].For, access.Buttons{})
					}
				}
			}
			if diff := cmp.Diff(tt.want, planned(f)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if got := dueIn(f); got != tt.next {
				t.Errorf("looks again in %v, want %v", got, tt.next)
			}
			if got := f.escalates(); got != tt.others {
				t.Errorf("the others are told: %v, want %v", got, tt.others)
			}
		})
	}
}

// TestNothingRemindsOnceSomebodyLooked: neither threads nor others, whatever
// is due.
func TestNothingRemindsOnceSomebodyLooked(t *testing.T) {
	for name, change := range map[string]func(*State){
		"a review":   func(f *State) { f.Request.Reviews = []access.Review{{Author: "bob", State: access.Approved}} },
		"approved":   func(f *State) { f.Request.State = access.Approved },
		"gone":       func(f *State) { f.Gone, f.Request.State = true, access.Expired },
		"gone early": func(f *State) { f.Gone = true },
	} {
		f := State{
			Request: access.Request{ID: "r1", User: "alice", Created: noon}, Now: noon.Add(time.Hour),
			Reminders: Reminders{After: time.Minute, Max: 9, Escalate: true},
			Record:    record.Record{Copies: []record.Copy{posted("C1"), {To: "C2", Escalated: true}}},
		}
		change(&f)
		for _, s := range Plan(f) {
			if s.Op == Remind || s.Op == Post {
				t.Errorf("%s: %v", name, s)
			}
		}
		if f.escalates() || !nextReminder(f).IsZero() {
			t.Errorf("%s: others are told, or will be", name)
		}
	}
}

func TestPostedAt(t *testing.T) {
	for ts, want := range map[string]time.Time{
		"1795521600.000100": noon, "": {}, "x.y": {}, "-5.1": {}, "99999999999999999999.0": {}, "253402300800.0": {},
	} {
		if got := postedAt(access.MessageRef{TS: ts}); !got.Equal(want) {
			t.Errorf("postedAt(%q) = %v, want %v", ts, got, want)
		}
	}
}
