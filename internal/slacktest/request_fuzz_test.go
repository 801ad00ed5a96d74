package slacktest

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRequest feeds any query and body to the parser of requests: it answers
// with arguments that are valid text or with one of Slack's errors, and no
// token is left among the arguments.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][3]string{
		{"channel=C&token=xoxb-1", "application/x-www-form-urlencoded", "text=a%20b&token=xoxb-2"},
		{"", "application/json", `{"channel":"C","blocks":[{"type":"divider"}],"token":"xoxb","n":null,"b":true}`},
		{"", "application/json; charset=utf-8", `{"text":"\ud800"}`},
		{"", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhi\r\n--x--\r\n"},
		{"", "text/plain", "x"},
		{"", "", "x"},
		{"a=%ff", "application/x-www-form-urlencoded; charset=iso-8859-1", "a=%ff"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, query, contentType, body string) {
		r := httptest.NewRequest("POST", "/api/chat.postMessage", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", contentType)
		req, err := parseRequest(r, true)
		var refusal *apiError
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("not one of Slack's errors: %v", err)
		}
		for name, value := range req.args {
			if name == "token" {
				t.Error("the token is an argument")
			}
			if !utf8.ValidString(value) {
				t.Errorf("argument %q is not text: %q", name, value)
			}
		}
	})
}

// FuzzContent feeds any blocks, attachments and metadata to their checks:
// what is taken is valid JSON and stays the same when it is sent again.
func FuzzContent(f *testing.F) {
	for _, seed := range []string{
		`[{"type":"section","text":{"type":"mrkdwn","text":"x"},"accessory":{"type":"button","text":{"type":"plain_text","text":"x"}}}]`,
		`[{"type":"actions","elements":[{"type":"overflow","options":[{"text":{"type":"plain_text","text":"x"},"value":"v"}]}]}]`,
		`[{"type":"rich_text","elements":[{"type":"rich_text_list","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]}]`,
		`[{"type":"table","rows":[[{"type":"raw_text","text":"x"}]]}]`,
		`[null]`, `[{"type":1}]`, `[{"type":"context","elements":[null,1,{}]}]`, `{}`, `null`, `[]`,
		`{"event_type":"e","event_payload":{"a":[1,"b",{"c":true}]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if blocks, err := checkBlocks(text); err == nil && blocks != nil {
			again, err := checkBlocks(string(blocks))
			if !json.Valid(blocks) || err != nil || string(again) != string(blocks) {
				t.Errorf("blocks %q became %q, %q, %v", text, blocks, again, err)
			}
		}
		if attachments, err := checkAttachments(text); err == nil && attachments != nil && !json.Valid(attachments) {
			t.Errorf("attachments %q", attachments)
		}
		if m, err := checkMetadata(text); err == nil && m != nil && (m.EventType == "" || !json.Valid(m.EventPayload)) {
			t.Errorf("metadata %+v", m)
		}
	})
}
