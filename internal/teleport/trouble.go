package teleport

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// trouble logs a failure that repeats: when it starts, when it becomes
// another one, and when it ends. Its zero value is ready but for the log.
type trouble struct {
	log   *slog.Logger
	begun string // message when it starts or changes
	ended string // message when it is over
	level slog.Level

	mu    sync.Mutex
	since time.Time // zero while all is well
	kind  string
}

// note says that it failed, and how.
func (t *trouble) note(err error, attrs ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := fault.ClassOf(err).String()
	if e, ok := fault.As(err); ok {
		kind += " " + e.Reason
	}
	if !t.since.IsZero() && kind == t.kind {
		return
	}
	if t.since.IsZero() {
		t.since = time.Now()
	}
	t.kind = kind
	attrs = append(attrs, logkey.Error, err)
	if hint := fault.Hint(err); hint != "" {
		attrs = append(attrs, logkey.Hint, hint)
	}
	t.log.Log(context.Background(), t.level, t.begun, attrs...)
}

// over says that it works; only after a failure that is news.
func (t *trouble) over(attrs ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		return
	}
	t.log.Info(t.ended, append(attrs, logkey.Elapsed, roughly(time.Since(t.since)))...)
	t.since, t.kind = time.Time{}, ""
}

// roughly prints a duration as a person would say it: its one or two biggest units.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", int(d/day))
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= time.Second:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}
