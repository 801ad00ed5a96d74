package teleport

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestServeTellsClusterChangesAndResync(t *testing.T) {
	s := startServer(t, teleporttest.Options{
		ClusterName: "example", ServerVersion: "18.2.0",
		ProxyPublicAddr: "proxy.example.com:443", AdvancedAccessWorkflows: true,
	})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	var got seen
	stop := serve(t, c, got.handler())
	eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })

	id := createRequest(t, s)
	eventually(t, "put event", func() bool { return got.knows(id) })
	if err := s.Delete(id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "delete event", func() bool { got.mu.Lock(); defer got.mu.Unlock(); return got.changed[id] == 2 })

	want := []access.Cluster{{Name: "example", Version: "18.2.0", WebURL: "https://proxy.example.com"}}
	if diff := cmp.Diff(want, got.connected); diff != "" {
		t.Errorf("connected (-want +got):\n%s", diff)
	}
	if err := stop(); err != nil {
		t.Errorf("Serve ended with %v, want nil after its context", err)
	}
	if l := j.lines("level=WARN"); len(l) != 0 {
		t.Errorf("warnings where all was well: %q", l)
	}
}

// Whatever ends the watch, it comes back by itself, and a resync after it
// covers the gap.
func TestServeSurvives(t *testing.T) {
	for _, tc := range []struct {
		name  string
		wreck func(t *testing.T, s *teleporttest.Server)
	}{
		{"restart", func(t *testing.T, s *teleporttest.Server) {
			if err := s.Restart(); err != nil {
				t.Fatal(err)
			}
		}},
		{"broken connections", func(_ *testing.T, s *teleporttest.Server) { s.DropConnections() }},
		{"stream reset", func(_ *testing.T, s *teleporttest.Server) { s.CloseWatchers(errors.New("watcher reset")) }},
		{"end of stream", func(_ *testing.T, s *teleporttest.Server) { s.CloseWatchers(nil) }},
		{"first answers lost", func(_ *testing.T, s *teleporttest.Server) {
			s.Inject(teleporttest.Fault{Method: "WatchEvents", Times: 3, Code: codes.Unavailable, Message: "not yet"})
			s.DropConnections()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{})
			c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
			var got seen
			serve(t, c, got.handler())
			eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })
			tc.wreck(t, s)
			eventually(t, "second resync", func() bool { _, n := got.count(); return n >= 2 })
			id := createRequest(t, s)
			eventually(t, "event after it", func() bool { return got.knows(id) })
			if n := len(j.lines("lost the watch")); n == 0 || n > 2 {
				t.Errorf("%d lines about the loss, want one, or two if the cause changed", n)
			}
			if n := len(j.lines("watching access requests again")); n != 1 {
				t.Errorf("%d lines about its end, want 1", n)
			}
			if _, err := c.Request(t.Context(), id); err != nil {
				t.Errorf("a call after it: %v", err)
			}
		})
	}
}

func TestServeWaitsForAServerThatIsAway(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	path := writeIdentity(t, s, teleporttest.Identity{})
	s.Stop()
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: path})
	c.timings.firstDial = 50 * time.Millisecond
	var got seen
	serve(t, c, got.handler())
	eventually(t, "line about waiting", func() bool { return len(j.lines("waiting for it", s.Addr())) == 1 })
	if _, err := c.Request(t.Context(), "some-id"); !fault.Is(err, fault.Retry) {
		t.Errorf("a call while there is no connection: %v, want one to retry", err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "resync", func() bool { _, n := got.count(); return n == 1 })
	if n := len(j.lines("reached Teleport")); n != 1 {
		t.Errorf("%d lines about the end of waiting, want 1", n)
	}
	if n := len(j.lines("waiting for it")); n > 2 {
		t.Errorf("%d lines about waiting, want not one a try", n)
	}
}

// A watcher that is too slow is thrown out by the server; a resync tells what
// it missed.
func TestServeSurvivesOverflow(t *testing.T) {
	s := startServer(t, teleporttest.Options{WatcherBuffer: 4})
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	var got seen
	h := got.handler()
	block, tell := make(chan struct{}), h.Changed
	unblock := sync.OnceFunc(func() { close(block) })
	h.Changed = func(id string, req *access.Request) { <-block; tell(id, req) }
	serve(t, c, h)
	t.Cleanup(unblock)
	eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })
	// Large ones, because the network holds some too before it pushes back.
	for range 32 {
		if _, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}, Reason: strings.Repeat("x", 256<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	unblock()
	eventually(t, "second resync", func() bool { _, n := got.count(); return n >= 2 })
	id := createRequest(t, s)
	eventually(t, "event after it", func() bool { return got.knows(id) })
}

