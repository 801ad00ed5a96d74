package slack

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Socket hears of what people do with our messages, over Socket Mode.
//
// What holds:
//
//   - An envelope is acknowledged within Slack's three seconds, whatever its
//     handler does, and handled once, however often it comes. What can't be
//     taken is not acknowledged, so that Slack tells the person.
//   - Several connections are held at a time. When Slack asks for a new one,
//     the old one is read until it is over, so that no click falls in a gap.
//   - It reconnects for ever, at a pace that grows slower while that fails,
//     and ends by itself only when somebody has to change something.
//   - The app-level token is read anew for each connection, and neither it nor
//     a connection's ticket reaches a log line or an error.
//
// It believes nothing that a payload says; that is its handler's work.
type Socket struct {
	opt SocketOptions
	log *slog.Logger

	mu    sync.Mutex
	state SocketState
}

// SocketOptions are what NewSocket needs.
type SocketOptions struct {
	AppToken    func() string // the app-level token, asked for each connection
	APIURL      string        // as in Options
	HTTPClient  *http.Client  // as in Options; also for the WebSocket, with its proxy and its authorities
	Log         *slog.Logger  // nil discards
	Connections int           // to hold at a time; default 2. Slack allows an app ten, of all replicas, refreshes included.
}

// defaultConnections: while one is renewed or found dead, the other hears.
const defaultConnections = 2

// SocketState is how Socket Mode is doing.
type SocketState struct {
	Wanted       int       // connections to hold
	Connected    int       // connections that are there; more than wanted while one is replaced
	AppID        string    // whom Slack greeted, A…; empty before the first connection
	Reason       string    // why there is no connection, short and stable; empty while there is one, and before the first try
	LastEnvelope time.Time // zero before the first

	Opened     uint64 // connections
	Lost       uint64 // connections that ended without Slack's having asked for a new one
	Silent     uint64 // of these, the ones that the watchdog ended
	Envelopes  uint64 // taken
	Duplicates uint64 // came again
	Overflows  uint64 // not acknowledged, since too much was waiting
	Late       uint64 // acknowledged before the handler had its response
	Unreadable uint64 // messages
	Unknown    uint64 // messages of a type that we don't know
}

// NewSocket returns a Socket. It makes no call.
func NewSocket(o SocketOptions) *Socket {
	s := &Socket{opt: o, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.opt.Connections <= 0 {
		s.opt.Connections = defaultConnections
	}
	s.state.Wanted = s.opt.Connections
	return s
}

// State returns how Socket Mode is doing.
func (s *Socket) State() SocketState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *Socket) count(f func(*SocketState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.state)
}

// Run holds the connections and calls handle for each envelope that is new,
// for several at a time. It returns nil when ctx ends, after what was
// acknowledged has been handled (or a few seconds), and a [fault.Fatal] error
// when Slack does not take the app-level token or Socket Mode is off. It may
// be called again after that, but not while it runs.
//
// The context of handle outlives ctx. For a view_submission its deadline is
// Slack's, and what handle returns decides what the modal does next (nil
// closes it). If handle is late the modal closes, so that it has to tell the
// person in another way. For everything else the envelope is acknowledged
// first, the deadline is half a minute, and what handle returns is not looked
// at.
func (s *Socket) Run(ctx context.Context, handle func(ctx context.Context, e Envelope) (response json.RawMessage)) error {
	api := s.api()
	defer api.Close()
	intake, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	reading, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	r := &session{
		s: s, api: api, handle: handle, fatal: stop, intake: intake, reading: reading,
		pool: newPool(ctx), seen: newSeen(), pace: &pacer{}, trouble: &socketTrouble{log: s.log}, told: map[string]bool{},
	}
	var slots sync.WaitGroup
	for range s.opt.Connections {
		slots.Go(r.hold)
	}
	<-intake.Done()
	slots.Wait()
	// From here on nothing is acknowledged but the responses under way.
	r.pool.idle()
	hangUp()
	r.links.Wait()
	r.pool.drain()
	if ctx.Err() != nil {
		return nil
	}
	err := context.Cause(intake)
	s.count(func(st *SocketState) { st.Reason = reasonOf(err) })
	return err
}
