package socketmode

import (
	"context"
	"encoding/json"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/slack"
)

// receive handles one message. A connection's reader calls it, so it waits for
// nothing but the writing of the acknowledgement.
func (s *session) receive(c *connection, text []byte) error {
	f, err := parseFrame(text)
	if err != nil {
		s.unreadable(err)
		return errUnreadable
	}
	switch f.Type {
	case "hello":
		c.hello.Do(func() {
			s.connectionReady(f.appID)
			close(c.ready)
		})
		return nil
	case "disconnect":
		return s.disconnected(c, f.reason)
	}
	if f.ID == "" {
		if s.firstTime("type " + f.Type) {
			s.client.log.Warn("Socket Mode sent a message of an unknown type", logkey.Type, slack.Printable(f.Type))
		}
		s.client.update(func(st *State) { st.Unknown++ })
		return nil
	}
	s.accept(c, f.Envelope)
	return nil
}

// disconnected handles Slack's announcement that the connection will end. An
// error ends it now.
func (s *session) disconnected(c *connection, reason string) error {
	switch reason {
	case disconnectDisabled:
		return &fault.Error{Op: "keep Socket Mode connection", Reason: disconnectDisabled, Class: fault.Fatal, Hint: slack.HintSocketMode}
	case disconnectTooMany:
		return lost(disconnectTooMany, "this app has its ten connections already: run fewer replicas, or stop other programs that use the same app-level token", nil)
	}
	// "warning", "refresh_requested", or a reason to come: another connection is
	// needed, and this one is read for as long as it lasts.
	c.renewal.Do(func() {
		s.client.log.Debug("Slack asks for a new Socket Mode connection", logkey.Reason, slack.Printable(reason))
		close(c.renew)
	})
	return nil
}

func (s *session) unreadable(err error) {
	s.client.update(func(st *State) { st.Unreadable++ })
	if s.firstTime("unreadable") {
		s.client.log.Warn("Socket Mode sent a message that can't be read", logkey.Error, err)
	}
}

// accept acknowledges an envelope and hands it to its handler.
func (s *session) accept(c *connection, e Envelope) {
	if s.accepting.Err() != nil {
		return // Slack delivers it to another replica, or tells the person
	}
	isNew, known, response := s.dedup.add(e.ID, c)
	switch {
	case !isNew:
		s.client.update(func(st *State) { st.Duplicates++ })
		if known {
			s.acknowledge(c, e.ID, response)
		}
		return
	case e.Type != "interactive" && e.Type != "events_api" && e.Type != "slash_commands":
		s.client.update(func(st *State) { st.Unknown++ })
		if s.firstTime("type " + e.Type) {
			s.client.log.Warn("Socket Mode sent a message of an unknown type", logkey.Type, slack.Printable(e.Type))
		}
		s.answer(e, nil)
		return
	case e.needsResponse():
		if !s.pool.respond(
			func(ctx context.Context) { s.answer(e, s.handle(ctx, e)) },
			func() { s.late(e) },
		) {
			s.overflow(e)
			return
		}
	case !s.pool.enqueue(func(ctx context.Context) { s.handle(ctx, e) }):
		s.overflow(e)
		return
	default:
		s.answer(e, nil)
	}
	s.client.update(func(st *State) { st.Envelopes++; st.LastEnvelope = time.Now() })
	s.overflowEnded()
}

// answer acknowledges on every connection that waits for it, and reports whether
// there was one.
func (s *session) answer(e Envelope, response json.RawMessage) bool {
	waiting := s.dedup.answer(e.ID, response)
	for _, c := range waiting {
		s.acknowledge(c, e.ID, response)
	}
	return len(waiting) > 0
}

func (s *session) late(e Envelope) {
	if s.answer(e, nil) {
		s.client.update(func(st *State) { st.Late++ })
		s.client.log.Warn("interaction took longer than Slack waits, modal closed", logkey.Kind, slack.Printable(e.Kind))
	}
}

func (s *session) acknowledge(c *connection, id string, response json.RawMessage) {
	text, fits := acknowledgement(id, response)
	if !fits {
		s.client.log.Error("response to Slack left out: too long or not JSON", logkey.Count, len(response))
	}
	if text != nil {
		c.write(s.reading, text)
	}
}

// overflow leaves an envelope unacknowledged: Slack tells the person that the
// app did not respond, and may deliver the envelope again.
func (s *session) overflow(e Envelope) {
	s.dedup.forget(e.ID)
	s.client.update(func(st *State) { st.Overflows++ })
	if s.problems.Changed(overflowProblem, "overflow") {
		s.client.log.Warn("too many interactions at once; some are left unanswered")
	}
}

// overflowEnded logs that there is room again.
func (s *session) overflowEnded() {
	if s.pool.empty() {
		s.problems.Recovered(overflowProblem, "all interactions are answered again")
	}
}
