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

// Supervisor tells systemd how the program is doing: that it is ready, reads
// its configuration again, stops, and is well. Where nobody asked, which is
// everywhere but in a unit with Type=notify, it does nothing.
//
// The protocol is a datagram for each word:
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
type Supervisor struct {
	socket string
	every  time.Duration // how often systemd wants to hear that all is well; 0 for never
	log    *slog.Logger

	mu       sync.Mutex
	ready    bool
	reported bool // that systemd can't be told
}

// newSupervisor finds out from the environment who wants to know.
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

// Ready says that the program does its work.
func (s *Supervisor) Ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
	s.say("READY=1\nSTATUS=ready")
}

// Waiting says what the program waits for before it is ready.
func (s *Supervisor) Waiting(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready {
		s.say("STATUS=waiting for " + what)
	}
}

// Reloading says that the configuration is read again, and returns what says
// that this is over. Before the program is ready there is nothing to say:
// systemd would take the end of a reload for readiness.
func (s *Supervisor) Reloading() (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready {
		return func() {}
	}
	s.say("RELOADING=1")
	return s.Ready
}

// stopping says that the program was asked to end and finishes its work.
func (s *Supervisor) stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say("STOPPING=1\nSTATUS=finishing what is in flight")
}

// Watch says that all is well as often as systemd wants to hear it, as long
// as well returns nil. Silence makes systemd start the program anew. It
// returns when ctx ends.
func (s *Supervisor) Watch(ctx context.Context, well func() error) {
	if s.every == 0 {
		return
	}
	tick := time.NewTicker(s.every / 2)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := well()
		s.mu.Lock()
		if err == nil {
			s.say("WATCHDOG=1")
			if told != "" {
				s.say("STATUS=ready")
			}
			told = ""
		} else if told == "" {
			told = oneLine(err.Error())
			s.log.Error("not well: the watchdog is not told otherwise", logkey.Error, told)
			s.say("STATUS=not well: " + told)
		}
		s.mu.Unlock()
	}
}

// say sends state; mu is held. If that fails, the program goes on without.
func (s *Supervisor) say(state string) {
	if s.socket == "" {
		return
	}
	err := send(s.socket, state)
	if err != nil && !s.reported {
		s.reported = true
		s.log.Warn("systemd can't be told how the program is doing", logkey.Error, err.Error())
	}
}

// send sends one datagram. A name that begins with @ is an abstract socket.
func send(socket, state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	defer func() { _ = conn.Close() }() // a datagram is sent or it isn't
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
			value = content // the last one counts, as in os/exec
		}
	}
	return value
}
