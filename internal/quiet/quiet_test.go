package quiet

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEnd(t *testing.T) {
	for _, tt := range []struct{ name, hours, zone, at, want string }{
		{"before the night", "22:00-07:00", "UTC", "2026-11-24T21:59:59Z", "2026-11-24T21:59:59Z"},
		{"the night begins", "22:00-07:00", "UTC", "2026-11-24T22:00:00Z", "2026-11-25T07:00:00Z"},
		{"past midnight", "22:00-07:00", "UTC", "2026-11-25T03:10:11Z", "2026-11-25T07:00:00Z"},
		{"the last second", "22:00-07:00", "UTC", "2026-11-25T06:59:59Z", "2026-11-25T07:00:00Z"},
		{"the morning", "22:00-07:00", "UTC", "2026-11-25T07:00:00Z", "2026-11-25T07:00:00Z"},
		{"at noon", "12:00-13:00", "UTC", "2026-11-24T12:30:00Z", "2026-11-24T13:00:00Z"},
		{"until midnight", "18:00-24:00", "UTC", "2026-11-24T23:30:00Z", "2026-11-25T00:00:00Z"},
		{"from midnight", "00:00-06:30", "UTC", "2026-11-24T00:00:00Z", "2026-11-24T06:30:00Z"},
		{"Seoul's night is Europe's day", "22:00-07:00", "Asia/Seoul", "2026-11-24T14:00:00Z", "2026-11-24T22:00:00Z"},
		{"Seoul's evening", "22:00-07:00", "Asia/Seoul", "2026-11-24T12:59:00Z", "2026-11-24T12:59:00Z"},
		{"half an hour off", "22:00-07:00", "Asia/Kolkata", "2026-11-24T17:00:00Z", "2026-11-25T01:30:00Z"},
		{"a short night in spring", "22:00-07:00", "Europe/Berlin", "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"},
		{"a long night in autumn", "22:00-07:00", "Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"},
		{"an end that the clock skips", "22:00-02:30", "Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"},
		{"an end that comes twice", "22:00-02:30", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		{"quiet again in the second hour of the same name", "22:00-02:30", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := Parse(tt.hours)
			if err != nil {
				t.Fatal(err)
			}
			h.Zone = zone(t, tt.zone)
			at, _ := time.Parse(time.RFC3339, tt.at)
			if got := h.End(at).UTC().Format(time.RFC3339); got != tt.want {
				t.Errorf("End(%s) = %s, want %s", tt.at, got, tt.want)
			}
		})
	}
}

// TestTheEndIsTheFirstMomentThatIsNotQuiet holds in every zone and night.
func TestTheEndIsTheFirstMomentThatIsNotQuiet(t *testing.T) {
	zones := []*time.Location{time.UTC, zone(t, "Asia/Seoul"), zone(t, "Europe/Berlin"), zone(t, "Australia/Lord_Howe"), zone(t, "America/New_York")}
	rapid.Check(t, func(t *rapid.T) {
		h := Hours{From: rapid.IntRange(0, minutesPerDay-1).Draw(t, "from"), To: rapid.IntRange(0, minutesPerDay-1).Draw(t, "to"), Zone: rapid.SampledFrom(zones).Draw(t, "zone")}
		at := time.Date(2026, 1, 1, 0, rapid.IntRange(0, 365*minutesPerDay).Draw(t, "minute"), 0, 0, time.UTC)
		end := h.End(at)
		quietAt := func(m time.Time) bool { return !h.IsZero() && h.holds(minuteOf(m.In(h.Zone))) }
		if quietAt(end) {
			t.Fatalf("%v in %v: quiet at its end %v", h, h.Zone, end)
		}
		if end.Sub(at) > 26*time.Hour {
			t.Fatalf("%v in %v: %v is far from %v", h, h.Zone, end, at)
		}
		for m := at; m.Before(end); m = m.Add(time.Minute) {
			if !quietAt(m) {
				t.Fatalf("%v in %v: over at %v, and not only at %v", h, h.Zone, m, end)
			}
		}
	})
}

func TestEqual(t *testing.T) {
	at := func(from, to int, l *time.Location) Hours { return Hours{From: from, To: to, Zone: l} }
	for _, tt := range []struct {
		a, b Hours
		want bool
	}{
		{at(1, 2, nil), at(1, 2, time.UTC), true}, {at(1, 2, zone(t, "Asia/Seoul")), at(1, 2, zone(t, "Asia/Seoul")), true},
		{at(1, 2, nil), at(1, 2, zone(t, "Asia/Seoul")), false}, {at(1, 2, nil), at(1, 3, nil), false}, {at(1, 2, nil), at(0, 2, nil), false},
		{Hours{}, at(0, 0, zone(t, "Asia/Seoul")), true},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%v %v equals %v %v: %v", tt.a, tt.a.Zone, tt.b, tt.b.Zone, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "-", "22:00", "22:00-", "22-7", "25:00-07:00", "22:60-07:00", "22:00-22:00", "00:00-24:00", "24:00-07:00", "a-b", "22:00-07:00-08:00"} {
		if h, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", s, h)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"22:00-07:00", " 9:30 - 17:00", "18:00-24:00", "24:00-24:00", "1-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(h.String())
		if err != nil || again != h {
			t.Fatalf("Parse(%q) = %v, which reads as %v, %v", s, h, again, err)
		}
		if h.IsZero() {
			t.Fatalf("Parse(%q) has no length", s)
		}
	})
}
