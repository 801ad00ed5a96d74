// Command gotest runs "go test -json" with its arguments and says what came of
// it: a line for each package, what failed tests had to say, and at the end
//
//	12 passed, 0 failed, 1 skipped
//
// alone on a line. It counts tests that have no tests within them, so that a
// table with ten rows counts ten and not eleven; a group that fails by itself
// and a package that does not build, panics or runs out of time count as one
// failure each.
//
// It exits with 1 where "go test" does or anything failed.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...) //nolint:gosec // the caller's own arguments are what this is for
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run go test: %w", err)
	}
	sum, err := report(events, stdout)
	// What could not be read is read away, or the program would never end.
	_, _ = io.Copy(io.Discard, events)
	waitErr := cmd.Wait()
	if waitErr != nil && sum.Failed == 0 {
		sum.fail("go test") // such as a package pattern that matches nothing
	}
	for _, what := range sum.failures {
		fmt.Fprintln(stdout, "failed:", what)
	}
	fmt.Fprintln(stdout, sum)
	switch {
	case err != nil:
		return err
	case waitErr != nil:
		return fmt.Errorf("go test: %w", waitErr)
	case sum.Failed > 0:
		return fmt.Errorf("%d failed", sum.Failed)
	}
	return nil
}
