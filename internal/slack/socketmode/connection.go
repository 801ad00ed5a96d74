package socketmode

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slack"
)

const (
	helloWithin = 10 * time.Second // from the handshake
	pingEvery   = 10 * time.Second
	pongWithin  = 10 * time.Second // later, the connection counts as dead
	ackWithin   = 3 * time.Second  // as does one on which a write takes longer
	// maxUnreadable is how many messages in a row may be unreadable before
	// another connection is tried.
	maxUnreadable = 20
)

// reasonSilent is why a connection ended that answered no ping.
const reasonSilent = "silent"

// Reasons of disconnects.
const (
	disconnectTooMany  = "too_many_websockets"
	disconnectDisabled = slack.ReasonSocketModeOff
)

// connection is one WebSocket. Its reader acknowledges and hands over, and waits
// for nothing but its own writes, so that pings are answered while handlers are
// slow.
type connection struct {
	ws    *websocket.Conn
	since time.Time
	ready chan struct{} // closed by the hello
	renew chan struct{} // closed when Slack wants another connection in its place
	done  chan struct{} // closed when it is over

	hello, renewal sync.Once // what closes ready and renew

	mu  sync.Mutex
	err error // why it is over; the first reason counts
}

func newConnection(ws *websocket.Conn) *connection {
	ws.SetReadLimit(maxFrameBytes)
	return &connection{
		ws: ws, since: time.Now(),
		ready: make(chan struct{}), renew: make(chan struct{}), done: make(chan struct{}),
	}
}

// fail keeps why the connection ends, and ends it.
func (c *connection) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	_ = c.ws.CloseNow() // what is broken already says so here
}

func (c *connection) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// run reads until the connection is over. receive gets each message.
func (c *connection) run(ctx context.Context, receive func(*connection, []byte) error) {
	watched, stop := context.WithCancel(ctx)
	var watchdog sync.WaitGroup
	watchdog.Go(func() { c.watch(watched) })
	err := c.read(ctx, receive)
	c.fail(err)
	stop()
	watchdog.Wait()
	close(c.done)
}

func (c *connection) read(ctx context.Context, receive func(*connection, []byte) error) error {
	unreadable := 0
	for {
		kind, text, err := c.ws.Read(ctx)
		if err != nil {
			return readError(ctx, err)
		}
		if kind != websocket.MessageText {
			err = errUnreadable
		} else {
			err = receive(c, text)
		}
		switch {
		case err == nil:
			unreadable = 0
		case !errors.Is(err, errUnreadable):
			return err
		default:
			if unreadable++; unreadable == maxUnreadable {
				return lost("unreadable", "", nil)
			}
		}
	}
}

// errUnreadable is a message that can't be read. One does not end a connection.
var errUnreadable = errors.New("unreadable message")

// watch ends a connection whose other side does not answer: TCP alone notices
// that after a quarter of an hour, or never.
func (c *connection) watch(ctx context.Context) {
	hello := time.NewTimer(helloWithin)
	defer hello.Stop()
	select {
	case <-c.ready:
	case <-hello.C:
		c.fail(lost("no_hello", "", nil))
		return
	case <-ctx.Done():
		return
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ping.C:
		case <-ctx.Done():
			return
		}
		waiting, cancel := context.WithTimeout(ctx, pongWithin)
		err := c.ws.Ping(waiting)
		cancel()
		if err != nil && ctx.Err() == nil {
			c.fail(lost(reasonSilent, "", nil))
			return
		}
	}
}

// write sends a message, or ends the connection if that does not work.
func (c *connection) write(ctx context.Context, text []byte) {
	ctx, cancel := context.WithTimeout(ctx, ackWithin)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, text); err != nil {
		c.fail(lost("network", "", err))
	}
}

// lost returns the error of a connection that ended.
func lost(reason, hint string, cause error) error {
	f := &fault.Error{Op: "keep Socket Mode connection", Reason: reason, Class: fault.Retry, Hint: hint}
	if cause != nil {
		f.Err = slack.Scrub(cause)
	}
	return f
}

func readError(ctx context.Context, err error) error {
	code := websocket.CloseStatus(err)
	switch {
	case ctx.Err() != nil:
		return lost("canceled", "", nil)
	case code == websocket.StatusNormalClosure, code == websocket.StatusGoingAway:
		return lost("closed", "", nil)
	case code >= 0:
		return lost("closed_"+strconv.Itoa(int(code)), "", nil)
	case errors.Is(err, websocket.ErrMessageTooBig):
		return lost("too_large", "", nil)
	case errors.Is(err, net.ErrClosed):
		return lost("closed", "", nil)
	}
	return lost("network", "", err)
}
