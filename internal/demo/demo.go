// Package demo shows the plugin at work without Teleport and Slack: it runs
// both doubles and the real plugin between them in one process.
package demo

import (
	"context"
	"errors"
	"io"
)

// Options are what the command line says.
type Options struct {
	Addr     string // host:port to listen at
	Fallback bool   // take any free port if Addr is in use
	Scenario bool   // play a story and end, instead of serving a page
	Stdout   io.Writer
	Stderr   io.Writer
}

// Run runs the demo until ctx ends, or until the scenario is over.
func Run(ctx context.Context, o Options) error { return errors.New("not built yet") }
