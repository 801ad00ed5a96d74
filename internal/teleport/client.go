package teleport

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/rule"
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

	// Observe is told of each call after it has ended. It is called from many
	// goroutines and must not block. It may be nil.
	Observe func(Call)

	// Dialer replaces the network, for tests; nil for the real one.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
}

// Handler is whom Serve tells what. Nil functions are skipped.
type Handler struct {
	// Connected is told the cluster after each new connection.
	Connected func(ctx context.Context, c access.Cluster)
	// Changed is told the ID of a request that was put or deleted. It must not
	// block: while it does, nothing reads the watch.
	Changed func(id string)
	// Rules is told all access monitoring rules that name us: before anything
	// is looked at after a watch has begun, and again when one changed. It must
	// not block; Resync is due after it. Nil where rules don't matter.
	Rules func(rules []rule.Source)
	// Resync looks at everything: after a watch has begun, so that nothing is
	// missed between it and the events, and every five minutes. It runs beside
	// Changed, never twice at once; an error makes it due again soon.
	Resync func(ctx context.Context) error
}

// defaultRefresh is how often an identity file is looked at.
const defaultRefresh = time.Minute

// Client talks to one Teleport cluster. Its methods can be called from many
// goroutines.
type Client struct {
	files   files
	refresh time.Duration // zero for never
	dialer  dialer
	fast    bool
	log     *slog.Logger
	roles   *cache[[]string]            // role → logins
	emails  *cache[answer]              // username → email
	traits  *cache[map[string][]string] // username → traits
	labels  *cache[map[string]string]   // kind/name of a resource → labels
	rights  *missingRights
	renewed chan struct{} // holds one token when better credentials are there
	timings timings
	seen    func(Call) // never nil

	mu      sync.Mutex
	creds   *credentials
	current *connection              // nil while there is none
	open    map[*connection]struct{} // everything that Close has to close
	closed  bool

	// What Status says, beside the above.
	watching bool
	cluster  access.Cluster
	why      error
}

// timings are the waits of Serve; tests of this package shorten them.
type timings struct {
	firstWait, maxWait time.Duration // between tries to connect and to watch
	healthy            time.Duration // a watch that lasted this long resets the wait
	initEvent          time.Duration // until the first event of a watch
	resync             time.Duration // between two looks at everything
	firstDial          time.Duration // how long the first try to connect takes at most
	rules              waits         // between tries to list rules while requests are looked at
	renewDial          time.Duration // how long one with renewed credentials does
	settle             time.Duration // how long a file may be half-written
}

func defaultTimings() timings {
	return timings{
		firstWait: 250 * time.Millisecond, maxWait: 30 * time.Second, healthy: time.Minute,
		initEvent: 15 * time.Second, resync: 5 * time.Minute, firstDial: firstDialTimeout,
		rules:     waits{first: 5 * time.Second, max: time.Minute},
		renewDial: minConnectTimeout, settle: 200 * time.Millisecond,
	}
}

// New reads the credentials and connects to nothing yet. Missing, unreadable
// and expired credentials are a [fault.Fatal] error that names the file.
func New(o Options) (*Client, error) {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	c := &Client{
		files:   files{identity: o.Identity, key: o.ClientKey, certificate: o.ClientCrt, root: o.RootCAs},
		dialer:  dialer{addr: o.Addr, dial: o.Dialer},
		fast:    o.FailFast,
		log:     log,
		roles:   newCache[[]string](),
		emails:  newCache[answer](),
		traits:  newCache[map[string][]string](),
		labels:  newCache[map[string]string](),
		rights:  newMissingRights(log),
		renewed: make(chan struct{}, 1),
		timings: defaultTimings(),
		open:    make(map[*connection]struct{}),
		seen:    o.Observe,
	}
	if c.seen == nil {
		c.seen = func(Call) {}
	}
	switch {
	case o.Addr == "":
		return nil, fault.New(fault.Fatal, "connect to Teleport", "no address")
	case o.Identity == "" && (o.ClientCrt == "" || o.ClientKey == "" || o.RootCAs == ""):
		return nil, &fault.Error{Op: "connect to Teleport", Reason: "no credentials configured", Class: fault.Fatal,
			Hint: "set identity, or client_key, client_crt and root_cas, in the [teleport] section"}
	}
	if o.RefreshIdentity && o.Identity != "" {
		c.refresh = o.RefreshInterval
		if c.refresh <= 0 {
			c.refresh = defaultRefresh
		}
	}
	creds, err := c.files.load()
	if err != nil {
		return nil, err
	}
	if now := time.Now(); creds.expired(now) {
		return nil, creds.errExpired(now)
	}
	c.creds = creds
	return c, nil
}

// Connect dials and pings, once, and makes the calls use the new connection.
// Its error is [fault.Fatal] where only other credentials, another address or
// other rights help, and [fault.Retry] otherwise.
func (c *Client) Connect(ctx context.Context) (access.Cluster, error) {
	conn, err := c.connect(ctx, maxDialTimeout)
	if err != nil {
		return access.Cluster{}, err
	}
	return conn.cluster, nil
}

func (c *Client) connect(ctx context.Context, timeout time.Duration) (*connection, error) {
	creds := c.credentialsToDial()
	conn, err := c.dialer.connect(ctx, creds, timeout)
	if err != nil {
		return nil, err
	}
	return conn, c.install(conn)
}

// install makes conn the current connection; the one before finishes its calls.
func (c *Client) install(conn *connection) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.retire(0)
		return errClosed()
	}
	for old := range c.open {
		if old.isClosed() {
			delete(c.open, old)
		}
	}
	if c.current != nil {
		c.current.retire(drainTimeout)
	}
	c.current = conn
	c.open[conn] = struct{}{}
	c.creds = conn.creds
	c.cluster = conn.cluster
	return nil
}

// drop ends the use of a connection that turned out to be broken.
func (c *Client) drop(conn *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != conn {
		return // replaced meanwhile: it may still have calls to finish
	}
	c.current = nil
	conn.retire(0)
	delete(c.open, conn)
}

// connected returns the current connection, or nil.
func (c *Client) connected() *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// use returns the current connection for one call, which ends with done.
func (c *Client) use(op string) (_ *connection, done func(), _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, errClosed()
	}
	if c.current == nil {
		return nil, nil, fault.New(fault.Retry, op, "not connected to Teleport")
	}
	c.current.begin()
	return c.current, c.current.end, nil
}

// call runs one unary call on the current connection and classifies its error.
func (c *Client) call(ctx context.Context, op string, eff effect, f func(context.Context, *connection) error) error {
	conn, done, err := c.use(op)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	begin := time.Now()
	err = classify(op, f(ctx, conn), eff)
	c.seen(Call{Took: time.Since(begin), Err: err})
	return err
}

func errClosed() error { return fault.New(fault.Fatal, "use the connection to Teleport", "closed") }

// Close ends all connections; calls that are under way fail. It is to be
// called after Serve has returned.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.current = true, nil
	for conn := range c.open {
		conn.shut()
	}
	clear(c.open)
	return nil
}
