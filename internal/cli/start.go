package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
)

// failFastVariable makes the program end when it loses the connection to
// Teleport, instead of connecting again.
const failFastVariable = "TELEPORT_PLUGIN_FAIL_FAST"

// StartOptions are the arguments of "start".
type StartOptions struct {
	Config   config.Config
	Warnings []config.Warning // already logged
	Log      *slog.Logger     // closed after Start returned
	Debug    bool             // log at debug, also after a reload
	FailFast bool             // TELEPORT_PLUGIN_FAIL_FAST
	Reload   <-chan struct{}  // SIGHUP; pending ones are merged
	Version  Version

	// Supervisor reports readiness and health to systemd.
	Supervisor *Supervisor
	// SetSeverity applies a reloaded log.severity, unless --debug is set.
	SetSeverity func(slog.Level)
}

// startFlags is the command line of "start".
type startFlags struct {
	config  string
	debug   bool
	pidFile string
}

func (o Options) start() *cobra.Command {
	var flags startFlags
	cmd := &cobra.Command{
		Use:   "start",
		Short: "run the plugin until stopped",
		Long: `start connects to Teleport and Slack and runs until SIGTERM or SIGINT. It then
finishes calls in flight; a second signal stops it at once. SIGHUP reloads the
configuration.

With TELEPORT_PLUGIN_FAIL_FAST=true in the environment, the program ends when it
loses the connection to Teleport, instead of connecting again.`,
		Example: `  teleport-slack start
  teleport-slack start -c ./teleport-slack.toml --debug`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.runStart(cmd.Context(), flags)
		},
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", config.DefaultPath, "the configuration `file`")
	cmd.Flags().BoolVarP(&flags.debug, "debug", "d", false, "log at debug, also if the configuration sets another level")
	cmd.Flags().StringVar(&flags.pidFile, "pid-file", "", "write the process ID to this `file` while running")
	return cmd
}

func (o Options) runStart(ctx context.Context, flags startFlags) (err error) {
	failFast, failFastErr := o.failFast()
	cfg, warnings, err := config.Load(flags.config)
	if err := errors.Join(err, failFastErr); err != nil {
		warn(o.Stderr, warnings)
		return err
	}
	level := new(slog.LevelVar)
	log, closeLog, err := telemetry.NewLogger(telemetry.LogOptions{
		Output: cfg.Log.Output, Severity: cfg.Log.Severity, JSON: cfg.Log.Format == config.JSON,
		Debug: flags.debug, Level: level, Stderr: o.Stderr, Stdout: o.Stdout,
	})
	if err != nil {
		return config.Problem{Key: "log.output", Place: cfg.Path, What: err.Error(),
			Do: "name a file in a directory that the user who runs teleport-slack may write to"}
	}
	defer func() {
		if err != nil && cfg.Log.Output != "stderr" {
			// The error also goes to the terminal, but the log has to
			// have the reason for the end too.
			for _, err := range flatten(err) {
				log.Error("Terminating with fatal error", logkey.Error, err.Error(), logkey.Hint, hintOf(err))
			}
		}
		err = errors.Join(err, closeLog())
	}()

	// The line is the published plugin's, with its values in the message.
	log.Info(fmt.Sprintf("Starting Teleport Access Slack Plugin %s:%s", o.Version.Semver, o.Version.Commit))
	if flags.debug {
		log.Debug("DEBUG logging enabled")
	}
	for _, w := range warnings {
		log.Warn("configuration has a problem that does not prevent the start",
			logkey.Key, w.Key, logkey.Place, w.Place, logkey.Reason, w.What, logkey.Hint, w.Do)
	}
	removePID, err := writePIDFile(flags.pidFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removePID()) }()

	reload := make(chan struct{}, 1)
	systemd := newSupervisor(o.getenv, os.Getpid(), log)
	systemd.Waiting("Teleport and Slack")
	err = o.supervise(ctx, supervised{log: log, reload: reload, stopping: systemd.stopping, run: func(ctx context.Context) error {
		return o.Start(ctx, StartOptions{
			Config: cfg, Warnings: warnings, Log: log, Debug: flags.debug,
			FailFast: failFast, Reload: reload, Version: o.Version, Supervisor: systemd,
			SetSeverity: func(l slog.Level) {
				if !flags.debug {
					level.Set(l)
				}
			},
		})
	}})
	if err == nil {
		log.Info("Successfully shut down")
	}
	return err
}

// failFast reads TELEPORT_PLUGIN_FAIL_FAST; empty means not set.
func (o Options) failFast() (bool, error) {
	value := o.getenv(failFastVariable)
	if value == "" {
		return false, nil
	}
	failFast, err := strconv.ParseBool(value)
	if err != nil {
		return false, config.Problem{Place: "environment", Key: failFastVariable,
			What: fmt.Sprintf("is %q, expected true or false", value), Do: "unset it, or set it to true or false"}
	}
	return failFast, nil
}

// writePIDFile writes the process ID to path, replacing the file of a crashed
// process, and returns the function that removes it.
func writePIDFile(path string) (remove func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return nil, config.Problem{Place: "--pid-file", What: fmt.Sprintf("cannot be written: %v", err),
			Do: "name a file in a directory that the user who runs teleport-slack may write to"}
	}
	return func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove pid file: %w", err)
		}
		return nil
	}, nil
}
