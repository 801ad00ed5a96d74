// Package telemetry is how the program tells about itself: its log, its
// metrics, its health, and the listener that shows the latter two.
//
// Metrics are in a registry of their own, made once, and their labels have
// values that are known beforehand: what comes from outside is "other". States
// are asked for when somebody looks, so that nobody has to report them. Only
// this package knows Prometheus; whoever counts calls a method.
//
// The log is log/slog with constant messages; what varies is in attributes,
// whose keys are the constants of package logkey. A log file is appended to and
// never truncated, so that what was said before a restart is still there.
//
// It masks nothing: secrets have a type of their own that prints a mask
// (config.Secret), and nobody reveals one to a logger.
package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// logFileMode lets the group read the log, and nobody else.
const logFileMode = 0o640

// LogOptions says where the log goes and how it looks.
type LogOptions struct {
	Output   string // "stderr", "error" or "2"; "stdout", "out", "1" or ""; or the path of a file to append to
	Severity slog.Level
	JSON     bool
	Debug    bool // log at debug whatever Severity says

	// Level is set to the level that counts, and may be changed later; nil for
	// a level that stays.
	Level *slog.LevelVar

	Stderr io.Writer
	Stdout io.Writer
}

// NewLogger returns a logger and what closes its file. The logger must not be
// used after that.
func NewLogger(o LogOptions) (*slog.Logger, func() error, error) {
	w, closeLog, err := o.open()
	if err != nil {
		return nil, nil, err
	}
	level := o.Severity
	if o.Debug {
		level = slog.LevelDebug
	}
	if o.Level == nil {
		o.Level = new(slog.LevelVar)
	}
	o.Level.Set(level)
	handler := &slog.HandlerOptions{Level: o.Level}
	if o.JSON {
		return slog.New(slog.NewJSONHandler(w, handler)), closeLog, nil
	}
	return slog.New(slog.NewTextHandler(w, handler)), closeLog, nil
}

func (o LogOptions) open() (io.Writer, func() error, error) {
	keep := func() error { return nil }
	switch o.Output {
	case "stderr", "error", "2":
		return o.Stderr, keep, nil
	case "stdout", "out", "1", "":
		return o.Stdout, keep, nil
	}
	f, err := os.OpenFile(o.Output, os.O_WRONLY|os.O_APPEND|os.O_CREATE, logFileMode)
	if err != nil {
		return nil, nil, fmt.Errorf("open log file: %w", err)
	}
	return f, func() error {
		err := f.Close()
		if err != nil && !errors.Is(err, os.ErrClosed) {
			return fmt.Errorf("close log file: %w", err)
		}
		return nil
	}, nil
}
