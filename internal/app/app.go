// Package app is the composition root: it wires Teleport, Slack and what lies
// between them in one straight function, and serves until it is told to stop.
// It is the only package that knows both adapters. It decides nothing itself.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/reminder"
	"github.com/teleport-slack/teleport-slack/internal/review"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
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

	// SetSeverity changes from which level on is logged, when the configuration
	// is read again; nil if that can't be changed.
	SetSeverity func(slog.Level)

	Version, Commit string // of the program, for its metrics
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
	token    *tokenFile
	read     *reading
	teleport *teleport.Client
	slack    *slack.Client
	notifier *notify.Notifier
	reminder *reminder.Reminder
	desk     *desk
	metrics  *telemetry.Metrics
	server   *telemetry.Server // nil without [http] listen_addr
	greeting greeting
}

// New wires the program. It reads credentials, opens the listener of [http]
// and connects to nothing.
func New(o Options) (*App, error) {
	if o.Supervisor == nil {
		o.Supervisor = unsupervised{}
	}
	a := &App{o: o, token: newTokenFile(o.Config.Slack), read: newReading(o.Config)}
	a.metrics = telemetry.NewMetrics(telemetry.MetricsOptions{
		Version: o.Version, Commit: o.Commit,
		Reasons: slices.Concat(slack.Reasons(), teleport.Reasons(), recipient.RuleReasons()),
		Methods: slack.Methods(),
		Sources: a.sources(),
	})

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
		Observe:         func(c teleport.Call) { a.metrics.TeleportCalled(c.Took, c.Err) },
	})
	if err != nil {
		return nil, err
	}
	a.teleport = tp
	transport, err := slack.NewTransport(slack.TransportOptions{ExtraCAs: o.Config.Slack.ExtraCAs})
	if err != nil {
		return nil, err
	}
	a.slack = slack.New(slack.Options{
		Token:     a.token.reveal,
		APIURL:    o.Config.Slack.APIURL,
		Transport: transport,
		Log:       o.Log,
		Observe:   func(c slack.Call) { a.metrics.SlackCalled(c.Method, c.Took, c.Err) },
	})
	a.notifier = notify.New(notify.Options{
		Requests: a.teleport,
		Records:  a.teleport,
		Recipients: recipient.New(recipient.Options{
			Users:       a.teleport,
			Directory:   a.slack,
			Inspector:   a.teleport,
			Routes:      route.Table(o.Config.Recipients),
			EscalateTo:  o.Config.Reminders.EscalateTo,
			NoRequester: !o.Config.Messages.Requester,
			RuleFailed:  func(_, reason string) { a.metrics.RuleFailed(reason) },
			Log:         o.Log,
		}),
		Describer: a.teleport,
		Messenger: a.slack,
		Style:     o.Config.Messages.Style,
		Ends: notify.Ends{
			Notice: o.Config.Messages.AccessEndsNotice,
			Ended:  o.Config.Messages.AccessEndedNotice,
		},
		Reminders: notify.Reminders{
			After:    o.Config.Reminders.PendingAfter,
			Every:    o.Config.Reminders.PendingEvery,
			Max:      o.Config.Reminders.PendingMax,
			Escalate: len(o.Config.Reminders.EscalateTo) > 0,
			Quiet:    o.Config.Reminders.Quiet,
		},
		Observer: a.metrics,
		Log:      o.Log,
	})
	a.reminder = reminder.New(reminder.Options{
		Lists:     a.teleport,
		Emails:    a.teleport,
		Directory: a.slack,
		Messenger: a.slack,
		Style:     o.Config.Messages.Style,
		Quiet:     o.Config.Reminders.Quiet,
		Log:       o.Log,
	})
	a.desk = newDesk(a, transport)
	if o.Config.HTTP.ListenAddr != "" {
		a.server, err = telemetry.Listen(telemetry.ServerOptions{
			Addr: o.Config.HTTP.ListenAddr, Health: a.health(), Metrics: a.metrics.Handler(),
			Pprof: o.Config.HTTP.Pprof, Log: o.Log,
		})
		if err != nil {
			return nil, config.Problem{Key: "http.listen_addr", Place: o.Config.Path, What: err.Error(),
				Do: "name an address of this machine that nobody else listens on, or leave it out"}
		}
	}
	return a, nil
}

// HTTPAddr returns where /metrics and the like are served; nil if nowhere.
func (a *App) HTTPAddr() net.Addr {
	if a.server == nil {
		return nil
	}
	return a.server.Addr()
}

// Run serves until ctx ends, then stops taking work, finishes what is in
// flight and closes the connections. Its error is why it could not go on.
func (a *App) Run(ctx context.Context) error {
	// Intake ends first; the workers outlive it by the drain, and whoever
	// looks at us can until the end.
	intake, stop := context.WithCancel(ctx)
	defer stop()
	shown, endShow := context.WithCancel(context.WithoutCancel(ctx))
	defer endShow()

	var show errgroup.Group
	if a.server != nil {
		a.o.Log.Info("serving health and metrics", slog.String(logkey.Addr, a.server.Addr().String()))
		show.Go(func() error {
			err := a.server.Serve(shown)
			stop()
			return err
		})
	}
	err := a.run(intake, stop)
	endShow()
	return errors.Join(err, show.Wait())
}

func (a *App) run(intake context.Context, stop func()) error {
	defer a.slack.Close()
	defer func() { _ = a.teleport.Close() }() // nothing is in flight any more
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
				a.metrics.TeleportConnected()
				a.desk.connected(c)
				a.notifier.Connected(c)
				a.reminder.Connected(c)
			},
			Changed: a.notifier.Changed,
			Rules:   a.notifier.SetRules,
			Resync: func(ctx context.Context) error {
				closeOnce(watching)
				return a.resync(ctx)
			},
		})
	})
	serve(func() error { return a.notifier.Run(intake, DrainTimeout) })
	if a.o.Config.Reminders.AccessLists {
		serve(func() error { return a.reminder.Run(intake, DrainTimeout) })
	}
	serve(func() error { return a.greet(intake, watching) })
	serve(func() error { a.watchToken(intake); return nil })
	serve(func() error { a.reload(intake); return nil })
	serve(func() error { a.o.Supervisor.Watch(intake, a.notifier.Stalled); return nil })
	serve(func() error { return a.desk.run(intake) })
	err := g.Wait()

	if left := a.notifier.Left(); left > 0 {
		a.o.Log.Info("stopped with work left; the next start finds it", slog.Int(logkey.Requests, left))
	}
	return err
}

// resync looks at all requests, and counts that.
func (a *App) resync(ctx context.Context) error {
	err := a.notifier.Resync(ctx)
	if ctx.Err() == nil {
		a.metrics.Resynced(err)
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
