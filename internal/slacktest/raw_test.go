package slacktest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

type answer struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	URL      string `json:"url"`
	Warning  string `json:"warning"`
	Needed   string `json:"needed"`
	Provided string `json:"provided"`
	Channel  any    `json:"channel"`
	TS       string `json:"ts"`
	Text     string `json:"text"`
	Messages []struct {
		Text     string          `json:"text"`
		TS       string          `json:"ts"`
		Metadata json.RawMessage `json:"metadata"`
	} `json:"messages"`
	Message  map[string]any   `json:"message"`
	Members  []any            `json:"members"`
	Channels []map[string]any `json:"channels"`
	User     any              `json:"user"`
	HasMore  bool             `json:"has_more"`
	Meta     struct {
		Messages   []string `json:"messages"`
		NextCursor string   `json:"next_cursor"`
	} `json:"response_metadata"`
}

// all are the scopes of everything that the double has.
var all = []string{
	"chat:write", "users:read", "users:read.email", "reactions:read", "reactions:write", "im:write", "im:read",
	"im:history", "mpim:read", "channels:read", "channels:history", "channels:join", "groups:read", "groups:history", "usergroups:read",
}

func do(t *testing.T, r *http.Request) (answer, *http.Response) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("status %d, answer %q: %v", resp.StatusCode, text, err)
	}
	return a, resp
}

func newRequest(t *testing.T, verb, address, contentType, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Authorization", "Bearer "+slacktest.DefaultToken)
	return r
}

const (
	form     = "application/x-www-form-urlencoded"
	jsonUTF8 = "application/json; charset=utf-8"
)

// call calls a method with a form.
func call(t *testing.T, s *slacktest.Server, method string, args ...string) answer {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(args); i += 2 {
		values.Set(args[i], args[i+1])
	}
	a, _ := do(t, newRequest(t, http.MethodPost, s.URL()+method, form, values.Encode()))
	return a
}

// mustCall is call for calls that have to work.
func mustCall(t *testing.T, s *slacktest.Server, method string, args ...string) answer {
	t.Helper()
	a := call(t, s, method, args...)
	if !a.OK {
		t.Fatalf("%s %q: %s %q", method, args, a.Error, a.Meta.Messages)
	}
	return a
}

