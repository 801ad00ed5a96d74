package slack

import (
	"context"
	"encoding/json"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// take deals with one message: it is what a link's reader calls, and waits for
// nothing but the acknowledgement's way into the connection.
func (r *session) take(l *link, text []byte) error {
	f, err := parseFrame(text)
	if err != nil {
		r.unreadable(err)
		return errNonsense
	}
	switch f.Type {
	case "hello":
		l.hello.Do(func() {
			r.greeted(f.appID)
			close(l.greeted)
		})
		return nil
	case "disconnect":
		return r.disconnect(l, f.reason)
	}
	if f.ID == "" {
		if r.once("type " + f.Type) {
			r.s.log.Warn("Socket Mode sent a message of an unknown type", logkey.Type, printable(f.Type))
		}
		r.s.count(func(st *SocketState) { st.Unknown++ })
		return nil
	}
	r.envelope(l, f.Envelope)
	return nil
}

// disconnect is Slack's word on the connection: an error ends it.
func (r *session) disconnect(l *link, reason string) error {
	switch reason {
	case disconnectDisabled:
		return &fault.Error{Op: "keep Socket Mode connection", Reason: disconnectDisabled, Class: fault.Fatal, Hint: hintSocketMode}
	case disconnectTooMany:
		return lost(disconnectTooMany, "this app has its ten connections already: run fewer replicas, or stop other programs that use the same app-level token", nil)
	}
	// "warning", "refresh_requested", and whatever comes to be: another
	// connection is needed, and this one is good for as long as it lasts.
	l.asked.Do(func() {
		r.s.log.Debug("Slack asks for a new Socket Mode connection", logkey.Reason, printable(reason))
		close(l.renew)
	})
	return nil
}

func (r *session) unreadable(err error) {
	r.s.count(func(st *SocketState) { st.Unreadable++ })
	if r.once("unreadable") {
		r.s.log.Warn("Socket Mode sent a message that can't be read", logkey.Error, err)
	}
}

// envelope acknowledges and hands over.
func (r *session) envelope(l *link, e Envelope) {
	if r.intake.Err() != nil {
		return // Slack sends it to another replica, or tells the person
	}
	isNew, known, response := r.seen.note(e.ID, l)
	switch {
	case !isNew:
		r.s.count(func(st *SocketState) { st.Duplicates++ })
		if known {
			r.acknowledge(l, e.ID, response)
		}
		return
	case e.Type != "interactive" && e.Type != "events_api" && e.Type != "slash_commands":
		r.s.count(func(st *SocketState) { st.Unknown++ })
		if r.once("type " + e.Type) {
			r.s.log.Warn("Socket Mode sent a message of an unknown type", logkey.Type, printable(e.Type))
		}
		r.answer(e, nil)
		return
	case e.needsResponse():
		if !r.pool.now(
			func(ctx context.Context) { r.answer(e, r.handle(ctx, e)) },
			func() { r.late(e) },
		) {
			r.overflow(e)
			return
		}
	case !r.pool.later(func(ctx context.Context) { r.handle(ctx, e) }):
		r.overflow(e)
		return
	default:
		r.answer(e, nil)
	}
	r.s.count(func(st *SocketState) { st.Envelopes++; st.LastEnvelope = time.Now() })
	r.relief()
}

// answer acknowledges to everybody who waits for it.
func (r *session) answer(e Envelope, response json.RawMessage) bool {
	waiting := r.seen.answer(e.ID, response)
	for _, l := range waiting {
		r.acknowledge(l, e.ID, response)
	}
	return len(waiting) > 0
}

func (r *session) late(e Envelope) {
	if r.answer(e, nil) {
		r.s.count(func(st *SocketState) { st.Late++ })
		r.s.log.Warn("an interaction took longer than Slack waits; its window closed", logkey.Kind, printable(e.Kind))
	}
}

func (r *session) acknowledge(l *link, id string, response json.RawMessage) {
	text, fits := acknowledgement(id, response)
	if !fits {
		r.s.log.Error("a response to Slack is too long or no JSON and was left out", logkey.Count, len(response))
	}
	if text != nil {
		l.write(r.reading, text)
	}
}

// overflow leaves an envelope to Slack: without an acknowledgement, Slack
// tells the person that the app did not respond, and may send it again.
func (r *session) overflow(e Envelope) {
	r.seen.forget(e.ID)
	r.s.count(func(st *SocketState) { st.Overflows++ })
	r.mu.Lock()
	first := !r.overflowing
	r.overflowing = true
	r.mu.Unlock()
	if first {
		r.s.log.Warn("too many interactions at once; some are left unanswered")
	}
}

func (r *session) relief() {
	r.mu.Lock()
	over := r.overflowing && len(r.pool.jobs) == 0
	if over {
		r.overflowing = false
	}
	r.mu.Unlock()
	if over {
		r.s.log.Info("all interactions are answered again")
	}
}
