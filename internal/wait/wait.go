// Package wait has the two ways in which this program waits under a context:
// for a time, and for work in flight to end after a stop.
package wait

import (
	"context"
	"time"
)

// Sleep waits for d and reports whether it did; false if ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	return SleepUnless(ctx, d, nil)
}

// SleepUnless is Sleep, but also returns when wake has something or is closed.
func SleepUnless(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// Drain returns a context for work that may go on for d after ctx ended. Call
// release when the work is done.
func Drain(ctx context.Context, d time.Duration) (work context.Context, release func()) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(d, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	return work, func() { stop(); cancel() }
}
