package slacktest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is how many bytes are on their way in one direction before a
// write waits. Without a buffer, as in net.Pipe, two sides that write at the
// same time wait for each other, which TCP does not do.
const pipeBuffer = 64 << 10

// pipe returns the two ends of a connection in memory.
func pipe() (client, server net.Conn) {
	a, b := newStream(), newStream()
	return &end{in: a, out: b, read: newDeadline(), write: newDeadline()},
		&end{in: b, out: a, read: newDeadline(), write: newDeadline()}
}

// stream is one direction.
type stream struct {
	mu      sync.Mutex
	bytes   []byte
	ended   bool          // nothing more will be written
	gone    bool          // the reader is closed
	changed chan struct{} // closed when any of that changed
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

func (s *stream) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// end is one end of a connection.
type end struct {
	in, out     *stream
	read, write *deadline
}

// Read implements net.Conn.
func (e *end) Read(p []byte) (int, error) {
	for {
		select {
		case <-e.read.over():
			return 0, os.ErrDeadlineExceeded
		default:
		}
		e.in.mu.Lock()
		switch {
		case e.in.gone:
			e.in.mu.Unlock()
			return 0, io.ErrClosedPipe
		case len(e.in.bytes) > 0 || len(p) == 0:
			e.in.mu.Unlock()
			n := 0
			e.in.change(func() { n = copy(p, e.in.bytes); e.in.bytes = e.in.bytes[n:] })
			return n, nil
		case e.in.ended:
			e.in.mu.Unlock()
			return 0, io.EOF
		}
		changed := e.in.changed
		e.in.mu.Unlock()
		select {
		case <-changed:
		case <-e.read.over():
		}
	}
}

// Write implements net.Conn.
func (e *end) Write(p []byte) (written int, err error) {
	for {
		select {
		case <-e.write.over():
			return written, os.ErrDeadlineExceeded
		default:
		}
		e.out.mu.Lock()
		closed, room, changed := e.out.gone || e.out.ended, pipeBuffer-len(e.out.bytes), e.out.changed
		e.out.mu.Unlock()
		switch {
		case closed:
			return written, io.ErrClosedPipe
		case room > 0:
			n := min(room, len(p)-written)
			e.out.change(func() { e.out.bytes = append(e.out.bytes, p[written:written+n]...) })
			if written += n; written == len(p) {
				return written, nil
			}
			continue
		}
		select {
		case <-changed:
		case <-e.write.over():
		}
	}
}

// Close implements net.Conn.
func (e *end) Close() error {
	e.out.change(func() { e.out.ended = true })
	e.in.change(func() { e.in.gone = true })
	return nil
}

// LocalAddr implements net.Conn.
func (*end) LocalAddr() net.Addr { return memoryAddr{} }

// RemoteAddr implements net.Conn.
func (*end) RemoteAddr() net.Addr { return memoryAddr{} }

// SetDeadline implements net.Conn.
func (e *end) SetDeadline(t time.Time) error {
	e.read.set(t)
	e.write.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (e *end) SetReadDeadline(t time.Time) error { e.read.set(t); return nil }

// SetWriteDeadline implements net.Conn.
func (e *end) SetWriteDeadline(t time.Time) error { e.write.set(t); return nil }

// deadline is a time after which nothing is waited for.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	expired *alarm // goes off when it is over, or there is another one
}

// alarm is a channel that can be closed more than once.
type alarm struct {
	once sync.Once
	c    chan struct{}
}

func newAlarm() *alarm { return &alarm{c: make(chan struct{})} }

func (a *alarm) wake() { a.once.Do(func() { close(a.c) }) }

func newDeadline() *deadline { return &deadline{expired: newAlarm()} }

func (d *deadline) over() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.expired.c
}

// set wakes who waits by the old deadline, who then looks at the new one.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.expired.wake()
	d.expired = newAlarm()
	switch wait := time.Until(t); {
	case t.IsZero():
	case wait > 0:
		d.timer = time.AfterFunc(wait, d.expired.wake)
	default:
		d.expired.wake()
	}
}
