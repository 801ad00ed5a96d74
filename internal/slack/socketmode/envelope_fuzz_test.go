package socketmode

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzFrame: for any message, nothing panics, names are
// short, payloads are JSON, and an envelope that Slack can read itself can be
// acknowledged under its own ID.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{
		``, `{`, `null`, `7`, `[]`, `{}`, "\xff",
		`{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"}}`,
		`{"type":"disconnect","reason":"warning","debug_info":{"host":"h"}}`,
		`{"envelope_id":"e1","type":"interactive","accepts_response_payload":true,"payload":{"type":"view_submission"}}`,
		`{"envelope_id":"e1","type":"interactive","retry_attempt":-1,"retry_reason":7,"payload":[1]}`,
		`{"envelope_id":"\ud800","type":"x","TYPE":"y","payload":null,"accepts_response_payload":"true"}`,
		`{"type":"a","type":"b","retry_attempt":99999999999999999999}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseFrame(text)
		if err != nil {
			if diff := cmp.Diff(frame{}, got, cmp.AllowUnexported(frame{})); diff != "" {
				t.Fatalf("an error, and %s", diff)
			}
			return
		}
		if got.Type == "" || got.RetryAttempt < 0 {
			t.Fatalf("%+v", got)
		}
		for _, s := range []string{got.ID, got.Type, got.Kind, got.reason, got.appID, got.RetryReason} {
			if len(s) > maxNameBytes || !utf8.ValidString(s) {
				t.Fatalf("%q", s)
			}
		}
		if got.Payload != nil && !json.Valid(got.Payload) {
			t.Fatalf("payload %q", got.Payload)
		}
		ack, fits := acknowledgement(got.ID, got.Payload)
		var back struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if json.Unmarshal(ack, &back) != nil || back.ID != got.ID || len(ack) > maxAckBytes || fits && (got.Payload == nil) != (back.Payload == nil) {
			t.Fatalf("acknowledgement %q of %+v", ack, got)
		}
	})
}
