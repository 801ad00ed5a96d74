package wait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/wait"
)

func TestSleepEndsWithItsTimeItsContextOrAWake(t *testing.T) {
	woken := make(chan struct{})
	close(woken)
	for name, tt := range map[string]struct {
		wake <-chan struct{}
		end  time.Duration // of the context
		took time.Duration
		want bool
	}{
		"time":    {nil, time.Minute, 10 * time.Second, true},
		"context": {nil, time.Second, time.Second, false},
		"wake":    {woken, time.Minute, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.end)
				defer cancel()
				begin := time.Now()
				if got := wait.SleepUnless(ctx, 10*time.Second, tt.wake); got != tt.want {
					t.Errorf("reports %v, want %v", got, tt.want)
				}
				if took := time.Since(begin); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestWorkInFlightOutlivesAStopByTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		work, release := wait.Drain(ctx, 15*time.Second)
		defer release()
		time.Sleep(time.Hour)
		if work.Err() != nil {
			t.Fatal("work ended before the stop")
		}
		stop()
		time.Sleep(15*time.Second - time.Nanosecond)
		synctest.Wait()
		if work.Err() != nil {
			t.Fatal("work ended before the drain was over")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if work.Err() == nil {
			t.Fatal("work goes on after the drain")
		}
	})
}

func TestReleasedWorkEndsAtOnce(t *testing.T) {
	work, release := wait.Drain(t.Context(), time.Hour)
	release()
	if work.Err() == nil {
		t.Error("the context of released work goes on")
	}
}
