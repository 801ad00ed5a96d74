// Package telemetry is how the program tells about itself: its log.
//
// The log is log/slog with constant messages; what varies is in attributes,
// whose keys are the constants of this package. A log file is appended to and
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
	handler := &slog.HandlerOptions{Level: level}
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
