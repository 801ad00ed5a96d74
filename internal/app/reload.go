package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
)

// configState is the configuration as it was last loaded, and what of it is in
// force.
type configState struct {
	mu      sync.Mutex
	loaded  config.Config // the file as it was last loaded without a problem
	inForce config.Config // what the program uses
	at      time.Time     // of the last load
	err     error         // why the file can't be loaded now; nil if it can
}

func newConfigState(c config.Config) *configState {
	return &configState{loaded: c, inForce: c, at: time.Now()}
}

// appToken returns the app-level token in force.
func (s *configState) appToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inForce.Review.AppToken.Reveal()
}

// fail notes why the file can't be loaded.
func (s *configState) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// set notes a newly loaded configuration. It returns the keys that changed since
// the last load, and those that need a restart to get into force.
func (s *configState) set(c config.Config) (changed, needRestart []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = config.Changes(s.loaded, c)
	// These are the ones that reload puts into force.
	s.inForce.Recipients = c.Recipients
	s.inForce.Routing = c.Routing
	s.inForce.Review = c.Review
	s.inForce.Slack.Token, s.inForce.Slack.TokenPath = c.Slack.Token, c.Slack.TokenPath
	s.inForce.Log.Severity = c.Log.Severity
	s.loaded, s.at, s.err = c, time.Now(), nil
	return changed, config.Changes(s.inForce, c)
}

// last returns when the file was last loaded, what of it needs a restart, and
// why it can't be loaded now.
func (s *configState) last() (at time.Time, needRestart []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, config.Changes(s.inForce, s.loaded), s.err
}

// reloader loads the configuration again on request, and puts into force what
// doesn't need a restart.
type reloader struct {
	path        string
	requests    <-chan struct{} // each value is a request to reload
	supervisor  Supervisor
	setSeverity func(slog.Level) // nil if it can't be changed

	state         *configState
	token         *tokenFile
	auth          tokenChecker
	interactivity interface{ configure(c config.Review) }
	notifier      reloadedNotifier
	metrics       *telemetry.Metrics
	log           *slog.Logger
}

// reloadedNotifier is what a reload changes of the notifier.
type reloadedNotifier interface {
	SetRoutes(t route.Table)
	Reachable()
	Resync(ctx context.Context) error
}

// run reloads on request until ctx ends.
func (r *reloader) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.requests:
			r.reload(ctx)
		}
	}
}

// reload loads the file once. A file with errors changes nothing.
func (r *reloader) reload(ctx context.Context) {
	defer r.supervisor.Reloading()()
	c, warnings, err := config.Load(r.path)
	r.metrics.Reloaded(err)
	for _, w := range warnings {
		r.log.Warn("configuration", slog.String(logkey.What, w.String()))
	}
	if err != nil {
		r.state.fail(err)
		r.logProblems(err)
		return
	}
	changed, needRestart := r.state.set(c)
	r.token.set(c.Slack)
	r.interactivity.configure(c.Review)
	r.notifier.SetRoutes(route.Table(c.Recipients))
	r.log.Info("configuration reloaded", slog.Any(logkey.Changed, notNil(changed)), slog.Any(logkey.NeedsRestart, notNil(needRestart)))
	if r.setSeverity != nil {
		r.setSeverity(c.Log.Severity)
	}
	if slices.Contains(changed, "slack.token") {
		_, _ = r.auth.check(ctx) // the authenticator and the notifier report a failure
	}
	r.notifier.Reachable()
	if err := resync(ctx, r.notifier, r.metrics); err != nil && ctx.Err() == nil {
		r.log.Warn("resync failed, the next one repeats it", slog.String(logkey.Error, err.Error()))
	}
}

func (r *reloader) logProblems(err error) {
	var problems config.Problems
	if !errors.As(err, &problems) {
		r.log.Error("configuration not reloaded", slog.String(logkey.Error, err.Error()))
		return
	}
	for _, p := range problems {
		r.log.Error("configuration not reloaded", slog.String(logkey.Error, p.Error()), slog.String(logkey.Hint, p.Hint()))
	}
}

// notNil replaces nil by an empty list, for JSON.
func notNil(keys []string) []string {
	if keys == nil {
		return []string{}
	}
	return keys
}
