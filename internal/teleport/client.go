package teleport

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Options are the arguments of New. Its fields are those of [teleport] in the
// configuration, the log, and what tests replace.
type Options struct {
	Addr string // host:port of the Auth Service or the Proxy Service

	Identity        string        // path of an identity file; or ClientKey, ClientCrt and RootCAs
	RefreshIdentity bool          // read the identity file again when its content changes
	RefreshInterval time.Duration // how often to read it; zero for one minute

	ClientKey string // path of a PEM private key
	ClientCrt string // path of a PEM certificate
	RootCAs   string // path of PEM certificate authorities

	Version string // of this program, for warnings about what it can't read

	FailFast bool         // a lost connection ends Serve with an error
	Log      *slog.Logger // nil for slog.Default

	// Observe is called after each call to Teleport, from many goroutines. It must
	// not block. It may be nil.
	Observe func(Call)

	// Dialer replaces the network, for tests; nil for the real one.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)

	// KeepAlive is the time between pings on an idle connection; zero for the api
	// module's. Tests in virtual time have long ones.
	KeepAlive time.Duration
}

// Handler has the functions that Serve calls. Nil functions are skipped.
type Handler struct {
	// Connected gets the cluster of each new connection.
	Connected func(ctx context.Context, c access.Cluster)
	// Changed gets the ID of a request that was put or deleted, and the request
	// as it was put; nil if it was deleted. It must not block: nothing reads the
	// watch meanwhile.
	Changed func(id string, req *access.Request)
	// Rules gets all access monitoring rules that notify this plugin: when a
	// watch has begun, before any other function, and again when a rule changed.
	// It must not block. Resync follows it. Nil if rules aren't needed.
	Rules func(rules []rule.Source)
	// Resync reconciles everything: after a watch has begun, so that nothing is
	// missed before its first event, and every five minutes. It runs beside
	// Changed, never twice at once; after an error it is called again soon.
	Resync func(ctx context.Context) error
}

// defaultRefresh is how often an identity file is read.
const defaultRefresh = time.Minute

// Client talks to one Teleport cluster. Its methods can be called from many
// goroutines.
// Its fields are what it was made with, the connection, and what it has looked
// up, each with its own lock.
type Client struct {
	listingRecords sync.Mutex // held while all records are read

	files    files
	refresh  time.Duration // zero for never
	dialer   dialer
	failFast bool
	version  string
	log      *slog.Logger
	problems *logonce.Logger
	roles    *cache[[]string]            // role → logins
	emails   *cache[answer]              // username → email
	traits   *cache[map[string][]string] // username → traits
	noTraits *cache[struct{}]            // username → its traits could not be read
	labels   *cache[map[string]string]   // kind/name of a resource → labels
	rights   *missingRights
	renewed  chan struct{} // holds one token after credentials were renewed
	timings  timings
	observe  func(Call) // never nil

	mu      sync.Mutex
	creds   *credentials
	current *connection              // nil while there is none
	open    map[*connection]struct{} // everything that Close has to close
	closed  bool

	// For Status, beside the above.
	watching bool
	cluster  access.Cluster
	watchErr error // why there is no watch
}

// timings are the delays and timeouts of Serve; tests shorten them.
type timings struct {
	firstWait, maxWait time.Duration // between tries to connect and to watch
	healthy            time.Duration // a watch that lasted this long resets the delay
	initEvent          time.Duration // until the first event of a watch
	resync             time.Duration // between two resyncs
	firstDial          time.Duration // how long the first try to connect takes at most
	rules              retryDelay    // between tries to list rules while requests are reconciled
	renewDial          time.Duration // how long one with renewed credentials does
	settle             time.Duration // how long a file may be half-written
}

func defaultTimings() timings {
	return timings{
		firstWait: 250 * time.Millisecond, maxWait: 30 * time.Second, healthy: time.Minute,
		initEvent: 15 * time.Second, resync: 5 * time.Minute, firstDial: firstDialTimeout,
		rules:     retryDelay{first: 5 * time.Second, max: time.Minute},
		renewDial: minConnectTimeout, settle: 200 * time.Millisecond,
	}
}

// New reads the credentials; it doesn't connect. Missing, unreadable and expired
// credentials are a [fault.Fatal] error that names the file.
func New(o Options) (*Client, error) {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	c := &Client{
		files:    files{identity: o.Identity, key: o.ClientKey, certificate: o.ClientCrt, root: o.RootCAs},
		dialer:   dialer{addr: o.Addr, dial: o.Dialer, keepAlive: o.KeepAlive},
		failFast: o.FailFast,
		version:  o.Version,
		log:      log,
		problems: logonce.New(log),
		roles:    newCache[[]string](),
		emails:   newCache[answer](),
		traits:   newCache[map[string][]string](),
		noTraits: newCache[struct{}](),
		labels:   newCache[map[string]string](),
		rights:   newMissingRights(log),
		renewed:  make(chan struct{}, 1),
		timings:  defaultTimings(),
		open:     make(map[*connection]struct{}),
		observe:  o.Observe,
	}
	if c.observe == nil {
		c.observe = func(Call) {}
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

// install makes conn the current connection; the previous one finishes its calls.
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

// drop closes a connection that is broken.
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
	c.observe(Call{Took: time.Since(begin), Err: err})
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
