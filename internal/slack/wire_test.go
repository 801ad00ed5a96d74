package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// outcome is what a caller sees of an error.
type outcome struct {
	Class      fault.Class
	Reason     string
	RetryAfter time.Duration
}

func outcomeOf(err error) outcome {
	f, ok := fault.As(err)
	if !ok {
		return outcome{Reason: fmt.Sprintf("not a fault: %v", err)}
	}
	return outcome{f.Class, f.Reason, f.RetryAfter}
}

func TestFaultsOnTheWire(t *testing.T) {
	rows := []struct {
		name  string
		fault slacktest.Fault
		post  outcome
		read  outcome
		there bool // the message is
	}{
		{"cut before the effect", slacktest.Fault{CutBefore: true},
			outcome{fault.Unknown, "network", 0}, outcome{fault.Retry, "network", 0}, false},
		{"cut after the effect", slacktest.Fault{CutAfter: true},
			outcome{fault.Unknown, "network", 0}, outcome{fault.Retry, "network", 0}, true},
		{"cut in the answer", slacktest.Fault{CutBody: true},
			outcome{fault.Unknown, "network", 0}, outcome{fault.Retry, "network", 0}, true},
		{"HTML with 200", slacktest.Fault{HTML: true},
			outcome{fault.Unknown, "invalid_answer", 0}, outcome{fault.Retry, "invalid_answer", 0}, false},
		{"HTML with 502", slacktest.Fault{HTML: true, Status: 502},
			outcome{fault.Unknown, "http_502", 0}, outcome{fault.Retry, "http_502", 0}, false},
		{"503 after the effect", slacktest.Fault{Status: 503, AfterEffect: true},
			outcome{fault.Unknown, "http_503", 0}, outcome{fault.Retry, "http_503", 0}, true},
		{"404", slacktest.Fault{Status: 404},
			outcome{fault.Retry, "http_404", 0}, outcome{fault.Retry, "http_404", 0}, false},
		{"429", slacktest.Fault{RetryAfter: 7 * time.Second},
			outcome{fault.Retry, "ratelimited", 7 * time.Second}, outcome{fault.Retry, "ratelimited", 7 * time.Second}, false},
		{"fatal_error after the effect", slacktest.Fault{Error: "fatal_error", AfterEffect: true},
			outcome{fault.Unknown, "fatal_error", 0}, outcome{fault.Retry, "fatal_error", 0}, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s, c := workspace(t, slacktest.Options{})
			// A connection that was used before is the harder case.
			if _, err := c.Post(t.Context(), post("C0OPSOPSOPS", "0", "request")); err != nil {
				t.Fatal(err)
			}
			s.Inject(row.fault)
			_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
			if diff := cmp.Diff(row.post, outcomeOf(err)); diff != "" {
				t.Errorf("post (-want +got):\n%s", diff)
			}
			if got := len(s.Messages("C0DEVDEVDEV")) == 1; got != row.there {
				t.Errorf("message is there: %v, want %v", got, row.there)
			}
			_, err = c.Resolve(t.Context(), "alice@example.com")
			if diff := cmp.Diff(row.read, outcomeOf(err)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSilenceIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t, slacktest.Options{})
		s.Inject(slacktest.Fault{Latency: time.Minute})
		start := time.Now()
		_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
		if diff := cmp.Diff(outcome{fault.Unknown, "timeout", 0}, outcomeOf(err)); diff != "" {
			t.Errorf("client's timeout (-want +got):\n%s", diff)
		}
		if d := time.Since(start); d != callTimeout {
			t.Errorf("gave up after %v, want %v", d, callTimeout)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Post(ctx, post("C0OPSOPSOPS", "2", "request"))
		if diff := cmp.Diff(outcome{fault.Unknown, "timeout", 0}, outcomeOf(err)); diff != "" {
			t.Errorf("caller's deadline (-want +got):\n%s", diff)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not say that the deadline passed", err)
		}
		_, err = c.Post(ctx, post("C0OPSOPSOPS", "2", "request"))
		if diff := cmp.Diff(outcome{fault.Retry, "timeout", 0}, outcomeOf(err)); diff != "" {
			t.Errorf("after the deadline (-want +got):\n%s", diff)
		}
	})
}

func newTestTransport(t *testing.T) *http.Transport {
	tr, err := NewTransport(TransportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestWhatWasNeverSentCanBeSentAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/api/"
	l.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()

	rows := []struct{ name, url string }{
		{"nobody listens", closed},
		{"no such host", "http://slack.invalid/api/"},
		{"not TLS", strings.Replace(plain.URL, "http:", "https:", 1) + "/api/"},
		{"an unknown authority", untrusted.URL + "/api/"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := client(t, Options{APIURL: row.url, HTTPClient: &http.Client{Transport: newTestTransport(t)}})
			_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
			if diff := cmp.Diff(outcome{fault.Retry, "network", 0}, outcomeOf(err)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

func TestTransportThatReportsNothingProvesNothing(t *testing.T) {
	rows := []struct {
		err  error
		want fault.Class
	}{
		{io.ErrUnexpectedEOF, fault.Unknown},
		{errors.New("boom"), fault.Unknown},
		{&net.OpError{Op: "write", Err: errors.New("reset")}, fault.Unknown},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, fault.Retry},
		{&net.DNSError{Err: "no such host"}, fault.Retry},
	}
	for _, row := range rows {
		c := client(t, Options{HTTPClient: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, row.err })}})
		_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
		if got := fault.ClassOf(err); got != row.want {
			t.Errorf("%v: %v, want %v", row.err, got, row.want)
		}
		if !errors.Is(err, row.err) {
			t.Errorf("%v is lost from %v", row.err, err)
		}
	}
}

func TestTokenIsInNoError(t *testing.T) {
	const token = "xoxb-1111-2222-supersecret"
	const other = "xoxp-9999-leaked"
	leaky := []struct {
		name      string
		transport roundTrip
	}{
		{"an error with the token", func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("proxy refused %v for token %s and %s via http://user:hunter2@proxy", r.Header, token, other)
		}},
		{"an error name", respond(200, `{"ok":false,"error":"`+token+`"}`)},
		{"diagnostics", respond(200, `{"ok":false,"error":"missing_scope","needed":"`+token+`","provided":"`+other+`","response_metadata":{"messages":["`+token+`"]}}`)},
		{"a page", respond(200, "<html>"+token+"</html>")},
		{"a wrong shape", respond(200, `{"ok":true,"channel":{"`+token+`":"`+other+`"},"user":"`+token+`"}`)},
		{"a 502", respond(502, token)},
		{"a broken answer", func(r *http.Request) (*http.Response, error) {
			resp, _ := respond(200, "")(r)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"ok":`), failing{errors.New("read " + token)}))
			return resp, nil
		}},
	}
	for _, row := range leaky {
		t.Run(row.name, func(t *testing.T) {
			c := client(t, Options{Token: func() string { return token }, HTTPClient: &http.Client{Transport: row.transport}})
			_, err1 := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
			_, err2 := c.Resolve(t.Context(), "alice@example.com")
			_, err3 := c.Auth(t.Context())
			for _, err := range []error{err1, err2, err3} {
				f, ok := fault.As(err)
				if !ok {
					t.Fatalf("%v is no fault", err)
				}
				for e := error(f); e != nil; e = errors.Unwrap(e) {
					for _, secret := range []string{token, other, "supersecret", "hunter2"} {
						if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, f.Hint), secret) {
							t.Errorf("%q is in %v (hint %q)", secret, e, f.Hint)
						}
					}
				}
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func respond(status int, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func TestTokenGoesInTheHeaderAndIsReadForEachCall(t *testing.T) {
	s, _ := workspace(t, slacktest.Options{})
	token := slacktest.DefaultToken
	var seen []string
	inner := newTestTransport(t)
	c := client(t, Options{
		APIURL: s.URL(),
		Token:  func() string { return token },
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			b, _ := io.ReadAll(r.Body)
			if strings.Contains(string(b)+r.URL.String(), "xox") {
				t.Errorf("the token is in %s %s", r.URL, b)
			}
			r.Body = io.NopCloser(strings.NewReader(string(b)))
			seen = append(seen, r.Header.Get("Authorization"))
			return inner.RoundTrip(r)
		})},
	})
	if _, err := c.Auth(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.SetToken("xoxb-next")
	if _, err := c.Auth(t.Context()); outcomeOf(err).Reason != "invalid_auth" {
		t.Errorf("old token: %v", err)
	}
	token = "xoxb-next"
	if _, err := c.Auth(t.Context()); err != nil {
		t.Errorf("new token: %v", err)
	}
	token = ""
	if _, err := c.Auth(t.Context()); outcomeOf(err).Reason != "not_authed" || !fault.Is(err, fault.Fatal) {
		t.Errorf("no token: %v", err)
	}
	want := []string{"Bearer xoxb-test", "Bearer xoxb-test", "Bearer xoxb-next"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 307, 308} {
		front := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		c := client(t, Options{APIURL: front.URL + "/"})
		_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
		if got := outcomeOf(err); got.Class != fault.Retry || got.Reason != fmt.Sprintf("http_%d", status) || fault.Hint(err) == "" {
			t.Errorf("%d: %v", status, err)
		}
		c.Close()
		front.Close()
	}
	if reached {
		t.Error("the redirect was followed")
	}
}

func TestRetryAfter(t *testing.T) {
	rows := map[string]time.Duration{
		"1":                             time.Second,
		" 30 ":                          30 * time.Second,
		"0":                             0,
		"":                              defaultRetryAfter,
		"soon":                          defaultRetryAfter,
		"-1":                            defaultRetryAfter,
		"1.5":                           defaultRetryAfter,
		"99999999":                      maxRetryAfter,
		"Mon, 02 Jan 2006 15:04:05 GMT": 0, // long ago
	}
	for header, want := range rows {
		if got := RetryAfter(http.Header{"Retry-After": {header}}); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestRevokedToken(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	s.RevokeToken()
	_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
	if diff := cmp.Diff(outcome{fault.Fatal, "token_revoked", 0}, outcomeOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
