package teleport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// eventually waits until ok returns true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// journal is a log that tests can read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// lines returns the lines that contain all of the words.
func (j *journal) lines(words ...string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for line := range strings.Lines(j.buf.String()) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

func startServer(t *testing.T, o teleporttest.Options) *teleporttest.Server {
	t.Helper()
	s, err := teleporttest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func writeIdentity(t *testing.T, s *teleporttest.Server, id teleporttest.Identity) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identity")
	if err := s.WriteIdentity(path, id); err != nil {
		t.Fatal(err)
	}
	return path
}

// newClient returns a client with short waits.
func newClient(t *testing.T, o Options) (*Client, *journal) {
	t.Helper()
	j := &journal{}
	o.Log = j.logger()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.timings.firstWait, c.timings.maxWait = 5*time.Millisecond, 50*time.Millisecond
	c.timings.firstDial, c.timings.renewDial = 500*time.Millisecond, 500*time.Millisecond
	c.timings.settle = 20 * time.Millisecond
	t.Cleanup(func() { _ = c.Close() })
	t.Cleanup(func() {
		if t.Failed() {
			j.mu.Lock()
			defer j.mu.Unlock()
			t.Log("log:\n" + j.buf.String())
		}
	})
	return c, j
}

// connectedClient returns a client that is connected to s and not served.
func connectedClient(t *testing.T, s *teleporttest.Server) (*Client, *journal) {
	t.Helper()
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, j
}

// seen records the calls of a Handler.
type seen struct {
	mu        sync.Mutex
	changed   map[string]int
	resyncs   int
	connected []access.Cluster
}

func (s *seen) handler() Handler {
	return Handler{
		Connected: func(_ context.Context, c access.Cluster) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.connected = append(s.connected, c)
		},
		Changed: func(id string, _ *access.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.changed == nil {
				s.changed = make(map[string]int)
			}
			s.changed[id]++
		},
		Resync: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.resyncs++
			return nil
		},
	}
}

func (s *seen) count() (connected, resyncs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.connected), s.resyncs
}

func (s *seen) knows(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed[id] > 0
}

// serve runs Serve until the test ends; stop ends it and returns its error.
func serve(t *testing.T, c *Client, h Handler) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Serve(ctx, h) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case err = <-done:
			case <-time.After(patience):
				err = errors.New("Serve did not end")
			}
		})
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil && !errors.Is(err, io.EOF) {
			t.Logf("Serve: %v", err)
		}
	})
	return stop
}

func createRequest(t *testing.T, s *teleporttest.Server) string {
	t.Helper()
	r, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetName()
}
