package cli

import (
	"context"
	"io"
	"net"

	"github.com/spf13/cobra"
)

// demoAddr is where the demo's page is unless it is taken.
const demoAddr = "127.0.0.1:8900"

// DemoOptions is what "demo" was asked for.
type DemoOptions struct {
	Addr     string // host:port to listen at
	Fallback bool   // take any free port if Addr is in use: nobody asked for this one
	Scenario bool   // play a story and end, instead of serving a page
	Stdout   io.Writer
	Stderr   io.Writer
	Version  Version
}

func (o Options) demo() *cobra.Command {
	d := DemoOptions{Stdout: o.Stdout, Stderr: o.Stderr, Version: o.Version}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "try it without Teleport and Slack",
		Long: `demo runs the plugin between a Teleport and a Slack that it brings along, and
serves a page that shows the messages and lets one request, review and decide.`,
		Example: `  teleport-slack demo              # then open the address that it prints
  teleport-slack demo --scenario   # plays a story and prints the messages`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(d.Addr); err != nil {
				return usageError{err, "write it as host:port, such as --addr " + demoAddr}
			}
			d.Fallback = !cmd.Flags().Changed("addr")
			return o.supervise(cmd.Context(), supervised{run: func(ctx context.Context) error { return o.Demo(ctx, d) }})
		},
	}
	cmd.Flags().StringVar(&d.Addr, "addr", demoAddr, "where to serve the page, `host:port`")
	cmd.Flags().BoolVar(&d.Scenario, "scenario", false, "play a story by itself and print the messages")
	return cmd
}