func TestTheSameMessageFromEveryKindOfBody(t *testing.T) {
	const blocks = `[{"type":"section","text":{"type":"mrkdwn","text":"*a* &amp; b"}}]`
	const metadata = `{"event_type":"e","event_payload":{"id":"1"}}`
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	values := url.Values{"channel": {"C0DEV"}, "text": {"hé"}, "blocks": {blocks}, "metadata": {metadata}, "unfurl_links": {"false"}}
	parts := &bytes.Buffer{}
	w := multipart.NewWriter(parts)
	for name := range values {
		if err := w.WriteField(name, values.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	for name, r := range map[string][]string{
		"form":              {"POST", "", form, values.Encode()},
		"form with charset": {"POST", "", form + "; charset=utf-8", values.Encode()},
		"multipart":         {"POST", "", w.FormDataContentType(), parts.String()},
		"query":             {"GET", "?" + values.Encode(), "", ""},
		"query and POST":    {"POST", "?" + values.Encode(), "", ""},
		"JSON":              {"POST", "", jsonUTF8, `{"channel":"C0DEV","text":"hé","blocks":` + blocks + `,"metadata":` + metadata + `,"unfurl_links":false,"thread_ts":null}`},
		"JSON with strings": {"POST", "", jsonUTF8, `{"channel":"C0DEV","text":"hé","blocks":` + quoted(blocks) + `,"metadata":` + quoted(metadata) + `,"unfurl_links":"false"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, slacktest.Options{})
			a, resp := do(t, newRequest(t, r[0], s.URL()+"chat.postMessage"+r[1], r[2], r[3]))
			if !a.OK {
				t.Fatalf("%s %q", a.Error, a.Meta.Messages)
			}
			if got, want := resp.Header.Get("X-OAuth-Scopes"), "chat:write,incoming-webhook,users:read,users:read.email"; got != want {
				t.Errorf("X-OAuth-Scopes %q, want %q", got, want)
			}
			m := s.Messages("C0DEV")[0]
			no := false
			want := slacktest.Message{
				Channel: "C0DEV", TS: a.TS, User: "U0TELEPORT", Text: "hé", Blocks: json.RawMessage(blocks),
				Metadata: &slacktest.Metadata{EventType: "e", EventPayload: json.RawMessage(`{"id":"1"}`)},
				Flags:    slacktest.Flags{UnfurlLinks: &no}, PostedAt: m.PostedAt,
			}
			if diff := cmp.Diff(want, m); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	s := start(t, slacktest.Options{})
	for name, test := range map[string]struct{ contentType, body, want string }{
		"broken JSON":      {jsonUTF8, `{"channel":`, "invalid_json"},
		"not UTF-8":        {jsonUTF8, "{\"channel\":\"\xff\"}", "invalid_json"},
		"JSON array":       {jsonUTF8, `[1]`, "json_not_object"},
		"JSON null":        {jsonUTF8, `null`, "json_not_object"},
		"broken form":      {form, "channel=%zz", "invalid_form_data"},
		"broken multipart": {"multipart/form-data; boundary=x", "--x\r\nfoo", "invalid_form_data"},
		"no boundary":      {"multipart/form-data", "--x", "invalid_form_data"},
		"no type":          {"", "channel=C0DEV", "missing_post_type"},
		"unknown type":     {"text/csv", "channel,C0DEV", "invalid_post_type"},
		"unreadable type":  {"a/b/c", "x", "invalid_post_type"},
		"unknown charset":  {form + "; charset=koi8-r", "channel=C0DEV", "invalid_charset"},
		"plain text":       {"text/plain", "channel=C0DEV", "invalid_arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			if a, _ := do(t, newRequest(t, "POST", s.URL()+"chat.postMessage", test.contentType, test.body)); a.Error != test.want {
				t.Errorf("error %q, want %q", a.Error, test.want)
			}
		})
	}
}

func TestMethodsThatReadIgnoreJSON(t *testing.T) {
	s := start(t, slacktest.Options{})
	a, _ := do(t, newRequest(t, "POST", s.URL()+"users.lookupByEmail", jsonUTF8, `{"email":"alice@example.com"}`))
	if want := []string{"[ERROR] missing required field: email"}; a.Error != "invalid_arguments" || !slices.Equal(a.Meta.Messages, want) {
		t.Errorf("error %q, messages %q", a.Error, a.Meta.Messages)
	}
}

func TestWarningOfJSONWithoutCharset(t *testing.T) {
	s := start(t, slacktest.Options{})
	a, _ := do(t, newRequest(t, "POST", s.URL()+"chat.postMessage", "application/json", `{"channel":"C0DEV","text":"x"}`))
	if !a.OK || a.Warning != "missing_charset" {
		t.Errorf("answer %+v", a)
	}
}

func TestTokens(t *testing.T) {
	type change func(*slacktest.Server)
	asIs := func(*slacktest.Server) {}
	for name, test := range map[string]struct {
		change       change
		header, form string
		want         string
	}{
		"header":                 {asIs, "Bearer xoxb-test", "", ""},
		"header in lower case":   {asIs, "bearer xoxb-test", "", ""},
		"parameter":              {asIs, "", "xoxb-test", ""},
		"header wins":            {asIs, "Bearer xoxb-test", "xoxb-other", ""},
		"none":                   {asIs, "", "", "not_authed"},
		"not a bearer":           {asIs, "Basic xoxb-test", "", "not_authed"},
		"wrong":                  {asIs, "Bearer xoxb-other", "", "invalid_auth"},
		"revoked":                {(*slacktest.Server).RevokeToken, "Bearer xoxb-test", "", "token_revoked"},
		"revoked, wrong":         {(*slacktest.Server).RevokeToken, "Bearer xoxb-other", "", "invalid_auth"},
		"inactive":               {func(s *slacktest.Server) { s.FailToken("account_inactive") }, "Bearer xoxb-test", "", "account_inactive"},
		"replaced":               {func(s *slacktest.Server) { s.SetToken("xoxb-new") }, "Bearer xoxb-test", "", "invalid_auth"},
		"replacement":            {func(s *slacktest.Server) { s.RevokeToken(); s.SetToken("xoxb-new") }, "Bearer xoxb-new", "", ""},
		"failing and good again": {func(s *slacktest.Server) { s.RevokeToken(); s.FailToken("") }, "Bearer xoxb-test", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, slacktest.Options{})
			test.change(s)
			r := newRequest(t, "POST", s.URL()+"auth.test", form, url.Values{"token": {test.form}}.Encode())
			r.Header.Del("Authorization")
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			a, _ := do(t, r)
			if a.Error != test.want || a.OK != (test.want == "") {
				t.Errorf("error %q, want %q", a.Error, test.want)
			}
			if strings.Contains(callText(s), "xoxb-") {
				t.Error("a token is in the log of calls")
			}
		})
	}
	s := start(t, slacktest.Options{})
	r := newRequest(t, "POST", s.URL()+"auth.test", jsonUTF8, `{"token":"xoxb-test"}`)
	r.Header.Del("Authorization")
	if a, _ := do(t, r); a.Error != "not_authed" {
		t.Errorf("token in JSON: error %q", a.Error)
	}
}

func callText(s *slacktest.Server) string {
	b, _ := json.Marshal(s.Calls())
	return string(b)
}

func TestScopeOfEachMethod(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: []string{"none"}})
	for method, needed := range map[string]string{
		"api.test":              "",
		"auth.test":             "",
		"chat.postMessage":      "chat:write",
		"chat.postEphemeral":    "chat:write",
		"chat.update":           "chat:write",
		"chat.delete":           "chat:write",
		"reactions.add":         "reactions:write",
		"reactions.remove":      "reactions:write",
		"reactions.get":         "reactions:read",
		"users.info":            "users:read",
		"users.list":            "users:read",
		"users.lookupByEmail":   "users:read.email",
		"usergroups.list":       "usergroups:read",
		"conversations.open":    "im:write,mpim:write",
		"conversations.join":    "channels:join",
		"conversations.info":    "channels:read,groups:read,im:read,mpim:read",
		"conversations.list":    "channels:read,groups:read,im:read,mpim:read",
		"conversations.members": "channels:read,groups:read,im:read,mpim:read",
		"conversations.history": "channels:history,groups:history,im:history,mpim:history",
		"conversations.replies": "channels:history,groups:history,im:history,mpim:history",
	} {
		switch a := call(t, s, method); {
		case needed == "" && !a.OK:
			t.Errorf("%s: %s", method, a.Error)
		case needed != "" && (a.Error != "missing_scope" || a.Needed != needed || a.Provided != "none"):
			t.Errorf("%s: error %q, needed %q, provided %q", method, a.Error, a.Needed, a.Provided)
		}
	}
	s.SetScopes("channels:history", "channels:read", "mpim:write")
	for method, needed := range map[string]string{
		"conversations.history": "groups:history", "conversations.info": "groups:read", "conversations.members": "groups:read",
	} {
		if a := call(t, s, method, "channel", "C0OPS"); a.Error != "missing_scope" || a.Needed != needed {
			t.Errorf("%s of a private channel: error %q, needed %q", method, a.Error, a.Needed)
		}
	}
	if a := call(t, s, "conversations.list", "types", "public_channel,im"); a.Needed != "im:read" {
		t.Errorf("list of direct messages: error %q, needed %q", a.Error, a.Needed)
	}
	if a := call(t, s, "conversations.open", "users", "U0ALICE"); a.Needed != "im:write" {
		t.Errorf("open: error %q, needed %q", a.Error, a.Needed)
	}
}

func TestAddressesThatAreNotMethods(t *testing.T) {
	s := start(t, slacktest.Options{})
	if a := call(t, s, "chat.shout"); a.Error != "unknown_method" {
		t.Errorf("unknown method: %q", a.Error)
	}
	for address, want := range map[string]int{"../": 404, "a/b": 404, "": 404} {
		resp, err := http.DefaultClient.Do(newRequest(t, "GET", s.URL()+address, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: status %d, want %d", address, resp.StatusCode, want)
		}
	}
	resp, err := http.DefaultClient.Do(newRequest(t, "PUT", s.URL()+"auth.test", form, "a=b"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("PUT: status %d", resp.StatusCode)
	}
}
