package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/app"
)

// The names of the plugin's processes, as the timeline calls them.
const (
	firstReplica  = "plugin"
	secondReplica = "plugin 2"
)

// restartAfter is how long a process that ended by itself stays away; what
// supervises services in earnest waits too.
const restartAfter = 2 * time.Second

// replicas are the plugin's processes. They are the real app.App; only that
// they share one process is make-believe.
type replicas struct {
	stage *stage
	log   *slog.Logger // where people look; the journal gets everything

	mu      sync.Mutex
	running map[string]*replica
	all     []*replica // with those that are on their way out
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

func newReplicas(s *stage, log *slog.Logger) *replicas {
	return &replicas{stage: s, log: log, running: map[string]*replica{}}
}

// start starts a process unless it runs.
func (r *replicas) start(ctx context.Context, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[name] != nil {
		return nil
	}
	p := &replica{}
	c := r.stage.config
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
	log := slog.New(diary{next: r.log.Handler(), to: r.stage.journal, name: name})
	if name != firstReplica {
		log = slog.New(diary{next: r.log.With(slog.String("process", name)).Handler(), to: r.stage.journal, name: name})
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
			r.stage.journal.add(entry{From: fromDemo, Text: "process ended by itself and is started again", Trouble: true,
				Details: []detail{{"process", name}, {"error", err.Error()}}})
		})
	})
	r.stage.journal.add(entry{From: fromDemo, Text: "process starts", Details: []detail{{"process", name}}})
	return nil
}

// supervise runs the plugin until ctx ends, and starts it again when it gives up.
func supervise(ctx context.Context, a *app.App, o app.Options, gaveUp func(error)) {
	for {
		err := a.Run(ctx)
		if ctx.Err() != nil {
			return // it was asked to end
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

// end lets a process finish what is in flight, or with kill, cuts it off in the
// middle of whatever it does. It does not wait for that.
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
	r.stage.journal.add(entry{From: fromDemo, Text: text, Trouble: kill, Details: []detail{{"process", name}}})
}

func (r *replicas) runs(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[name] != nil
}

// wait waits until every process has ended, which their contexts tell them to.
// Who needs longer than exitPatience is cut: nobody needs the demo's messages
// once it is over.
func (r *replicas) wait() {
	ended := make(chan struct{})
	var impatient sync.WaitGroup
	impatient.Go(func() {
		t := time.NewTimer(exitPatience)
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
