package slack

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestAuthStatus(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	ctx := t.Context()
	auth := func() { _, _ = c.Auth(ctx) }
	send := func() { _, _ = c.Post(ctx, post("C0DEVDEVDEV", "r1", "request")) }
	react := func() { _ = c.React(ctx, access.MessageRef{Channel: "C0DEVDEVDEV", TS: "1.1"}, "x") }
	refuse := func(method, name string) func() {
		return s.Inject(slacktest.Fault{Method: method, Error: name})
	}
	expect := func(when string, known bool, reason string) {
		t.Helper()
		got := c.AuthStatus()
		is := ""
		if f, ok := fault.As(got.Err); ok {
			is = f.Reason
			if f.Class != fault.Fatal {
				t.Errorf("%s: %v is %s", when, f, f.Class)
			}
		}
		if got.Known != known || is != reason || !got.Expires.IsZero() {
			t.Errorf("%s: %+v, want known %v and reason %q", when, got, known, reason)
		}
	}
	expect("before anything was asked", false, "")
	end := refuse("auth.test", "invalid_auth")
	auth()
	expect("with a wrong token", false, "invalid_auth")
	end()
	auth()
	expect("with a good one", true, "")

	end = refuse("chat.postMessage", "token_revoked")
	send()
	expect("when it is revoked", true, "token_revoked")
	end()
	auth()
	expect("when another took its place", true, "")

	end = refuse("chat.postMessage", "missing_scope")
	send()
	auth()
	expect("without the scope to post", true, "missing_scope")
	end()
	send()
	expect("with it", true, "")

	end = refuse("reactions.add", "missing_scope")
	react()
	expect("without the scope to react, which is not essential", true, "")
	end()
	end = refuse("chat.postMessage", "not_in_channel")
	send()
	expect("when a channel refuses us", true, "")
	end()
}

func TestATokenThatEndsSaysWhen(t *testing.T) {
	for in, want := range map[string]time.Duration{"43200": 12 * time.Hour, "0": 0, "-5": 0, "99999999999999": 0} {
		c := client(t, Options{HTTPClient: httpClientOf(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"ok":true,"user_id":"U1","team_id":"T1","expires_in":` + in + `}`))}, nil
		})})
		if _, err := c.Auth(t.Context()); err != nil {
			t.Fatal(err)
		}
		at := c.AuthStatus().Expires
		if want == 0 && !at.IsZero() || want > 0 && time.Until(at).Round(time.Minute) != want {
			t.Errorf("expires_in %s: %v", in, at)
		}
	}
}

func TestEachExchangeIsObserved(t *testing.T) {
	var calls []Call
	s := slacktest.New(slacktest.Options{Scopes: everyScope})
	populate(s)
	s.Start()
	t.Cleanup(s.Close)
	c := client(t, Options{APIURL: s.URL(), Observe: func(c Call) { calls = append(calls, c) }})
	_, _ = c.Auth(t.Context())
	_ = c.Update(t.Context(), access.MessageRef{Channel: "C0DEVDEVDEV", TS: "1.1"}, message.Message{Text: "x"})
	var got []string
	for _, call := range calls {
		name := "ok"
		if f, ok := fault.As(call.Err); ok {
			name = f.Reason
		}
		if call.Took <= 0 {
			t.Errorf("%s took %v", call.Method, call.Took)
		}
		got = append(got, call.Method+" "+name)
	}
	if diff := cmp.Diff([]string{"auth.test ok", "chat.update message_not_found"}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// Labels are made of these, so each has to be there and be one word.
func TestReasonsAndMethodsAreLabels(t *testing.T) {
	for what, list := range map[string][]string{"reasons": Reasons(), "methods": Methods()} {
		if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("%s are not sorted or doubled: %v", what, list)
		}
		for _, name := range list {
			if name == "" || strings.ContainsAny(name, " %/") {
				t.Errorf("%s: %q", what, name)
			}
		}
	}
	for name := range errorTable {
		if !slices.Contains(Reasons(), name) {
			t.Errorf("%s is no reason", name)
		}
	}
}
