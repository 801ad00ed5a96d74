// Package slacktest is a double of Slack's Web API: a workspace in memory
// behind the protocol that Slack speaks, for tests and demonstrations of
// anything that posts to Slack. It is written against the protocol, not
// against a client library, so any client can be pointed at it:
//
//	s := slacktest.New(slacktest.Options{})
//	s.AddUser(slacktest.User{ID: "U0ALICE", Email: "alice@example.com"})
//	s.AddChannel(slacktest.Channel{ID: "C0DEV", Name: "dev", BotIsMember: true})
//	s.Start()
//	defer s.Close()
//	api := slack.New(slacktest.DefaultToken, slack.OptionAPIURL(s.URL()))
//	api.PostMessage("C0DEV", slack.MsgOptionText("hello", false))
//	s.Messages("C0DEV") // what people see now
//
// or from a shell:
//
//	curl -H "Authorization: Bearer xoxb-test" -d channel=C0DEV -d text=hello $URL/chat.postMessage
//
// Invariants:
//   - Arguments are accepted as query, form, multipart or JSON, and the token in
//     the Authorization header or as a parameter, as by each of Slack's methods:
//     methods that read ignore a JSON body, and a token in it.
//   - It refuses what Slack refuses, with Slack's own error: tokens, scopes,
//     membership, lengths, blocks, metadata, rates. Where Slack's documentation is
//     ambiguous, the double is strict.
//   - Timestamps are unique and increase over the whole workspace. Text and
//     blocks are kept as they were sent.
//   - Faults (see [Fault]) occur before or after a call's effect, so that a
//     client's handling of lost answers can be tested.
//   - All methods may be called by many goroutines at once; what they return
//     is a copy.
//
// For [testing/synctest] use [NewListener] with [Server.Serve] instead of
// Start: it needs no network, and the default clock is then the bubble's.
//
// Socket Mode has real WebSockets ([Socket]), and the user actions that reach an
// app through it: [Server.Click], modals
// ([Server.SubmitView]), and payloads that the real Slack would never send.
//
// Another project can copy the folder: apart from the standard library it needs
// github.com/coder/websocket, and only its tests need more.
//
// It has no Events API, no slash commands, no files, no multi-person direct
// messages and one workspace only, with one bot. The response_url of a payload
// leads nowhere. A reply with reply_broadcast shows in its thread only. It
// doesn't render anything.
package slacktest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// DefaultToken is the bot token that is valid unless Options names another.
const DefaultToken = "xoxb-test"

// DefaultAppToken is the app-level token that is valid unless Options names
// another.
const DefaultAppToken = "xapp-test"

// DefaultScopes returns the scopes that a bot has unless Options says
// otherwise: those of Teleport's set-up guide for Slack.
func DefaultScopes() []string {
	return []string{"chat:write", "incoming-webhook", "users:read", "users:read.email"}
}

// DefaultKeepCalls is how many of the last calls are remembered.
const DefaultKeepCalls = 1000

// Options are the properties of the workspace. The zero value is usable.
// Its fields are knobs.
type Options struct {
	Token      string           // the bot token; default DefaultToken
	Scopes     []string         // what the bot token may; nil is DefaultScopes
	BotUserID  string           // the bot's user; default "U0TELEPORT"
	BotID      string           // the bot itself; default "B0TELEPORT"
	BotName    string           // the bot's user name; default "teleport"
	TeamID     string           // default "T0TEST"
	TeamName   string           // default "Test Workspace"
	TeamDomain string           // the workspace's part of its address; default "test"
	AppID      string           // default "A0TELEPORT"
	Clock      func() time.Time // times and rates; default time.Now

	ChannelRate  float64          // posts a second that one conversation takes; 0 is unlimited
	ChannelBurst int              // posts that a conversation takes at once; default 1
	MethodLimits map[string]Limit // calls that each method takes; nil is unlimited; see TierLimits

	AppToken         string        // the app-level token of Socket Mode; default DefaultAppToken
	SocketModeOff    bool          // see SetSocketMode
	InteractivityOff bool          // see SetInteractivity
	MaxSockets       int           // connections at a time; default 10, as Slack's
	NoHello          bool          // connections are accepted, and nothing comes
	SocketPing       time.Duration // between pings; default 10 s
	Redeliveries     int           // how often an envelope without an answer is sent again; default 3, negative never

	Observe    func(Call)    // is called after every call, by many goroutines at once; may be nil
	EditWindow time.Duration // how long after posting a message can be edited; 0 is for ever
	KeepCalls  int           // how many of the last calls Calls returns; default DefaultKeepCalls
}

