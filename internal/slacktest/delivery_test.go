package slacktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// line is a connection of a client that does nothing by itself.
type line struct {
	ws   *websocket.Conn
	got  chan map[string]any
	over chan struct{}
}

// lines is a workspace in a bubble with n such connections.
func lines(t *testing.T, opt slacktest.Options, n int, test func(*testing.T, *slacktest.Server, *http.Client, []*line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opt.Scopes = all
		s := slacktest.New(opt)
		l := slacktest.NewListener()
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := s.Serve(l); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		transport := &http.Transport{DialContext: l.DialContext}
		client := &http.Client{Transport: transport}
		var list []*line
		for range n {
			list = append(list, connect(t, s, client))
		}
		test(t, s, client, list)
		for _, c := range list {
			_ = c.ws.CloseNow()
			<-c.over
		}
		transport.CloseIdleConnections()
		s.Close()
		serving.Wait()
	})
}

// ask calls a method inside the bubble.
func ask(t *testing.T, s *slacktest.Server, client *http.Client, token, method, args string) (a answer) {
	t.Helper()
	r := newRequest(t, "POST", s.URL()+method, form, args)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func connect(t *testing.T, s *slacktest.Server, client *http.Client) *line {
	t.Helper()
	a := ask(t, s, client, slacktest.DefaultAppToken, "apps.connections.open", "")
	ws, _, err := websocket.Dial(t.Context(), a.URL, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := websocket.Dial(t.Context(), a.URL, &websocket.DialOptions{HTTPClient: client}); err == nil {
		t.Error("an address works twice")
	}
	c := &line{ws: ws, got: make(chan map[string]any, 1000), over: make(chan struct{})}
	go func() {
		defer close(c.over)
		for {
			_, text, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			var m map[string]any
			if json.Unmarshal(text, &m) != nil {
				m = map[string]any{"garbage": string(text)}
			}
			c.got <- m
		}
	}()
	synctest.Wait()
	return c
}

func (c *line) ack(t *testing.T, text string) {
	t.Helper()
	if err := c.ws.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// all returns what came so far.
func (c *line) all() (messages []map[string]any) {
	synctest.Wait()
	for {
		select {
		case m := <-c.got:
			messages = append(messages, m)
		default:
			return messages
		}
	}
}

func TestHello(t *testing.T) {
	lines(t, slacktest.Options{}, 1, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		m := c[0].all()
		if len(m) != 1 || m[0]["type"] != "hello" || m[0]["num_connections"] != 1.0 {
			t.Fatalf("%v", m)
		}
		if diff := cmp.Diff(map[string]any{"app_id": "A0TELEPORT"}, m[0]["connection_info"]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnEnvelopeGoesOutAgainUntilItIsAcknowledged(t *testing.T) {
	lines(t, slacktest.Options{}, 1, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		c[0].all()
		d := s.Deliver(slacktest.Envelope{ID: "e1", Type: "interactive", Payload: json.RawMessage(`{"a":1}`)})
		var got []map[string]any
		for range 3 {
			got = append(got, c[0].all()...)
			time.Sleep(3 * time.Second)
		}
		base := func() map[string]any {
			return map[string]any{"envelope_id": "e1", "type": "interactive", "accepts_response_payload": false, "payload": map[string]any{"a": 1.0}}
		}
		want := []map[string]any{base(), base(), base()}
		for i := 1; i < 3; i++ {
			want[i]["retry_attempt"], want[i]["retry_reason"] = float64(i), "timeout"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		c[0].ack(t, `{"envelope_id":"e1","payload":{"x":1}}`)
		if err := d.Wait(t.Context()); err != nil || d.Response() != nil { // it doesn't accept one
			t.Errorf("%v, response %s", err, d.Response())
		}
		time.Sleep(time.Minute)
		if more := c[0].all(); len(more) > 1 { // the fourth, that was under way
			t.Errorf("after the acknowledgement: %v", more)
		}

		lost := s.Deliver(slacktest.Envelope{Type: "interactive", Once: true})
		begin := time.Now()
		if err := lost.Wait(t.Context()); !errors.Is(err, slacktest.ErrUnanswered) || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestAcknowledgementsThatDontCount(t *testing.T) {
	lines(t, slacktest.Options{Redeliveries: -1}, 2, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		c[0].all()
		c[1].all()
		d := s.Deliver(slacktest.Envelope{ID: "e1", Type: "interactive", AcceptsResponse: true})
		to, other := c[0], c[1]
		if len(to.all()) == 0 {
			to, other = c[1], c[0]
		}
		other.ack(t, `{"envelope_id":"e1"}`)
		to.ack(t, `{"envelope_id":"e2"}`)
		to.ack(t, `garbage`)
		to.ack(t, `{"envelope_id":"e1","payload":"`+string(slices.Repeat([]byte("x"), 20<<10))+`"}`)
		if _, acked := d.Counts(); acked != 0 {
			t.Errorf("%d acknowledgements", acked)
		}
		to.ack(t, `{"envelope_id":"e1","payload":{"x":1}}`)
		to.ack(t, `{"envelope_id":"e1","payload":{"x":2}}`)
		if _, acked := d.Counts(); acked != 2 || string(d.Response()) != `{"x":1}` || d.Wait(t.Context()) != nil {
			t.Errorf("%d acknowledgements, response %s", acked, d.Response())
		}
	})
}

func TestEachEventGoesToAnyOneConnection(t *testing.T) {
	lines(t, slacktest.Options{Redeliveries: -1}, 3, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		for _, l := range c {
			l.all()
		}
		for range 300 {
			s.Deliver(slacktest.Envelope{Type: "interactive"})
		}
		sum := 0
		for i, l := range c {
			n := len(l.all())
			if sum += n; n < 50 || n > 150 {
				t.Errorf("connection %d got %d of 300", i, n)
			}
		}
		if sum != 300 {
			t.Errorf("%d arrived", sum)
		}
		time.Sleep(5 * time.Second)
	})
}

func TestDisconnects(t *testing.T) {
	lines(t, slacktest.Options{Redeliveries: -1}, 2, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		c[0].all()
		sockets := s.Sockets()
		reasons := func(l *line) (r []any) {
			for _, m := range l.all() {
				if m["type"] == "disconnect" {
					r = append(r, m["reason"])
				}
			}
			return r
		}
		ended := func(l *line) bool {
			synctest.Wait()
			select {
			case <-l.over:
				return true
			default:
				return false
			}
		}
		sockets[0].Disconnect("warning")
		time.Sleep(9 * time.Second)
		if diff := cmp.Diff([]any{"warning"}, reasons(c[0])); diff != "" || !s.AwaitSockets(t.Context(), 2) {
			t.Error(diff)
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]any{"refresh_requested"}, reasons(c[0])); diff != "" || !s.AwaitSockets(t.Context(), 1) || ended(c[0]) {
			t.Error(diff)
		}
		for range 20 { // none of them to who was asked to go
			s.Deliver(slacktest.Envelope{Type: "interactive"})
		}
		if sent, _ := sockets[0].Sent(); sent != 0 || len(c[0].all()) != 0 {
			t.Errorf("%d envelopes", sent)
		}
		time.Sleep(5 * time.Second)
		if !ended(c[0]) {
			t.Error("the connection is still there")
		}
		sockets[1].Disconnect("link_disabled")
		if diff := cmp.Diff([]any{"link_disabled"}, reasons(c[1])); diff != "" || !ended(c[1]) {
			t.Error(diff)
		}
		if n := len(s.Sockets()); n != 0 {
			t.Errorf("%d connections", n)
		}
		time.Sleep(5 * time.Second)
	})
}

func TestNoMoreThanTenConnections(t *testing.T) {
	lines(t, slacktest.Options{}, 11, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		if m := c[10].all(); len(m) != 1 || m[0]["type"] != "disconnect" || m[0]["reason"] != "too_many_websockets" {
			t.Errorf("%v", m)
		}
		<-c[10].over
		if n := len(s.Sockets()); n != 10 || s.SocketsOpened() != 11 {
			t.Errorf("%d connections of %d", n, s.SocketsOpened())
		}
	})
}

func TestASilentConnection(t *testing.T) {
	lines(t, slacktest.Options{}, 1, func(t *testing.T, s *slacktest.Server, _ *http.Client, c []*line) {
		c[0].all()
		ping := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return c[0].ws.Ping(ctx)
		}
		if err := ping(); err != nil {
			t.Fatal(err)
		}
		s.Sockets()[0].Die()
		d := s.Deliver(slacktest.Envelope{Type: "interactive"})
		if err := ping(); err == nil {
			t.Error("a pong")
		}
		if len(c[0].all()) != 0 || len(s.Sockets()) != 1 {
			t.Error("it is not silent, or is gone already")
		}
		time.Sleep(time.Minute)
		if len(s.Sockets()) != 0 {
			t.Error("Slack does not notice")
		}
		select {
		case <-c[0].over:
			t.Error("the client was told")
		default:
		}
		if err := d.Wait(t.Context()); !errors.Is(err, slacktest.ErrUnanswered) {
			t.Error(err)
		}
	})
}

func TestSubmissionsThatSlackItselfRefuses(t *testing.T) {
	lines(t, slacktest.Options{}, 0, func(t *testing.T, s *slacktest.Server, client *http.Client, _ []*line) {
		s.AddUser(slacktest.User{ID: "U0ALICE"})
		s.AddChannel(slacktest.Channel{ID: "C0DEV", Name: "dev", BotIsMember: true})
		p, err := s.ClickPayload("U0ALICE", "C0DEV", buttons(t, s, "C0DEV"), "approve")
		if err != nil {
			t.Fatal(err)
		}
		const text = `{"type":"plain_text","text":"x"}`
		const view = `{"type":"modal","title":` + text + `,"submit":` + text + `,"blocks":[` +
			`{"type":"input","block_id":"must","label":` + text + `,"element":{"type":"plain_text_input","action_id":"a","min_length":2,"max_length":4}},` +
			`{"type":"input","block_id":"may","optional":true,"label":` + text + `,"element":{"type":"plain_text_input","action_id":"b","initial_value":"old"}}]}`
		open := url.Values{"trigger_id": {p["trigger_id"].(string)}, "view": {view}}
		if a := ask(t, s, client, slacktest.DefaultToken, "views.open", open.Encode()); !a.OK {
			t.Fatalf("%+v", a)
		}
		id := s.Views("U0ALICE")[0].ID
		for _, state := range []map[string]string{{}, {"must": ""}, {"must": "é"}, {"must": "ééééé"}} {
			if _, err := s.SubmitView(t.Context(), "U0ALICE", id, state); !errors.Is(err, slacktest.ErrMayNotSubmit) {
				t.Errorf("%v: %v", state, err)
			}
		}
		if _, err := s.SubmitView(t.Context(), "U0ALICE", id, map[string]string{"must": "yes", "none": "x"}); !errors.Is(err, slacktest.ErrNotThere) {
			t.Errorf("a field that is not there: %v", err)
		}
		if _, err := s.SubmitView(t.Context(), "U0ALICE", "V0NONE", nil); !errors.Is(err, slacktest.ErrNotThere) {
			t.Errorf("a view that is not there: %v", err)
		}
		p, err = s.SubmitPayload("U0ALICE", id, map[string]string{"must": "yes"})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"must": map[string]any{"a": map[string]any{"type": "plain_text_input", "value": "yes"}},
			"may":  map[string]any{"b": map[string]any{"type": "plain_text_input", "value": "old"}},
		}
		if diff := cmp.Diff(want, p["view"].(map[string]any)["state"].(map[string]any)["values"]); diff != "" {
			t.Error(diff)
		}
		// Nobody is there to answer; the modal stays.
		if _, err := s.SubmitView(t.Context(), "U0ALICE", id, map[string]string{"must": "yes"}); !errors.Is(err, slacktest.ErrUnanswered) || len(s.Views("U0ALICE")) != 1 {
			t.Errorf("%v, %d views", err, len(s.Views("U0ALICE")))
		}
	})
}
