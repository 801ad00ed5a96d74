package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// limit is how long a part may take.
const limit = 15 * time.Minute

// world is the doubles with the program between them as a process.
type world struct {
	bin      string
	dir      string
	config   string
	identity string
	teleport *teleporttest.Server
	slack    *slacktest.Server
	cmd      *exec.Cmd
	log      *readyLog

	mu       sync.Mutex
	messages map[kind]int
	unsub    func()
	watching sync.WaitGroup
}

// kind tells messages of their own from replies.
type kind uint8

const (
	topLevel kind = iota
	reply
)

func newWorld(_ context.Context, bin string) (w *world, err error) {
	w = &world{bin: bin, messages: map[kind]int{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "teleport-slack-bench-"); err != nil {
		return w, err
	}
	if w.teleport, err = teleporttest.New(teleporttest.Options{}); err != nil {
		return w, err
	}
	if err := w.teleport.Start(); err != nil {
		return w, err
	}
	identity := filepath.Join(w.dir, "identity")
	if err := w.teleport.WriteIdentity(identity, teleporttest.Identity{}); err != nil {
		return w, err
	}
	w.slack = slacktest.New(slacktest.Options{Scopes: append(slacktest.DefaultScopes(), "reactions:write")})
	for _, name := range []string{"alice", "bob"} {
		w.slack.AddUser(slacktest.User{ID: "U0" + strings.ToUpper(name) + "001", Name: name, Email: name + "@example.com"})
	}
	w.slack.AddChannel(slacktest.Channel{ID: "C0DEV000001", Name: "dev", BotIsMember: true})
	changes, unsub := w.slack.Subscribe(1 << 20)
	w.unsub = unsub
	w.watching.Go(func() {
		for c := range changes {
			if c.Kind != slacktest.Posted {
				continue
			}
			k := topLevel
			if c.Message.ThreadTS != "" {
				k = reply
			}
			w.mu.Lock()
			w.messages[k]++
			w.mu.Unlock()
		}
	})
	w.slack.Start()
	w.config = filepath.Join(w.dir, "teleport-slack.toml")
	w.identity = identity
	err = w.route("dev", "bob@example.com")
	return w, err
}

// route writes the configuration, with the recipients of every request.
func (w *world) route(recipients ...string) error {
	return os.WriteFile(w.config, fmt.Appendf(nil, `
[teleport]
addr = %q
identity = %q
[slack]
token = %q
api_url = %q
[role_to_recipients]
"*" = ["%s"]
`, w.teleport.Addr(), w.identity, slacktest.DefaultToken, w.slack.URL(), strings.Join(recipients, `", "`)), 0o600)
}

// callsToTeleport returns how many calls about requests and records there were.
func (w *world) callsToTeleport() int {
	calls := w.teleport.Calls()
	return calls["UpdatePluginData"] + calls["GetPluginData"] + calls["GetAccessRequestsV2"] + calls["ListAccessRequests"]
}

// start runs the program and returns how long it took until it was ready.
func (w *world) start(ctx context.Context) (time.Duration, error) {
	w.log = &readyLog{ready: make(chan struct{})}
	w.cmd = exec.Command(w.bin, "start", "--config", w.config) //nolint:gosec // the program to measure is the caller's choice
	w.cmd.Stderr = w.log
	begin := time.Now()
	if err := w.cmd.Start(); err != nil {
		w.cmd = nil
		return 0, err
	}
	select {
	case <-w.log.ready:
		return time.Since(begin), nil
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
	}
	return 0, fmt.Errorf("the program did not get ready; its log:\n%s", w.log)
}

// stop ends the process by its ID.
func (w *world) stop() {
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, func() { _ = w.cmd.Process.Kill() })
	_ = w.cmd.Wait()
	kill.Stop()
	w.cmd = nil
}

func (w *world) close() {
	w.stop()
	if w.slack != nil {
		w.slack.Close()
		w.unsub()
		w.watching.Wait()
	}
	if w.teleport != nil {
		w.teleport.Close()
	}
	_ = os.RemoveAll(w.dir)
}

func (w *world) create(n int) ([]string, error) {
	ids := make([]string, n)
	for i := range ids {
		r, err := w.teleport.CreateRequest(teleporttest.Request{User: "alice@example.com", Roles: []string{"editor"}, Reason: "to measure", TTL: 12 * time.Hour})
		if err != nil {
			return nil, err
		}
		ids[i] = r.GetName()
	}
	return ids, nil
}

// count returns how many messages of a kind were posted.
func (w *world) count(k kind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.messages[k]
}

func (w *world) wait(ctx context.Context, what string, ok func() bool) error {
	deadline := time.Now().Add(limit)
	for !ok() {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("gave up waiting for %s (%d messages, %d replies); the program's log ends:\n%s",
				what, w.count(topLevel), w.count(reply), w.log.tail())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// requestOf returns the request that a message is about.
func requestOf(m slacktest.Message) string {
	if m.Metadata == nil {
		return ""
	}
	var tag struct {
		ID string `json:"request_id"`
	}
	_ = json.Unmarshal(m.Metadata.EventPayload, &tag) // no ID then
	return tag.ID
}

// usage is what a process has used so far.
type usage struct {
	cpu     time.Duration
	peakMiB float64
}

// usage reads /proc; where there is none, it says zero.
func (w *world) usage() (u usage) {
	proc := "/proc/" + strconv.Itoa(w.cmd.Process.Pid)
	if b, err := os.ReadFile(proc + "/stat"); err == nil {
		// Fields 14 and 15, counted after the name in parentheses, in ticks of 10 ms.
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		u.cpu = time.Duration(user+system) * 10 * time.Millisecond
	}
	if b, err := os.ReadFile(proc + "/status"); err == nil {
		_, rest, _ := strings.Cut(string(b), "VmHWM:")
		if f := strings.Fields(rest); len(f) > 0 {
			kib, _ := strconv.ParseFloat(f[0], 64)
			u.peakMiB = kib / 1024
		}
	}
	return u
}

// readyLog keeps the program's log and says when it is ready.
type readyLog struct {
	mu    sync.Mutex
	b     bytes.Buffer
	ready chan struct{}
	said  bool
}

func (l *readyLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.said && bytes.Contains(p, []byte("Plugin is ready")) {
		l.said = true
		close(l.ready)
	}
	if l.b.Len() > 1<<20 {
		l.b.Reset()
	}
	return l.b.Write(p)
}

func (l *readyLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *readyLog) tail() string {
	s := l.String()
	return s[max(0, len(s)-4000):]
}
