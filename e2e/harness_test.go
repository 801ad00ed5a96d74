//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/types"
)

// The tests in this file are about the harness: that the servers, the example
// roles and the identities are what the stories take them for. When they
// fail, look here before looking at the plugin.

func TestHarness_IdentityOverAuth(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	identity := c.signIdentity(t, "access-plugin")
	id := c.request(t, "for the harness")
	if diff := cmp.Diff([]string{id}, listRequests(t, c.authAddr, identity)); diff != "" {
		t.Errorf("requests that the plugin's user sees (-want +got):\n%s", diff)
	}
}

func TestHarness_IdentityOverProxy(t *testing.T) {
	c := newClusterWithProxy(t)
	// Read once in a process, at the first connection that needs it, which is
	// why this test isn't parallel.
	t.Setenv("SSL_CERT_FILE", c.webCA)
	identity := c.signIdentity(t, "access-plugin")
	id := c.request(t, "for the harness")
	if diff := cmp.Diff([]string{id}, listRequests(t, c.proxyAddr, identity)); diff != "" {
		t.Errorf("requests that the plugin's user sees (-want +got):\n%s", diff)
	}
}

func TestHarness_BotRenews(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	identity := c.bot(t, time.Minute, 2*time.Second)
	first, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "tbot renews the identity", func() (bool, string) {
		now, err := os.ReadFile(identity)
		return err == nil && len(now) > 0 && !bytes.Equal(now, first), "the same identity"
	})
	id := c.request(t, "for the harness")
	if diff := cmp.Diff([]string{id}, listRequests(t, c.authAddr, identity)); diff != "" {
		t.Errorf("requests that the bot sees (-want +got):\n%s", diff)
	}
}

// listRequests returns the IDs of all requests as seen with an identity.
func listRequests(t testing.TB, addr, identity string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c := dial(ctx, t, addr, identity)
	requests, err := c.GetAccessRequests(ctx, types.AccessRequestFilter{})
	if err != nil {
		t.Fatalf("list requests at %s: %v", addr, err)
	}
	var ids []string
	for _, r := range requests {
		ids = append(ids, r.GetName())
	}
	return ids
}

// dial connects to a Teleport server as the owner of an identity file.
func dial(ctx context.Context, t testing.TB, addr, identity string) *client.Client {
	t.Helper()
	c, err := client.New(ctx, client.Config{
		Addrs:       []string{addr},
		Credentials: []client.Credentials{client.LoadIdentityFile(identity)},
	})
	if err != nil {
		t.Fatalf("connect to %s: %v", addr, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the connection to %s: %v", addr, err)
		}
	})
	return c
}
