package teleport

import (
	"log/slog"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
)

// warnings returns when to warn that a certificate expires, earliest first.
//
// A certificate that is renewed automatically is renewed long before a quarter
// of its life is left, so at that point something is wrong. A person who
// replaces one is warned a month, a week, a day and an hour before, as far as
// these lie in its last quarter, and at the start of that quarter if none does.
func warnings(notBefore, notAfter time.Time, renewed bool) []time.Time {
	quarter := notAfter.Sub(notBefore) / 4
	var points []time.Time
	if !renewed {
		const day = 24 * time.Hour
		for _, left := range []time.Duration{30 * day, 7 * day, day, time.Hour} {
			if left <= quarter {
				points = append(points, notAfter.Add(-left))
			}
		}
	}
	if len(points) == 0 {
		points = append(points, notAfter.Add(-quarter))
	}
	return points
}

// expiryState is how close a certificate is to its end.
type expiryState struct {
	warnings int // how many are due
	expired  bool
	next     time.Time // when this changes; zero for never
}

func expiryStateAt(now, notAfter time.Time, points []time.Time) expiryState {
	if !now.Before(notAfter) {
		return expiryState{warnings: len(points), expired: true}
	}
	due, _ := slices.BinarySearchFunc(points, now, func(p, now time.Time) int {
		if p.After(now) {
			return 1
		}
		return -1
	})
	s := expiryState{warnings: due, next: notAfter}
	if due < len(points) {
		s.next = points[due]
	}
	return s
}

// expiryWatch logs each warning about one certificate once.
type expiryWatch struct {
	creds  *credentials
	logged expiryState
}

// check logs what has become due and returns after how long to check again.
func (w *expiryWatch) check(log *slog.Logger, creds *credentials, renewed bool) time.Duration {
	now := time.Now()
	left := creds.notAfter.Sub(now)
	attrs := []any{logkey.Path, creds.source, logkey.Expires, creds.notAfter.UTC().Format(time.RFC3339), logkey.Remaining, logonce.Rounded(left)}
	if w.creds == nil {
		log.Info("Teleport credentials loaded", append(attrs, logkey.Refreshed, renewed)...)
	}
	if w.creds == nil || w.creds.hash != creds.hash {
		w.creds, w.logged = creds, expiryState{}
	}
	s := expiryStateAt(now, creds.notAfter, warnings(creds.notBefore, creds.notAfter, renewed))
	switch {
	case s.expired && !w.logged.expired:
		log.Error("Teleport credentials have expired", logkey.Path, creds.source,
			logkey.Expires, creds.notAfter.UTC().Format(time.RFC3339), logkey.Hint, hintRenew)
	case !s.expired && s.warnings > w.logged.warnings && renewed:
		log.Warn("Teleport credentials are overdue for renewal", append(attrs, logkey.Hint, "read the log of tbot")...)
	case !s.expired && s.warnings > w.logged.warnings:
		log.Warn("Teleport credentials expire soon", append(attrs, logkey.Hint, hintRenew)...)
	}
	w.logged = s
	if s.expired {
		return maxInterval
	}
	return s.next.Sub(now)
}
