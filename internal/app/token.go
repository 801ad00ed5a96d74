package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

const (
	// tokenEvery is how often the token file is read. Its content is compared,
	// not its time, so it makes no difference how it was replaced.
	tokenEvery = 10 * time.Second
	// tokenSettles is how long new content must stay the same: an editor may be
	// in the middle of writing it.
	tokenSettles = 200 * time.Millisecond
)

// tokenFile is the Slack token in use and, if it comes from a file, that file.
type tokenFile struct {
	mu    sync.Mutex
	token config.Secret
	path  string // empty if the configuration contains the token itself
	err   error  // why the file can't be used now; nil if it can
}

func newTokenFile(c config.Slack) *tokenFile {
	return &tokenFile{token: c.Token, path: c.TokenPath}
}

// reveal returns the token in use.
func (t *tokenFile) reveal() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token.Reveal()
}

// set replaces token and file by those of a new configuration.
func (t *tokenFile) set(c config.Slack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.path, t.err = c.Token, c.TokenPath, nil
}

// lastErr returns why the file can't be used, or nil.
func (t *tokenFile) lastErr() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// file returns the path of the token file, or "".
func (t *tokenFile) file() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.path
}

// tokenChange is the result of reading the token file.
type tokenChange uint8

const (
	unchanged tokenChange = iota
	replaced              // the file has another token, which is in use now
	broken                // the file can't be used; the previous token stays in use
	recovered             // the file can be used again, and has the token in use
)

// check reads the file. It returns an error only with broken.
func (t *tokenFile) check(ctx context.Context) (tokenChange, error) {
	t.mu.Lock()
	path, current := t.path, t.token
	t.mu.Unlock()
	if path == "" {
		return unchanged, nil
	}
	token, err := config.LoadBotToken(path)
	if err != nil || !token.Equal(current) {
		if !wait.Sleep(ctx, tokenSettles) {
			return unchanged, nil
		}
		again, againErr := config.LoadBotToken(path)
		if (err == nil) != (againErr == nil) || !again.Equal(token) {
			return unchanged, nil // it is being written: the next check reads it
		}
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.path != path || !t.token.Equal(current) {
		return unchanged, nil // the configuration was reloaded meanwhile
	}
	before := t.err
	t.err = err
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		return broken, err
	case err != nil:
		return unchanged, nil
	case !token.Equal(current):
		t.token = token
		return replaced, nil
	case before != nil:
		return recovered, nil
	}
	return unchanged, nil
}

// tokenWatcher checks the token file regularly. After a change it checks the new
// token with Slack and retries what failed.
type tokenWatcher struct {
	file     *tokenFile
	auth     tokenChecker
	notifier interface{ Reachable() }
	log      *slog.Logger
}

// tokenChecker checks the token with Slack.
type tokenChecker interface {
	check(ctx context.Context) (slack.Workspace, error)
}

// run checks the file until ctx ends.
func (w *tokenWatcher) run(ctx context.Context) {
	for wait.Sleep(ctx, tokenEvery) {
		w.check(ctx)
	}
}

func (w *tokenWatcher) check(ctx context.Context) {
	path := slog.String(logkey.Path, w.file.file())
	switch change, err := w.file.check(ctx); change {
	case broken:
		w.log.Warn("Slack token file can't be used, keeping the previous token", path, slog.String(logkey.Error, err.Error()))
	case recovered:
		w.log.Info("Slack token file can be used again", path)
	case replaced:
		w.log.Info("using a new Slack token", path)
		if _, err := w.auth.check(ctx); fault.Is(err, fault.Fatal) && ctx.Err() == nil {
			w.log.Error("Slack refuses the new token", path, slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
			return
		}
		w.notifier.Reachable()
	}
}
