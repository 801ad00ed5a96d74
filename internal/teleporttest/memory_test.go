package teleporttest_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/test/bufconn"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// With a listener in memory the server lives in a bubble of its own time: hours
// pass at once, and a request expires when its watcher expects it.
func TestServerInItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := teleporttest.New(teleporttest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		lis := bufconn.Listen(1 << 20)
		if err := s.Serve(lis); err != nil {
			t.Fatal(err)
		}
		content, err := s.EncodeIdentity(teleporttest.Identity{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New(t.Context(), client.Config{
			Credentials: []client.Credentials{client.LoadIdentityFileFromString(string(content))},
			Dialer: client.ContextDialerFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
				return lis.DialContext(ctx)
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		w, err := c.NewWatcher(t.Context(), accessRequests)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if ev := <-w.Events(); ev.Type != types.OpInit {
			t.Fatalf("first event is %v", ev)
		}
		begin := time.Now()
		if _, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}, TTL: 2 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if ev := <-w.Events(); ev.Type != types.OpPut {
			t.Fatalf("second event is %v", ev)
		}
		if ev := <-w.Events(); ev.Type != types.OpDelete {
			t.Fatalf("third event is %v", ev)
		}
		if d := time.Since(begin); d < 2*time.Hour || d > 2*time.Hour+time.Second {
			t.Errorf("expired after %v", d)
		}
	})
}
