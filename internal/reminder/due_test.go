package reminder

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// TestWindow reads as: since when a reminder counts, at some moment around a
// review that is due on 2026-03-30.
func TestWindow(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			panic(err)
		}
		return t
	}
	review := at("2026-03-30T00:00:00Z")
	for _, tt := range []struct {
		name, now, since string
		before           time.Duration
	}{
		{"a second too early", "2026-03-15T23:59:59Z", "", 14 * day},
		{"two weeks before", "2026-03-16T00:00:00Z", "2026-03-16T00:00:00Z", 14 * day},
		{"the first week", "2026-03-22T23:59:59Z", "2026-03-16T00:00:00Z", 14 * day},
		{"the second week", "2026-03-23T00:00:00Z", "2026-03-23T00:00:00Z", 14 * day},
		{"the day before", "2026-03-29T12:00:00Z", "2026-03-23T00:00:00Z", 14 * day},
		{"the moment", "2026-03-30T00:00:00Z", "2026-03-30T00:00:00Z", 14 * day},
		{"right after it", "2026-03-30T00:00:01Z", "2026-03-30T00:00:00Z", 14 * day},
		{"a day after", "2026-03-31T00:00:00Z", "2026-03-31T00:00:00Z", 14 * day},
		{"a month after", "2026-04-30T23:00:00Z", "2026-04-30T00:00:00Z", 14 * day},
		{"ten days before, by the week", "2026-03-27T06:00:00Z", "2026-03-27T00:00:00Z", 10 * day},
		{"three days before", "2026-03-29T23:00:00Z", "2026-03-27T00:00:00Z", 3 * day},
		{"never before", "2026-03-29T23:59:59Z", "", -day},
		{"in a zone whose clock changes in that week", "2026-03-29T00:30:00+01:00", "2026-03-23T00:00:00Z", 14 * day},
		{"by a day of 23 hours", "2026-03-31T01:59:59+02:00", "2026-03-30T00:00:00Z", 14 * day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, zone := range []*time.Location{time.UTC, berlin} {
				since, ok := window(access.AccessList{NextReview: review.In(zone), NotifyBefore: tt.before}, at(tt.now).In(zone))
				got := ""
				if ok {
					got = since.UTC().Format(time.RFC3339)
				}
				if got != tt.since {
					t.Errorf("in %v: %q, want %q", zone, got, tt.since)
				}
			}
		})
	}
	if _, ok := window(access.AccessList{}, review); ok {
		t.Error("a list without a date is due")
	}
}

// TestWindowsFollowOneAnother: time only moves to later windows, each of which
// has begun and is no longer than a week.
func TestWindowsFollowOneAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(most int64, name string) time.Duration {
			return time.Duration(rapid.Int64Range(0, most).Draw(t, name)) * time.Second
		}
		l := access.AccessList{NextReview: time.Unix(2e9, 0), NotifyBefore: seconds(40*86400, "before")}
		now := l.NextReview.Add(-seconds(60*86400, "early")).Add(seconds(90*86400, "later"))
		since, ok := window(l, now)
		if begun := !now.Before(l.NextReview.Add(-l.NotifyBefore)); ok != begun {
			t.Fatalf("due is %v at %v", ok, now)
		}
		if !ok {
			return
		}
		if since.After(now) || now.Sub(since) >= week {
			t.Fatalf("at %v since %v", now, since)
		}
		if next, _ := window(l, now.Add(seconds(30*86400, "step"))); next.Before(since) {
			t.Fatalf("from %v back to %v", since, next)
		}
	})
}
