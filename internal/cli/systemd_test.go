package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// environment is what a unit with Type=notify gives to a program.
func environment(vars ...string) func(string) string { return Options{Environ: vars}.getenv }

// manager listens as systemd does, and returns what it has heard so far.
func manager(t *testing.T, name string) (heard func() []string) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return func() (words []string) {
		buf := make([]byte, 4096)
		for {
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			n, err := conn.Read(buf)
			if err != nil {
				return words
			}
			words = append(words, string(buf[:n]))
		}
	}
}

func TestSystemdHearsHowTheProgramIsDoing(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@teleport-slack-test-" + filepath.Base(t.TempDir())} {
		heard := manager(t, name)
		s := newSupervisor(environment("NOTIFY_SOCKET=wrong", "NOTIFY_SOCKET="+name), 7, slog.New(slog.DiscardHandler))
		s.Waiting("Teleport and Slack")
		s.Reloading()() // not ready yet: systemd must not think so
		s.Ready()
		s.Waiting("nothing any more")
		done := s.Reloading()
		done()
		s.stopping()
		want := []string{
			"STATUS=waiting for Teleport and Slack", "READY=1\nSTATUS=ready",
			"RELOADING=1", "READY=1\nSTATUS=ready", "STOPPING=1\nSTATUS=finishing calls in flight",
		}
		if diff := cmp.Diff(want, heard()); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhoAsksForTheWatchdog(t *testing.T) {
	for _, tt := range []struct {
		environ []string
		want    time.Duration
	}{
		{nil, 0},
		{[]string{"WATCHDOG_USEC=60000000"}, 0}, // nowhere to say it
		{[]string{"NOTIFY_SOCKET=/n"}, 0},
		{[]string{"NOTIFY_SOCKET=/n", "WATCHDOG_USEC=60000000"}, time.Minute},
		{[]string{"NOTIFY_SOCKET=/n", "WATCHDOG_USEC=60000000", "WATCHDOG_PID=7"}, time.Minute},
		{[]string{"NOTIFY_SOCKET=/n", "WATCHDOG_USEC=60000000", "WATCHDOG_PID=8"}, 0}, // meant for a parent
		{[]string{"NOTIFY_SOCKET=/n", "WATCHDOG_USEC=-1"}, 0},
		{[]string{"NOTIFY_SOCKET=/n", "WATCHDOG_USEC=soon"}, 0},
	} {
		if got := newSupervisor(environment(tt.environ...), 7, slog.New(slog.DiscardHandler)).every; got != tt.want {
			t.Errorf("%q: %s, want %s", tt.environ, got, tt.want)
		}
	}
}

func TestWatchdogIsOnlyPingedWhileHealthy(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	heard := manager(t, name)
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := newSupervisor(environment("NOTIFY_SOCKET="+name, "WATCHDOG_USEC=60000000"), 7, slog.New(slog.NewTextHandler(&log, nil)))
		states := []error{nil, errors.New("hangs\nbadly"), errors.New("hangs\nstill"), nil}
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		s.Watch(ctx, func() error {
			err := states[0]
			if states = states[1:]; len(states) == 0 {
				cancel()
			}
			return err
		})
		if took := time.Since(begin); took != 2*time.Minute {
			t.Errorf("four looks took %s, want one every 30 seconds", took)
		}
	})
	want := []string{"WATCHDOG=1", "STATUS=unhealthy: hangs; badly", "WATCHDOG=1", "STATUS=ready"}
	if diff := cmp.Diff(want, heard()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := strings.Count(log.String(), "unhealthy"); n != 1 {
		t.Errorf("%d log lines, want one:\n%s", n, &log)
	}
}

func TestASystemdThatIsGoneIsReportedOnce(t *testing.T) {
	var log bytes.Buffer
	s := newSupervisor(environment("NOTIFY_SOCKET=/nowhere/at/all"), 7, slog.New(slog.NewTextHandler(&log, nil)))
	s.Ready()
	s.stopping()
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "can't report status to systemd") {
		t.Errorf("log:\n%s", &log)
	}
	quiet := newSupervisor(environment(), 7, nil)
	quiet.Ready() // would crash on the missing log if it tried
	quiet.Watch(t.Context(), nil)
}
