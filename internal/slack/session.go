package slack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// session is one Run of a Socket.
type session struct {
	s       *Socket
	api     *Client
	handle  func(context.Context, Envelope) json.RawMessage
	fatal   context.CancelCauseFunc
	intake  context.Context // over: no more connections, and nothing more is taken
	reading context.Context // over: the connections end
	pool    *pool
	seen    *seen
	pace    *pacer
	trouble *socketTrouble
	links   sync.WaitGroup

	mu          sync.Mutex
	told        map[string]bool // what was logged and need not be again
	overflowing bool
}

// lingerFor is how long a connection that was replaced may go on. Slack ends
// it within seconds; ending it ourselves could cost a click.
const lingerFor = time.Minute

// hold keeps one connection for as long as the session lasts.
func (r *session) hold() {
	var old, retired *link // being replaced; replaced and not yet over
	defer func() { r.retire(old) }()
	tooMany := 0
	for r.pace.wait(r.intake) {
		l, err := r.connect()
		if err == nil {
			if old != nil {
				if retired != nil {
					retired.fail(lost("replaced", "", nil)) // one at a time: Slack counts them
				}
				r.retire(old)
				retired, old = old, nil
			}
			var renew bool
			if renew, err = r.outlive(l, &tooMany); renew {
				old = l
				continue
			}
		}
		if r.intake.Err() != nil || !r.setback(l, err, &tooMany) {
			return
		}
	}
}

// outlive waits until the connection is over, or Slack wants a new one.
func (r *session) outlive(l *link, tooMany *int) (renew bool, err error) {
	stable := time.NewTimer(stableAfter)
	defer stable.Stop()
	for {
		select {
		case <-stable.C:
			r.pace.lasted()
			if st := r.s.State(); st.Connected >= st.Wanted {
				r.trouble.over(st.Connected)
			}
			*tooMany = 0
		case <-l.renew:
			return true, nil
		case <-l.done:
			return false, l.cause()
		case <-r.intake.Done():
			return false, nil
		}
	}
}

// setback decides how long to wait after a connection that failed, or was
// lost; false if the session is over.
func (r *session) setback(l *link, err error, tooMany *int) bool {
	switch {
	case fault.Is(err, fault.Fatal):
		r.fatal(err)
		return false
	case reasonOf(err) == disconnectTooMany:
		// Only this one waits: the others are good, and may be renewed.
		*tooMany++
		r.trouble.note(err)
		r.down(err)
		return sleep(r.intake, backoff(*tooMany, firstTooMany, maxTooMany))
	case l != nil && time.Since(l.since) >= stableAfter:
		// All programs lose theirs when Slack restarts.
		return sleep(r.intake, jitter(time.Second))
	}
	r.trouble.note(err)
	r.down(err)
	r.pace.failed(err)
	return true
}

// connect opens a connection and waits until Slack greets.
func (r *session) connect() (*link, error) {
	ws, err := r.s.open(r.intake, r.api)
	if err != nil {
		return nil, err
	}
	l := newLink(ws)
	r.links.Go(func() {
		l.run(r.reading, r.take)
		r.ended(l)
	})
	select {
	case <-l.greeted:
		return l, nil
	case <-l.done:
		return nil, l.cause()
	case <-r.intake.Done():
		return nil, lost("canceled", "", nil)
	}
}

// greeted is Slack's hello on a connection.
func (r *session) greeted(appID string) {
	n := 0
	r.s.count(func(st *SocketState) {
		if appID != "" {
			st.AppID = appID
		}
		st.Opened++
		st.Connected++
		st.Reason = ""
		n = st.Connected
	})
	r.trouble.begun(n)
}

// ended is the end of a connection, wanted or not.
func (r *session) ended(l *link) {
	err := l.cause()
	if fault.Is(err, fault.Fatal) {
		r.fatal(err)
	}
	select {
	case <-l.greeted:
	default:
		return
	}
	wanted := r.intake.Err() != nil
	select {
	case <-l.renew:
		wanted = true
	default:
	}
	r.s.count(func(st *SocketState) {
		st.Connected--
		if wanted {
			return
		}
		st.Lost++
		if reasonOf(err) == "silent" {
			st.Silent++
		}
	})
	if !wanted {
		r.down(err)
		r.s.log.Debug("a Socket Mode connection was lost", logkey.Error, err)
	}
}

// down notes why there is no connection, if there is none.
func (r *session) down(err error) {
	r.s.count(func(st *SocketState) {
		if st.Connected == 0 {
			st.Reason = reasonOf(err)
		}
	})
}

// retire lets a connection that was replaced go on for a while.
func (r *session) retire(l *link) {
	if l == nil {
		return
	}
	r.links.Go(func() {
		t := time.NewTimer(lingerFor)
		defer t.Stop()
		select {
		case <-l.done:
		case <-r.reading.Done():
		case <-t.C:
			l.fail(lost("replaced", "", nil))
		}
	})
}

// once says whether something was not said before in this session.
func (r *session) once(what string) bool {
	const most = 64 // whoever makes up more is not worth the memory
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told[what] || len(r.told) >= most {
		return false
	}
	r.told[what] = true
	return true
}

func reasonOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Reason
	}
	return "unknown"
}

// socketTrouble logs a failure that repeats: when it starts, when it becomes
// another one, and when it ends.
type socketTrouble struct {
	log *slog.Logger

	mu     sync.Mutex
	reason string // of the last failure; empty while all is well
	worked bool   // it did at least once
}

func (t *socketTrouble) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reason := reasonOf(err)
	if reason == t.reason || errors.Is(err, context.Canceled) {
		return
	}
	t.reason = reason
	t.log.Warn("can't hold a Socket Mode connection, trying again", logkey.Reason, reason, logkey.Error, err, logkey.Hint, fault.Hint(err))
}

// begun is the first connection; later ones are news only after trouble.
func (t *socketTrouble) begun(connections int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.worked && t.reason == "" {
		t.log.Info("connected to Slack's Socket Mode", logkey.Count, connections)
	}
	t.worked = true
}

// over is a connection that lasted.
func (t *socketTrouble) over(connections int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reason != "" {
		t.log.Info("connected to Slack's Socket Mode again", logkey.Count, connections)
	}
	t.reason = ""
}
