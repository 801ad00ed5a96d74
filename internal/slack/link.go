package slack

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const (
	helloWithin = 10 * time.Second // from the handshake
	pingEvery   = 10 * time.Second
	pongWithin  = 10 * time.Second // later, nobody is there any more
	ackWithin   = 3 * time.Second  // a write that takes longer is to nobody
	// maxUnreadable is how many messages in a row may be nonsense before
	// another connection is tried.
	maxUnreadable = 20
)

// Reasons of disconnects.
const (
	disconnectTooMany  = "too_many_websockets"
	disconnectDisabled = "link_disabled"
)

// link is one WebSocket. Its reader acknowledges and hands over; it waits for
// nothing but its own writes, so that pings are answered whatever handlers do.
type link struct {
	ws      *websocket.Conn
	since   time.Time
	greeted chan struct{} // closed by the hello
	renew   chan struct{} // closed when Slack wants another connection in its place
	done    chan struct{} // closed when it is over

	hello, asked sync.Once

	mu  sync.Mutex
	err error // why it is over; the first reason counts
}

func newLink(ws *websocket.Conn) *link {
	ws.SetReadLimit(maxFrameBytes)
	return &link{
		ws: ws, since: time.Now(),
		greeted: make(chan struct{}), renew: make(chan struct{}), done: make(chan struct{}),
	}
}

// fail notes why the link is over and ends it.
func (l *link) fail(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
	}
	l.mu.Unlock()
	_ = l.ws.CloseNow() // what is broken already says so here
}

func (l *link) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// run reads until the connection is over. take gets each message.
func (l *link) run(ctx context.Context, take func(*link, []byte) error) {
	watched, stop := context.WithCancel(ctx)
	var watchdog sync.WaitGroup
	watchdog.Go(func() { l.watch(watched) })
	err := l.read(ctx, take)
	l.fail(err)
	stop()
	watchdog.Wait()
	close(l.done)
}

func (l *link) read(ctx context.Context, take func(*link, []byte) error) error {
	unreadable := 0
	for {
		kind, text, err := l.ws.Read(ctx)
		if err != nil {
			return readError(ctx, err)
		}
		if kind != websocket.MessageText {
			err = errNonsense
		} else {
			err = take(l, text)
		}
		switch {
		case err == nil:
			unreadable = 0
		case !errors.Is(err, errNonsense):
			return err
		default:
			if unreadable++; unreadable == maxUnreadable {
				return lost("unreadable", "", nil)
			}
		}
	}
}

// errNonsense is a message that can't be read. One is nothing to end a
// connection for.
var errNonsense = errors.New("unreadable message")

// watch ends a connection whose other side went silent: TCP alone notices
// that after a quarter of an hour, or never.
func (l *link) watch(ctx context.Context) {
	hello := time.NewTimer(helloWithin)
	defer hello.Stop()
	select {
	case <-l.greeted:
	case <-hello.C:
		l.fail(lost("no_hello", "", nil))
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
		err := l.ws.Ping(waiting)
		cancel()
		if err != nil && ctx.Err() == nil {
			l.fail(lost("silent", "", nil))
			return
		}
	}
}

// write sends a message, or ends the connection if that does not work.
func (l *link) write(ctx context.Context, text []byte) {
	ctx, cancel := context.WithTimeout(ctx, ackWithin)
	defer cancel()
	if err := l.ws.Write(ctx, websocket.MessageText, text); err != nil {
		l.fail(lost("network", "", err))
	}
}

// lost is a connection that ended.
func lost(reason, hint string, cause error) error {
	f := &fault.Error{Op: "keep Socket Mode connection", Reason: reason, Class: fault.Retry, Hint: hint}
	if cause != nil {
		f.Err = scrub(cause, "")
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
