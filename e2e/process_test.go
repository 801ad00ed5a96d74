//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs beside the test, with all that it says.
type process struct {
	name   string
	cmd    *exec.Cmd
	output output
	ended  chan struct{} // closed when the program has ended
}

// output is what a program has written so far; written to by the goroutine of
// os/exec, read by the test.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a program until the test ends, and prints what it said if the
// test has failed by then.
func start(t testing.TB, name, dir string, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{name: name, ended: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout = &p.output
	p.cmd.Stderr = &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the exit code is read from ProcessState
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("what %s (pid %d) said:\n%s", name, p.cmd.Process.Pid, lastLines(p.output.String(), 150))
		}
	})
	return p
}

// running reports whether the program has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// signal sends sig to the program if it still runs.
func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %v to %s: %v", sig, p.name, err)
	}
}

// wait returns the exit code of a program that ends within limit; -1 stands
// for one that a signal ended.
func (p *process) wait(t testing.TB, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("%s (pid %d) still runs after %v", p.name, p.cmd.Process.Pid, limit)
		return -1
	}
}

// stop ends the program, by force if it doesn't listen. A program that has
// ended is left alone.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if !p.running() {
		return
	}
	p.signal(t, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		p.kill(t)
	}
}

// kill ends the program without asking it.
func (p *process) kill(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.ended
}

// lastLines returns at most n lines from the end of s.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) <= n {
		return strings.Join(lines, "\n")
	}
	return "[…]\n" + strings.Join(lines[len(lines)-n:], "\n")
}
