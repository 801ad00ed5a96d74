package teleport

import (
	"context"
	"math/rand/v2"
	"time"
)

// waits hands out growing, jittered waits between tries: each is between half
// of and the full current step, which doubles up to the maximum.
type waits struct {
	first, max time.Duration
	step       time.Duration
}

func (w *waits) next() time.Duration {
	switch {
	case w.step == 0:
		w.step = w.first
	default:
		w.step = min(2*w.step, w.max)
	}
	return w.step/2 + rand.N(w.step/2+1)
}

func (w *waits) reset() { w.step = 0 }

// sleep waits for d, for ctx or for wake; false if ctx ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
