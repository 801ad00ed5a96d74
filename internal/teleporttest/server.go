package teleporttest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	userspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/users/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/gravitational/teleport/api/utils/grpc/interceptors"
)

// defaultSweep is how often the server looks for expired requests by itself.
const defaultSweep = 200 * time.Millisecond

// defaultWatcherBuffer is how many events a watcher may lag behind, in events.
const defaultWatcherBuffer = 1024

// Options are the properties of the server. The zero value is usable.
// Its fields are knobs.
type Options struct {
	// ClusterName is the cluster's name; "teleport.example.com" if empty.
	ClusterName string
	// ServerVersion is what Ping and the response headers say, such as
	// "18.11.0", which is the default, or "13" for "13.0.0". It decides which
	// calls and fields the server knows, and which clients it refuses: see
	// [Versions].
	ServerVersion string
	// AllowOldClients refuses no client, as a server that runs with
	// TELEPORT_UNSTABLE_ALLOW_OLD_CLIENTS=yes.
	AllowOldClients bool
	// ProxyPublicAddr is the proxy's public address as Ping reports it, such as
	// "teleport.example.com:443"; empty where there is no proxy.
	ProxyPublicAddr string
	// AdvancedAccessWorkflows is the feature of that name in Ping.
	AdvancedAccessWorkflows bool

	// Addr is where Start listens; "127.0.0.1:0" if empty.
	Addr string
	// Clock is the time for requests, reviews and expiry; time.Now if nil.
	// Certificates always follow time.Now, because TLS does.
	Clock func() time.Time
	// WatcherBuffer is how many events may wait for a slow watcher; one more
	// closes its stream with "buffer overflow". 1024 if zero.
	WatcherBuffer int
	// Sweep is how often the server looks for expired requests by itself; 200 ms
	// if zero. A test over weeks of fake time wants it rarely.
	Sweep time.Duration
	// PollLag makes events arrive in bursts, up to this long after the change,
	// as from a server that polls its backend. Zero for at once.
	PollLag time.Duration
	// ResourcesForAll lists resources also to calls that set neither
	// UseSearchAsRoles nor UsePreviewAsRoles. Without it they see none, as a
	// plugin's identity whose own roles reach no resource.
	ResourcesForAll bool
	// NoAccessLists leaves the service of access lists out, as the open source
	// edition does.
	NoAccessLists bool
	// NoListOwners leaves out the call for all owners of an access list, as
	// servers before 17 always do.
	NoListOwners bool
	// IgnoreRBAC accepts reviews in anybody's name from any caller.
	IgnoreRBAC bool
	// Observe is called after every unary call, by many
	// goroutines at once; may be nil.
	Observe func(Call)
	// Plugin is the plugin whose data Server.PluginData shows; "slack" if empty.
	Plugin string
}

func (o *Options) setDefaults() error {
	if o.ClusterName == "" {
		o.ClusterName = "teleport.example.com"
	}
	if o.ServerVersion == "" {
		o.ServerVersion = "18.11.0"
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.WatcherBuffer == 0 {
		o.WatcherBuffer = defaultWatcherBuffer
	}
	if o.Sweep == 0 {
		o.Sweep = defaultSweep
	}
	if o.Plugin == "" {
		o.Plugin = "slack"
	}
	if o.WatcherBuffer < 0 || o.PollLag < 0 || o.Sweep < 0 {
		return errors.New("watcher buffer, poll lag and sweep cannot be negative")
	}
	return nil
}

// Server is the double. Create it with New, end it with Close. All methods may
// be called from any goroutine, before Start and after Stop too.
// Its fields are the parts of an Auth server.
type Server struct {
	opts      Options
	authority *authority
	hub       *hub
	requests  *requests
	rules     *rules
	lists     *lists
	directory *directory
	rights    *rights
	faults    *faults
	calls     *calls
	version   *serverVersion

	mu      sync.Mutex
	addr    net.Addr
	running *running // nil while stopped
	closed  bool
}

// running is what lives from Start to Stop.
type running struct {
	grpc   *grpc.Server
	lis    *trackingListener
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New returns a server that is not listening yet.
func New(opts Options) (*Server, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, fmt.Errorf("new teleport double: %w", err)
	}
	version, err := newServerVersion(opts.ServerVersion)
	if err != nil {
		return nil, fmt.Errorf("new teleport double: %w", err)
	}
	authority, err := newAuthority(opts.ClusterName)
	if err != nil {
		return nil, fmt.Errorf("new teleport double: %w", err)
	}
	h := newHub(opts.WatcherBuffer, opts.PollLag)
	dir := newDirectory()
	return &Server{
		opts:      opts,
		authority: authority,
		hub:       h,
		directory: dir,
		requests:  newRequests(opts.Clock, h, dir),
		rules:     newRules(h),
		lists:     newLists(),
		rights:    newRights(),
		faults:    newFaults(),
		calls:     newCalls(),
		version:   version,
	}, nil
}

// Start listens on Options.Addr and serves until Stop or Close.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", s.opts.Addr)
	if err != nil {
		return fmt.Errorf("start teleport double: %w", err)
	}
	return s.Serve(l)
}

