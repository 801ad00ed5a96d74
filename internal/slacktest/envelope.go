package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// ErrUnanswered is what a person sees as "something went wrong": the app did
// not acknowledge in time.
var ErrUnanswered = errors.New("the app did not answer in time")

// Envelope is what goes to the app over one of its connections.
type Envelope struct {
	ID              string          // given by Deliver if empty
	Type            string          // "interactive", "events_api", "slash_commands" or anything else
	Payload         json.RawMessage // may be nil
	AcceptsResponse bool            // accepts_response_payload
	Once            bool            // never sent again
}

// Delivery is an envelope on its way.
type Delivery struct {
	Envelope

	s    *Server
	done chan struct{} // closed when it was acknowledged, or never will be

	// The server's lock guards these.
	over     bool
	err      error
	response json.RawMessage
	to       []*Socket // whom it was sent to, a connection as often as it got it
	acks     int
	answered chan struct{} // closed with the first acknowledgement
}

// Deliver sends an envelope to any one connection, and again to any one if
// nobody acknowledges it within three seconds. It does not wait.
func (s *Server) Deliver(e Envelope) *Delivery {
	d := &Delivery{Envelope: e, s: s, done: make(chan struct{}), answered: make(chan struct{})}
	s.mu.Lock()
	if d.ID == "" {
		s.link.ids++
		d.ID = fmt.Sprintf("envelope-%d-%08x", s.link.ids, rand.Uint32())
	}
	closed := s.closed
	if !closed {
		s.inFlight.Add(1)
		s.link.underway(d)
	}
	s.mu.Unlock()
	if closed {
		d.end(ErrUnanswered)
		return d
	}
	go func() {
		defer s.inFlight.Done()
		d.end(d.run())
	}()
	return d
}

// Wait waits until the envelope was acknowledged; ErrUnanswered if that will
// not happen any more.
func (d *Delivery) Wait(ctx context.Context) error {
	select {
	case <-d.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	return d.err
}

// Response returns the payload of the first acknowledgement; nil if it had
// none.
func (d *Delivery) Response() json.RawMessage {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	return d.response
}

// Counts returns how often the envelope was sent and how often acknowledged.
func (d *Delivery) Counts() (sent, acked int) {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	return len(d.to), d.acks
}

func (d *Delivery) run() error {
	attempts := 1 + max(0, d.s.opt.Redeliveries)
	if d.Once {
		attempts = 1
	}
	for attempt := range attempts {
		ctx, cancel := context.WithTimeout(context.Background(), ackWithin)
		for range max(1, d.s.copies()) {
			d.send(ctx, attempt)
		}
		select {
		case <-d.answered:
			cancel()
			return nil
		case <-d.s.stop:
			cancel()
			return ErrUnanswered
		case <-ctx.Done():
			cancel()
		}
	}
	return ErrUnanswered
}

func (s *Server) copies() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link.copies
}

// send sends the envelope to one connection, if there is any.
func (d *Delivery) send(ctx context.Context, attempt int) {
	s := d.s
	s.mu.Lock()
	ready := s.link.ready()
	if len(ready) == 0 {
		s.mu.Unlock()
		return
	}
	c := ready[rand.IntN(len(ready))]
	c.sent++
	d.to = append(d.to, c)
	s.mu.Unlock()
	b := body{"envelope_id": d.ID, "type": d.Type, "accepts_response_payload": d.AcceptsResponse}
	if d.Payload != nil {
		b["payload"] = d.Payload
	}
	if attempt > 0 {
		b["retry_attempt"], b["retry_reason"] = attempt, "timeout"
	}
	c.write(ctx, b) // what does not arrive is not acknowledged
}

func (d *Delivery) end(err error) {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.err, d.over = err, true
	close(d.done)
}

// acknowledge takes an acknowledgement. It has to come over a connection that
// the envelope was sent to.
func (s *Server) acknowledge(c *Socket, id string, payload json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.link.deliveries[id]
	if d == nil || !slices.Contains(d.to, c) {
		return
	}
	c.acked++
	if d.acks++; d.acks == 1 && !d.over {
		if d.AcceptsResponse {
			d.response = payload
		}
		close(d.answered)
	}
}

// keepDeliveries is how many of the last envelopes can be acknowledged.
const keepDeliveries = 10_000

// underway remembers a delivery for its acknowledgements, of which a second
// may come long after the first.
func (l *link) underway(d *Delivery) {
	if _, again := l.deliveries[d.ID]; !again {
		l.order = append(l.order, d.ID)
	}
	l.deliveries[d.ID] = d
	if len(l.order) > keepDeliveries {
		delete(l.deliveries, l.order[0])
		l.order = slices.Delete(l.order, 0, 1)
	}
}

// interactive sends what a person did. forge may change any of it.
func (s *Server) interactive(p Payload, once, accepts bool, forge []func(Payload)) *Delivery {
	for _, f := range forge {
		f(p)
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("slacktest: encode payload: %v", err)) // only a forger could put in what has no JSON
	}
	return s.Deliver(Envelope{Type: "interactive", Payload: text, AcceptsResponse: accepts, Once: once})
}

// stampNow returns a timestamp that nothing else has, such as an action_ts.
func (s *Server) stampNow() string {
	s.world.clock = max(s.world.clock+1, s.opt.Clock().UnixMicro())
	return formatTS(s.world.clock)
}
