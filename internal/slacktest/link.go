package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Numbers of Socket Mode.
// https://docs.slack.dev/apis/events-api/using-socket-mode
const (
	linkPath   = "/link/"
	maxSockets = 10               // connections of one app
	ackWithin  = 3 * time.Second  // an envelope that is not acknowledged by then is sent again
	ticketLife = 30 * time.Second // an address works once, and soon
	warnBefore = 10 * time.Second // from the disconnect "warning" to "refresh_requested"
	drainFor   = 5 * time.Second  // from "refresh_requested" to the end of the connection
	pongWithin = 10 * time.Second
	// maxAckBytes is from where on Slack drops what a client sends, silently;
	// see slack-go/slack's socketmode.
	maxAckBytes = 20 << 10
)

// link is Socket Mode: the app's connections and what is on its way through
// them.
type link struct {
	token    string
	refusal  string // the error that the right token gets; empty while it works
	off      bool   // Socket Mode is switched off
	noClicks bool   // Interactivity is switched off

	tickets map[string]time.Time // addresses that were given out and not used
	sockets []*Socket            // oldest first; without those that ended
	opened  int                  // connections so far
	ids     int                  // envelopes and tickets so far
	copies  int                  // how often each envelope is sent, at least once
	changed chan struct{}        // closed when sockets changed

	deliveries map[string]*Delivery // by envelope ID
	order      []string             // their IDs, oldest first
}

func newLink(opt Options) link {
	return link{
		token: opt.AppToken, off: opt.SocketModeOff, noClicks: opt.InteractivityOff,
		tickets: map[string]time.Time{}, changed: make(chan struct{}),
		deliveries: map[string]*Delivery{},
	}
}

// FailAppToken makes apps.connections.open with the right token fail with an
// error such as token_revoked; empty ends it. Connections stay.
func (s *Server) FailAppToken(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.refusal = code
}

// SetAppToken replaces the app-level token that is valid.
func (s *Server) SetAppToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.token, s.link.refusal = token, ""
}

// SetSocketMode switches Socket Mode in the app's settings: when it goes off,
// every connection ends with a disconnect of the reason link_disabled, and
// apps.connections.open answers that.
func (s *Server) SetSocketMode(on bool) {
	s.mu.Lock()
	s.link.off = !on
	sockets := slices.Clone(s.link.sockets)
	s.mu.Unlock()
	if !on {
		for _, c := range sockets {
			c.Disconnect("link_disabled")
		}
	}
}

// SetInteractivity switches Interactivity in the app's settings: while it is
// off, the app gets no clicks, and a user who clicks sees an error. The app
// is not notified.
func (s *Server) SetInteractivity(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.noClicks = !on
}

// SetCopies makes every envelope go out n times, each time to any one
// connection, as Slack's redelivery does now and then.
func (s *Server) SetCopies(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link.copies = n
}

// Sockets returns the connections that Slack believes to be there, oldest
// first.
func (s *Server) Sockets() []*Socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.link.sockets)
}

// SocketsOpened returns how many connections there were since New.
func (s *Server) SocketsOpened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link.opened
}

