package teleporttest_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// BenchmarkList50000 walks all pages of 50,000 requests through the client: the
// double must not be what a benchmark of its user measures.
func BenchmarkList50000(b *testing.B) {
	s, err := teleporttest.New(teleporttest.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	for range 50_000 {
		if _, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}, Reason: "because"}); err != nil {
			b.Fatal(err)
		}
	}
	perCreate := float64(time.Since(begin).Microseconds()) / 50_000
	path := filepath.Join(b.TempDir(), "identity")
	if err := s.WriteIdentity(path, teleporttest.Identity{}); err != nil {
		b.Fatal(err)
	}
	c, err := client.New(b.Context(), client.Config{Addrs: []string{s.Addr()}, Credentials: []client.Credentials{client.LoadIdentityFile(path)}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		all, err := c.GetAccessRequests(b.Context(), types.AccessRequestFilter{})
		if err != nil || len(all) != 50_000 {
			b.Fatal(len(all), err)
		}
	}
	b.ReportMetric(perCreate, "µs/create")
}
