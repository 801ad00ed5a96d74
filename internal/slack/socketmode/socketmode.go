// Package socketmode receives what people do with our messages: clicks, modals
// and commands, over WebSockets that this program opens to Slack (Socket Mode).
//
// What holds:
//
//   - An envelope is acknowledged within Slack's three seconds, whatever its
//     handler does, and handled once, however often it is delivered. An envelope
//     that can't be taken is not acknowledged, so that Slack tells the person.
//   - Several connections are open at a time. When Slack asks for a new one, the
//     old one is read until it ends, so that no click is lost between them.
//   - A Client reconnects without limit, at a pace that slows down while that
//     fails, and gives up only when a person has to change something.
//   - The app-level token is read anew for each connection. Neither the token nor
//     a connection's ticket is written to a log or an error.
//
// It trusts nothing in a payload and does not look into it: that is the
// handler's work. Calls of the Web API and the meaning of Slack's errors are
// package slack's.
package socketmode

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/slack"
)

// defaultConnections: while one is renewed or found dead, the other receives.
const defaultConnections = 2

// Options are what New needs.
type Options struct {
	AppToken    func() string // the app-level token, asked for each connection
	APIURL      string        // as in slack.Options
	HTTPClient  *http.Client  // as in slack.Options; also for the WebSocket, with its proxy and its authorities
	Log         *slog.Logger  // nil discards
	Connections int           // open at a time; default 2. Slack allows an app ten, of all replicas, refreshes included.
}

// Client receives envelopes. It is safe for concurrent use.
type Client struct {
	opt Options
	log *slog.Logger

	mu    sync.Mutex
	state State
}

// State is the condition of the connections.
// Its fields are counters beside the state itself.
type State struct {
	Wanted       int       // connections to have
	Connected    int       // connections that are open; more than wanted while one is replaced
	AppID        string    // the app that Slack named, A…; empty before the first connection
	Reason       string    // why there is no connection, short and stable; empty while there is one, and before the first try
	LastEnvelope time.Time // zero before the first

	Opened     uint64 // connections
	Lost       uint64 // connections that ended without Slack's having asked for a new one
	Silent     uint64 // of these, the ones that stopped answering pings
	Envelopes  uint64 // accepted
	Duplicates uint64 // delivered again
	Overflows  uint64 // not acknowledged because too many were waiting
	Late       uint64 // acknowledged before the handler had its response
	Unreadable uint64 // messages
	Unknown    uint64 // messages of a type that we don't know
}

// Handler handles an envelope. For a view_submission the context's deadline is
// Slack's, and the response decides what the modal does next (nil closes it);
// if the handler is late the modal closes, and the person has to be told in
// another way. Every other envelope is acknowledged first, the deadline is half
// a minute, and the response is ignored.
type Handler func(ctx context.Context, e Envelope) (response json.RawMessage)

// New returns a Client. It makes no call.
func New(o Options) *Client {
	c := &Client{opt: o, log: o.Log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.opt.Connections <= 0 {
		c.opt.Connections = defaultConnections
	}
	c.state.Wanted = c.opt.Connections
	return c
}

// State returns the condition of the connections.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

func (c *Client) update(f func(*State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.state)
}

// Probe returns nil if Slack would accept a connection. It opens none: Slack
// could send the next click to it, and nobody would handle it.
func (c *Client) Probe(ctx context.Context) error {
	api := c.api()
	defer api.Close()
	_, err := api.OpenConnection(ctx)
	return err
}

// api returns a client for the one method that takes an app-level token.
func (c *Client) api() *slack.Client {
	return slack.New(slack.Options{Token: c.opt.AppToken, APIURL: c.opt.APIURL, HTTPClient: c.opt.HTTPClient, Log: c.log})
}

// Run keeps the connections open and calls handle once for each envelope,
// for several at a time. It returns nil when ctx ends, after what was
// acknowledged has been handled (or a few seconds), and a [fault.Fatal] error
// when Slack refuses the app-level token or Socket Mode is off. It may be
// called again after that, but not while it runs.
//
// The context of handle outlives ctx.
func (c *Client) Run(ctx context.Context, handle Handler) error {
	api := c.api()
	defer api.Close()
	accepting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()
	s := &session{
		client: c, api: api, handle: handle, fatal: stop, accepting: accepting, reading: reading,
		pool: newPool(ctx), dedup: newDedup(), pacer: &pacer{}, problems: logonce.New(c.log), logged: map[string]bool{},
	}
	var keepers sync.WaitGroup
	for range c.opt.Connections {
		keepers.Go(s.keepConnected)
	}
	<-accepting.Done()
	keepers.Wait()
	// From here on only the responses under way are sent.
	s.pool.awaitResponders()
	stopReading()
	s.connections.Wait()
	s.pool.drain()
	if ctx.Err() != nil {
		return nil
	}
	err := context.Cause(accepting)
	c.update(func(st *State) { st.Reason = reasonOf(err) })
	return err
}