func TestServeFailFast(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	path := writeIdentity(t, s, teleporttest.Identity{})

	t.Run("lost connection", func(t *testing.T) {
		c, _ := newClient(t, Options{Addr: s.Addr(), Identity: path, FailFast: true})
		var got seen
		ended := make(chan error, 1)
		go func() { ended <- c.Serve(t.Context(), got.handler()) }()
		eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })
		s.DropConnections()
		select {
		case err := <-ended:
			if !fault.Is(err, fault.Retry) {
				t.Errorf("ended with %v, want the connection problem", err)
			}
		case <-time.After(patience):
			t.Fatal("Serve goes on")
		}
	})
	t.Run("away at start", func(t *testing.T) {
		s.Stop()
		c, _ := newClient(t, Options{Addr: s.Addr(), Identity: path, FailFast: true})
		c.timings.firstDial = 50 * time.Millisecond
		if err := c.Serve(t.Context(), Handler{}); !fault.Is(err, fault.Retry) {
			t.Errorf("ended with %v, want the connection problem", err)
		}
	})
}

// What only a person can put right ends the start, with what to do.
func TestServeFatalAtStart(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	stranger := startServer(t, teleporttest.Options{})
	for _, tc := range []struct {
		name, identity, reason string
		prepare                func()
	}{
		{name: "other cluster's identity", identity: writeIdentity(t, stranger, teleporttest.Identity{}), reason: "unknown_authority"},
		{name: "ping denied", identity: writeIdentity(t, s, teleporttest.Identity{}), reason: "access_denied", prepare: func() {
			s.Inject(teleporttest.Fault{Method: "Ping", Times: 1, Code: codes.PermissionDenied, Message: "access denied: user is locked"})
		}},
		{name: "watch denied", identity: writeIdentity(t, s, teleporttest.Identity{}), reason: "access_denied", prepare: func() {
			t.Cleanup(s.Deny("access_request", "list"))
			t.Cleanup(s.Deny("access_request", "read"))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.prepare != nil {
				tc.prepare()
			}
			c, _ := newClient(t, Options{Addr: s.Addr(), Identity: tc.identity})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := c.Serve(ctx, Handler{})
			e, ok := fault.As(err)
			if !ok || e.Class != fault.Fatal || e.Reason != tc.reason || e.Hint == "" {
				t.Errorf("ended with %#v (%v), want a fatal %s with a hint", e, err, tc.reason)
			}
		})
	}
}

func TestServeWarnsOfAnOldServer(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "12.4.1"})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	serve(t, c, Handler{})
	eventually(t, "warning", func() bool { return len(j.lines("level=WARN", "older than the oldest tested version", "12.4.1")) == 1 })
}

func TestConnectWithKeyPair(t *testing.T) {
	s := startServer(t, teleporttest.Options{ClusterName: "example"})
	pair, err := s.WriteKeyPair(t.TempDir(), teleporttest.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newClient(t, Options{Addr: s.Addr(), ClientKey: pair.Key, ClientCrt: pair.Cert, RootCAs: pair.CAs})
	got, err := c.Connect(t.Context())
	if err != nil || got.Name != "example" || got.WebURL != "" {
		t.Errorf("Connect = %+v, %v; want cluster example without a Web UI", got, err)
	}
}

func TestResyncAgainAfterAnErrorAndRegularly(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	c.timings.resync = 10 * time.Millisecond
	ran := make(chan int)
	go func() {
		for i := 1; i <= 5; i++ {
			ran <- i
		}
		close(ran)
	}()
	var n int
	serve(t, c, Handler{Resync: func(ctx context.Context) error {
		if i, ok := <-ran; ok {
			n = i
		}
		if n == 2 {
			return fault.New(fault.Retry, "look", "away")
		}
		return nil
	}})
	eventually(t, "five resyncs and a recovery", func() bool {
		return len(j.lines("resync failed, trying again")) == 1 && len(j.lines("resync succeeded again")) == 1
	})
	for range ran { // the test ends when all five were asked for
	}
}

// A server that was upgraded under an open connection is got to know anew.
func TestAnUpgradeIsNoticed(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "18.10.3"})
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	var got seen
	serve(t, c, got.handler())
	eventually(t, "connected", func() bool { n, _ := got.count(); return n == 1 })
	if err := s.SetServerVersion("18.11.0"); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told the new version", func() bool {
		got.mu.Lock()
		defer got.mu.Unlock()
		last := got.connected[len(got.connected)-1]
		return last.Version == "18.11.0" && last.OnBehalf
	})
}
