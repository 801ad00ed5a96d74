package rule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func scheduled(schedules ...Schedule) Source {
	return Source{Name: "r", Condition: "true", Schedules: schedules}
}

// times reads as: weekday, start and end of each shift.
func times(zone string, shifts ...string) Schedule {
	s := Schedule{Name: "hours", Timezone: zone}
	for _, one := range shifts {
		f := strings.Fields(one)
		s.Shifts = append(s.Shifts, Shift{Weekday: f[0], Start: f[1], End: f[2]})
	}
	return s
}

func TestSchedules(t *testing.T) {
	office := times("", "Monday 09:00 17:00", "Tuesday 09:00 17:00")
	night := []string{"Monday 22:00 23:59", "Tuesday 00:00 06:00"}
	for _, tt := range []struct {
		name      string
		schedules []Schedule
		at        string
		want      bool
	}{
		{"none", nil, "2026-03-03T04:00:00Z", true},
		{"in the first shift", []Schedule{office}, "2026-03-02T12:00:00Z", true},
		{"in the second shift", []Schedule{office}, "2026-03-03T12:00:00Z", true},
		{"on another day", []Schedule{office}, "2026-03-04T12:00:00Z", false},
		{"before the start", []Schedule{office}, "2026-03-03T08:59:59.999999999Z", false},
		{"at the start", []Schedule{office}, "2026-03-03T09:00:00Z", true},
		{"at the end", []Schedule{office}, "2026-03-03T17:00:00Z", true},
		{"an instant after the end", []Schedule{office}, "2026-03-03T17:00:00.000000001Z", false},
		{"a time elsewhere is the same instant", []Schedule{office}, "2026-03-04T01:30:00+09:00", true},

		{"any one is enough: the first", []Schedule{office, times("", "Sunday 10:00 11:00")}, "2026-03-03T12:00:00Z", true},
		{"any one is enough: the second", []Schedule{times("", "Sunday 10:00 11:00"), office}, "2026-03-03T12:00:00Z", true},
		{"none of two", []Schedule{times("", "Sunday 10:00 11:00"), office}, "2026-03-05T12:00:00Z", false},

		{"in its zone", []Schedule{times("Asia/Seoul", "Tuesday 09:00 18:00")}, "2026-03-03T00:00:00Z", true},
		{"the weekday of its zone", []Schedule{times("Asia/Seoul", "Wednesday 00:00 08:00")}, "2026-03-03T16:00:00Z", true},
		{"not the weekday of UTC", []Schedule{times("Asia/Seoul", "Tuesday 00:00 23:59")}, "2026-03-03T16:00:00Z", false},
		{"in winter", []Schedule{times("Europe/Berlin", "Friday 09:00 10:00")}, "2026-03-27T08:30:00Z", true},
		{"not as in summer", []Schedule{times("Europe/Berlin", "Friday 09:00 10:00")}, "2026-03-27T07:30:00Z", false},
		{"in summer", []Schedule{times("Europe/Berlin", "Monday 09:00 10:00")}, "2026-03-30T07:30:00Z", true},
		{"around an hour that comes twice", []Schedule{times("Europe/Berlin", "Sunday 01:00 04:00")}, "2026-10-25T00:30:00Z", true},
		{"around an hour that is left out", []Schedule{times("Europe/Berlin", "Sunday 01:00 04:00")}, "2026-03-29T01:30:00Z", true},

		{"before midnight", []Schedule{times("", night...)}, "2026-03-02T23:59:00Z", true},
		{"the last minute of a day is out", []Schedule{times("", night...)}, "2026-03-02T23:59:01Z", false},
		{"after midnight", []Schedule{times("", night...)}, "2026-03-03T00:00:00Z", true},

		{"a schedule without shifts", []Schedule{times("")}, "2026-03-03T12:00:00Z", false},
		{"and one with", []Schedule{times(""), office}, "2026-03-03T12:00:00Z", true},
		{"weekdays are spelled as in English", []Schedule{times("", "tuesday 09:00 17:00", "Tue 09:00 17:00", "mardi 09:00 17:00")}, "2026-03-03T12:00:00Z", false},
		{"beside one that is", []Schedule{times("", "Tue 09:00 17:00", "Tuesday 11:00 13:00")}, "2026-03-03T12:00:00Z", true},
		{"the wrong way round", []Schedule{times("", "Tuesday 17:00 09:00")}, "2026-03-03T18:00:00Z", false},
	} {
		r, err := Compile(scheduled(tt.schedules...))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Scheduled(at); got != tt.want {
			t.Errorf("%s: %v at %s, want %v", tt.name, got, tt.at, tt.want)
		}
	}
}

