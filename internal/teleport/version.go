package teleport

import (
	"context"
	"fmt"
	"time"

	"github.com/gravitational/teleport/api"
	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/metadata"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// oldestTested is the oldest major version of the Auth Service that this
// program is tested with.
const oldestTested = 13

// newestSupported returns the newest major version of the Auth Service that takes
// this client. A server refuses clients that are older than its previous major
// version, and every call names the version of the api module.
func newestSupported() int {
	n, _ := major(api.Version) // a constant of the api
	return n + 1
}

// tooNew is the reason of an error: the server refuses this client as too old.
const tooNew = "teleport_too_new"

// refusedAsOld returns an error if the server refused our Ping because this client
// is too old for it, and nil otherwise. Such a server closes the connection
// before it answers, which looks like a broken network. It answers clients that
// don't name their version, so that is how its version is asked for; everything
// else names it, so that the refusal stays in force.
func refusedAsOld(ctx context.Context, op string, ping error, clt *client.Client, timeout time.Duration) error {
	switch codeOf(ping) {
	case codes.Unavailable, codes.PermissionDenied, codes.Unknown:
	default:
		return nil // it did answer, or is too slow to
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, metadata.DisableInterceptors{}, struct{}{}), timeout)
	defer cancel()
	pong, err := clt.Ping(ctx)
	if err != nil {
		return nil
	}
	n, ok := major(pong.GetServerVersion())
	if !ok || n <= newestSupported() {
		return nil
	}
	return &fault.Error{Op: op, Reason: tooNew, Class: fault.Fatal, Err: fmt.Errorf("Teleport %d needs a newer teleport-slack", n), //nolint:staticcheck // Teleport is a name
		Hint: fmt.Sprintf("Teleport %s refuses clients as old as this one, which works with Teleport %d to %d: install a newer teleport-slack",
			pong.GetServerVersion(), oldestTested, newestSupported())}
}
