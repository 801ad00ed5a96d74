package reminder_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"
	"go.uber.org/goleak"
	"google.golang.org/grpc/test/bufconn"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/reminder"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", rapidChecks) // what the command line says comes after it
	goleak.VerifyTestMain(m)
}

// The people of the world; carol's Teleport name is no email.
const (
	alice = "U0ALICE0001"
	bob   = "U0BOB000001"
	carol = "U0CAROL0001"
)

const day = 24 * time.Hour

// world is a Teleport and a Slack in memory, in a bubble of their own time.
type world struct {
	t        *testing.T
	teleport *teleporttest.Server
	slack    *slacktest.Server
	lis      *bufconn.Listener
	slackLis *slacktest.Listener
	identity string
	quiet    quiet.Hours
	log      lockedBuffer
	running  []func()
}

func newWorld(t *testing.T, o teleporttest.Options, scopes []string) *world {
	w := &world{t: t, slackLis: slacktest.NewListener(), lis: bufconn.Listen(1 << 20)}
	o.Sweep = time.Hour
	o.ProxyPublicAddr, o.AdvancedAccessWorkflows = "proxy.example.com:443", true
	var err error
	w.teleport, err = teleporttest.New(o)
	w.must(err)
	user, err := types.NewUser("carol")
	w.must(err)
	user.SetTraits(map[string][]string{"email": {"carol@example.com"}})
	w.must(w.teleport.AddUser(user))
	w.must(w.teleport.Serve(w.lis))
	content, err := w.teleport.EncodeIdentity(teleporttest.Identity{TTL: 400 * day})
	w.must(err)
	w.identity = filepath.Join(t.TempDir(), "identity")
	w.must(os.WriteFile(w.identity, content, 0o600))

	w.slack = slacktest.New(slacktest.Options{Scopes: scopes, KeepCalls: 100_000})
	for id, name := range map[string]string{alice: "alice", bob: "bob", carol: "carol"} {
		w.slack.AddUser(slacktest.User{ID: id, Name: name, Email: name + "@example.com"})
	}
	w.slack.AddChannel(slacktest.Channel{ID: "C0BOB000001", Name: "mallory", BotIsMember: true})
	go w.slack.Serve(w.slackLis) //nolint:errcheck // ends with Close
	w.slack.Inject(slacktest.Fault{Latency: 3 * time.Millisecond})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	for _, stop := range w.running {
		stop()
	}
	w.slack.Close()
	w.teleport.Close()
	if w.t.Failed() {
		w.t.Log(w.log.String())
	}
}

// start runs a process on the host, and returns what ends it at once.
func (w *world) start(host string) (kill func()) {
	log := slog.New(slog.NewTextHandler(&w.log, nil)).With("replica", host)
	tp, err := teleport.New(teleport.Options{
		Addr: "127.0.0.1:3025", Identity: w.identity, Log: log,
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return w.lis.DialContext(ctx) },
		// Weeks pass here. A ping a minute takes most of the test's time, and Go
		// 1.26's race detector crashes now and then in a timer of virtual time.
		KeepAlive: 10_000 * time.Hour,
	})
	w.must(err)
	transport := &http.Transport{DialContext: w.slackLis.DialContext}
	sl := slack.New(slack.Options{
		Token: func() string { return slacktest.DefaultToken }, APIURL: "http://slack.test/api/", Log: log,
		HTTPClient: &http.Client{Transport: transport, Timeout: 10 * time.Second},
	})
	r := reminder.New(reminder.Options{Lists: tp, Emails: tp, Directory: sl, Messenger: sl, Quiet: w.quiet, Host: host, Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = tp.Serve(ctx, teleport.Handler{Connected: func(_ context.Context, c access.Cluster) { r.Connected(c) }})
	})
	wg.Go(func() {
		if _, err := sl.Auth(ctx); err != nil && !errors.Is(err, context.Canceled) {
			log.Error("no Slack", "error", err)
		}
		_ = r.Run(ctx, 0)
	})
	kill = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		sl.Close()
		transport.CloseIdleConnections()
		_ = tp.Close()
	})
	w.running = append(w.running, kill)
	return kill
}

// list sets an access list that is due in so long and begins to be reminded
// of two weeks before.
func (w *world) list(name string, in time.Duration, owners ...string) {
	w.t.Helper()
	w.must(w.teleport.SetAccessList(teleporttest.AccessList{
		Name: name, Title: "List " + name, Owners: owners, NextAudit: time.Now().Add(in), NotifyBefore: 14 * day,
	}))
}

// reminders returns the messages to a person: the day since the beginning, and the text.
func (w *world) reminders(to string, began time.Time) []string {
	var got []string
	for _, m := range w.slack.DirectMessages(to) {
		var seconds, micros int64
		_, err := fmt.Sscanf(m.TS, "%d.%d", &seconds, &micros)
		w.must(err)
		got = append(got, fmt.Sprintf("day %d: %s", time.Unix(seconds, micros*1000).Sub(began)/day, m.Text))
	}
	return got
}

func (w *world) count(line string) int { return strings.Count(w.log.String(), line) }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
