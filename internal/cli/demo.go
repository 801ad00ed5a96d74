package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// demoAddr is where the demo's page is unless it is taken.
const demoAddr = "127.0.0.1:8900"

// ownStory is the story of "--scenario" without a name.
const ownStory = "tour"

// DemoOptions is what "demo" was asked for.
type DemoOptions struct {
	Addr     string // host:port to listen at
	Fallback bool   // take any free port if Addr is in use: nobody asked for this one
	Scenario string // the story to play and end, instead of serving a page; empty for none
	Config   string // the configuration to rehearse; empty for the demo's own
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
  teleport-slack demo -c /etc/teleport-slack.toml   # your routes and words
  teleport-slack demo --scenario   # plays a story and prints the messages
  teleport-slack demo --scenario=small-team`,
		// --scenario small-team is meant, and looks like an argument.
		Args: func(cmd *cobra.Command, args []string) error {
			if d.Scenario == ownStory && len(args) > 0 {
				return noArguments(cmd, args[1:])
			}
			return noArguments(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				d.Scenario = args[0]
			}
			switch {
			case d.Scenario != "" && !slices.Contains(o.Stories, d.Scenario):
				return usageError{fmt.Errorf("there is no story %q", d.Scenario), "the stories are " + strings.Join(o.Stories, ", ")}
			case d.Scenario != "" && d.Config != "":
				return usageError{errors.New("--scenario and --config exclude each other"), "stories bring their own configuration"}
			}
			if _, _, err := net.SplitHostPort(d.Addr); err != nil {
				return usageError{err, "write it as host:port, such as --addr " + demoAddr}
			}
			d.Fallback = !cmd.Flags().Changed("addr")
			return o.supervise(cmd.Context(), supervised{run: func(ctx context.Context) error { return o.Demo(ctx, d) }})
		},
	}
	cmd.Flags().StringVar(&d.Addr, "addr", demoAddr, "where to serve the page, `host:port`")
	cmd.Flags().StringVar(&d.Scenario, "scenario", "", "play a story by itself and print the messages: `name`, or nothing for the demo's own")
	cmd.Flags().Lookup("scenario").NoOptDefVal = ownStory
	cmd.Flags().StringVarP(&d.Config, "config", "c", "", "rehearse this configuration, `file`; its tokens and identity are not used")
	return cmd
}
