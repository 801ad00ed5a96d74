package socketmode

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

// session is one Run of a Client.
// Its fields are what all connections share.
type session struct {
	client    *Client
	api       *slack.Client
	handle    Handler
	fatal     context.CancelCauseFunc // ends accepting
	accepting context.Context         // when it ends, no connection is opened and no envelope accepted
	reading   context.Context         // when it ends, the connections end

	pool        *pool
	dedup       *dedup
	pacer       *pacer
	problems    *logonce.Logger
	connections sync.WaitGroup

	mu     sync.Mutex
	opened bool            // at least one connection
	logged map[string]bool // what is logged once in a session
}

// Problems that are logged when they start, change and end.
var (
	connectionProblem = logonce.Key{Kind: "socket_mode_connection"}
	overflowProblem   = logonce.Key{Kind: "socket_mode_overflow"}
)

// lingerFor is how long a connection that was replaced may stay open. Slack
// ends it within seconds; ending it ourselves could lose a click.
const lingerFor = time.Minute

// keepConnected keeps one connection open while the session accepts envelopes.
func (s *session) keepConnected() {
	var old, lingering *connection // being replaced; replaced and not over yet
	defer func() { s.linger(old) }()
	tooMany := 0
	for s.pacer.wait(s.accepting) {
		c, err := s.connect()
		if err == nil {
			if old != nil {
				if lingering != nil {
					lingering.fail(lost("replaced", "", nil)) // one at a time: Slack counts them
				}
				s.linger(old)
				lingering, old = old, nil
			}
			var renew bool
			if renew, err = s.awaitEnd(c, &tooMany); renew {
				old = c
				continue
			}
		}
		if s.accepting.Err() != nil || !s.backoffAfter(c, err, &tooMany) {
			return
		}
	}
}

// awaitEnd waits until the connection ends, or Slack wants a new one.
func (s *session) awaitEnd(c *connection, tooMany *int) (renew bool, err error) {
	stable := time.NewTimer(stableAfter)
	defer stable.Stop()
	for {
		select {
		case <-stable.C:
			s.pacer.succeeded()
			if st := s.client.State(); st.Connected >= st.Wanted {
				s.problems.Recovered(connectionProblem, "connected to Slack's Socket Mode again", logkey.Count, st.Connected)
			}
			*tooMany = 0
		case <-c.renew:
			return true, nil
		case <-c.done:
			return false, c.cause()
		case <-s.accepting.Done():
			return false, nil
		}
	}
}

// backoffAfter waits, or lets the pacer wait, after a connection that failed or
// was lost. It returns false if the session is over.
func (s *session) backoffAfter(c *connection, err error, tooMany *int) bool {
	switch {
	case fault.Is(err, fault.Fatal):
		s.fatal(err)
		return false
	case reasonOf(err) == disconnectTooMany:
		// Only this one waits: the others are good, and may be renewed.
		*tooMany++
		s.failed(err)
		return wait.Sleep(s.accepting, backoff(*tooMany, firstTooMany, maxTooMany))
	case c != nil && time.Since(c.since) >= stableAfter:
		// All programs lose theirs at once when Slack restarts.
		return wait.Sleep(s.accepting, jitter(time.Second))
	}
	s.failed(err)
	s.pacer.failed(err)
	return true
}

// failed logs why a connection failed, unless that is known.
func (s *session) failed(err error) {
	if !errors.Is(err, context.Canceled) {
		s.problems.Problem(slog.LevelWarn, connectionProblem, "Socket Mode connection failed, retrying", err, logkey.Reason, reasonOf(err))
	}
	s.noteReason(err)
}

// connect opens a connection and waits for Slack's hello.
func (s *session) connect() (*connection, error) {
	ws, err := dial(s.accepting, s.api)
	if err != nil {
		return nil, err
	}
	c := newConnection(ws)
	s.connections.Go(func() {
		c.run(s.reading, s.receive)
		s.connectionEnded(c)
	})
	select {
	case <-c.ready:
		return c, nil
	case <-c.done:
		return nil, c.cause()
	case <-s.accepting.Done():
		return nil, lost("canceled", "", nil)
	}
}

// connectionReady notes Slack's hello on a connection.
func (s *session) connectionReady(appID string) {
	n := 0
	s.client.update(func(st *State) {
		if appID != "" {
			st.AppID = appID
		}
		st.Opened++
		st.Connected++
		st.Reason = ""
		n = st.Connected
	})
	s.mu.Lock()
	first := !s.opened
	s.opened = true
	s.mu.Unlock()
	if first && s.problems.Len() == 0 { // after a problem, its end is logged
		s.client.log.Info("connected to Slack's Socket Mode", logkey.Count, n)
	}
}

// connectionEnded notes the end of a connection, wanted or not.
func (s *session) connectionEnded(c *connection) {
	err := c.cause()
	if fault.Is(err, fault.Fatal) {
		s.fatal(err)
	}
	select {
	case <-c.ready:
	default:
		return
	}
	wanted := s.accepting.Err() != nil
	select {
	case <-c.renew:
		wanted = true
	default:
	}
	s.client.update(func(st *State) {
		st.Connected--
		if wanted {
			return
		}
		st.Lost++
		if reasonOf(err) == reasonSilent {
			st.Silent++
		}
	})
	if !wanted {
		s.noteReason(err)
		s.client.log.Debug("Socket Mode connection lost", logkey.Error, err)
	}
}

// noteReason keeps why there is no connection, if there is none.
func (s *session) noteReason(err error) {
	s.client.update(func(st *State) {
		if st.Connected == 0 {
			st.Reason = reasonOf(err)
		}
	})
}

// linger ends a connection that was replaced, if Slack does not do so.
func (s *session) linger(c *connection) {
	if c == nil {
		return
	}
	s.connections.Go(func() {
		t := time.NewTimer(lingerFor)
		defer t.Stop()
		select {
		case <-c.done:
		case <-s.reading.Done():
		case <-t.C:
			c.fail(lost("replaced", "", nil))
		}
	})
}

// firstTime reports whether something has not been logged in this session.
func (s *session) firstTime(what string) bool {
	const most = 64 // a bound on what Slack can make us remember
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logged[what] || len(s.logged) >= most {
		return false
	}
	s.logged[what] = true
	return true
}

func reasonOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Reason
	}
	return "unknown"
}
