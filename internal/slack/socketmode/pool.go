package socketmode

import (
	"context"
	"sync"
	"time"
)

const (
	workers      = 8                // handlers at a time, of what is acknowledged at once
	backlog      = 256              // waiting for one of them
	responders   = 16               // handlers at a time, of what waits for its response
	handleWithin = 30 * time.Second // a handler whose envelope was acknowledged
	// respondWithin leaves the rest of Slack's three seconds for the way.
	respondWithin = 2500 * time.Millisecond
	drainWithin   = 5 * time.Second // for what was acknowledged when Run has to end
)

// pool runs handlers: a few at a time, with a bounded number waiting. Handing
// it work never blocks.
type pool struct {
	jobs       chan func(context.Context)
	responding chan struct{} // a token for each responder at work
	wg         sync.WaitGroup
	ctx        context.Context // the handlers'
	cancel     context.CancelFunc
}

// newPool returns a pool whose handlers outlive ctx until drain ends them.
func newPool(ctx context.Context) *pool {
	p := &pool{jobs: make(chan func(context.Context), backlog), responding: make(chan struct{}, responders)}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for range workers {
		p.wg.Go(func() {
			for job := range p.jobs {
				ctx, cancel := context.WithTimeout(p.ctx, handleWithin)
				job(ctx)
				cancel()
			}
		})
	}
	return p
}

// enqueue queues a job and reports whether there was room.
func (p *pool) enqueue(job func(context.Context)) bool {
	select {
	case p.jobs <- job:
		return true
	default:
		return false
	}
}

// empty reports whether no job waits.
func (p *pool) empty() bool { return len(p.jobs) == 0 }

// respond starts a job that has until Slack's deadline, and calls late if it has
// not returned by then. It reports whether there was room.
func (p *pool) respond(job func(context.Context), late func()) bool {
	select {
	case p.responding <- struct{}{}:
	default:
		return false
	}
	ctx, cancel := context.WithTimeout(p.ctx, respondWithin)
	done := make(chan struct{})
	p.wg.Go(func() {
		defer func() { <-p.responding }()
		defer close(done)
		job(ctx)
	})
	p.wg.Go(func() {
		defer cancel()
		select {
		case <-done:
		case <-ctx.Done():
			late()
		}
	})
	return true
}

// awaitResponders waits until all responders are done, at most for the time that
// one has.
func (p *pool) awaitResponders() {
	t := time.NewTimer(respondWithin)
	defer t.Stop()
	for range responders {
		select {
		case p.responding <- struct{}{}:
		case <-t.C:
			return
		}
	}
}

// drain waits for the queued jobs, at most for drainWithin, and ends the rest.
// No job may be handed over after it was called.
func (p *pool) drain() {
	close(p.jobs)
	t := time.AfterFunc(drainWithin, p.cancel)
	defer t.Stop()
	p.wg.Wait()
	p.cancel()
}
