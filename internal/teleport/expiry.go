package teleport

import (
	"slices"
	"time"
)

// warnings returns when to warn of a certificate's end, earliest first.
//
// One that is renewed by itself is renewed long before a quarter of its life
// is left, so at that point something is wrong. One that a person replaces
// wants notice in a person's terms: a month, a week, a day, an hour, as far as
// they lie in its last quarter, and that quarter itself if none does.
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

// standing is how near its end a certificate is: how many of its warnings are
// due, and whether it is over.
type standing struct {
	due     int
	expired bool
	next    time.Time // when this changes; zero for never
}

func stand(now, notAfter time.Time, points []time.Time) standing {
	if !now.Before(notAfter) {
		return standing{due: len(points), expired: true}
	}
	due, _ := slices.BinarySearchFunc(points, now, func(p, now time.Time) int {
		if p.After(now) {
			return 1
		}
		return -1
	})
	s := standing{due: due, next: notAfter}
	if due < len(points) {
		s.next = points[due]
	}
	return s
}
