// Command teleport-slack posts Teleport access requests to Slack.
package main

import (
	"context"
	"os"

	"github.com/gravitational/teleport/api"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/check"
	"github.com/teleport-slack/teleport-slack/internal/cli"
	"github.com/teleport-slack/teleport-slack/internal/demo"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
)

// Set by the linker in releases: -X main.version=1.2.3 -X main.commit=abc.
var version, commit string

func main() {
	os.Exit(cli.Main(context.Background(), cli.Options{
		Args:    os.Args[1:],
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Version: cli.BuildVersion(version, commit, api.Version),
		Start:   start,
		Post: func(ctx context.Context, o cli.PostOptions) (string, error) {
			return app.Post(ctx, o.Config, o.To, o.Message)
		},
		Check: func(ctx context.Context, o cli.CheckOptions) []check.Finding {
			return app.Check(ctx, app.CheckOptions(o))
		},
		Route: func(ctx context.Context, o cli.RouteOptions) (recipient.Explanation, error) {
			return app.Route(ctx, app.RouteOptions{
				Config: o.Config, RequestID: o.RequestID, Request: o.Request, Traits: o.Traits, Log: o.Log,
			})
		},
		Scenarios: demo.Scenarios(),
		Demo: func(ctx context.Context, o cli.DemoOptions) error {
			return demo.Run(ctx, demo.Options{Addr: o.Addr, Fallback: o.Fallback, Scenario: o.Scenario, Config: o.Config, Stdout: o.Stdout, Stderr: o.Stderr})
		},
	}))
}

func start(ctx context.Context, o cli.StartOptions) error {
	a, err := app.New(app.Options{
		Config: o.Config, FailFast: o.FailFast, Reload: o.Reload, Log: o.Log, SetSeverity: o.SetSeverity,
		Supervisor: o.Supervisor, Version: o.Version.Semver, Commit: o.Version.Commit,
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
