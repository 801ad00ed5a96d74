package teleport

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

// What is logged once while it lasts.
const (
	connectProblem     logonce.Kind = "connect"
	watchProblem       logonce.Kind = "watch"
	resyncProblem      logonce.Kind = "resync"
	rulesProblem       logonce.Kind = "rules"
	unreadProblem      logonce.Kind = "unread" // by the part
	credentialsProblem logonce.Kind = "credentials"
)

// Serve connects and watches, and does both again after every loss, until ctx
// ends (it returns nil then). A [fault.Fatal] error ends it before the first
// watch began; later it keeps trying, because a person may fix the cause
// meanwhile. With FailFast every loss ends it.
func (c *Client) Serve(ctx context.Context, h Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	resync := &resyncer{
		run: h.Resync, due: make(chan struct{}, 1), every: c.timings.resync,
		retry:    retryDelay{first: time.Second, max: time.Minute},
		problems: c.problems,
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { c.refreshCredentials(ctx) })
	background.Go(func() { resync.serve(ctx) })
	return c.serve(ctx, h, resync)
}

func (c *Client) serve(ctx context.Context, h Handler, resync *resyncer) error {
	retry := retryDelay{first: c.timings.firstWait, max: c.timings.maxWait}
	rules := c.newRuleBook(h.Rules)
	defer rules.again.Stop()
	var announced *connection
	for first := true; ; {
		conn, err := c.ensure(ctx, first)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if conn != announced {
			c.announce(conn)
			if h.Connected != nil {
				h.Connected(ctx, conn.cluster)
			}
			announced = conn
		}
		var begun time.Time
		err = c.watch(ctx, conn, watching{
			changed: h.Changed, rules: rules, resync: resync.trigger,
			ready: func() {
				begun, first = time.Now(), false
				c.problems.Recovered(logonce.Key{Kind: watchProblem}, "watching access requests again")
				c.watchBegan()
				resync.trigger()
			},
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case isClosed(conn.replaced):
			continue // renewed credentials: the next connection is there already
		case first && (fault.Is(err, fault.Denied) || fault.Is(err, fault.Fatal)):
			return deniedWatch(err)
		case c.failFast:
			return err
		}
		c.watchLost(err)
		c.problems.Problem(slog.LevelWarn, logonce.Key{Kind: watchProblem}, "lost the watch on access requests, trying again", err)
		if !begun.IsZero() && time.Since(begun) >= c.timings.healthy {
			retry.reset()
		}
		if !wait.SleepUnless(ctx, retry.next(), conn.replaced) {
			return nil
		}
		c.examine(ctx, conn)
	}
}

// deniedWatch makes a missing right fatal, which it is at start.
func deniedWatch(err error) error {
	denied := fault.Error{Op: "watch access requests", Reason: "access_denied", Err: err}
	if f, ok := fault.As(err); ok {
		denied = *f
	}
	denied.Class, denied.Hint = fault.Fatal, "grant the role of these credentials list and read on access_request"
	return &denied
}

// examine pings the server after a watch broke, and drops the connection unless
// the same version of the same cluster answers: only the stream may have been
// reset, the server may be gone, or it may have been upgraded.
func (c *Client) examine(ctx context.Context, conn *connection) {
	ctx, cancel := context.WithTimeout(ctx, c.timings.firstDial)
	defer cancel()
	pong, err := conn.api.Ping(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	if err != nil || clusterOf(&pong) != conn.cluster {
		c.drop(conn)
	}
}

// ensure returns the current connection, or tries to connect until it has one.
func (c *Client) ensure(ctx context.Context, first bool) (*connection, error) {
	key := logonce.Key{Kind: connectProblem}
	retry := retryDelay{first: c.timings.firstWait, max: c.timings.maxWait}
	dial := c.timings.firstDial
	for {
		if conn := c.connected(); conn != nil {
			c.problems.Recovered(key, "reached Teleport", logkey.Addr, c.dialer.addr)
			return conn, nil
		}
		_, err := c.connect(ctx, dial)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, err
		}
		if c.failFast || first && fault.Is(err, fault.Fatal) {
			return nil, err
		}
		c.watchLost(err)
		c.problems.Problem(slog.LevelWarn, key, "can't reach Teleport, waiting for it", err, logkey.Addr, c.dialer.addr)
		dial = min(2*dial, maxDialTimeout)
		if !wait.SleepUnless(ctx, retry.next(), c.renewed) {
			return nil, ctx.Err()
		}
	}
}

// announce logs the cluster of a new connection.
func (c *Client) announce(conn *connection) {
	c.log.Info("connected to Teleport", logkey.Addr, c.dialer.addr,
		logkey.Cluster, conn.cluster.Name, logkey.Version, conn.cluster.Version, logkey.WebURL, conn.cluster.WebURL)
	switch n, ok := major(conn.cluster.Version); {
	case ok && n < oldestTested:
		c.log.Warn("Teleport is older than the oldest tested version",
			logkey.Version, conn.cluster.Version, logkey.OldestTested, oldestTested)
	case ok && n > newestSupported(): // it was told to take old clients
		c.log.Warn("Teleport is newer than the newest supported version",
			logkey.Version, conn.cluster.Version, logkey.NewestSupported, newestSupported())
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// resyncer calls Resync when it is due: soon after an error, and regularly once
// there has been a watch. Calls never overlap.
type resyncer struct {
	run      func(context.Context) error
	due      chan struct{} // holds one token
	every    time.Duration
	retry    retryDelay
	problems *logonce.Logger
}

// trigger makes a resync due, also while one is running.
func (r *resyncer) trigger() {
	select {
	case r.due <- struct{}{}:
	default:
	}
}

func (r *resyncer) serve(ctx context.Context) {
	if r.run == nil {
		return
	}
	select { // no resync before the first watch
	case <-r.due:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		next := r.every
		if err := r.run(ctx); err == nil {
			r.problems.Recovered(logonce.Key{Kind: resyncProblem}, "resync succeeded again")
			r.retry.reset()
		} else if ctx.Err() == nil {
			r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: resyncProblem}, "resync failed, trying again", err)
			next = r.retry.next()
		}
		wait.SleepUnless(ctx, next, r.due)
	}
}

// retryDelay returns growing, jittered delays between tries: each is between half
// of and the full current step, which doubles up to the maximum.
type retryDelay struct {
	first, max time.Duration
	step       time.Duration
}

func (r *retryDelay) next() time.Duration {
	switch {
	case r.step == 0:
		r.step = r.first
	default:
		r.step = min(2*r.step, r.max)
	}
	return r.step/2 + rand.N(r.step/2+1)
}

func (r *retryDelay) reset() { r.step = 0 }
