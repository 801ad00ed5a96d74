package slack

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// FuzzResponse: for any answer, nothing panics, every error is classified
// and without the token, and a post that is said to have gone out has a place.
func FuzzResponse(f *testing.F) {
	for _, s := range []struct {
		status           int
		retryAfter, body string
	}{
		{200, "", `{"ok":true,"channel":"C1","ts":"1.1","user":{"id":"U1"},"user_id":"U1","team_id":"T1"}`},
		{200, "", `{"ok":true,"channel":{"id":"D1"},"messages":[{"ts":"1.1","user":"U1","metadata":{"event_type":"teleport_access_request","event_payload":{"request_id":"1"}}},{"metadata":[]}],"response_metadata":{"next_cursor":"x"}}`},
		{200, "", `{"ok":true,"channels":[{"id":"C1","name":"dev"},{}]}`},
		{200, "", `{"ok":false,"error":"missing_scope","needed":"a","provided":"b","response_metadata":{"messages":["m"]}}`},
		{200, "", `{"ok":false}`}, {200, "", `{"ok":null}`}, {200, "", `{"ok":"yes"}`}, {200, "", `[]`}, {200, "", ``},
		{429, "30", ``}, {429, "", `x`}, {429, "-1", `{"ok":false,"error":"ratelimited"}`},
		{500, "", `<html>`}, {503, "", `{"ok":false,"error":"service_unavailable"}`},
		{302, "", ``}, {404, "", `{"ok":false,"error":"unknown_method"}`}, {101, "", ``}, {0, "", ``},
		{200, "", `{"ok":false,"error":"xoxb-fuzz-token"}`},
	} {
		f.Add(s.status, s.retryAfter, s.body)
	}
	const token = "xoxb-fuzz-token"
	f.Fuzz(func(t *testing.T, status int, retryAfter, body string) {
		pages := 0
		c := New(Options{Token: func() string { return token }, HTTPClient: httpClientOf(func(r *http.Request) (*http.Response, error) {
			b := body
			if pages++; pages > 5 { // a cursor that never ends is another test's matter
				b = strings.ReplaceAll(b, "next_cursor", "last_cursor")
			}
			h := http.Header{"X-Oauth-Scopes": {"channels:read,channels:history"}}
			if retryAfter != "" {
				h.Set("Retry-After", retryAfter)
			}
			return &http.Response{StatusCode: status, Status: strconv.Itoa(status), Header: h, Body: io.NopCloser(strings.NewReader(b)), Request: r}, nil
		})})
		p := message.Post{Channel: "#dev", Tag: message.Tag{RequestID: "1"}, Message: message.Message{Text: "x"}}
		ctx := t.Context()
		check := func(err error) {
			if err == nil {
				return
			}
			fe, ok := fault.As(err)
			if !ok {
				t.Fatalf("%v is no fault", err)
			}
			if fe.Reason == "" || fe.Class.String() == "invalid" || fe.RetryAfter < 0 || fe.RetryAfter > maxRetryAfter {
				t.Errorf("%+v", fe)
			}
			if strings.Contains(err.Error()+fe.Hint+fe.Reason, token) {
				t.Errorf("the token is in %v (%s)", err, fe.Hint)
			}
		}
		ref, err := c.Post(ctx, p)
		check(err)
		if err == nil && (ref.Channel == "" || ref.TS == "") {
			t.Errorf("posted to nowhere: %+v", ref)
		}
		check(c.Update(ctx, access.MessageRef{Channel: "C1", TS: "1.1"}, p.Message))
		check(c.React(ctx, access.MessageRef{Channel: "C1", TS: "1.1"}, "x"))
		_, err = c.Auth(ctx)
		check(err)
		_, err = c.Resolve(ctx, "a@example.com")
		check(err)
		_, err = c.Resolve(ctx, "dev")
		check(err)
		for _, name := range []string{"dev", "C0000000001", "U0000000001", "a@example.com"} {
			quick, cancel := context.WithTimeout(ctx, 5*time.Millisecond) // Slack may ask to wait for a day
			_, err = NewInspector(c).Inspect(quick, name)
			cancel()
			check(err)
		}
		for _, channel := range []string{"C1", "U1", "#dev"} {
			_, found, err := c.Find(ctx, channel, "", p.Tag, time.Now())
			check(err)
			if found && err != nil {
				t.Error("found, with an error")
			}
		}
	})
}
