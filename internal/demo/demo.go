// Package demo shows the plugin at work without Teleport and Slack: it runs
// both doubles and the real plugin between them in one process.
//
// Nothing here is a second implementation of anything. The plugin is app.App
// with a configuration that went through the real loader; what the page and
// the scenario show is what the doubles hold, and what they do is what the
// doubles' own methods do.
//
// Each of the plugin's processes reaches the doubles through relays of its own,
// so that killing one is cutting its connections: whatever it still does has no
// effect, as if it were gone (replicas.go, relay.go). What goes wrong is what the
// doubles can do wrong, by switch (switches.go).
//
// The journal has what happened, in order: what people did, the whole log of the
// plugin, and every call that a double answered. The counts compare what the
// routes say with what the doubles hold, without asking the plugin.
//
// A world is who and what there is. It is the demo's own, or made up from a
// configuration, of which neither tokens nor identity are used (rehearsal.go).
// Stories are acts in a world, each with what Slack has to show after it.
//
// The page (folder page) is plain HTML, CSS and ES modules, embedded, without
// anything from elsewhere. It gets a stream of server-sent events that begins
// with everything there is and continues with every change, and it posts what
// people do. It listens on loopback unless told otherwise, and refuses what
// does not come from itself, so that no other page in the same browser can
// drive it.
//
// It keeps nothing: all is gone when Run returns, the credentials too.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
)

// Options are what the command line says.
type Options struct {
	Addr     string // host:port to listen at
	Fallback bool   // take any free port if Addr is in use
	Scenario string // the story to play instead of serving a page; empty for none
	Config   string // the file whose routes and words to rehearse; empty for the demo's own
	Stdout   io.Writer
	Stderr   io.Writer
}

// Run runs the demo until ctx ends, or until the scenario is over. Messages
// that the scenario finds lost, doubled or out of date are an error.
func Run(ctx context.Context, o Options) (err error) {
	if o.Scenario != "" {
		return playScenario(ctx, o)
	}
	w, err := o.world()
	if err != nil {
		return err
	}
	log, closeLog, err := telemetry.NewLogger(telemetry.LogOptions{Output: "stderr", Severity: slog.LevelInfo, Stderr: o.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()

	l, err := listen(ctx, o)
	if err != nil {
		return err
	}
	s, err := newStage(w, log)
	if err != nil {
		_ = l.Close() // the first error is the one that tells
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	fmt.Fprintf(o.Stdout, "demo is at http://%s/, stop it with Ctrl-C\n", reachable(l.Addr()))
	if !loopback(l.Addr()) {
		fmt.Fprintln(o.Stderr, "warning: everybody who can reach this address can use the demo")
	}
	return serve(ctx, s, l, o.Addr)
}

// world is the one that was asked for.
func (o Options) world() (world, error) {
	if o.Config == "" {
		return ownWorld()
	}
	c, warnings, err := config.Rehearse(o.Config)
	for _, w := range warnings {
		fmt.Fprintf(o.Stderr, "warning: %s\n", w)
	}
	if err != nil {
		return world{}, err
	}
	fmt.Fprintf(o.Stdout, "rehearsing %s; its tokens and its identity are not used, and nothing leaves this machine\n", o.Config)
	return worldOf(c), nil
}

// serve runs the plugin and the page; when one of them ends, the other does.
func serve(ctx context.Context, s *stage, l net.Listener, addr string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.replicas.wait()
	defer cancel()
	if err := s.replicas.start(ctx, firstReplica); err != nil {
		_ = l.Close() // the first error is the one that tells
		return err
	}
	p := newPage(ctx, s, addr, l.Addr())
	var g errgroup.Group
	together := func(f func() error) {
		g.Go(func() error {
			defer cancel()
			return f()
		})
	}
	together(func() error { return p.watch(ctx) })
	together(func() error { return p.serve(ctx, l) })
	together(func() error { return s.counts.run(ctx, s.switches.trouble) })
	return g.Wait()
}

// listen binds the address, or any port of the same host if it is taken and
// nobody insists on it.
func listen(ctx context.Context, o Options) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.Addr)
	if err != nil && o.Fallback {
		host, _, splitErr := net.SplitHostPort(o.Addr)
		if splitErr == nil {
			l, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the demo's page: %w", err)
	}
	return l, nil
}

// reachable returns an address that a browser on this machine can open.
func reachable(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(t.Port))
	}
	return a.String()
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}
