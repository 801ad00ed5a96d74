package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Version identifies the build.
type Version struct {
	Semver string // without the v: "1.2.3"
	Commit string // may be empty
	Go     string // "go1.26.0"
	API    string // of Teleport's api module: "18.0.0-dev"
}

// unreleased is the version of a build without one.
const unreleased = "0.0.0-dev"

// maxCommitLetters is the length to which a commit hash is shortened, as in Git.
const maxCommitLetters = 12

// BuildVersion returns the version that was set at link time, or else the one
// that Go recorded in the build. apiVersion is that of Teleport's API.
func BuildVersion(version, commit, apiVersion string) Version {
	v := Version{Semver: version, Commit: commit, Go: runtime.Version(), API: apiVersion}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Semver == "" && info.Main.Version != "(devel)" {
			v.Semver = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && v.Commit == "" {
				v.Commit = s.Value
			}
		}
	}
	if v.Semver == "" {
		v.Semver = unreleased
	}
	v.Semver = strings.TrimPrefix(v.Semver, "v")
	v.Commit = v.Commit[:min(len(v.Commit), maxCommitLetters)]
	return v
}

// String returns two lines, the first as the published plugin prints it.
func (v Version) String() string {
	line := program + " v" + v.Semver
	if v.Commit != "" {
		line += " git:" + v.Commit
	}
	return line + " " + v.Go + "\nteleport api " + v.API
}

func (o Options) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Long:    "version prints the version, the commit, and the versions of Go and the Teleport\nAPI.",
		Example: "  teleport-slack version",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			return printed(fmt.Fprintln(o.Stdout, o.Version))
		},
	}
}

// printed returns the error of writing a result: a full disk behind a redirection
// must not look like success.
func printed(_ int, err error) error {
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func completion() *cobra.Command {
	write := map[string]func(*cobra.Command, io.Writer) error{
		"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
		"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
	}
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print completion for a shell",
		Long:  "completion prints a script that makes a shell complete this program's commands\nand flags.",
		Example: `  source <(teleport-slack completion bash)
  teleport-slack completion fish | source`,
		ValidArgs:             shells,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			hint := "one of: " + strings.Join(shells, ", ")
			switch {
			case len(args) == 0:
				return usageError{errors.New("the shell is missing"), hint}
			case len(args) > 1:
				return usageError{fmt.Errorf("unexpected argument %q", args[1]), hint}
			case write[args[0]] == nil:
				return usageError{fmt.Errorf("unknown shell %q", args[0]), hint}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := write[args[0]](cmd.Root(), cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("write output: %w", err)
			}
			return nil
		},
	}
}
