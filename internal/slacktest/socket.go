package slacktest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Socket is one connection of Socket Mode, with what can happen to it.
type Socket struct {
	ID int // 1, 2, … in the order of connecting

	s    *Server
	ws   *websocket.Conn
	raw  net.Conn
	done chan struct{} // closed when the connection is over

	// The server's lock guards these.
	greeted  bool // takes events
	draining bool // takes no more events
	dead     bool // silent
	sent     int
	acked    int
}

// Sent returns how many envelopes were sent over the connection, and how many
// of them were acknowledged over it.
func (c *Socket) Sent() (sent, acked int) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.sent, c.acked
}

// Done is closed when the connection is over on Slack's side.
func (c *Socket) Done() <-chan struct{} { return c.done }

// Disconnect sends a disconnect message and does what Slack does then: after
// a "warning" the connection works for ten seconds and gets a
// "refresh_requested"; after that it gets no more events and ends five seconds
// later; after any other reason, such as "link_disabled" or
// "too_many_websockets", it ends at once. It returns when the message is sent.
func (c *Socket) Disconnect(reason string) {
	switch reason {
	case "warning":
		c.sayDisconnect(reason)
		c.later(warnBefore, func() { c.Disconnect("refresh_requested") })
	case "refresh_requested":
		c.drain()
		c.sayDisconnect(reason)
		c.later(drainFor, c.goodbye)
	default:
		c.drain()
		c.sendAway(reason)
	}
}

func (c *Socket) drain() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.draining = true
	c.s.link.moved()
}

func (c *Socket) sayDisconnect(reason string) {
	c.write(context.Background(), body{"type": "disconnect", "reason": reason, "debug_info": body{"host": "applink-test"}})
}

// sendAway ends the connection with a reason.
func (c *Socket) sendAway(reason string) {
	c.sayDisconnect(reason)
	c.later(0, c.goodbye)
}

// later does something unless the connection ends first.
func (c *Socket) later(d time.Duration, f func()) {
	if !c.s.enter() {
		return
	}
	go func() {
		defer c.s.inFlight.Done()
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			f()
		case <-c.done:
		case <-c.s.stop:
		}
	}()
}

// Die makes the connection silent: nothing comes from it any more, no pong,
// no end, and nothing that is sent arrives, as when a firewall forgot it.
// Slack itself notices after a while and keeps sending events there until
// then.
func (c *Socket) Die() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.dead = true
}

func (c *Socket) isDead() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.dead
}

// Cut breaks the connection without a word.
func (c *Socket) Cut() { _ = c.raw.Close() }

// SendText sends a text message of any content.
func (c *Socket) SendText(text string) { c.writeText(context.Background(), []byte(text)) }

// SendRaw writes bytes into the connection, past the WebSocket protocol.
func (c *Socket) SendRaw(b []byte) { _, _ = c.raw.Write(b) }

// write sends a message.
func (c *Socket) write(ctx context.Context, message body) {
	text, err := json.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("slacktest: encode message: %v", err)) // messages hold nothing that has no JSON
	}
	c.writeText(ctx, text)
}

// writeText sends a message unless the connection is silent. Whether it
// arrives shows in what the client answers.
func (c *Socket) writeText(ctx context.Context, text []byte) {
	if c.isDead() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, ackWithin)
	defer cancel()
	_ = c.ws.Write(ctx, websocket.MessageText, text)
}

// goodbye ends the connection as the protocol has it.
func (c *Socket) goodbye() { _ = c.ws.Close(websocket.StatusNormalClosure, "") }

// cut ends it at once, if it has not ended yet.
func (c *Socket) cut() { _ = c.ws.CloseNow() }

// hijacked notes the network connection that a WebSocket is made of.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}
