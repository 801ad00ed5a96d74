package review

import (
	"context"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// leastPause is how long to wait at least where a turn has not come.
const leastPause = 20 * time.Millisecond

// patient asks again when the answer was only that the turn has not come, for
// as long as ctx allows. Somebody waits, and others may be clicking too.
func patient(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		after := fault.After(err)
		f, ok := fault.As(err)
		if !ok || f.Class != fault.Retry || after == 0 && f.Reason != fault.Paced {
			return err
		}
		after = max(after, leastPause)
		if end, has := ctx.Deadline(); has && time.Now().Add(after).After(end) || !pause(ctx, after) {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
