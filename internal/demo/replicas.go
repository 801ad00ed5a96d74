package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/app"
)

// The names of the plugin's processes in the timeline.
const (
	firstReplica  = "plugin"
	secondReplica = "plugin 2"
)

// restartAfter is the pause before a process that ended by itself is started
// again, as systemd and Kubernetes do.
const restartAfter = 2 * time.Second

// replicas are the plugin's simulated processes. Each is a real app.App; only
// the operating system process is shared.
type replicas struct {
	env *environment
	log *slog.Logger // for the terminal, by severity; the journal gets everything

	mu      sync.Mutex
	running map[string]*replica
	all     []*replica // also those that are still shutting down
	wg      sync.WaitGroup
}

// replica is one process.
type replica struct {
	stop   context.CancelFunc
	relays []*relay
}

func (r *replica) cut() {
	for _, l := range r.relays {
		l.cut()
	}
}

func newReplicas(env *environment, log *slog.Logger) *replicas {
	return &replicas{env: env, log: log, running: map[string]*replica{}}
}

// start starts a process unless it is running.
func (r *replicas) start(ctx context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[name] != nil {
		return nil
	}
	p := &replica{}
	c := r.env.config
	slack, err := url.Parse(c.Slack.APIURL)
	if err != nil {
		return fmt.Errorf("read the address of the demo's Slack: %w", err)
	}
	var addrs [2]string
	for i, to := range []string{c.Teleport.Addr, slack.Host} {
		l, err := newRelay(to)
		if err != nil {
			p.cut()
			return err
		}
		p.relays, addrs[i] = append(p.relays, l), l.addr()
	}
	c.Teleport.Addr, slack.Host = addrs[0], addrs[1]
	c.Slack.APIURL = slack.String()
	log := slog.New(logHandler{next: r.log.Handler(), to: r.env.journal, name: name})
	if name != firstReplica {
		log = slog.New(logHandler{next: r.log.With(slog.String("process", name)).Handler(), to: r.env.journal, name: name})
	}
	a, err := app.New(app.Options{Config: c, Log: log})
	if err != nil {
		p.cut()
		return fmt.Errorf("start the plugin: %w", err)
	}
	ctx, p.stop = context.WithCancel(ctx)
	r.running[name] = p
	r.all = append(r.all, p)
	r.wg.Go(func() {
		defer r.forget(p)
		supervise(ctx, a, app.Options{Config: c, Log: log}, func(err error) {
			r.env.journal.add(entry{From: fromDemo, Text: "process ended by itself and is started again", Trouble: true,
				Details: []detail{{"process", name}, {"error", err.Error()}}})
		})
	})
	r.env.journal.add(entry{From: fromDemo, Text: "process starts", Details: []detail{{"process", name}}})
	return nil
}

// supervise runs the plugin until ctx ends, and restarts it if it ends by itself.
func supervise(ctx context.Context, a *app.App, o app.Options, gaveUp func(error)) {
	for {
		err := a.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = fmt.Errorf("without a reason")
		}
		gaveUp(err)
		t := time.NewTimer(restartAfter)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if a, err = app.New(o); err != nil {
			gaveUp(err) // cannot happen: the same options worked before
			return
		}
	}
}

func (r *replicas) forget(p *replica) {
	p.stop()
	p.cut()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(other *replica) bool { return other == p })
}

// end stops a process: it may finish calls in flight, or with kill, its
// connections are cut at once. end does not wait.
func (r *replicas) end(name string, kill bool) {
	r.mu.Lock()
	p := r.running[name]
	delete(r.running, name)
	r.mu.Unlock()
	if p == nil {
		return
	}
	text := "process is asked to end"
	if kill {
		p.cut()
		text = "process is killed"
	}
	p.stop()
	r.env.journal.add(entry{From: fromDemo, Text: text, Trouble: kill, Details: []detail{{"process", name}}})
}

func (r *replicas) runs(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[name] != nil
}

// wait waits until every process has ended; their contexts must be cancelled.
// After shutdownTimeout it cuts the connections of those that are left.
func (r *replicas) wait() {
	ended := make(chan struct{})
	var impatient sync.WaitGroup
	impatient.Go(func() {
		t := time.NewTimer(shutdownTimeout)
		defer t.Stop()
		select {
		case <-ended:
			return
		case <-t.C:
		}
		r.mu.Lock()
		left := slices.Clone(r.all)
		r.mu.Unlock()
		for _, p := range left {
			p.cut()
		}
	})
	r.wg.Wait()
	close(ended)
	impatient.Wait()
}

// relay forwards connections to a server. Each of the plugin's processes has one
// to Teleport and one to Slack. When they are cut, nothing that the process still
// does has an effect, just as if it had been killed.
type relay struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	isCut bool
	wg    sync.WaitGroup
}

func newRelay(to string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the plugin's connections: %w", err)
	}
	r := &relay{l: l, to: to, conns: map[net.Conn]struct{}{}}
	r.wg.Go(r.accept)
	return r, nil
}

func (r *relay) addr() string { return r.l.Addr().String() }

func (r *relay) accept() {
	for {
		c, err := r.l.Accept()
		if err != nil {
			return // the relay was cut
		}
		r.wg.Go(func() { r.pass(c) })
	}
}

// pass forwards one connection until either side closes it. It does not support
// half-closed connections: neither HTTP nor gRPC needs them.
func (r *relay) pass(c net.Conn) {
	if !r.hold(c) {
		return
	}
	defer r.drop(c)
	s, err := net.Dial("tcp", r.to)
	if err != nil || !r.hold(s) {
		return // the plugin sees a server that closed the connection
	}
	defer r.drop(s)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(c, s) // any error ends the connection, which is all there is to do
		r.drop(c)
	})
	_, _ = io.Copy(s, c)
	r.drop(s)
	back.Wait()
}

func (r *relay) hold(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isCut {
		_ = c.Close() // nothing was written
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *relay) drop(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	_ = c.Close() // a second time does nothing
}

// cut closes every connection at once and accepts no more.
func (r *relay) cut() {
	r.mu.Lock()
	r.isCut = true
	for c := range r.conns {
		_ = c.Close() // an error changes nothing
	}
	r.mu.Unlock()
	_ = r.l.Close() // a second time does nothing
	r.wg.Wait()
}
