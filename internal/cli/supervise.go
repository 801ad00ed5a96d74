package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"

	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// errForced is returned after a second signal.
var errForced = errors.New("stopped by a second signal, before calls in flight were finished")

// supervised is a function that runs until a signal.
type supervised struct {
	run    func(context.Context) error
	log    *slog.Logger    // may be nil
	reload chan<- struct{} // of capacity 1; nil if there is nothing to reload

	stopping func() // called at the first signal to stop; may be nil
}

// supervise runs s and handles signals. The first SIGTERM or SIGINT cancels its
// context; a second one ends the program without waiting. SIGHUP requests a
// reload; while one is pending, another changes nothing.
func (o Options) supervise(ctx context.Context, s supervised) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 4)
	stop := o.Notify(signals)
	defer stop()

	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	stopping := false
	for {
		select {
		case err := <-done:
			if stopping && errors.Is(err, context.Canceled) {
				return nil // a clean stop
			}
			return err
		case sig := <-signals:
			switch {
			case sig == syscall.SIGHUP:
				s.requestReload()
			case stopping:
				// The process is about to end, so it does not wait for
				// the goroutine.
				return errForced
			default:
				stopping = true
				if s.log != nil {
					s.log.Info("Stopping, another signal ends at once", logkey.Signal, sig.String())
				}
				if s.stopping != nil {
					s.stopping()
				}
				cancel()
			}
		}
	}
}

func (s supervised) requestReload() {
	if s.reload == nil {
		return
	}
	select {
	case s.reload <- struct{}{}:
	default:
	}
}
