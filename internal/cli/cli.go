// Package cli is the command line: commands, flags, output and exit codes.
// Arguments, streams, environment and signals are passed in, and so are the
// functions behind the commands, so that a test can run the program without a
// process.
//
// # Output
//
// Results go to standard output, everything else to standard error. Each error
// is one line with its place, followed by a hint if a person can act on it:
//
//	teleport-slack: error: /etc/teleport-slack.toml:3:1: teleport.adr: unknown key
//	teleport-slack: hint: did you mean teleport.addr?
//
// No capitals, no full stops. Exit codes: 0 after a clean stop, 1 for a
// failure, 2 for wrong usage.
//
// It has no logic about access requests or messages.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/check"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
)

// program is the name of the executable.
const program = "teleport-slack"

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Options is all that the command line needs.
type Options struct {
	Args    []string // without the program's name
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // as os.Environ
	Version Version

	// Start runs the plugin until the context ends, and then stops gracefully.
	Start func(context.Context, StartOptions) error
	// Check checks configuration, connections and permissions.
	Check func(context.Context, CheckOptions) []check.Finding
	// Demo runs both doubles and the plugin until the context ends.
	Demo func(context.Context, DemoOptions) error
	// Route finds the recipients of a request, from Teleport and Slack.
	Route func(context.Context, RouteOptions) (recipient.Explanation, error)
	// Scenarios are the names that "demo --scenario" accepts.
	Scenarios []string
	// Post posts one message and returns the channel that it was posted to.
	Post func(context.Context, PostOptions) (string, error)

	// Notify sends the signals that the program handles to c until stop is
	// called; nil for the process's own.
	Notify func(c chan<- os.Signal) (stop func())
}

// Main runs one command and returns the exit code.
func Main(ctx context.Context, o Options) int {
	if o.Notify == nil {
		o.Notify = subscribe
	}
	root := o.root()
	root.SetArgs(append([]string{}, o.Args...)) // nil would mean os.Args
	root.SetOut(o.Stdout)
	root.SetErr(o.Stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		report(o.Stderr, err)
		return exitUsage
	}
	report(o.Stderr, err)
	return exitFailure
}

// subscribe delivers the process's signals to c.
func subscribe(c chan<- os.Signal) func() {
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return func() { signal.Stop(c) }
}

func (o Options) root() *cobra.Command {
	root := &cobra.Command{
		Use:   program,
		Short: "posts Teleport access requests to Slack",
		Long: `teleport-slack posts Teleport access requests to Slack: to the people who can
approve them and to the person who requested access. It keeps the messages up
to date.`,
		Example: `  teleport-slack configure > /etc/teleport-slack.toml   # then fill it in
  teleport-slack check                                  # what is missing?
  teleport-slack start                                  # runs until stopped
  teleport-slack demo                                   # needs nothing`,
		Version:       o.Version.Semver,
		SilenceErrors: true,
		// Edit distance up to which a command is suggested.
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("missing command"), "for a list of commands run: " + program + " --help"}
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate(o.Version.String() + "\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err, "for a list of flags run: " + cmd.CommandPath() + " --help"}
	})
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(o.start(), o.configure(), o.manifest(), o.check(), o.version(), o.demo(), o.preview(), o.route(), o.health(), completion())
	for _, cmd := range root.Commands() {
		addHelpFlag(cmd)
	}
	addHelpFlag(root)
	root.Flags().Bool("version", false, "print the version")
	return root
}

// addHelpFlag adds --help with our text; otherwise cobra adds it with its own.
func addHelpFlag(cmd *cobra.Command) { cmd.Flags().BoolP("help", "h", false, "print this help") }

// usageTemplate replaces cobra's, to have usage before flags and in lower case.
const usageTemplate = `usage: {{if .HasAvailableSubCommands}}{{.CommandPath}} <command>{{else}}{{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}

commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
{{- if .HasExample}}

examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

more about a command: {{.CommandPath}} <command> --help{{end}}
`

// usageError is wrong usage, with a hint on the right one.
type usageError struct {
	error
	hint string
}

// Hint returns how to use the command instead.
func (e usageError) Hint() string { return e.hint }

func unknownCommand(cmd *cobra.Command, name string) error {
	hint := "for a list of commands run: " + program + " --help"
	if near := cmd.Root().SuggestionsFor(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError{fmt.Errorf("unknown command %q", name), hint}
}

// noArguments refuses arguments to a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("unexpected argument %q", args[0]),
		"for usage run: " + cmd.CommandPath() + " --help"}
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "print the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return target.Help()
		},
	}
}
