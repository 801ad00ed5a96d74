package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/check"
	"github.com/teleport-slack/teleport-slack/internal/config"
)

// CheckOptions are the arguments of "check".
type CheckOptions struct {
	Path     string // of the configuration
	Environ  []string
	SendTest string // recipient of a test message; empty for none
	Timeout  time.Duration
}

// defaultCheckTimeout is enough for a slow network and a few hundred recipients.
const defaultCheckTimeout = 30 * time.Second

func (o Options) check() *cobra.Command {
	c := CheckOptions{Environ: o.Environ}
	asJSON := false
	cmd := &cobra.Command{
		Use:   "check",
		Short: "check configuration, connections and permissions",
		Long: `check inspects the configuration, the identity, Teleport, Slack, every
recipient, the network and the clock. It prints one line for each: ✓ for ok,
! for a warning, ✗ for a failure, and what to do. It changes nothing, and posts
nothing without --send-test.

Run it before the first start, as the user that the program will run as. The
exit code is 1 if a check failed, otherwise 0.`,
		Example: `  teleport-slack check
  teleport-slack check -c ./teleport-slack.toml --send-test '#access-requests'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Timeout <= 0 {
				return usageError{fmt.Errorf("--timeout is %s", c.Timeout), "give a positive duration, such as --timeout " + defaultCheckTimeout.String()}
			}
			if cmd.Flags().Changed("send-test") && c.SendTest == "" {
				return usageError{errors.New("--send-test is empty"), "name a channel or an email address, such as --send-test '#access-requests'"}
			}
			return o.supervise(cmd.Context(), supervised{run: func(ctx context.Context) error {
				return o.runCheck(ctx, c, asJSON)
			}})
		},
	}
	cmd.Flags().StringVarP(&c.Path, "config", "c", config.DefaultPath, "the configuration `file`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of {name, status, detail, hint}")
	cmd.Flags().StringVar(&c.SendTest, "send-test", "", "send a test message to this `channel` or person")
	cmd.Flags().DurationVar(&c.Timeout, "timeout", defaultCheckTimeout, "stop waiting after this long")
	return cmd
}

func (o Options) runCheck(ctx context.Context, c CheckOptions, asJSON bool) error {
	findings := o.Check(ctx, c)
	if ctx.Err() != nil {
		return errUnfinished
	}
	write := printFindings
	if asJSON {
		write = encodeFindings
	}
	if err := printed(0, write(o.Stdout, findings)); err != nil {
		return err
	}
	if n := check.Count(findings, check.Failure); n > 0 {
		return errors.New(failed(n))
	}
	return nil
}

// errUnfinished is returned after a signal. Incomplete findings are not printed.
var errUnfinished = errors.New("stopped before all checks were finished")

func failed(n int) string {
	if n == 1 {
		return "1 check failed"
	}
	return fmt.Sprintf("%d checks failed", n)
}

var marks = map[check.Status]string{check.OK: "✓", check.Warning: "!", check.Failure: "✗"}

// printFindings prints a line for each finding, and its hint under it. A hint
// that several findings in a row share is printed once, after the last.
func printFindings(w io.Writer, findings []check.Finding) error {
	width := 0
	for _, f := range findings {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	for i, f := range findings {
		if _, err := fmt.Fprintf(w, "%s %-*s  %s\n", marks[f.Status], width, f.Name, oneLine(f.Detail)); err != nil {
			return err
		}
		if f.Hint == "" || i+1 < len(findings) && findings[i+1].Hint == f.Hint {
			continue
		}
		if _, err := fmt.Fprintf(w, "  %-*s  → %s\n", width, "", oneLine(f.Hint)); err != nil {
			return err
		}
	}
	return nil
}

func encodeFindings(w io.Writer, findings []check.Finding) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if findings == nil {
		findings = []check.Finding{}
	}
	return e.Encode(findings)
}
