package socketmode

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// populate adds a channel and a person.
func populate(s *slacktest.Server) {
	s.AddChannel(slacktest.Channel{ID: "C0DEVDEVDEV", Name: "dev", BotIsMember: true})
	s.AddUser(slacktest.User{ID: "U0ALICE", Email: "alice@example.com"})
}

// environment is a workspace in a bubble of fake time, with a message that has a
// button, and a Client that listens to it over real WebSockets.
type environment struct {
	*slacktest.Server
	t      *testing.T
	client *Client
	ts     string // of the message
	log    *logBook
	stop   func() error // ends Run and returns what it returned
	ended  <-chan struct{}

	mu      sync.Mutex
	handled map[string]int // by envelope ID
	retries map[int]int    // by retry_attempt
}

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBook) count(message string) int { return strings.Count(b.String(), message) }

// handler is what a test does with an envelope; the environment has counted it.
type handler func(context.Context, Envelope) json.RawMessage

func nothing(context.Context, Envelope) json.RawMessage { return nil }

// inEnvironment runs a test in a bubble. Everything is over at its end.
func inEnvironment(t *testing.T, opt slacktest.Options, so Options, h handler, test func(*environment)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		env := &environment{t: t, handled: map[string]int{}, retries: map[int]int{}, log: &logBook{}}
		env.Server = slacktest.New(opt)
		populate(env.Server)
		var err error
		env.ts, err = env.Say(slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0TELEPORT", Text: "request", Blocks: json.RawMessage(
			`[{"type":"actions","block_id":"review_block","elements":[{"type":"button","action_id":"approve_button","text":{"type":"plain_text","text":"Approve"},"value":"r1"}]}]`)})
		if err != nil {
			t.Fatal(err)
		}
		l := slacktest.NewListener()
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := env.Serve(l); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		transport := &http.Transport{DialContext: l.DialContext}
		so.APIURL, so.HTTPClient = env.URL(), &http.Client{Transport: transport}
		so.Log = slog.New(slog.NewTextHandler(env.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if so.AppToken == nil {
			so.AppToken = func() string { return slacktest.DefaultAppToken }
		}
		env.client = New(so)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		env.ended = ended
		go func() {
			defer close(ended)
			err = env.client.Run(ctx, func(ctx context.Context, e Envelope) json.RawMessage {
				env.mu.Lock()
				env.handled[e.ID]++
				env.retries[e.RetryAttempt]++
				env.mu.Unlock()
				return h(ctx, e)
			})
		}()
		env.stop = func() error {
			cancel()
			<-ended
			return err
		}
		test(env)
		_ = env.stop() // the test's matter
		transport.CloseIdleConnections()
		env.Close()
		serving.Wait()
		if text := env.log.String(); strings.Contains(text, slacktest.DefaultAppToken) || strings.Contains(text, "ticket-") {
			t.Errorf("a secret is in the log:\n%s", text)
		}
		if state := env.client.State(); state.Connected != 0 {
			t.Errorf("connections after the end: %+v", state)
		}
	})
}

// connected waits until all connections are there.
func (env *environment) connected() {
	env.t.Helper()
	ctx, cancel := context.WithTimeout(env.t.Context(), time.Hour)
	defer cancel()
	if !env.AwaitSockets(ctx, env.client.opt.Connections) {
		env.t.Fatalf("not connected: %+v\n%s", env.client.State(), env.log)
	}
	synctest.Wait()
}

func (env *environment) click() *slacktest.Delivery {
	env.t.Helper()
	d, err := env.Click("U0ALICE", "C0DEVDEVDEV", env.ts, "approve_button")
	if err != nil {
		env.t.Fatal(err)
	}
	return d
}

// acknowledged fails the test if an envelope was not.
func (env *environment) acknowledged(d *slacktest.Delivery) {
	env.t.Helper()
	if err := d.Wait(env.t.Context()); err != nil {
		env.t.Errorf("%s: %v", d.ID, err)
	}
}

// times returns how often an envelope was handled.
func (env *environment) times(d *slacktest.Delivery) int {
	env.mu.Lock()
	defer env.mu.Unlock()
	return env.handled[d.ID]
}

// opens returns how often an address was asked for.
func (env *environment) opens() int { return env.CallCounts()["apps.connections.open"] }