// AwaitSockets waits until n connections take events, and returns whether
// that came before ctx ended.
func (s *Server) AwaitSockets(ctx context.Context, n int) bool {
	for {
		s.mu.Lock()
		have, changed := len(s.link.ready()), s.link.changed
		s.mu.Unlock()
		if have == n {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// ready returns the connections that take events.
func (l *link) ready() []*Socket {
	var ready []*Socket
	for _, c := range l.sockets {
		if c.greeted && !c.draining {
			ready = append(ready, c)
		}
	}
	return ready
}

// moved wakes AwaitSockets: connections were opened or closed.
func (l *link) moved() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// authorizeApp checks a call that wants the app-level token.
func (s *Server) authorizeApp(req request) error {
	switch {
	case !req.post:
		return refuse("insecure_request")
	case req.token == "" || !req.inHeader:
		return refuse("not_authed")
	case req.token == s.auth.token:
		return refuse("not_allowed_token_type")
	case req.token != s.link.token:
		return refuse("invalid_auth")
	case s.link.refusal != "":
		return refuse(s.link.refusal)
	}
	return nil
}

// openConnection is apps.connections.open.
func (s *Server) openConnection(req request) (body, error) {
	if s.link.off {
		return nil, refuse("link_disabled")
	}
	s.link.ids++
	ticket := fmt.Sprintf("ticket-%d-%016x", s.link.ids, rand.Uint64())
	s.link.tickets[ticket] = s.opt.Clock()
	query := url.Values{"ticket": {ticket}, "app_id": {s.opt.AppID}}
	return body{"url": req.address + linkPath + "?" + query.Encode()}, nil
}

// redeem uses up a ticket.
func (s *Server) redeem(ticket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	given, ok := s.link.tickets[ticket]
	delete(s.link.tickets, ticket)
	return ok && s.opt.Clock().Sub(given) <= ticketLife
}

// serveSocket is one connection from its handshake to its end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !s.redeem(r.URL.Query().Get("ticket")) {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	c := &Socket{s: s, done: make(chan struct{})}
	h := &hijacked{ResponseWriter: w}
	var err error
	c.ws, err = websocket.Accept(h, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // clients name any origin or none
		OnPingReceived:     func(context.Context, []byte) bool { return !c.isDead() },
	})
	if err != nil {
		return // Accept has answered
	}
	c.raw = h.conn
	c.ws.SetReadLimit(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-s.stop:
			c.cut()
		case <-ctx.Done():
		}
	})
	if c.join(ctx) {
		wg.Go(func() { c.ping(ctx) })
	}
	c.read(ctx)
	c.leave()
	cancel()
	c.cut()
	close(c.done)
	wg.Wait()
}

// join greets a new connection, or sends it away.
func (c *Socket) join(ctx context.Context) bool {
	s := c.s
	s.mu.Lock()
	s.link.opened++
	c.ID = s.link.opened
	refusal := ""
	switch {
	case s.link.off:
		refusal = "link_disabled"
	case len(s.link.sockets) >= s.opt.MaxSockets:
		refusal = "too_many_websockets"
	default:
		s.link.sockets = append(s.link.sockets, c)
		s.link.moved()
	}
	n := len(s.link.sockets)
	s.mu.Unlock()
	if refusal != "" {
		c.sendAway(refusal)
		return false
	}
	if s.opt.NoHello {
		return true
	}
	c.write(ctx, body{
		"type": "hello", "num_connections": n,
		"debug_info":      body{"host": "applink-test", "started": "2026-01-01 00:00:00.000", "build_number": 1, "approximate_connection_time": 18060},
		"connection_info": body{"app_id": s.opt.AppID},
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	c.greeted = true
	s.link.moved()
	return true
}

// leave takes a connection out of those that there are.
func (c *Socket) leave() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.link.sockets, c); i >= 0 {
		s.link.sockets = slices.Delete(s.link.sockets, i, i+1)
		s.link.moved()
	}
}

// ping keeps a connection alive, or detects that the client is gone.
func (c *Socket) ping(ctx context.Context) {
	t := time.NewTicker(c.s.opt.SocketPing)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if c.isDead() {
			// Both sides find out for themselves.
			c.s.wait(ctx, pongWithin)
			c.leave()
			return
		}
		waiting, cancel := context.WithTimeout(ctx, pongWithin)
		err := c.ws.Ping(waiting)
		cancel()
		if err != nil {
			if !c.isDead() {
				c.cut()
			}
			c.leave()
			return
		}
	}
}

// read takes what the client sends until the connection ends.
func (c *Socket) read(ctx context.Context) {
	for {
		_, text, err := c.ws.Read(ctx)
		if err != nil {
			return
		}
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if c.isDead() || len(text) >= maxAckBytes || json.Unmarshal(text, &ack) != nil {
			continue
		}
		c.s.acknowledge(c, ack.EnvelopeID, ack.Payload)
	}
}
