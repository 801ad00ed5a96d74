package slack

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

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// office is a workspace in a bubble of fake time, with a message that has a
// button, and a Socket that listens to it over real WebSockets.
type office struct {
	*slacktest.Server
	t      *testing.T
	socket *Socket
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

// handler is what a test does with an envelope; the office has counted it.
type handler func(context.Context, Envelope) json.RawMessage

func nothing(context.Context, Envelope) json.RawMessage { return nil }

// inOffice runs a test in a bubble. Everything is over at its end.
func inOffice(t *testing.T, opt slacktest.Options, so SocketOptions, h handler, test func(*office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{t: t, handled: map[string]int{}, retries: map[int]int{}, log: &logBook{}}
		opt.Scopes = everyScope
		o.Server = slacktest.New(opt)
		populate(o.Server)
		var err error
		o.ts, err = o.Say(slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0TELEPORT", Text: "request", Blocks: json.RawMessage(
			`[{"type":"actions","block_id":"review_block","elements":[{"type":"button","action_id":"approve_button","text":{"type":"plain_text","text":"Approve"},"value":"r1"}]}]`)})
		if err != nil {
			t.Fatal(err)
		}
		l := slacktest.NewListener()
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := o.Serve(l); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		transport := &http.Transport{DialContext: l.DialContext}
		so.APIURL, so.HTTPClient = o.URL(), &http.Client{Transport: transport}
		so.Log = slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if so.AppToken == nil {
			so.AppToken = func() string { return slacktest.DefaultAppToken }
		}
		o.socket = NewSocket(so)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		o.ended = ended
		go func() {
			defer close(ended)
			err = o.socket.Run(ctx, func(ctx context.Context, e Envelope) json.RawMessage {
				o.mu.Lock()
				o.handled[e.ID]++
				o.retries[e.RetryAttempt]++
				o.mu.Unlock()
				return h(ctx, e)
			})
		}()
		o.stop = func() error {
			cancel()
			<-ended
			return err
		}
		test(o)
		_ = o.stop() // the test's matter
		transport.CloseIdleConnections()
		o.Close()
		serving.Wait()
		if text := o.log.String(); strings.Contains(text, slacktest.DefaultAppToken) || strings.Contains(text, "ticket-") {
			t.Errorf("a secret is in the log:\n%s", text)
		}
		if state := o.socket.State(); state.Connected != 0 {
			t.Errorf("connections after the end: %+v", state)
		}
	})
}

// connected waits until all connections are there.
func (o *office) connected() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Hour)
	defer cancel()
	if !o.AwaitSockets(ctx, o.socket.opt.Connections) {
		o.t.Fatalf("not connected: %+v\n%s", o.socket.State(), o.log)
	}
	synctest.Wait()
}

func (o *office) click() *slacktest.Delivery {
	o.t.Helper()
	d, err := o.Click("U0ALICE", "C0DEVDEVDEV", o.ts, "approve_button")
	if err != nil {
		o.t.Fatal(err)
	}
	return d
}

// acknowledged fails the test if an envelope was not.
func (o *office) acknowledged(d *slacktest.Delivery) {
	o.t.Helper()
	if err := d.Wait(o.t.Context()); err != nil {
		o.t.Errorf("%s: %v", d.ID, err)
	}
}

// times returns how often an envelope was handled.
func (o *office) times(d *slacktest.Delivery) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handled[d.ID]
}

// opens returns how often an address was asked for.
func (o *office) opens() int { return o.CallCounts()["apps.connections.open"] }
