package socketmode

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Envelope is something that happened in Slack and came over Socket Mode.
// Its payload is hostile input.
type Envelope struct {
	ID              string
	Type            string          // interactive, events_api, slash_commands
	Kind            string          // the payload's own type: block_actions, view_submission, …; empty if it has none
	Payload         json.RawMessage // a JSON object; nil if there was none
	AcceptsResponse bool            // what the handler returns goes back with the acknowledgement
	RetryAttempt    int             // 0 for the first delivery that Slack knows of
	RetryReason     string
}

// needsResponse reports whether the acknowledgement has to wait for the handler,
// because it contains what a modal does next.
func (e Envelope) needsResponse() bool {
	return e.AcceptsResponse && e.Type == "interactive" && e.Kind == "view_submission"
}

// frame is one message of the protocol.
type frame struct {
	Envelope
	reason string // of a disconnect
	appID  string // of a hello
}

const (
	maxFrameBytes = 1 << 20 // a payload with a whole message in it is about 60 KiB
	maxNameBytes  = 255     // of IDs, types and reasons
)

// parseFrame reads a message. Fields of an unexpected shape count as missing,
// and only the type is required: an envelope that can be acknowledged must not
// be lost because of its other fields.
func parseFrame(text []byte) (frame, error) {
	if len(text) > maxFrameBytes || !utf8.Valid(text) {
		return frame{}, errors.New("too long, or not UTF-8")
	}
	// A map instead of a struct: a struct's fields match in any case, and one
	// of the wrong type fails all.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return frame{}, errors.New("not a JSON object")
	}
	f := frame{reason: name(fields["reason"])}
	f.Type, f.ID = name(fields["type"]), name(fields["envelope_id"])
	if f.Type == "" {
		return frame{}, errors.New("without a type")
	}
	f.AcceptsResponse = string(fields["accepts_response_payload"]) == "true"
	f.RetryReason = name(fields["retry_reason"])
	var n int
	if json.Unmarshal(fields["retry_attempt"], &n) == nil {
		f.RetryAttempt = max(0, n)
	}
	if payload, ok := object(fields["payload"]); ok {
		f.Payload, f.Kind = fields["payload"], name(payload["type"])
	}
	if info, ok := object(fields["connection_info"]); ok {
		f.appID = name(info["app_id"])
	}
	return f, nil
}

func object(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var o map[string]json.RawMessage
	return o, len(raw) > 0 && json.Unmarshal(raw, &o) == nil && o != nil
}

// name reads a short string; anything else is empty.
func name(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && json.Unmarshal(raw, &s) == nil && len(s) <= maxNameBytes {
		return s
	}
	return ""
}

// maxAckBytes is the longest acknowledgement that Slack does not drop silently
// (see maxResponseSize in slack-go/slack's socketmode).
const maxAckBytes = 20<<10 - 1

// acknowledgement returns what is sent to Slack. fits is false if the response
// had to be left out.
func acknowledgement(id string, response json.RawMessage) (text []byte, fits bool) {
	ack := struct {
		ID      string          `json:"envelope_id"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}{ID: id, Payload: response}
	text, err := json.Marshal(ack)
	if err == nil && len(text) <= maxAckBytes {
		return text, true
	}
	ack.Payload = nil
	text, err = json.Marshal(ack)
	if err != nil {
		return nil, false // a string always has JSON
	}
	return text, false
}
