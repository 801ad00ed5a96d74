package teleporttest_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/types"
	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a running double that ends with the test.
func start(t *testing.T, opts teleporttest.Options) *teleporttest.Server {
	t.Helper()
	s, err := teleporttest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// connect returns a real client with an identity file for id.
func connect(t *testing.T, s *teleporttest.Server, id teleporttest.Identity) *client.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identity")
	if err := s.WriteIdentity(path, id); err != nil {
		t.Fatal(err)
	}
	return connectWith(t, s, client.LoadIdentityFile(path))
}

func connectWith(t *testing.T, s *teleporttest.Server, creds client.Credentials) *client.Client {
	t.Helper()
	c, err := dial(t, s, creds)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dial(t *testing.T, s *teleporttest.Server, creds client.Credentials) (*client.Client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.New(ctx, client.Config{
		Addrs:       []string{s.Addr()},
		Credentials: []client.Credentials{creds},
		DialTimeout: 2 * time.Second,
	})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// create makes a request and returns its ID.
func create(t *testing.T, s *teleporttest.Server, req teleporttest.Request) string {
	t.Helper()
	if req.User == "" {
		req.User = "alice"
	}
	if len(req.Roles) == 0 && len(req.Resources) == 0 {
		req.Roles = []string{"editor"}
	}
	r, err := s.CreateRequest(req)
	if err != nil {
		t.Fatal(err)
	}
	return r.GetName()
}

func TestPing(t *testing.T) {
	s := start(t, teleporttest.Options{ClusterName: "example", ProxyPublicAddr: "proxy.example:443", AdvancedAccessWorkflows: true})
	c := connect(t, s, teleporttest.Identity{})
	pong, err := c.Ping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if pong.ClusterName != "example" || pong.ServerVersion != "18.11.0" || pong.ProxyPublicAddr != "proxy.example:443" ||
		!pong.ServerFeatures.AdvancedAccessWorkflows {
		t.Errorf("got %+v", pong)
	}
}

func TestRequestThroughTheClient(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{User: "alice"})
	in, err := types.NewAccessRequest("mine", "alice", "editor")
	if err != nil {
		t.Fatal(err)
	}
	created, err := c.CreateAccessRequestV2(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if created.GetName() == "mine" || created.GetName() == "" {
		t.Errorf("ID is %q, want one that the server chose", created.GetName())
	}
	all, err := c.GetAccessRequests(t.Context(), types.AccessRequestFilter{ID: created.GetName()})
	if err != nil || len(all) != 1 || all[0].GetState() != types.RequestState_PENDING {
		t.Errorf("got %v, %v", all, err)
	}
}
