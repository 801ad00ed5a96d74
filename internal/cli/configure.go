package cli

import (
	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/config"
)

func (o Options) configure() *cobra.Command {
	return &cobra.Command{
		Use:     "configure",
		Short:   "print an example of the configuration file",
		Long:    "configure prints a configuration file with comments, for you to fill in.",
		Example: "  teleport-slack configure > /etc/teleport-slack.toml",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			return printed(o.Stdout.Write(config.Example()))
		},
	}
}