// Server is a workspace and the server in front of it.
// Its fields are the workspace and the connections to it.
type Server struct {
	opt     Options
	methods map[string]method

	mu    sync.Mutex // guards everything below
	auth  credentials
	world world
	log   callLog
	rates limits
	rules []*rule
	subs  map[*subscription]struct{}
	link  link
	modal modals

	closed   bool
	stop     chan struct{} // closed by Close: waiting calls give up
	servers  map[*http.Server]struct{}
	url      string
	inFlight sync.WaitGroup // handlers and the accept loops that Start began
}

// New returns a workspace that only has the bot, and does not serve yet.
func New(opt Options) *Server {
	or := func(v *string, def string) {
		if *v == "" {
			*v = def
		}
	}
	or(&opt.Token, DefaultToken)
	or(&opt.BotUserID, "U0TELEPORT")
	or(&opt.BotID, "B0TELEPORT")
	or(&opt.BotName, "teleport")
	or(&opt.TeamID, "T0TEST")
	or(&opt.TeamName, "Test Workspace")
	or(&opt.TeamDomain, "test")
	or(&opt.AppID, "A0TELEPORT")
	or(&opt.AppToken, DefaultAppToken)
	if opt.Scopes == nil {
		opt.Scopes = DefaultScopes()
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.KeepCalls == 0 {
		opt.KeepCalls = DefaultKeepCalls
	}
	if opt.MaxSockets == 0 {
		opt.MaxSockets = maxSockets
	}
	if opt.SocketPing == 0 {
		opt.SocketPing = 10 * time.Second
	}
	if opt.Redeliveries == 0 {
		opt.Redeliveries = 3
	}
	s := &Server{
		opt:     opt,
		methods: methods(),
		auth:    credentials{token: opt.Token, scopes: slices.Clone(opt.Scopes)},
		world:   newWorld(),
		log:     callLog{keep: max(0, opt.KeepCalls), counts: map[string]int{}},
		rates:   newLimits(opt),
		subs:    map[*subscription]struct{}{},
		link:    newLink(opt),
		modal:   modals{triggers: map[string]*trigger{}, stacks: map[string][]*view{}},
		stop:    make(chan struct{}),
		servers: map[*http.Server]struct{}{},
	}
	s.AddUser(User{ID: opt.BotUserID, Name: opt.BotName, RealName: opt.BotName, IsBot: true})
	return s
}

// Handler returns the API for a server of the caller's own: Slack's methods
// under /api/ and WebSockets under /link/. The server has to end its own connections; Close ends only
// what is waiting in them.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serveHTTP) }

// Start serves on a free port of 127.0.0.1 until Close. It panics if there is
// none, as a test or a demonstration can't go on without.
func (s *Server) Start() *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("slacktest: listen: %v", err))
	}
	if !s.enter() {
		l.Close()
		panic("slacktest: Start after Close")
	}
	srv := s.newServer(l)
	go func() {
		defer s.inFlight.Done()
		_ = s.run(srv, l) // ends with Close
	}()
	return s
}

// Serve serves on l until Close, or until l fails. It returns nil after Close.
func (s *Server) Serve(l net.Listener) error {
	if !s.enter() {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	defer s.inFlight.Done()
	return s.run(s.newServer(l), l)
}

func (s *Server) newServer(l net.Listener) *http.Server {
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 30 * time.Second}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers[srv] = struct{}{}
	if s.url == "" {
		s.url = "http://" + l.Addr().String() + "/api/"
	}
	return srv
}

func (s *Server) run(srv *http.Server, l net.Listener) error {
	select {
	case <-s.stop: // closed between newServer and here
		l.Close()
		return nil
	default:
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve Slack API: %w", err)
	}
	return nil
}

// URL returns the base address of the methods, with a slash at its end, of
// the first listener that was served; empty before that.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Close breaks all connections, ends all subscriptions and waits for what is
// in flight. The workspace stays readable.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.inFlight.Wait()
		return
	}
	s.closed = true
	close(s.stop)
	servers := s.servers
	for sub := range s.subs {
		sub.end()
	}
	s.subs = map[*subscription]struct{}{}
	s.mu.Unlock()
	for srv := range servers {
		_ = srv.Close() // what it says of its listener changes nothing
	}
	s.inFlight.Wait()
}

// enter registers work that Close waits for; false after Close.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.inFlight.Add(1)
	return true
}
