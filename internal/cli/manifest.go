package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
)

func (o Options) manifest() *cobra.Command {
	var path, format string
	var all bool
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "print the manifest of the Slack app",
		Long: `manifest prints the manifest of a Slack app that can do what the configuration
turns on, and no more, to be pasted at https://api.slack.com/apps under Create
New App, From a manifest. The configuration need not be finished. Without one
it is the least that is needed.`,
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
			review, err := wantsReview(path, cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			return printed(o.Stdout.Write(write(manifest.Options{Review: review, All: all})))
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", config.DefaultPath, "the configuration `file`, if there is one")
	cmd.Flags().StringVar(&format, "format", "yaml", "`yaml`, with comments, or json")
	cmd.Flags().BoolVar(&all, "all", false, "ask for the optional scopes as well")
	return cmd
}

// wantsReview reads from a configuration whether people decide in Slack. Only
// a file that somebody named has to be there, and nothing has to be complete:
// before there is an app there is no token.
func wantsReview(path string, named bool) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !named {
		return false, nil
	}
	c, _, err := config.Sketch(path)
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			if p.Key == "" || p.Key == "review" || p.Key == "review.enabled" { // nothing could be read
				return false, p
			}
		}
	}
	return c.Review.Enabled, nil
}