func TestSchedulesThatCannotBeRead(t *testing.T) {
	many := times("")
	for range maxShifts + 1 {
		many.Shifts = append(many.Shifts, Shift{"Monday", "09:00", "17:00"})
	}
	fine := times("UTC", "Monday 09:00 17:00")
	for _, tt := range []struct {
		schedule Schedule
		want     string
	}{
		{times("Europe/Nowhere", "Monday 09:00 17:00"), `"Europe/Nowhere" is not a time zone, expected one of the IANA database`},
		{times("Local", "Monday 09:00 17:00"), `"Local" is not a time zone`},
		{times("../etc/passwd", "Monday 09:00 17:00"), `"../etc/passwd" is not a time zone`},
		{times(strings.Repeat("x", 100)), `…" is not a time zone`},
		{times("", "Monday 09:00 17:00", "Monday 9:00 17:00"), `shift 2: start "9:00" is not a time of day, expected one such as "09:00"`},
		{times("", "Monday 09:00 24:00"), `shift 1: end "24:00" is not a time of day`},
		{times("", "Monday 00:60 24:00"), `shift 1: start "00:60" is not a time of day`},
		{times("", "Monday 09:00:00 10:00"), `shift 1: start "09:00:00" is not a time of day`},
		{times("", "sometime 09:00 x"), `shift 1: end "x" is not a time of day`},
		{Schedule{Name: "hours", Unread: "field 2"}, `has field 2, which this version can't read`},
		{many, `too many shifts, expected at most 10000`},
	} {
		for _, all := range [][]Schedule{{tt.schedule}, {fine, tt.schedule}, {tt.schedule, fine}} {
			_, err := Compile(scheduled(all...))
			if err == nil || !strings.HasPrefix(err.Error(), `rule "r": schedule "hours": `) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
				break
			}
		}
	}
	if _, err := Compile(scheduled(make([]Schedule, maxSchedules+1)...)); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("too many schedules: %v", err)
	}
}

func TestWhatHasNoEffectIsNoted(t *testing.T) {
	src := scheduled(times(""), times("", "Monday 09:00 17:00", "mon 09:00 17:00", "Monday 17:00 09:00"))
	src.Unread = []string{"field 9"}
	r, err := Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`field 9`, `schedule "hours": it has no shifts`, `schedule "hours": shift 2: "mon" is not a weekday such as "Monday"`, `shift 3: it ends before it begins`,
	}
	for i, note := range r.Notes() {
		if i >= len(want) || !strings.Contains(note, want[i]) {
			t.Errorf("note %d is %s", i, note)
		}
	}
	if len(r.Notes()) != len(want) {
		t.Errorf("notes %q", r.Notes())
	}
	if r, err := Compile(scheduled(times("", "Monday 09:00 17:00"))); err != nil || len(r.Notes()) != 0 {
		t.Errorf("a good schedule: %q, %v", r.Notes(), err)
	}
}

func TestOtherSchedulesMakeAnotherRule(t *testing.T) {
	base := func() Source { return scheduled(times("UTC", "Monday 09:00 17:00")) }
	if !base().Equal(base()) {
		t.Error("a rule is not equal to itself")
	}
	for name, change := range map[string]func(*Source){
		"none":      func(s *Source) { s.Schedules = nil },
		"one more":  func(s *Source) { s.Schedules = append(s.Schedules, times("")) },
		"its name":  func(s *Source) { s.Schedules[0].Name = "x" },
		"its zone":  func(s *Source) { s.Schedules[0].Timezone = "" },
		"its parts": func(s *Source) { s.Schedules[0].Unread = "field 2" },
		"a weekday": func(s *Source) { s.Schedules[0].Shifts[0].Weekday = "Friday" },
		"a start":   func(s *Source) { s.Schedules[0].Shifts[0].Start = "08:00" },
		"an end":    func(s *Source) { s.Schedules[0].Shifts[0].End = "18:00" },
		"unread":    func(s *Source) { s.Unread = []string{"field 9"} },
	} {
		changed := base()
		change(&changed)
		if base().Equal(changed) || changed.Equal(base()) {
			t.Errorf("%s makes no difference", name)
		}
	}
}

// A minute of the week is in a schedule just if it's within a shift, read as
// text: HH:MM in the order of time.
func TestSchedulesByTheClock(t *testing.T) {
	clock := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "h"), rapid.IntRange(0, 59).Draw(t, "m"))
	})
	rapid.Check(t, func(t *rapid.T) {
		var s Schedule
		for range rapid.IntRange(0, 4).Draw(t, "shifts") {
			s.Shifts = append(s.Shifts, Shift{rapid.SampledFrom([]string{"Monday", "Tuesday", "Sunday"}).Draw(t, "day"), clock.Draw(t, "from"), clock.Draw(t, "to")})
		}
		r, err := Compile(scheduled(s))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 3, 1, 0, rapid.IntRange(0, 7*24*60).Draw(t, "minute"), 0, 0, time.UTC)
		want := false
		for _, one := range s.Shifts {
			now := at.Format("15:04")
			want = want || at.Weekday().String() == one.Weekday && one.Start <= now && now <= one.End
		}
		if got := r.Scheduled(at); got != want {
			t.Fatalf("%v at %v, want %v: %+v", got, at, want, s.Shifts)
		}
	})
}

func FuzzSchedule(f *testing.F) {
	f.Add("hours", "Europe/Berlin", "Monday", "09:00", "17:00", "", int64(1e9))
	f.Add("", "", "", "", "", "field 2", int64(0))
	f.Add("x", "\x00/..", "Mon", "24:00", "99:99", "", int64(-1))
	f.Fuzz(func(t *testing.T, name, zone, day, from, to, unread string, at int64) {
		src := scheduled(Schedule{Name: name, Timezone: zone, Shifts: []Shift{{day, from, to}}, Unread: unread})
		r, err := Compile(src)
		if err != nil {
			if unread == "" && strings.Contains(err.Error(), "\n") {
				t.Errorf("no short line: %q", err)
			}
			return
		}
		if r.Scheduled(time.Unix(at, 0)) && len(r.Notes()) != 0 {
			t.Errorf("applies although %q", r.Notes())
		}
	})
}
