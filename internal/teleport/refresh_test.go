package teleport

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

const quick = 5 * time.Millisecond

// refreshing serves a client that reads its identity file all the time.
func refreshing(t *testing.T, s *teleporttest.Server, path string) (*Client, *journal, *seen) {
	t.Helper()
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: path, RefreshIdentity: true, RefreshInterval: quick})
	got := &seen{}
	serve(t, c, got.handler())
	eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })
	return c, j, got
}

func encode(t *testing.T, s *teleporttest.Server) []byte {
	t.Helper()
	content, err := s.EncodeIdentity(teleporttest.Identity{TTL: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// However the file is replaced, the new certificate is used, no call fails and
// no event is missed.
func TestRenewedIdentityIsTakenOver(t *testing.T) {
	write := func(t *testing.T, path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name    string
		place   func(t *testing.T, path string, content []byte)
		replace func(t *testing.T, path string, content []byte)
	}{
		{"written in place", write, write},
		{"renamed over", write, func(t *testing.T, path string, content []byte) {
			write(t, path+".new", content)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}},
		{"symlink switched", func(t *testing.T, path string, content []byte) {
			// As Kubernetes mounts secrets: file → ..data/file, ..data → a directory.
			dir := filepath.Dir(path)
			if err := os.Mkdir(filepath.Join(dir, "..1"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "..1", "identity"), content)
			for _, l := range [][2]string{{"..1", "..data"}, {filepath.Join("..data", "identity"), "identity"}} {
				if err := os.Symlink(l[0], filepath.Join(dir, l[1])); err != nil {
					t.Fatal(err)
				}
			}
		}, func(t *testing.T, path string, content []byte) {
			dir := filepath.Dir(path)
			if err := os.Mkdir(filepath.Join(dir, "..2"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "..2", "identity"), content)
			if err := os.Symlink("..2", filepath.Join(dir, "..tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{})
			path := filepath.Join(t.TempDir(), "identity")
			tc.place(t, path, encode(t, s))
			c, j, got := refreshing(t, s, path)
			before := c.credentials()
			id := createRequest(t, s)

			stop := make(chan struct{})
			var calls sync.WaitGroup
			var failed atomic.Pointer[error]
			var done atomic.Int64
			for range 4 {
				calls.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if _, err := c.Request(t.Context(), id); err != nil {
							failed.Store(&err)
						}
						done.Add(1)
					}
				})
			}
			tc.replace(t, path, encode(t, s))
			eventually(t, "takeover", func() bool { return len(j.lines("using renewed")) == 1 })
			n := done.Load()
			eventually(t, "calls after the takeover", func() bool { return done.Load() > n+20 })
			close(stop)
			calls.Wait()
			if err := failed.Load(); err != nil {
				t.Errorf("a call failed during the takeover: %v", *err)
			}
			if c.connected().creds.hash == before.hash {
				t.Error("the connection still uses the old credentials")
			}
			eventually(t, "resync on the new connection", func() bool { n, r := got.count(); return n == 2 && r == 2 })
			later := createRequest(t, s)
			eventually(t, "event after it", func() bool { return got.knows(later) })
			if l := j.lines("level=WARN"); len(l) != 0 {
				t.Errorf("warnings during a sound renewal: %q", l)
			}
		})
	}
}

// A file that can't be used changes nothing and is told of once; the next good
// one is taken over.
func TestUnusableIdentityKeepsTheOldOne(t *testing.T) {
	s, stranger := startServer(t, teleporttest.Options{}), startServer(t, teleporttest.Options{})
	for _, tc := range []struct {
		name, reason string
		spoil        func(t *testing.T, path string)
	}{
		{"half written", "credentials_unusable", func(t *testing.T, path string) {
			content := encode(t, s)
			if err := os.WriteFile(path, content[:len(content)/2], 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"empty", "credentials_unusable", func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}},
		{"gone", "credentials_missing", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}},
		{"expired", "certificate_expired", func(t *testing.T, path string) {
			if err := s.WriteIdentity(path, teleporttest.Identity{TTL: -time.Hour}); err != nil {
				t.Fatal(err)
			}
		}},
		{"of another cluster", "unknown_authority", func(t *testing.T, path string) {
			if err := stranger.WriteIdentity(path, teleporttest.Identity{}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := writeIdentity(t, s, teleporttest.Identity{})
			c, j, _ := refreshing(t, s, path)
			before, id := c.connected(), createRequest(t, s)
			tc.spoil(t, path)
			eventually(t, "line about it", func() bool { return len(j.lines("keeping the old ones", path, tc.reason)) == 1 })
			if _, err := c.Request(t.Context(), id); err != nil || c.connected() != before {
				t.Errorf("call with the old credentials: %v, connection replaced: %v", err, c.connected() != before)
			}
			if err := os.WriteFile(path+".new", encode(t, s), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
			eventually(t, "takeover", func() bool {
				return len(j.lines("using renewed")) == 1 && len(j.lines("can be used again")) == 1
			})
			if n := len(j.lines("keeping the old ones")); n != 1 {
				t.Errorf("%d lines about one failure", n)
			}
		})
	}
}

// While Teleport is away, a renewed identity is what the next try uses.
func TestRenewedWhileTeleportIsAway(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	path := writeIdentity(t, s, teleporttest.Identity{})
	c, j, got := refreshing(t, s, path)
	c.mu.Lock()
	old := c.creds
	c.mu.Unlock()
	s.Stop()
	eventually(t, "loss", func() bool { return c.connected() == nil })
	if err := os.WriteFile(path, encode(t, s), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "reconnect", func() bool { n, _ := got.count(); return n >= 2 })
	eventually(t, "renewed credentials in use", func() bool {
		conn := c.connected()
		return conn != nil && conn.creds.hash != old.hash
	})
	if l := j.lines("keeping the old ones"); len(l) != 0 {
		t.Errorf("a sound identity was refused: %q", l)
	}
}

// Credentials that end while Teleport is away are told as what they are, and a
// new file is used without a restart even if it was not to be refreshed.
func TestStaticIdentityExpiresAndIsReplaced(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	path := writeIdentity(t, s, teleporttest.Identity{TTL: 2 * time.Second})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: path})
	var got seen
	serve(t, c, got.handler())
	eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })
	eventually(t, "warning at the last quarter", func() bool { return len(j.lines("level=WARN", "expire soon", path)) == 1 })
	eventually(t, "error at the end", func() bool { return len(j.lines("level=ERROR", "have expired", path, "tctl auth sign")) == 1 })
	s.DropConnections()
	eventually(t, "line about the cause", func() bool { return len(j.lines("waiting for it", "certificate_expired", path)) == 1 })
	if err := os.WriteFile(path, encode(t, s), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "resync with the new file", func() bool { _, n := got.count(); return n == 2 })
	if n := len(j.lines("have expired")); n != 1 {
		t.Errorf("%d lines about one expiry", n)
	}
}

// A call that is under way on a replaced connection is not cut.
func TestReplacedConnectionFinishesItsCalls(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	id := createRequest(t, s)
	old := c.connected()
	remove := s.Inject(teleporttest.Fault{Method: "ListAccessRequests", Times: 1, Latency: 300 * time.Millisecond})
	defer remove()
	result := make(chan error, 1)
	go func() { _, err := c.Request(context.Background(), id); result <- err }()
	eventually(t, "call under way", func() bool { old.mu.Lock(); defer old.mu.Unlock(); return old.calls == 1 })
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if old.isClosed() {
		t.Error("the old connection closed under its call")
	}
	if err := <-result; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	eventually(t, "old connection closed after its call", old.isClosed)
}

func TestClosedClient(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Request(t.Context(), "id"); !fault.Is(err, fault.Fatal) {
		t.Errorf("a call after Close: %v", err)
	}
	if _, err := c.Connect(t.Context()); !fault.Is(err, fault.Fatal) {
		t.Errorf("Connect after Close: %v", err)
	}
}
