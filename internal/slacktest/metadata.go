package slacktest

import (
	"bytes"
	"encoding/json"
	"strings"
)

// maxMetadata is the longest metadata, in bytes of JSON. Slack doesn't publish its limit.
const maxMetadata = 16 << 10

// checkMetadata reads the metadata argument. An empty object is no metadata.
// https://docs.slack.dev/messaging/message-metadata
func checkMetadata(text string) (*Metadata, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxMetadata {
		return nil, refuse("metadata_too_large")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields == nil {
		return nil, refuse("invalid_metadata_format")
	}
	if len(fields) == 0 {
		return nil, nil
	}
	eventType, err := jsonString(fields["event_type"])
	if err != nil || eventType == "" {
		return nil, refuse("invalid_metadata_format")
	}
	var payload map[string]any
	if err := json.Unmarshal(fields["event_payload"], &payload); err != nil || payload == nil {
		return nil, refuse("invalid_metadata_format")
	}
	for _, v := range payload {
		if !flat(v, 1) {
			return nil, refuse("invalid_metadata_schema")
		}
	}
	return &Metadata{EventType: eventType, EventPayload: compact(string(fields["event_payload"]))}, nil
}

// flat reports whether a payload's value is a string, a number, a boolean, or an
// object or array of such.
func flat(v any, levels int) bool {
	switch v := v.(type) {
	case string, float64, bool:
		return true
	case map[string]any:
		for _, inner := range v {
			if levels == 0 || !flat(inner, levels-1) {
				return false
			}
		}
		return levels > 0
	case []any:
		for _, inner := range v {
			if levels == 0 || !flat(inner, levels-1) {
				return false
			}
		}
		return levels > 0
	}
	return false
}

// compact returns valid JSON without white space.
func compact(text string) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return json.RawMessage(text) // callers have parsed it
	}
	return b.Bytes()
}
