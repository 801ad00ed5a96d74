package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

func (o Options) manifest() *cobra.Command {
	var path, format string
	var all bool
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "print the manifest of the Slack app",
		Long: `manifest prints the manifest of a Slack app, with the scopes and settings that
the configuration needs and no others. Paste it at https://api.slack.com/apps
under Create New App, From a manifest. The configuration may be incomplete.
Without one, the manifest has the minimum.`,
		Example: `  teleport-slack manifest
  teleport-slack manifest --all --format=json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write := manifest.YAML
			switch format {
			case "yaml":
			case "json":
				write = manifest.JSON
			default:
				return usageError{fmt.Errorf("unknown format %q", format), "one of: yaml, json"}
			}
			opts, err := manifestOptions(path, cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			opts.All = all
			return printed(o.Stdout.Write(write(opts)))
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", config.DefaultPath, "the configuration `file`, if there is one")
	cmd.Flags().StringVar(&format, "format", "yaml", "`yaml`, with comments, or json")
	cmd.Flags().BoolVar(&all, "all", false, "ask for the optional scopes as well")
	return cmd
}

// manifestOptions reads from a configuration which features the app needs. Only
// a file given with --config has to exist. The configuration may be incomplete:
// before there is an app there is no token.
func manifestOptions(path string, named bool) (manifest.Options, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !named {
		return manifest.Options{}, nil
	}
	c, _, err := config.Sketch(path)
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			if p.Key == "" || p.Key == "review" || p.Key == "review.enabled" { // the features can't be read
				return manifest.Options{}, p
			}
		}
	}
	o := manifest.Options{Review: c.Review.Enabled}
	for _, recipients := range c.Recipients {
		for _, text := range recipients {
			r, err := route.ParseRecipient(text)
			o.Mentions = o.Mentions || err == nil && r.NamesHandles() // the loader reports mistakes in it
		}
	}
	return o, nil
}
