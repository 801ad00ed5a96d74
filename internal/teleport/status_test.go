package teleport

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestStatusFollowsTheConnection(t *testing.T) {
	s := startServer(t, teleporttest.Options{ClusterName: "example", ServerVersion: "18.2.0"})
	path := writeIdentity(t, s, teleporttest.Identity{TTL: 12 * time.Hour})
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: path})
	got := c.Status()
	left := time.Until(got.Expires)
	if got.Connected || got.Watching || got.Err != nil || got.Source != path || left < 11*time.Hour || left > 12*time.Hour || got.ExpiresSoon {
		t.Errorf("before Serve: %+v", got)
	}
	serve(t, c, Handler{})
	eventually(t, "it watches", func() bool { return c.Status().Watching })
	if got := c.Status(); !got.Connected || got.Err != nil || got.Cluster != (access.Cluster{Name: "example", Version: "18.2.0"}) {
		t.Errorf("while it watches: %+v", got)
	}
	s.Stop()
	eventually(t, "it has neither connection nor watch", func() bool { st := c.Status(); return !st.Connected && !st.Watching && st.Err != nil })
	if got := c.Status(); got.Cluster.Name != "example" || !fault.Is(got.Err, fault.Retry) {
		t.Errorf("while Teleport is away: %+v", got)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it watches again", func() bool { st := c.Status(); return st.Watching && st.Err == nil })
}

func TestStatusWarnsWhenTheLogDoes(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{TTL: time.Hour})})
	if c.Status().ExpiresSoon {
		t.Error("it warns at the beginning of an hour")
	}
	c.creds.notBefore = c.creds.notBefore.Add(-50 * time.Minute)
	c.creds.notAfter = c.creds.notAfter.Add(-50 * time.Minute)
	if !c.Status().ExpiresSoon {
		t.Error("it does not warn ten minutes before the end of an hour")
	}
}

func TestEachCallIsObserved(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	var mu sync.Mutex
	var got []string
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{}), Observe: func(c Call) {
		mu.Lock()
		defer mu.Unlock()
		reason := "ok"
		if f, ok := fault.As(c.Err); ok {
			reason = f.Reason
		}
		if c.Took <= 0 {
			t.Errorf("a call took %v", c.Took)
		}
		got = append(got, reason)
	}})
	if _, err := c.Email(t.Context(), "nobody"); err == nil {
		t.Error("an email without a connection")
	}
	if len(got) != 0 {
		t.Errorf("calls that were not made: %v", got)
	}
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Requests(t.Context(), func(access.Request) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := c.Email(t.Context(), "nobody"); err == nil {
		t.Error("somebody who isn't there has an email")
	}
	if !slices.Equal(got, []string{"ok", "not_found"}) {
		t.Errorf("calls: %v", got)
	}
}

func TestReasonsAreLabels(t *testing.T) {
	for _, r := range Reasons() {
		if r == "" || strings.ContainsAny(r, " %/") {
			t.Errorf("reason %q", r)
		}
	}
	for _, r := range reasons {
		if !slices.Contains(Reasons(), r) {
			t.Errorf("%s is no reason", r)
		}
	}
}
