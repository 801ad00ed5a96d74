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

// demoAddr is the default address of the demo's page.
const demoAddr = "127.0.0.1:8900"

// defaultScenario is played by "--scenario" without a name.
const defaultScenario = "tour"

// DemoOptions are the arguments of "demo".
type DemoOptions struct {
	Addr     string // host:port to listen at
	Fallback bool   // take any free port if Addr is in use: Addr is the default
	Scenario string // the scenario to play instead of serving a page; empty for none
	Config   string // the operator's configuration to try out; empty for the demo's own
	Stdout   io.Writer
	Stderr   io.Writer
	Version  Version
}

func (o Options) demo() *cobra.Command {
	d := DemoOptions{Stdout: o.Stdout, Stderr: o.Stderr, Version: o.Version}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "try it without Teleport and Slack",
		Long: `demo runs the plugin with a built-in Teleport and a built-in Slack. It serves a
page that shows the messages, and where you can request access and review.`,
		Example: `  teleport-slack demo              # then open the address that it prints
  teleport-slack demo -c /etc/teleport-slack.toml   # your routes and texts
  teleport-slack demo --scenario   # plays a scenario and prints the messages
  teleport-slack demo --scenario=small-team`,
		// In "--scenario small-team", pflag takes small-team for an argument.
		Args: func(cmd *cobra.Command, args []string) error {
			if d.Scenario == defaultScenario && len(args) > 0 {
				return noArguments(cmd, args[1:])
			}
			return noArguments(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				d.Scenario = args[0]
			}
			switch {
			case d.Scenario != "" && !slices.Contains(o.Scenarios, d.Scenario):
				return usageError{fmt.Errorf("unknown scenario %q", d.Scenario), "one of: " + strings.Join(o.Scenarios, ", ")}
			case d.Scenario != "" && d.Config != "":
				return usageError{errors.New("--scenario and --config exclude each other"), "each scenario has its own configuration"}
			}
			if _, _, err := net.SplitHostPort(d.Addr); err != nil {
				return usageError{err, "write it as host:port, such as --addr " + demoAddr}
			}
			d.Fallback = !cmd.Flags().Changed("addr")
			return o.supervise(cmd.Context(), supervised{run: func(ctx context.Context) error { return o.Demo(ctx, d) }})
		},
	}
	cmd.Flags().StringVar(&d.Addr, "addr", demoAddr, "where to serve the page, `host:port`")
	cmd.Flags().StringVar(&d.Scenario, "scenario", "", "play a scenario in the terminal and print the messages: its `name`, or nothing for the tour")
	cmd.Flags().Lookup("scenario").NoOptDefVal = defaultScenario
	cmd.Flags().StringVarP(&d.Config, "config", "c", "", "try out this configuration `file`; its tokens and identity are not used")
	return cmd
}
