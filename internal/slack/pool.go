package slack

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

// pool runs handlers: a few at a time, a bounded number waiting. It never
// blocks who hands it work.
type pool struct {
	jobs    chan func(context.Context)
	respond chan struct{} // a place for each responder
	wg      sync.WaitGroup
	ctx     context.Context // the handlers'
	cancel  context.CancelFunc
}

// newPool's handlers outlive ctx until drain ends them.
func newPool(ctx context.Context) *pool {
	p := &pool{jobs: make(chan func(context.Context), backlog), respond: make(chan struct{}, responders)}
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

// later queues a job; false if there is no room.
func (p *pool) later(job func(context.Context)) bool {
	select {
	case p.jobs <- job:
		return true
	default:
		return false
	}
}

// now starts a job that has until the deadline of Slack, and calls late if it
// has not returned by then; false if there is no room.
func (p *pool) now(job func(context.Context), late func()) bool {
	select {
	case p.respond <- struct{}{}:
	default:
		return false
	}
	ctx, cancel := context.WithTimeout(p.ctx, respondWithin)
	done := make(chan struct{})
	p.wg.Go(func() {
		defer func() { <-p.respond }()
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

// idle waits until no response is awaited, or a responder's time is over.
func (p *pool) idle() {
	t := time.NewTimer(respondWithin)
	defer t.Stop()
	for range responders {
		select {
		case p.respond <- struct{}{}:
		case <-t.C:
			return
		}
	}
}

// drain waits for what was taken, at most for a while, and ends the rest. No
// job may be handed over any more.
func (p *pool) drain() {
	close(p.jobs)
	t := time.AfterFunc(drainWithin, p.cancel)
	defer t.Stop()
	p.wg.Wait()
	p.cancel()
}
