// Package app is the composition root: it wires Teleport, Slack and what lies
// between them in one straight function, and serves until it is told to stop.
// It is the only package that knows both adapters. It decides nothing itself.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/review"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

// DrainTimeout is how long work in flight may take to finish after a stop.
const DrainTimeout = 15 * time.Second

// Options are what the program was started with.
type Options struct {
	Config   config.Config
	FailFast bool            // a lost connection to Teleport ends Run with an error
	Reload   <-chan struct{} // asks to read the configuration again; may be nil
	Reviews  review.Observer // counts what becomes of clicks; may be nil
	Log      *slog.Logger

	Supervisor Supervisor // may be nil
}

// Supervisor is who started the program and wants to hear how it is doing.
type Supervisor interface {
	Ready()
	Reloading() (done func())
	Watch(ctx context.Context, well func() error) // until ctx ends
}

// unsupervised is for programs that nobody watches over.
type unsupervised struct{}

func (unsupervised) Ready()                              {}
func (unsupervised) Reloading() func()                   { return func() {} }
func (unsupervised) Watch(context.Context, func() error) {}

// App is the running plugin. New makes one.
type App struct {
	o        Options
	token    atomic.Pointer[config.Secret]
	teleport *teleport.Client
	slack    *slack.Client
	notifier *notify.Notifier
	desk     *desk
}

// New wires the program. It reads credentials and connects to nothing.
func New(o Options) (*App, error) {
	if o.Supervisor == nil {
		o.Supervisor = unsupervised{}
	}
	a := &App{o: o}
	a.token.Store(&o.Config.Slack.Token)

	tp, err := teleport.New(teleport.Options{
		Addr:            o.Config.Teleport.Addr,
		Identity:        o.Config.Teleport.Identity,
		RefreshIdentity: o.Config.Teleport.RefreshIdentity,
		RefreshInterval: o.Config.Teleport.RefreshIdentityInterval,
		ClientKey:       o.Config.Teleport.ClientKey,
		ClientCrt:       o.Config.Teleport.ClientCrt,
		RootCAs:         o.Config.Teleport.RootCAs,
		FailFast:        o.FailFast,
		Log:             o.Log,
	})
	if err != nil {
		return nil, err
	}
	a.teleport = tp
	a.slack = slack.New(slack.Options{
		Token:  func() string { return a.token.Load().Reveal() },
		APIURL: o.Config.Slack.APIURL,
		Log:    o.Log,
	})
	a.notifier = notify.New(notify.Options{
		Requests:  a.teleport,
		Records:   a.teleport,
		Describer: a.teleport,
		Messenger: a.slack,
		Directory: a.slack,
		Inspector: a.teleport,
		Routes:    route.Table(o.Config.Recipients),
		Style:     o.Config.Messages.Style,
		Ends: notify.Ends{
			Notice: o.Config.Messages.AccessEndsNotice,
			Ended:  o.Config.Messages.AccessEndedNotice,
		},
		NoRequester: !o.Config.Messages.Requester,
		Log:         o.Log,
	})
	a.desk = newDesk(a)
	return a, nil
}

// Run serves until ctx ends, then stops taking work, finishes what is in
// flight and closes the connections. Its error is why it could not go on.
func (a *App) Run(ctx context.Context) error {
	defer a.slack.Close()
	defer func() { _ = a.teleport.Close() }() // nothing is in flight any more

	// Intake ends first; the workers outlive it by the drain.
	intake, stop := context.WithCancel(ctx)
	defer stop()
	watching := make(chan struct{})

	var g errgroup.Group
	serve := func(f func() error) {
		g.Go(func() error {
			err := f()
			if err != nil {
				stop() // one part that can't go on ends the others
			}
			return err
		})
	}
	serve(func() error {
		return a.teleport.Serve(intake, teleport.Handler{
			Connected: func(_ context.Context, c access.Cluster) {
				a.desk.connected(c)
				a.notifier.Connected(c)
			},
			Changed: a.notifier.Changed,
			Rules:   a.notifier.SetRules,
			Resync: func(ctx context.Context) error {
				closeOnce(watching)
				return a.notifier.Resync(ctx)
			},
		})
	})
	serve(func() error { return a.notifier.Run(intake, DrainTimeout) })
	serve(func() error { return a.greet(intake, watching) })
	serve(func() error { return a.reload(intake) })
	serve(func() error { a.o.Supervisor.Watch(intake, a.notifier.Stalled); return nil })
	serve(func() error { return a.desk.run(intake) })
	err := g.Wait()

	if left := a.notifier.Left(); left > 0 {
		a.o.Log.Info("stopped with work left; the next start finds it", slog.Int("requests", left))
	}
	return err
}

