package socketmode

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// tunnel is an HTTP proxy that knows CONNECT only.
type tunnel struct {
	*httptest.Server
	connects atomic.Int32
	conns    sync.WaitGroup
}

func newTunnel(t *testing.T) *tunnel {
	p := &tunnel{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		p.connects.Add(1)
		// Counted before the connection is taken over, since Close waits for
		// no handler after that.
		p.conns.Add(1)
		defer p.conns.Done()
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, "no way there", http.StatusBadGateway)
			return
		}
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(down, "HTTP/1.1 200 OK\r\n\r\n")
		p.conns.Go(func() { io.Copy(up, down); up.Close() })
		p.conns.Go(func() { io.Copy(down, up); down.Close() })
	}))
	t.Cleanup(func() { p.Server.Close(); p.conns.Wait() })
	return p
}

// TestThroughAProxyWithItsOwnAuthority: both the call and the WebSocket take
// the HTTP client's way, and its trust.
func TestThroughAProxyWithItsOwnAuthority(t *testing.T) {
	s := slacktest.New(slacktest.Options{})
	slackServer := httptest.NewUnstartedServer(s.Handler())
	slackServer.EnableHTTP2 = true // over which there are no WebSockets
	slackServer.StartTLS()
	proxy := newTunnel(t)
	t.Cleanup(slackServer.Close)
	t.Cleanup(s.Close)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	trust := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: slackServer.Certificate().Raw})
	transport, err := slack.NewTransport(slack.TransportOptions{ExtraCAs: trust, Proxy: http.ProxyURL(proxyURL)})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	client := New(Options{
		AppToken:   func() string { return slacktest.DefaultAppToken },
		APIURL:     slackServer.URL + "/api/",
		HTTPClient: &http.Client{Transport: transport, Timeout: 10 * time.Second},
	})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan Envelope, 1)
	done := make(chan error, 1)
	go func() {
		done <- client.Run(ctx, func(_ context.Context, e Envelope) json.RawMessage { got <- e; return nil })
	}()
	waiting, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if !s.AwaitSockets(waiting, 2) {
		t.Fatalf("not connected: %+v", client.State())
	}
	d := s.Deliver(slacktest.Envelope{Type: "interactive", Payload: json.RawMessage(`{}`)})
	if err := d.Wait(waiting); err != nil {
		t.Error(err)
	}
	if e := <-got; e.ID != d.ID {
		t.Errorf("got %q", e.ID)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := proxy.connects.Load(); n < 3 {
		t.Errorf("%d connections through the proxy; two WebSockets and a call", n)
	}
}

// roundTrip is a transport from a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answers is an API that gives out one address.
func answers(t *testing.T, address string) *Client {
	t.Helper()
	body, err := json.Marshal(map[string]any{"ok": true, "url": address})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		AppToken: func() string { return "xapp-1-secret" },
		APIURL:   "https://slack.test/api/",
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "apps.connections.open") {
				if got := r.Header.Get("Authorization"); got != "Bearer xapp-1-secret" {
					t.Errorf("Authorization %q", got)
				}
				if b, _ := io.ReadAll(r.Body); len(b) != 0 {
					t.Errorf("body %q", b)
				}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body)))}, nil
			}
			if r.Header.Get("Authorization") != "" {
				t.Error("the token goes to the WebSocket's host")
			}
			switch r.URL.Host {
			case "refused.test":
				return nil, errors.New("dial " + r.URL.String() + " with xapp-1-secret: refused")
			case "redirect.test":
				return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"https://elsewhere.test/?ticket=s3cret"}}, Body: http.NoBody, Request: r}, nil
			case "limited.test":
				return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"77"}}, Body: http.NoBody, Request: r}, nil
			case "broken.test":
				return &http.Response{StatusCode: 502, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
			}
			t.Errorf("asked %s", r.URL.Host)
			return nil, errors.New("unexpected")
		})},
	})
}

func TestAddressesAndHandshakes(t *testing.T) {
	for address, want := range map[string]struct {
		reason string
		after  time.Duration
	}{
		"wss://refused.test/link/?ticket=s3cret&app_id=A1":  {"network", 0},
		"wss://redirect.test/link/?ticket=s3cret&app_id=A1": {"http_302", 0},
		"wss://limited.test/link/?ticket=s3cret":            {"http_429", 77 * time.Second},
		"wss://broken.test/link/?ticket=s3cret":             {"http_502", 0},
		"ws://cleartext.test/link/?ticket=s3cret":           {"invalid_answer", 0},
		"https://other.test/link/?ticket=s3cret":            {"invalid_answer", 0},
		"wss:///link/?ticket=s3cret":                        {"invalid_answer", 0},
		"":                                                  {"invalid_answer", 0},
		"%zz?ticket=s3cret":                                 {"invalid_answer", 0},
	} {
		t.Run(address, func(t *testing.T) {
			s := answers(t, address)
			api := s.api()
			defer api.Close()
			ws, err := dial(t.Context(), api)
			f, ok := fault.As(err)
			if !ok || ws != nil || f.Reason != want.reason || f.Class != fault.Retry || f.RetryAfter != want.after {
				t.Errorf("%v, %+v", err, f)
			}
			if text := fmt.Sprintf("%v %+v", err, f.Hint); strings.Contains(text, "s3cret") || strings.Contains(text, "xapp-1") {
				t.Errorf("a secret is in %q", text)
			}
		})
	}
}

// acceptKey is RFC 6455's answer to a handshake.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestOneAcknowledgementIsOneFrame: Slack does not put frames together (see
// slack-go's socketmode).
func TestOneAcknowledgementIsOneFrame(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	frames := make(chan byte, 1)
	go func() {
		r := bufio.NewReader(server)
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(server, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", acceptKey(req.Header.Get("Sec-WebSocket-Key")))
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			t.Error(err)
			return
		}
		frames <- head[0]
		_, _ = io.Copy(io.Discard, r)
	}()
	ws, _, err := websocket.Dial(t.Context(), "ws://slack.test/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	l := newConnection(ws)
	text, fits := acknowledgement("e", json.RawMessage(`"`+strings.Repeat("x", 19<<10)+`"`))
	if !fits {
		t.Fatal("19 KiB don't fit")
	}
	l.write(t.Context(), text)
	const finText = 0x81
	if first := <-frames; first != finText {
		t.Errorf("the first frame begins with %#x", first)
	}
}
