package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// Supervisor reports the program's state to systemd: ready, reloading, stopping,
// healthy. Outside of a unit with Type=notify it does nothing.
//
// The protocol is one datagram for each report:
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
type Supervisor struct {
	socket string
	every  time.Duration // systemd's watchdog timeout; 0 for none
	log    *slog.Logger

	mu       sync.Mutex
	ready    bool
	reported bool // a failure to reach systemd was logged
}

// newSupervisor reads from the environment whether systemd expects reports.
func newSupervisor(getenv func(string) string, pid int, log *slog.Logger) *Supervisor {
	s := &Supervisor{socket: getenv("NOTIFY_SOCKET"), log: log}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 || s.socket == "" {
		return s
	}
	if of := getenv("WATCHDOG_PID"); of == "" || of == strconv.Itoa(pid) {
		s.every = time.Duration(usec) * time.Microsecond
	}
	return s
}

// Ready reports that the program is ready.
func (s *Supervisor) Ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	s.send("READY=1\nSTATUS=ready")
}

// Waiting reports what the program waits for before it is ready.
func (s *Supervisor) Waiting(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready {
		s.send("STATUS=waiting for " + what)
	}
}

// Reloading reports the begin of a reload, and returns the function that reports
// its end. Before the program is ready it reports nothing: systemd would take
// the end of a reload for readiness.
func (s *Supervisor) Reloading() (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready {
		return func() {}
	}
	s.send("RELOADING=1")
	return s.Ready
}

// stopping reports that the program is shutting down.
func (s *Supervisor) stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send("STOPPING=1\nSTATUS=finishing calls in flight")
}

// Watch pings systemd's watchdog as often as needed while healthy returns nil.
// Without pings systemd restarts the program. Watch returns when ctx ends.
func (s *Supervisor) Watch(ctx context.Context, healthy func() error) {
	if s.every == 0 {
		return
	}
	tick := time.NewTicker(s.every / 2)
	defer tick.Stop()
	problem := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := healthy()
		s.mu.Lock()
		if err == nil {
			s.send("WATCHDOG=1")
			if problem != "" {
				s.send("STATUS=ready")
			}
			problem = ""
		} else if problem == "" {
			problem = oneLine(err.Error())
			s.log.Error("unhealthy, watchdog ping skipped", logkey.Error, problem)
			s.send("STATUS=unhealthy: " + problem)
		}
		s.mu.Unlock()
	}
}

// send sends state; mu is held. A failure is logged once and otherwise ignored.
func (s *Supervisor) send(state string) {
	if s.socket == "" {
		return
	}
	err := sendDatagram(s.socket, state)
	if err != nil && !s.reported {
		s.reported = true
		s.log.Warn("can't report status to systemd", logkey.Error, err.Error())
	}
}

// sendDatagram sends one datagram. A name that begins with @ is an abstract socket.
func sendDatagram(socket, state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing is buffered
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// getenv returns a variable of the environment, or "".
func (o Options) getenv(name string) string {
	value := ""
	for _, v := range o.Environ {
		if n, content, ok := strings.Cut(v, "="); ok && n == name {
			value = content // the last one wins, as in os/exec
		}
	}
	return value
}
