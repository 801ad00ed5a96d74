// Package app is the composition root: New creates the Teleport client, the
// Slack client and everything between them, and Run serves until it is stopped.
//
// New is one straight function: each part is complete before it is passed to
// another one, and gets small interfaces, never the App. Only this package
// imports both adapters. What and whom to notify is decided elsewhere.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
	"github.com/teleport-slack/teleport-slack/internal/slack/socketmode"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

// DrainTimeout is how long work in flight may go on after a stop.
const DrainTimeout = 15 * time.Second

// Options are the arguments of New.
type Options struct {
	Config   config.Config
	FailFast bool            // a lost connection to Teleport ends Run with an error
	Reload   <-chan struct{} // each value reloads the configuration; may be nil
	Reviews  review.Observer // is told the result of each click; nil for the metrics
	Log      *slog.Logger

	Supervisor Supervisor // may be nil

	// SetSeverity changes the minimum level of the log after a reload; nil if
	// it can't be changed.
	SetSeverity func(slog.Level)

	Version, Commit string // of the program, for its metrics
}

// Supervisor is told the state of the program: systemd, for example.
type Supervisor interface {
	Ready()
	Reloading() (done func())
	Watch(ctx context.Context, healthy func() error) // until ctx ends
}

// unsupervised is used without a supervisor.
type unsupervised struct{}

func (unsupervised) Ready()                              {}
func (unsupervised) Reloading() func()                   { return func() {} }
func (unsupervised) Watch(context.Context, func() error) {}

// App is the running plugin. New makes one.
type App struct {
	o             Options
	teleport      *teleport.Client
	slack         *slack.Client
	notifier      *notify.Notifier
	reminder      *reminder.Reminder
	interactivity *interactivity
	auth          *authenticator
	token         *tokenWatcher
	reloader      *reloader
	metrics       *telemetry.Metrics
	server        *telemetry.Server // nil without [http] listen_addr
}

// New wires the program. It reads credentials, opens the listener of [http]
// and connects to nothing.
func New(o Options) (*App, error) {
	if o.Supervisor == nil {
		o.Supervisor = unsupervised{}
	}
	metrics := telemetry.NewMetrics(telemetry.MetricsOptions{
		Version: o.Version, Commit: o.Commit,
		Reasons: slices.Concat(slack.Reasons(), teleport.Reasons(), recipient.RuleReasons()),
		Methods: slack.Methods(),
	})
	if o.Reviews == nil {
		o.Reviews = metrics
	}
	state := newConfigState(o.Config)
	token := newTokenFile(o.Config.Slack)

	tp, err := teleport.New(teleport.Options{
		Addr:            o.Config.Teleport.Addr,
		Identity:        o.Config.Teleport.Identity,
		RefreshIdentity: o.Config.Teleport.RefreshIdentity,
		RefreshInterval: o.Config.Teleport.RefreshIdentityInterval,
		ClientKey:       o.Config.Teleport.ClientKey,
		ClientCrt:       o.Config.Teleport.ClientCrt,
		RootCAs:         o.Config.Teleport.RootCAs,
		FailFast:        o.FailFast,
		Version:         o.Version,
		Log:             o.Log,
		Observe:         func(c teleport.Call) { metrics.TeleportCalled(c.Took, c.Err) },
	})
	if err != nil {
		return nil, err
	}
	transport, err := slack.NewTransport(slack.TransportOptions{ExtraCAs: o.Config.Slack.ExtraCAs})
	if err != nil {
		return nil, err
	}
	sl := slack.New(slack.Options{
		Token:     token.reveal,
		APIURL:    o.Config.Slack.APIURL,
		Transport: transport,
		Log:       o.Log,
		Observe:   func(c slack.Call) { metrics.SlackCalled(c.Method, c.Took, c.Err) },
	})
	socket := socketmode.New(socketmode.Options{
		AppToken: state.appToken,
		APIURL:   o.Config.Slack.APIURL,
		// The same proxy and authorities as for the API.
		HTTPClient: &http.Client{Transport: transport, Timeout: socketTimeout},
		Log:        o.Log,
	})
	notifier := notify.New(notify.Options{
		Requests: tp,
		Records:  tp,
		Recipients: recipient.New(recipient.Options{
			Users:       tp,
			Directory:   sl,
			Inspector:   tp,
			Routes:      route.Table(o.Config.Recipients),
			EscalateTo:  o.Config.Reminders.EscalateTo,
			NoRequester: !o.Config.Messages.Requester,
			RuleFailed:  func(_, reason string) { metrics.RuleFailed(reason) },
			Log:         o.Log,
		}),
		Describer: tp,
		Messenger: sl,
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
		Observer: metrics,
		Log:      o.Log,
	})
	rem := reminder.New(reminder.Options{
		Lists:     tp,
		Emails:    tp,
		Directory: sl,
		Messenger: sl,
		Style:     o.Config.Messages.Style,
		Quiet:     o.Config.Reminders.Quiet,
		Log:       o.Log,
	})
	inter := newInteractivity(interactivityOptions{
		Config:   o.Config.Review,
		Style:    o.Config.Messages.Style,
		Socket:   socket,
		Notifier: notifier,
		Requests: tp,
		Users:    tp,
		Slack:    reviewSlack{sl},
		Observer: o.Reviews,
		Log:      o.Log,
	})
	auth := &authenticator{slack: sl, interactivity: inter, notifier: notifier, log: o.Log}
	metrics.Watch(sources(tp, sl, notifier, token, state, inter))
	a := &App{
		o: o, teleport: tp, slack: sl, notifier: notifier, reminder: rem, interactivity: inter, auth: auth, metrics: metrics,
		token: &tokenWatcher{file: token, auth: auth, notifier: notifier, log: o.Log},
		reloader: &reloader{
			path: o.Config.Path, requests: o.Reload, supervisor: o.Supervisor, setSeverity: o.SetSeverity,
			state: state, token: token, auth: auth, interactivity: inter, notifier: notifier, metrics: metrics, log: o.Log,
		},
	}
	if o.Config.HTTP.ListenAddr != "" {
		a.server, err = telemetry.Listen(telemetry.ServerOptions{
			Addr: o.Config.HTTP.ListenAddr, Health: health(tp, sl, notifier, token, state, auth), Metrics: metrics.Handler(),
			Pprof: o.Config.HTTP.Pprof, Log: o.Log,
		})
		if err != nil {
			return nil, config.Problem{Key: "http.listen_addr", Place: o.Config.Path, What: err.Error(),
				Do: "set an address of this machine that nothing else listens on, or remove the setting"}
		}
	}
	return a, nil
}

