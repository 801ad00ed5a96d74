package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

const (
	// tokenEvery is how often the token's file is looked at. Its content counts
	// and not its time, so that it makes no difference how it was replaced.
	tokenEvery = 10 * time.Second
	// tokenSettles is how long a new content has to stay the same: an editor
	// that writes in place is seen in the middle of it.
	tokenSettles = 200 * time.Millisecond
)

// tokenFile is the Slack token, and the file that it comes from if it comes
// from one.
type tokenFile struct {
	mu    sync.Mutex
	token config.Secret
	path  string // empty if the token stands in the configuration
	err   error  // why the file can't be used now; nil if it can
}

func newTokenFile(c config.Slack) *tokenFile {
	return &tokenFile{token: c.Token, path: c.TokenPath}
}

// reveal returns the token in force.
func (t *tokenFile) reveal() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token.Reveal()
}

// set puts what the configuration says into force.
func (t *tokenFile) set(c config.Slack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.path, t.err = c.Token, c.TokenPath, nil
}

// trouble returns why the file can't be used, or nil.
func (t *tokenFile) trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// glance is what came of a look at the file.
type glance uint8

const (
	same     glance = iota // nothing is new
	replaced               // there is another token, and it is in force
	broken                 // the file can't be used any more; the token before it stays
	mended                 // it can be used again, and has the token that is in force
)

// look reads the file. The error is that of a broken one.
func (t *tokenFile) look(ctx context.Context) (glance, error) {
	t.mu.Lock()
	path, known := t.path, t.token
	t.mu.Unlock()
	if path == "" {
		return same, nil
	}
	token, err := config.LoadBotToken(path)
	if err != nil || !token.Equal(known) {
		if !sleep(ctx, tokenSettles) {
			return same, nil
		}
		again, againErr := config.LoadBotToken(path)
		if (err == nil) != (againErr == nil) || !again.Equal(token) {
			return same, nil // it is being written: the next look sees more
		}
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.path != path || !t.token.Equal(known) {
		return same, nil // the configuration was read again meanwhile
	}
	was := t.err
	t.err = err
	switch {
	case err != nil && (was == nil || was.Error() != err.Error()):
		return broken, err
	case err != nil:
		return same, nil
	case !token.Equal(known):
		t.token = token
		return replaced, nil
	case was != nil:
		return mended, nil
	}
	return same, nil
}

// watchToken looks at the token's file until ctx ends.
func (a *App) watchToken(ctx context.Context) {
	for sleep(ctx, tokenEvery) {
		a.lookAtToken(ctx)
	}
}

func (a *App) lookAtToken(ctx context.Context) {
	path := slog.String(logkey.Path, a.token.file())
	switch what, err := a.token.look(ctx); what {
	case broken:
		a.o.Log.Warn("can't use the file of the Slack token, keeping the token before it", path, slog.String(logkey.Error, err.Error()))
	case mended:
		a.o.Log.Info("the file of the Slack token is in order again", path)
	case replaced:
		a.o.Log.Info("took over a new Slack token", path)
		if err := a.auth(ctx); fault.Is(err, fault.Fatal) && ctx.Err() == nil {
			a.o.Log.Error("Slack refuses the new token", path, slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
			return
		}
		a.notifier.Reachable()
	}
}

// file returns the path of the token's file, or "".
func (t *tokenFile) file() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.path
}
