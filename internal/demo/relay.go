package demo

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// relay passes connections on to a server. Each of the plugin's processes has
// its own to Teleport and to Slack: when they are cut, nothing that it still
// does has any effect, which is what a killed process looks like from outside.
type relay struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	isCut bool
	wg    sync.WaitGroup
}

func newRelay(to string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the plugin's connections: %w", err)
	}
	r := &relay{l: l, to: to, conns: map[net.Conn]struct{}{}}
	r.wg.Go(r.accept)
	return r, nil
}

func (r *relay) addr() string { return r.l.Addr().String() }

func (r *relay) accept() {
	for {
		c, err := r.l.Accept()
		if err != nil {
			return // it was cut
		}
		r.wg.Go(func() { r.pass(c) })
	}
}

// pass carries one connection until either side ends it. An end is never half:
// neither HTTP nor gRPC needs one that is.
func (r *relay) pass(c net.Conn) {
	if !r.hold(c) {
		return
	}
	defer r.drop(c)
	s, err := net.Dial("tcp", r.to)
	if err != nil || !r.hold(s) {
		return // to the plugin it is a server that hung up
	}
	defer r.drop(s)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(c, s) // how a connection ends is no news
		r.drop(c)
	})
	_, _ = io.Copy(s, c)
	r.drop(s)
	back.Wait()
}

func (r *relay) hold(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isCut {
		_ = c.Close() // it was not used
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *relay) drop(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	_ = c.Close() // a second time does nothing
}

// cut ends every connection at once and takes no more.
func (r *relay) cut() {
	r.mu.Lock()
	r.isCut = true
	for c := range r.conns {
		_ = c.Close() // that is what cutting is
	}
	r.mu.Unlock()
	_ = r.l.Close() // a second time does nothing
	r.wg.Wait()
}
