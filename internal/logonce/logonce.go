// Package logonce logs a problem when it starts, when it changes and when it
// ends, and not each time in between.
//
// A problem is known by its Key: what kind of thing it is about, and which one.
// It changes when its message or its reason does; the rest of an error, such as
// a port number, may differ each time without being news. What is remembered is
// bounded: past MaxKeys everything is forgotten, and a problem that goes on is
// logged once more.
package logonce

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

// MaxKeys is how many problems a Logger remembers.
const MaxKeys = 10_000

// Kind is what a problem is about: a recipient, a rule, a connection. Each
// package has its own as constants.
type Kind string

// Key identifies what a problem is about.
type Key struct {
	Kind Kind
	Name string // which one of its kind; empty where there is only one
}

// Logger logs problems once. It is safe for concurrent use.
type Logger struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[Key]problem
}

type problem struct {
	what  string // message and reason
	since time.Time
}

// New returns a Logger that knows of no problem.
func New(log *slog.Logger) *Logger {
	return &Logger{log: log, open: map[Key]problem{}}
}

// Problem logs err under msg, with its hint, unless the key has this problem
// already. It reports whether it logged.
func (l *Logger) Problem(level slog.Level, k Key, msg string, err error, attrs ...any) bool {
	if !l.Changed(k, msg+"\x00"+reason(err)) {
		return false
	}
	attrs = append(attrs, slog.String(logkey.Error, err.Error()))
	if hint := fault.Hint(err); hint != "" {
		attrs = append(attrs, slog.String(logkey.Hint, hint))
	}
	l.log.Log(context.Background(), level, msg, attrs...)
	return true
}

// reason returns the stable part of an error.
func reason(err error) string {
	if f, ok := fault.As(err); ok && f.Reason != "" {
		return f.Class.String() + " " + f.Reason
	}
	return err.Error()
}

// Changed notes what is so about the key and reports whether that is news.
func (l *Logger) Changed(k Key, what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, known := l.open[k]
	if known && p.what == what {
		return false
	}
	if !known {
		if len(l.open) >= MaxKeys {
			clear(l.open)
		}
		p.since = time.Now()
	}
	p.what = what
	l.open[k] = p
	return true
}

// Clear notes that the key has no problem and reports whether it had one.
func (l *Logger) Clear(k Key) bool {
	_, had := l.end(k)
	return had
}

// Recovered logs msg with how long the problem lasted, if the key had one.
func (l *Logger) Recovered(k Key, msg string, attrs ...any) bool {
	p, had := l.end(k)
	if had {
		l.log.Info(msg, append(attrs, slog.String(logkey.Elapsed, Rounded(time.Since(p.since))))...)
	}
	return had
}

func (l *Logger) end(k Key) (problem, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, had := l.open[k]
	delete(l.open, k)
	return p, had
}

// Reset forgets every problem, so that those that go on are logged again.
func (l *Logger) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.open)
}

// Len returns how many problems are remembered.
func (l *Logger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Rounded prints a duration as people say it: in its one or two largest units.
func Rounded(d time.Duration) string {
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
