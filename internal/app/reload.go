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
)

// reading is the configuration as it was last read, and what of it is in force.
type reading struct {
	mu      sync.Mutex
	file    config.Config // as it was last read without a problem
	inForce config.Config // what the program works by
	at      time.Time
	err     error // why the file can't be read now; nil if it can
}

func newReading(c config.Config) *reading {
	return &reading{file: c, inForce: c, at: time.Now()}
}

// fail notes that the file is not sound.
func (r *reading) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// take notes another configuration. It returns the keys that changed since the
// last reading, and those whose value in the file is not the one in force.
func (r *reading) take(c config.Config) (changed, needRestart []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed = config.Changes(r.file, c)
	// These are the ones that reload puts into force.
	r.inForce.Recipients = c.Recipients
	r.inForce.Routing = c.Routing
	r.inForce.Review = c.Review
	r.inForce.Slack.Token, r.inForce.Slack.TokenPath = c.Slack.Token, c.Slack.TokenPath
	r.inForce.Log.Severity = c.Log.Severity
	r.file, r.at, r.err = c, time.Now(), nil
	return changed, config.Changes(r.inForce, c)
}

// last returns when the file was last read, why it can't be read now, and what
// of it waits for a restart.
func (r *reading) last() (at time.Time, needRestart []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, config.Changes(r.inForce, r.file), r.err
}

// reload reads the configuration again when asked to, until ctx ends.
func (a *App) reload(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.o.Reload:
			a.readAgain(ctx)
		}
	}
}

// readAgain puts into force what can be while the program runs. What is broken
// changes nothing.
func (a *App) readAgain(ctx context.Context) {
	defer a.o.Supervisor.Reloading()()
	c, warnings, err := config.Load(a.o.Config.Path)
	a.metrics.Reloaded(err)
	for _, w := range warnings {
		a.o.Log.Warn("configuration", slog.String(logkey.What, w.String()))
	}
	if err != nil {
		a.read.fail(err)
		a.refuse(err)
		return
	}
	changed, needRestart := a.read.take(c)
	a.token.set(c.Slack)
	a.desk.configure(c.Review)
	a.notifier.SetRoutes(route.Table(c.Recipients))
	a.o.Log.Info("configuration reloaded", slog.Any(logkey.Changed, list(changed)), slog.Any(logkey.NeedsRestart, list(needRestart)))
	if a.o.SetSeverity != nil {
		a.o.SetSeverity(c.Log.Severity)
	}
	if slices.Contains(changed, "slack.token") {
		_ = a.auth(ctx) // what comes of it is seen where it matters
	}
	a.notifier.Reachable()
	if err := a.resync(ctx); err != nil && ctx.Err() == nil {
		a.o.Log.Warn("requests are looked at again later", slog.String(logkey.Error, err.Error()))
	}
}

// refuse says what is wrong with the file.
func (a *App) refuse(err error) {
	var problems config.Problems
	if !errors.As(err, &problems) {
		a.o.Log.Error("configuration is not reloaded", slog.String(logkey.Error, err.Error()))
		return
	}
	for _, p := range problems {
		a.o.Log.Error("configuration is not reloaded", slog.String(logkey.Error, p.Error()), slog.String(logkey.Hint, p.Hint()))
	}
}

// list makes an empty list one, for JSON.
func list(keys []string) []string {
	if keys == nil {
		return []string{}
	}
	return keys
}