// closeOnce closes ch unless it is closed. Serve calls Resync from one goroutine.
func closeOnce(ch chan struct{}) {
	select {
	case <-ch:
	default:
		close(ch)
	}
}

// greet makes sure that Slack knows us, and says when everything is ready. A
// token that Slack refuses ends the program; a Slack that does not answer is
// waited for.
func (a *App) greet(ctx context.Context, watching <-chan struct{}) error {
	const longest = 30 * time.Second
	wait := 500 * time.Millisecond
	for said := false; ; {
		w, err := a.slack.Auth(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			a.o.Log.Info("connected to Slack", slog.String("team", w.Team), slog.String("bot", w.BotName))
			a.checkScopes()
			a.desk.greeted(w)
			break
		}
		if fault.Is(err, fault.Fatal) {
			return err
		}
		if !said {
			a.o.Log.Warn("waiting for Slack", slog.String("error", err.Error()))
			said = true
		}
		if !sleep(ctx, max(wait, fault.After(err))) {
			return nil
		}
		wait = min(wait*2, longest)
	}
	select {
	case <-watching:
		a.o.Log.Info("Plugin is ready")
		a.o.Supervisor.Ready()
	case <-ctx.Done():
	}
	return nil
}

// checkScopes says once what the token can't do, and what for it would be good.
func (a *App) checkScopes() {
	var missing []string
	for _, s := range manifest.Scopes() {
		switch {
		case a.slack.HasScope(s.Name):
		case s.Purpose == manifest.Recovering:
			missing = append(missing, s.Name)
		default:
			a.o.Log.Warn("Slack token lacks a scope", slog.String("scope", s.Name), slog.String("hint", "without it "+s.Without))
		}
	}
	if len(missing) > 0 {
		a.o.Log.Info("a post whose answer is lost can't always be recognised and may be doubled", slog.Any("scopes", missing),
			slog.String("hint", "optional: with these scopes the app looks whether it had arrived"))
	}
}

// reload reads the configuration again when asked to. What is broken changes nothing.
func (a *App) reload(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.o.Reload:
		}
		a.reloadOnce(ctx)
	}
}

// reloadOnce reads the configuration and brings into force what may change.
func (a *App) reloadOnce(ctx context.Context) {
	defer a.o.Supervisor.Reloading()()
	c, warnings, err := config.Load(a.o.Config.Path)
	for _, w := range warnings {
		a.o.Log.Warn("configuration", slog.String("what", w.String()))
	}
	if err != nil {
		var problems config.Problems
		if errors.As(err, &problems) {
			for _, p := range problems {
				a.o.Log.Error("configuration is not reloaded", slog.String("error", p.Error()), slog.String("hint", p.Hint()))
			}
		} else {
			a.o.Log.Error("configuration is not reloaded", slog.String("error", err.Error()))
		}
		return
	}
	a.token.Store(&c.Slack.Token)
	a.desk.configure(c.Review)
	a.notifier.SetRoutes(route.Table(c.Recipients))
	a.notifier.Reachable()
	a.o.Log.Info("configuration reloaded: recipients, tokens and reviews are in force, other changes at the next start")
	if err := a.notifier.Resync(ctx); err != nil && ctx.Err() == nil {
		a.o.Log.Warn("requests are looked at again later", slog.String("error", err.Error()))
	}
}

// sleep waits for d, and returns whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

var _ fmt.Stringer = config.Warning{}
