package teleporttest

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Fault is something that goes wrong with calls.
type Fault struct {
	// Method is the call that it strikes, in full ("/proto.AuthService/Ping")
	// or by its last part ("Ping"); every call if empty.
	Method string
	// Times is how many calls it strikes; zero for all, until it is removed.
	Times int
	// Code and Message are the answer. With codes.OK the call is answered as
	// usual, after the latency.
	Code    codes.Code
	Message string
	// Latency is how long the call waits before anything else happens.
	Latency time.Duration
	// AfterEffect lets the call do its work first, so that only the answer is
	// lost.
	AfterEffect bool
	// Cut closes the caller's connection instead of answering.
	Cut bool
}

func (f *Fault) strikes(method string) bool {
	return f.Method == "" || f.Method == method || f.Method == shortMethod(method)
}

func shortMethod(full string) string {
	return full[strings.LastIndexByte(full, '/')+1:]
}

// Inject makes a fault happen from now on and returns how to take it away
// again. The oldest fault that fits a call is the one that strikes it.
func (s *Server) Inject(f Fault) (remove func()) {
	return s.faults.inject(f)
}

type faults struct {
	mu     sync.Mutex
	active []*activeFault // oldest first
}

type activeFault struct {
	Fault
	left int // if Times is not zero
}

func newFaults() *faults { return &faults{} }

func (f *faults) inject(fault Fault) func() {
	a := &activeFault{Fault: fault, left: fault.Times}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, a)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.removeLocked(a)
	}
}

func (f *faults) removeLocked(a *activeFault) {
	for i, b := range f.active {
		if a == b {
			f.active = append(f.active[:i:i], f.active[i+1:]...)
			return
		}
	}
}

// take returns the fault that strikes this call, if any, and counts it.
func (f *faults) take(method string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.active {
		if !a.strikes(method) {
			continue
		}
		if a.Times != 0 {
			if a.left--; a.left == 0 {
				f.removeLocked(a)
			}
		}
		return a.Fault, true
	}
	return Fault{}, false
}

// strike runs call under the fault that fits it.
func (s *Server) strike(ctx context.Context, method string, call func() error) error {
	s.calls.count(method)
	f, ok := s.faults.take(method)
	if !ok {
		return call()
	}
	if f.Latency > 0 {
		t := time.NewTimer(f.Latency)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-t.C:
		}
	}
	if f.Code == codes.OK && !f.Cut {
		return call()
	}
	if f.AfterEffect {
		if err := call(); err != nil {
			return err // there was no effect, so its own error is as good
		}
	}
	if f.Cut {
		if info, ok := authInfoOf(ctx); ok {
			_ = info.raw.Close() // that is the fault
		}
		return status.Error(codes.Unavailable, "connection cut")
	}
	return status.Error(f.Code, f.Message)
}

func (s *Server) unaryFault(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	err = s.strike(ctx, info.FullMethod, func() error {
		resp, err = handler(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (s *Server) streamFault(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return s.strike(ss.Context(), info.FullMethod, func() error { return handler(srv, ss) })
}

// unaryHeader puts the server's version into the header, as Teleport does. It is
// the outermost, so that it knows the outcome of a call.
func (s *Server) unaryHeader(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := grpc.SetHeader(ctx, s.versionHeader()); err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := handler(ctx, req)
	if s.opts.Observe != nil {
		s.opts.Observe(Call{Method: shortMethod(info.FullMethod), User: callerOf(ctx).user, Request: req, Code: status.Code(err), At: began})
	}
	return resp, err
}

// Call is one unary call that reached the server, for Options.Observe.
type Call struct {
	Method  string     // the last part of its name
	User    string     // who called
	Request any        // the message, not to be changed
	Code    codes.Code // of the answer
	At      time.Time  // when it came
}

func (s *Server) streamHeader(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := ss.SetHeader(s.versionHeader()); err != nil {
		return err
	}
	return handler(srv, ss)
}

func (s *Server) versionHeader() metadata.MD {
	return metadata.Pairs("version", s.version.get())
}

// calls counts the calls by the last part of their method.
type calls struct {
	mu sync.Mutex
	n  map[string]int
}

func newCalls() *calls { return &calls{n: make(map[string]int)} }

func (c *calls) count(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[shortMethod(method)]++
}

// Calls returns how often each method was called since New, by the last part of
// its name, faults included.
func (s *Server) Calls() map[string]int {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return maps.Clone(s.calls.n)
}