// HTTPAddr returns the address of the HTTP listener; nil without one.
func (a *App) HTTPAddr() net.Addr {
	if a.server == nil {
		return nil
	}
	return a.server.Addr()
}

// Run serves until ctx ends, then takes no new work, finishes what is in flight
// and closes the connections. It returns an error if it had to stop by itself.
func (a *App) Run(ctx context.Context) error {
	// Intake ends first; workers go on for at most DrainTimeout; health and
	// metrics are served until the end.
	intake, stop := context.WithCancel(ctx)
	defer stop()
	serving, endServing := context.WithCancel(context.WithoutCancel(ctx))
	defer endServing()

	var endpoint errgroup.Group
	if a.server != nil {
		a.o.Log.Info("serving health and metrics", slog.String(logkey.Addr, a.server.Addr().String()))
		endpoint.Go(func() error {
			err := a.server.Serve(serving)
			stop()
			return err
		})
	}
	err := a.run(intake, stop)
	endServing()
	return errors.Join(err, endpoint.Wait())
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
				stop() // one part that fails ends the others
			}
			return err
		})
	}
	serve(func() error {
		return a.teleport.Serve(intake, teleport.Handler{
			Connected: func(_ context.Context, c access.Cluster) {
				a.metrics.TeleportConnected()
				a.interactivity.connected(c)
				a.notifier.Connected(c)
				a.reminder.Connected(c)
			},
			Changed: a.notifier.Changed,
			Rules:   a.notifier.SetRules,
			Resync: func(ctx context.Context) error {
				closeOnce(watching)
				return resync(ctx, a.notifier, a.metrics)
			},
		})
	})
	serve(func() error { return a.notifier.Run(intake, DrainTimeout) })
	if a.o.Config.Reminders.AccessLists {
		serve(func() error { return a.reminder.Run(intake, DrainTimeout) })
	}
	serve(func() error { return a.connectSlack(intake, watching) })
	serve(func() error { a.token.run(intake); return nil })
	serve(func() error { a.reloader.run(intake); return nil })
	serve(func() error { a.o.Supervisor.Watch(intake, a.notifier.Stalled); return nil })
	serve(func() error { return a.interactivity.run(intake) })
	err := g.Wait()

	if left := a.notifier.Left(); left > 0 {
		a.o.Log.Info("stopped with unfinished requests, the next start continues them", slog.Int(logkey.Requests, left))
	}
	return err
}

// connectSlack waits until Slack accepts the token and Teleport is watched,
// reports that the program is ready, and then checks the token regularly.
func (a *App) connectSlack(ctx context.Context, watching <-chan struct{}) error {
	if err := a.auth.waitAccepted(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	select {
	case <-watching:
		a.o.Log.Info("Plugin is ready")
		a.o.Supervisor.Ready()
		a.auth.poll(ctx)
	case <-ctx.Done():
	}
	return nil
}

// resync reconciles all requests and counts the result.
func resync(ctx context.Context, n interface{ Resync(context.Context) error }, m *telemetry.Metrics) error {
	err := n.Resync(ctx)
	if ctx.Err() == nil {
		m.Resynced(err)
	}
	return err
}

// closeOnce closes ch unless it is closed. It is called from one goroutine.
func closeOnce(ch chan struct{}) {
	select {
	case <-ch:
	default:
		close(ch)
	}
}
