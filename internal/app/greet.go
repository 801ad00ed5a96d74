package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
)

// authEvery is how often Slack is asked whether it still knows us: a token may
// be revoked while there is nothing to post.
const authEvery = 5 * time.Minute

// greeting is how asking Slack who we are goes.
type greeting struct {
	mu  sync.Mutex
	err error // why the last answer was none; nil if it was one
}

func (g *greeting) set(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

func (g *greeting) last() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// auth asks Slack whom the token speaks for.
func (a *App) auth(ctx context.Context) error {
	w, err := a.slack.Auth(ctx)
	if ctx.Err() == nil {
		a.greeting.set(err)
	}
	if err == nil {
		a.desk.greeted(w)
	}
	return err
}

// greet makes sure that Slack knows us, says when everything is ready, and
// then asks again from time to time. A token that Slack refuses at start ends
// the program; a Slack that does not answer is waited for.
func (a *App) greet(ctx context.Context, watching <-chan struct{}) error {
	const longest = 30 * time.Second
	wait := 500 * time.Millisecond
	for said := false; ; {
		w, err := a.slack.Auth(ctx)
		if ctx.Err() != nil {
			return nil
		}
		a.greeting.set(err)
		if err == nil {
			a.o.Log.Info("connected to Slack", slog.String(logkey.Team, w.Team), slog.String(logkey.Bot, w.BotName))
			a.checkScopes()
			a.desk.greeted(w)
			break
		}
		if fault.Is(err, fault.Fatal) {
			return err
		}
		if !said {
			a.o.Log.Warn("waiting for Slack", slog.String(logkey.Error, err.Error()))
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
	refused := false
	for sleep(ctx, authEvery) {
		refused = a.askAgain(ctx, refused)
	}
	return nil
}

// askAgain asks whether Slack still knows us, says what is new, and returns
// whether it refuses us.
func (a *App) askAgain(ctx context.Context, refused bool) bool {
	err := a.auth(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && refused:
		a.o.Log.Info("Slack accepts the token again")
		a.notifier.Reachable()
		return false
	case fault.Is(err, fault.Fatal) && !refused:
		a.o.Log.Error("Slack refuses the token", slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
		return true
	}
	return refused
}

// checkScopes says once what the token can't do, and what for it would be good.
func (a *App) checkScopes() {
	var missing []string
	for _, s := range manifest.Scopes() {
		switch {
		case a.slack.HasScope(s.Name):
		case s.Purpose == manifest.Mentioning: // said where a recipient wants it
		case s.Purpose == manifest.Recovering:
			missing = append(missing, s.Name)
		default:
			a.o.Log.Warn("Slack token lacks a scope", slog.String(logkey.Scope, s.Name), slog.String(logkey.Hint, "without it "+s.Without))
		}
	}
	if len(missing) > 0 {
		a.o.Log.Info("a post whose answer is lost can't always be recognised and may be doubled", slog.Any(logkey.Scopes, missing),
			slog.String(logkey.Hint, "optional: with these scopes the app looks whether it had arrived"))
	}
}
