// Package demo runs the real plugin between a Teleport double and a Slack
// double, in one process, and shows all three on a web page or in the terminal.
//
// It has no plugin logic of its own. The plugin is app.App with a configuration
// from the real loader; the page and the scenarios show the state of the
// doubles and change it with the doubles' own methods.
//
//   - environment.go: both doubles, and all that is needed to run the plugin
//     between them.
//   - fixtures.go: the people, roles, servers and channels in the doubles: the
//     demo's own, or generated from an operator's configuration. Tokens and the
//     identity of that configuration are not used.
//   - replicas.go: the plugin's processes. Each one reaches the doubles through
//     relays of its own. Killing a process cuts its relays, so that nothing it
//     still does has an effect.
//   - switches.go: the faults that a person can switch on.
//   - journal.go, calls.go: everything that happened, in order: actions on the
//     page, the plugin's log at every level, and each call to a double.
//   - counts.go: compares the messages that the routes call for with the messages
//     in the Slack double, without asking the plugin.
//   - scenario.go: scripted steps, each with what Slack has to show after it.
//   - page.go, actions.go, events.go, guard.go: the web page's server.
//
// The page (folder page) is plain HTML, CSS and ES modules, embedded, and loads
// nothing from elsewhere. It receives server-sent events, first a snapshot and
// then every change, and posts what people do. It listens on loopback unless
// told otherwise, and refuses requests from other pages in the same browser.
//
// Nothing outlives Run: state and credentials are removed when it returns.
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
	Scenario string // the scenario to play instead of serving a page; empty for none
	Config   string // the operator's configuration file to try out; empty for the demo's own
	Stdout   io.Writer
	Stderr   io.Writer
}

// Run runs the demo until ctx ends or the scenario is over. It returns an error
// if the scenario finds a message lost, doubled or out of date.
func Run(ctx context.Context, o Options) (err error) {
	if o.Scenario != "" {
		return playScenario(ctx, o)
	}
	f, err := o.fixtures()
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
	env, err := newEnvironment(f, log)
	if err != nil {
		_ = l.Close() // the first error is the cause
		return err
	}
	defer func() { err = errors.Join(err, env.close()) }()

	fmt.Fprintf(o.Stdout, "demo is at http://%s/, stop it with Ctrl-C\n", browserAddr(l.Addr()))
	if !loopback(l.Addr()) {
		fmt.Fprintln(o.Stderr, "warning: everybody who can reach this address can use the demo")
	}
	return serve(ctx, env, l, o.Addr)
}

// fixtures returns the demo's own, or those for the configuration that was asked for.
func (o Options) fixtures() (fixtures, error) {
	if o.Config == "" {
		return ownFixtures()
	}
	c, warnings, err := config.LoadOffline(o.Config)
	for _, w := range warnings {
		fmt.Fprintf(o.Stderr, "warning: %s\n", w)
	}
	if err != nil {
		return fixtures{}, err
	}
	fmt.Fprintf(o.Stdout, "trying out %s; its tokens and its identity are not used, and nothing leaves this machine\n", o.Config)
	return fixturesFor(c), nil
}

// serve runs the plugin and the page; when one of them ends, the other does.
func serve(ctx context.Context, env *environment, l net.Listener, addr string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer env.replicas.wait()
	defer cancel()
	if err := env.replicas.start(ctx, firstReplica); err != nil {
		_ = l.Close() // the first error is the cause
		return err
	}
	p := newPage(ctx, env, addr, l.Addr())
	var g errgroup.Group
	endsAll := func(f func() error) {
		g.Go(func() error {
			defer cancel()
			return f()
		})
	}
	endsAll(func() error { return p.watch(ctx) })
	endsAll(func() error { return p.serve(ctx, l) })
	endsAll(func() error { return env.counter.run(ctx, env.switches.trouble) })
	return g.Wait()
}

// listen binds the address. If it is in use and o.Fallback is set, listen takes
// any free port of the same host.
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

// browserAddr returns the address to open in a browser on the same machine.
func browserAddr(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(t.Port))
	}
	return a.String()
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}