// Serve serves on l, which it owns from now on, until Stop or Close. It returns
// at once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.running != nil {
		err := errors.New("serve teleport double: it is closed or already running")
		return errors.Join(err, l.Close())
	}
	creds, err := newTransportCredentials(s.authority)
	if err != nil {
		return errors.Join(fmt.Errorf("serve teleport double: %w", err), l.Close())
	}
	run := &running{
		lis: newTrackingListener(l),
		grpc: grpc.NewServer(
			grpc.Creds(creds),
			// The first one sees the call first and the answer last: faults are
			// gRPC statuses and must not be converted again.
			grpc.ChainUnaryInterceptor(s.unaryHeader, s.unaryVersion, s.unaryFault, interceptors.GRPCServerUnaryErrorInterceptor),
			grpc.ChainStreamInterceptor(s.streamHeader, s.streamVersion, s.streamFault, interceptors.GRPCServerStreamErrorInterceptor),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
			grpc.WaitForHandlers(true),
		),
	}
	proto.RegisterAuthServiceServer(run.grpc, &authService{s: s})
	userspb.RegisterUsersServiceServer(run.grpc, &usersService{s: s})
	rulespb.RegisterAccessMonitoringRulesServiceServer(run.grpc, &rulesService{s: s})
	loginpb.RegisterUserLoginStateServiceServer(run.grpc, &loginStateService{s: s})
	listspb.RegisterAccessListServiceServer(run.grpc, &listsService{s: s})

	ctx, cancel := context.WithCancel(context.Background())
	run.cancel = cancel
	run.wg.Go(func() {
		// Serve returns an error only when the listener fails, which here is
		// the caller's own doing, or ErrServerStopped.
		_ = run.grpc.Serve(run.lis)
	})
	run.wg.Go(func() { s.hub.poll(ctx) })
	run.wg.Go(func() { s.sweepUntil(ctx) })
	s.addr = l.Addr()
	s.running = run
	return nil
}

// Addr returns the address that the server listens on, or last listened on;
// empty before the first Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addr == nil {
		return ""
	}
	return s.addr.String()
}

// Stop ends every connection and watcher and stops listening; the state is
// kept. Stopping a stopped server does nothing.
func (s *Server) Stop() {
	s.mu.Lock()
	run := s.running
	s.running = nil
	s.mu.Unlock()
	if run == nil {
		return
	}
	run.cancel()
	run.grpc.Stop()
	run.lis.drop()
	run.wg.Wait()
	s.hub.reset()
}

// Restart is Stop and then listening on the same TCP address again.
func (s *Server) Restart() error {
	s.Stop()
	s.mu.Lock()
	addr := s.addr
	s.mu.Unlock()
	if addr == nil {
		return errors.New("restart teleport double: it was never started")
	}
	l, err := net.Listen(addr.Network(), addr.String())
	if err != nil {
		return fmt.Errorf("restart teleport double: %w", err)
	}
	return s.Serve(l)
}

// Close stops the server for good and waits for everything that it started.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Stop()
}

// DropConnections cuts every open connection without a word; clients can
// connect again at once.
func (s *Server) DropConnections() {
	s.mu.Lock()
	run := s.running
	s.mu.Unlock()
	if run != nil {
		run.lis.drop()
	}
}

// sweepUntil expires requests as time passes, until ctx ends.
func (s *Server) sweepUntil(ctx context.Context) {
	t := time.NewTicker(s.opts.Sweep)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.requests.sweep()
		}
	}
}
