package teleport

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Options say where the cluster is and who we are there.
type Options struct {
	Addr string // host:port of the Auth Service or the Proxy Service

	Identity        string        // path of an identity file; or ClientKey, ClientCrt and RootCAs
	RefreshIdentity bool          // read the identity file again when its content changes
	RefreshInterval time.Duration // how often to look at it; zero for one minute

	ClientKey string // path of a PEM private key
	ClientCrt string // path of a PEM certificate
	RootCAs   string // path of PEM certificate authorities

	FailFast bool         // a lost connection ends Serve with an error
	Log      *slog.Logger // nil for slog.Default

	// Dialer replaces the network, for tests; nil for the real one.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
}

// Handler is whom Serve tells what. Its functions are called one after
// another from one goroutine; nil ones are skipped.
type Handler struct {
	// Connected is told the cluster after each new connection.
	Connected func(ctx context.Context, c access.Cluster)
	// Changed is told the ID of a request that was put or deleted. It must not block.
	Changed func(id string)
	// Resync looks at everything: after a watch has begun, so that nothing is
	// missed between it and the events, and every five minutes. An error makes
	// it due again soon.
	Resync func(ctx context.Context) error
}

// Client talks to one Teleport cluster.
type Client struct{}

// New reads the credentials and connects to nothing yet. Missing, unreadable
// and expired credentials are a [fault.Fatal] error.
func New(o Options) (*Client, error) { panic("soon") }

// Connect dials and pings, once.
func (c *Client) Connect(ctx context.Context) (access.Cluster, error) { panic("soon") }

// Serve keeps the connection and the watch until ctx ends.
func (c *Client) Serve(ctx context.Context, h Handler) error { panic("soon") }

// Close ends the connection.
func (c *Client) Close() error { panic("soon") }
