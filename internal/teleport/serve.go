package teleport

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// Serve owns the connection: it connects, watches, and does both again after
// every loss, until ctx ends (then it returns nil). Before the first success
// a [fault.Fatal] error ends it; later nothing does, because what is wrong may
// be put right while we wait. With FailFast every loss ends it.
func (c *Client) Serve(ctx context.Context, h Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	resync := &resyncer{
		run: h.Resync, due: make(chan struct{}, 1), every: c.timings.resync,
		waits:   waits{first: time.Second, max: time.Minute},
		trouble: &trouble{log: c.log, level: slog.LevelWarn, begun: "could not look at all access requests, trying again", ended: "looked at all access requests again"},
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { c.keepCredentials(ctx) })
	background.Go(func() { resync.serve(ctx) })
	return c.serve(ctx, h, resync)
}

func (c *Client) serve(ctx context.Context, h Handler, resync *resyncer) error {
	lost := &trouble{log: c.log, level: slog.LevelWarn,
		begun: "lost the watch over access requests, trying again", ended: "watching access requests again"}
	wait := waits{first: c.timings.firstWait, max: c.timings.maxWait}
	rules := c.newRuleBook(h.Rules)
	defer rules.again.Stop()
	var told *connection
	for first := true; ; {
		conn, err := c.ensure(ctx, first)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if conn != told {
			c.announce(conn)
			if h.Connected != nil {
				h.Connected(ctx, conn.cluster)
			}
			told = conn
		}
		var begun time.Time
		err = c.watch(ctx, conn, watching{
			changed: h.Changed, rules: rules, resync: resync.trigger,
			ready: func() {
				begun, first = time.Now(), false
				lost.over()
				c.watches()
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
		case c.fast:
			return err
		}
		c.lacks(err)
		lost.note(err)
		if !begun.IsZero() && time.Since(begun) >= c.timings.healthy {
			wait.reset()
		}
		if !sleep(ctx, wait.next(), conn.replaced) {
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

// examine finds out whether a connection whose watch broke is still good, and
// drops it if not: a stream alone may have been reset, or the server is gone,
// or another version of it has come back, of which nothing is known.
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
	waiting := &trouble{log: c.log, level: slog.LevelWarn,
		begun: "can't reach Teleport, waiting for it", ended: "reached Teleport"}
	wait := waits{first: c.timings.firstWait, max: c.timings.maxWait}
	dial := c.timings.firstDial
	for {
		if conn := c.connected(); conn != nil {
			waiting.over(logkey.Addr, c.dialer.addr)
			return conn, nil
		}
		_, err := c.connect(ctx, dial)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, err
		}
		if c.fast || first && fault.Is(err, fault.Fatal) {
			return nil, err
		}
		c.lacks(err)
		waiting.note(err, logkey.Addr, c.dialer.addr)
		dial = min(2*dial, maxDialTimeout)
		if !sleep(ctx, wait.next(), c.renewed) {
			return nil, ctx.Err()
		}
	}
}

// announce says where we are now.
func (c *Client) announce(conn *connection) {
	c.log.Info("connected to Teleport", logkey.Addr, c.dialer.addr,
		logkey.Cluster, conn.cluster.Name, logkey.Version, conn.cluster.Version, logkey.WebURL, conn.cluster.WebURL)
	if n, ok := major(conn.cluster.Version); ok && n < oldestTested {
		c.log.Warn("this Teleport is older than any version that this program is tested with",
			logkey.Version, conn.cluster.Version, logkey.OldestTested, oldestTested)
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

// resyncer runs Resync when it is due: never twice at once, soon again after
// an error, and regularly while there has been a watch.
type resyncer struct {
	run     func(context.Context) error
	due     chan struct{} // one token
	every   time.Duration
	waits   waits
	trouble *trouble
}

// trigger makes a resync due. One that is running started too early to count.
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
	select { // nothing to look at before the first watch
	case <-r.due:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		next := r.every
		if err := r.run(ctx); err == nil {
			r.trouble.over()
			r.waits.reset()
		} else if ctx.Err() == nil {
			r.trouble.note(err)
			next = r.waits.next()
		}
		sleep(ctx, next, r.due)
	}
}
