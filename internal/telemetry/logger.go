// Package telemetry has the log, the metrics, the health endpoints, and the HTTP
// listener for metrics and health.
//
// Metrics are in a registry of their own, and label values come from fixed sets:
// any other value becomes "other". Gauges are read when they are scraped. Only this
// package imports Prometheus; other packages call methods.
//
// The log is log/slog with constant messages; what varies is in attributes,
// whose keys are the constants of package logkey. A log file is appended to and
// never truncated, so that lines from before a restart are kept.
//
// It masks nothing: secrets have a type of their own that prints a mask
// (config.Secret).
package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// logFileMode lets the owner write the log and the group read it.
const logFileMode = 0o640

// LogOptions are the output and format of the log.
type LogOptions struct {
	Output   string // "stderr", "error" or "2"; "stdout", "out", "1" or ""; or the path of a file to append to
	Severity slog.Level
	JSON     bool
	Debug    bool // log at debug, regardless of Severity

	// Level is set to the level in force, and may be changed later; nil for a
	// fixed level.
	Level *slog.LevelVar

	Stderr io.Writer
	Stdout io.Writer
}

// NewLogger returns a logger and the function that closes its file. The logger must
// not be used after that.
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
