package teleport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWarnings(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name    string
		life    time.Duration
		renewed bool
		left    []time.Duration
	}{
		{"a year, by hand", 365 * day, false, []time.Duration{30 * day, 7 * day, day, time.Hour}},
		{"a month, by hand", 30 * day, false, []time.Duration{7 * day, day, time.Hour}},
		{"twelve hours, by hand", 12 * time.Hour, false, []time.Duration{time.Hour}},
		{"an hour, by hand", time.Hour, false, []time.Duration{15 * time.Minute}},
		{"an hour, renewed", time.Hour, true, []time.Duration{15 * time.Minute}},
		{"a year, renewed", 364 * day, true, []time.Duration{91 * day}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			begin := time.Unix(1_800_000_000, 0)
			end := begin.Add(tc.life)
			var left []time.Duration
			for _, p := range warnings(begin, end, tc.renewed) {
				left = append(left, end.Sub(p))
			}
			if diff := cmp.Diff(tc.left, left); diff != "" {
				t.Errorf("time left at each warning (-want +got):\n%s", diff)
			}
		})
	}
}

// Over a certificate's whole life each thing is said once, at its time.
func TestExpiryWatchSaysEachThingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, begin := &journal{}, time.Now()
		creds := &credentials{source: "id.pem", notBefore: begin, notAfter: begin.Add(40 * 24 * time.Hour)}
		var w expiryWatch
		for time.Since(begin) < 60*24*time.Hour {
			d := min(maxInterval, w.check(j.logger(), creds, false))
			if d <= 0 {
				t.Fatalf("asks to look again after %v", d)
			}
			time.Sleep(d)
		}
		count := map[string]int{
			"start": len(j.lines("level=INFO", "id.pem")), "a week": len(j.lines("level=WARN", `remaining="7 days"`)),
			"a day": len(j.lines("level=WARN", "remaining=24h0m")), "an hour": len(j.lines("level=WARN", "remaining=1h0m")),
			"the end": len(j.lines("level=ERROR", "have expired", "hint=")), "everything": len(j.lines("")),
		}
		want := map[string]int{"start": 1, "a week": 1, "a day": 1, "an hour": 1, "the end": 1, "everything": 5}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Errorf("(-want +got):\n%s%q", diff, j.lines(""))
		}
	})
}

// A renewed certificate starts afresh; one that is renewed in time is never
// warned of.
func TestExpiryWatchIsQuietWhileRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, begin := &journal{}, time.Now()
		var w expiryWatch
		for i := byte(0); time.Since(begin) < 24*time.Hour; i++ {
			creds := &credentials{source: "id.pem", hash: [32]byte{i}, notBefore: time.Now(), notAfter: time.Now().Add(time.Hour)}
			w.check(j.logger(), creds, true)
			time.Sleep(20 * time.Minute)
			w.check(j.logger(), creds, true)
		}
		if n := len(j.lines("")); n != 1 {
			t.Errorf("%d lines, want that at start: %q", n, j.lines(""))
		}
	})
}
