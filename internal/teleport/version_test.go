package teleport

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

const needsNewer = "Teleport 20 needs a newer teleport-slack"

// isTooNew reports whether err says what a person has to do about a Teleport that is too new.
func isTooNew(err error) bool {
	e, ok := fault.As(err)
	return ok && e.Class == fault.Fatal && e.Reason == tooNew && strings.Contains(e.Error(), needsNewer) &&
		strings.Contains(e.Hint, "13 to 19")
}

// TestEveryVersionThatTakesUs connects to every version of the double.
func TestEveryVersionThatTakesUs(t *testing.T) {
	for _, version := range teleporttest.Versions() {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ServerVersion: version})
			c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
			_, err := c.Connect(t.Context())
			if version == "20" {
				if !isTooNew(err) {
					t.Errorf("Connect: %#v (%v), want it to say that Teleport is too new", err, err)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATooNewTeleportEndsServe is so that a start says what is wrong instead of
// waiting for a network that is fine.
func TestATooNewTeleportEndsServe(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "20"})
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Serve(ctx, Handler{}); !isTooNew(err) {
		t.Errorf("Serve: %v", err)
	}
}

// TestAnUpgradeThatLeavesUsBehind keeps trying, since somebody may downgrade or
// allow old clients, and says once what is wrong.
func TestAnUpgradeThatLeavesUsBehind(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "19"})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	serve(t, c, Handler{})
	eventually(t, "it watches", func() bool { return c.Status().Watching })
	if err := s.SetServerVersion("20"); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it knows what is wrong", func() bool { return isTooNew(c.Status().Err) })
	if n := len(j.lines("level=WARN", "can't reach Teleport, waiting for it", needsNewer)); n != 1 {
		t.Errorf("the log says so %d times, want once", n)
	}
	if err := s.SetServerVersion("19.1.0"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it watches again", func() bool { return c.Status().Watching })
}

func TestATooNewTeleportThatTakesUsAllTheSame(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "20.1.2", AllowOldClients: true})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	serve(t, c, Handler{})
	eventually(t, "it watches", func() bool { return c.Status().Watching })
	if n := len(j.lines("level=WARN", "newer than the newest supported version", "version=20.1.2", "newest_supported=19")); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

// TestOtherErrorsAreNotTakenForAge holds also with a server that is too new.
func TestOtherErrorsAreNotTakenForAge(t *testing.T) {
	for _, f := range []teleporttest.Fault{
		{Method: "Ping", Code: codes.Unavailable},
		{Method: "Ping", Cut: true},
		{Method: "Ping", Code: codes.PermissionDenied},
		{Method: "Ping", Code: codes.Unavailable, Times: 1},
	} {
		s := startServer(t, teleporttest.Options{ServerVersion: "19"})
		s.Inject(f)
		c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
		_, err := c.Connect(t.Context())
		if e, ok := fault.As(err); !ok || e.Reason == tooNew {
			t.Errorf("after %+v: %v", f, err)
		}
	}
}
