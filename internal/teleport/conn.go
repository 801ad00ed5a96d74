package teleport

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gravitational/teleport/api/breaker"
	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/client/proto"
	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

const (
	// The published plugin's values.
	maxConnectBackoff = 2 * time.Second
	minConnectTimeout = 10 * time.Second

	// The api's dial ends only with success or its timeout, so it reports a wrong
	// certificate authority only after the timeout. The first tries are short to
	// report it early, later ones give slow networks time.
	firstDialTimeout = 3 * time.Second
	maxDialTimeout   = 30 * time.Second

	// callTimeout bounds each call that its caller doesn't bound more tightly.
	callTimeout = 15 * time.Second

	// drainTimeout is how long calls on a replaced connection may take.
	drainTimeout = 30 * time.Second

	// keepAliveCount unanswered keepalives of a minute each end a connection.
	keepAliveCount = 1
)

// connection is one dialled and pinged connection. Calls hold it while they
// run; once it is retired it closes when the last of them is done.
// Its fields are the services of the server, and which calls it turned out to
// lack.
type connection struct {
	api     *client.Client
	auth    proto.AuthServiceClient
	rules   rulespb.AccessMonitoringRulesServiceClient
	logins  loginpb.UserLoginStateServiceClient
	lists   listspb.AccessListServiceClient
	creds   *credentials
	cluster access.Cluster

	// What this server doesn't implement, learned once per connection.
	noList   atomic.Bool // ListAccessRequests
	noUsers  atomic.Bool // UsersService
	noOwners atomic.Bool // GetAccessListOwners
	noLogins atomic.Bool // UserLoginStateService
	noRules  atomic.Bool // watching access monitoring rules, beside requests

	replaced chan struct{} // closed when another connection is current

	mu      sync.Mutex
	calls   int
	retired bool
	timer   *time.Timer // closes it in any case
	closed  bool
}

func (c *connection) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
}

func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls--
	if c.retired && c.calls == 0 {
		c.closeLocked()
	}
}

// retire closes the connection when its calls are done, or after drain.
func (c *connection) retire(drain time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		return
	}
	c.retired = true
	close(c.replaced)
	if c.calls == 0 || drain <= 0 {
		c.closeLocked()
		return
	}
	c.timer = time.AfterFunc(drain, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closeLocked()
	})
}

// shut closes it at once, also with calls in flight.
func (c *connection) shut() {
	c.retire(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked()
}

func (c *connection) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *connection) closeLocked() {
	if c.closed {
		return
	}
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	_ = c.api.Close() // the socket is gone either way
}

// dialer makes connections.
type dialer struct {
	addr string
	dial func(ctx context.Context, addr string) (net.Conn, error) // nil for the network

	keepAlive time.Duration // between pings on an idle connection; zero for the api's

	webTLS *tls.Config // for a Proxy's web port; nil for the system's authorities, other ones in tests
}

// connect dials and pings once, for at most timeout.
func (d dialer) connect(ctx context.Context, creds *credentials, timeout time.Duration) (*connection, error) {
	op := "connect to Teleport at " + d.addr
	// Network errors of an expired certificate are misleading: check it first.
	if now := time.Now(); creds.expired(now) {
		return nil, creds.errExpired(now)
	}
	config := client.Config{
		Addrs:           []string{d.addr},
		Credentials:     []client.Credentials{creds},
		DialTimeout:     timeout,
		KeepAlivePeriod: d.keepAlive,
		KeepAliveCount:  keepAliveCount,
		DialOpts: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 250 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxConnectBackoff},
			MinConnectTimeout: minConnectTimeout,
		})},
		// The api's circuit breaker would fail calls because others failed; the
		// callers decide about retries.
		CircuitBreakerConfig: breaker.NoopBreakerConfig(),
	}
	if d.dial != nil {
		config.Dialer = client.ContextDialerFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.dial(ctx, d.addr)
		})
	}
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api, err := client.New(dialCtx, config)
	if err != nil {
		if strings.Contains(err.Error(), unknownAuthority) && d.otherCluster(ctx, creds) {
			return nil, errOtherCluster(op, creds)
		}
		return nil, connectError(op, err, creds)
	}
	pingCtx, cancelPing := context.WithTimeout(ctx, timeout)
	defer cancelPing()
	pong, err := api.Ping(pingCtx)
	if err != nil {
		defer func() { _ = api.Close() }()
		if old := refusedAsOld(ctx, op, err, api, min(timeout, firstDialTimeout)); old != nil {
			return nil, old
		}
		return nil, connectError(op, err, creds)
	}
	return &connection{
		api: api, auth: proto.NewAuthServiceClient(api.GetConnection()),
		rules:  rulespb.NewAccessMonitoringRulesServiceClient(api.GetConnection()),
		logins: loginpb.NewUserLoginStateServiceClient(api.GetConnection()),
		lists:  listspb.NewAccessListServiceClient(api.GetConnection()),
		creds:  creds, cluster: clusterOf(&pong), replaced: make(chan struct{}),
	}, nil
}
