package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

const (
	// authEvery is how often the token is checked: it may be revoked while
	// there is nothing to post.
	authEvery = 5 * time.Minute

	// At start an unreachable Slack is asked again after firstAuthWait, then
	// after twice as long, up to maxAuthWait.
	firstAuthWait = 500 * time.Millisecond
	maxAuthWait   = 30 * time.Second
)

// authenticator checks whether Slack accepts the token: at start, after the
// token changed, and regularly.
type authenticator struct {
	slack interface {
		Auth(ctx context.Context) (slack.Workspace, error)
		HasScope(name string) bool
	}
	interactivity interface{ authenticated(w slack.Workspace) }
	notifier      interface{ Reachable() }
	log           *slog.Logger

	mu  sync.Mutex
	err error // of the last check; nil if the token was accepted
}

// lastErr returns the error of the last check.
func (a *authenticator) lastErr() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// check asks Slack once which workspace the token belongs to.
func (a *authenticator) check(ctx context.Context) (slack.Workspace, error) {
	w, err := a.slack.Auth(ctx)
	if ctx.Err() == nil {
		a.mu.Lock()
		a.err = err
		a.mu.Unlock()
	}
	if err == nil {
		a.interactivity.authenticated(w)
	}
	return w, err
}

// waitAccepted returns nil once Slack accepts the token or ctx ends. A Slack
// that doesn't answer is asked again; a token that Slack refuses is an error.
func (a *authenticator) waitAccepted(ctx context.Context) error {
	pause := firstAuthWait
	for logged := false; ; {
		w, err := a.check(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			a.log.Info("connected to Slack", slog.String(logkey.Team, w.Team), slog.String(logkey.Bot, w.BotName))
			a.logMissingScopes()
			return nil
		case fault.Is(err, fault.Fatal):
			return err
		case !logged:
			a.log.Warn("waiting for Slack", slog.String(logkey.Error, err.Error()))
			logged = true
		}
		if !wait.Sleep(ctx, max(pause, fault.After(err))) {
			return nil
		}
		pause = min(2*pause, maxAuthWait)
	}
}

// poll checks the token regularly until ctx ends.
func (a *authenticator) poll(ctx context.Context) {
	refused := false
	for wait.Sleep(ctx, authEvery) {
		refused = a.recheck(ctx, refused)
	}
}

// recheck checks the token, logs a change, and reports whether Slack refuses
// the token now. An unreachable Slack changes nothing.
func (a *authenticator) recheck(ctx context.Context, refused bool) bool {
	_, err := a.check(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && refused:
		a.log.Info("Slack accepts the token again")
		a.notifier.Reachable()
		return false
	case fault.Is(err, fault.Fatal) && !refused:
		a.log.Error("Slack refuses the token", slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
		return true
	}
	return refused
}

// logMissingScopes logs which scopes the token lacks, and their use.
func (a *authenticator) logMissingScopes() {
	var missing []string
	for _, s := range manifest.Scopes() {
		switch {
		case a.slack.HasScope(s.Name):
		case s.Purpose == manifest.Mentioning: // logged where a recipient needs it
		case s.Purpose == manifest.Recovering:
			missing = append(missing, s.Name)
		default:
			a.log.Warn("Slack token lacks a scope", slog.String(logkey.Scope, s.Name), slog.String(logkey.Hint, "without it "+s.Without))
		}
	}
	if len(missing) > 0 {
		a.log.Info("a message may be posted twice if Slack's answer is lost", slog.Any(logkey.Scopes, missing),
			slog.String(logkey.Hint, "optional: with these scopes the plugin checks whether the first post arrived"))
	}
}
