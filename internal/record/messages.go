package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// The published plugin lists its messages as "channel/ts,channel/ts". A rewrite of
// it keeps JSON there: its shape is not settled, so any is read in which a
// channel stands beside a timestamp, or both in one text. Such a value stays
// JSON, and what is not ours in it stays as it is.

// channelNames and tsNames are how JSON may call a message's channel and
// timestamp, in lower case and without underscores.
var (
	channelNames = []string{"channelid", "channel"}
	tsNames      = []string{"timestamp", "messagets", "ts", "messageid"}
)

// isJSON reports whether a value of keyMessages is a JSON list or object: no
// channel begins so.
func isJSON(value string) bool {
	value = strings.TrimSpace(value)
	return (strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{")) && json.Valid([]byte(value))
}

// parseMessages reads a value of keyMessages. Parts that are no message are
// skipped, as the published plugin does.
func parseMessages(value string) ([]access.MessageRef, error) {
	if !isJSON(value) {
		var refs []access.MessageRef
		for _, part := range splitNonEmpty(value) {
			refs = appendRef(refs, refOfText(part))
		}
		return refs, nil
	}
	v, err := decodeJSON([]byte(value))
	if err != nil {
		return nil, err
	}
	refs := refsIn(v, nil)
	if len(refs) == 0 && hasText(v) {
		return nil, errors.New("its JSON names no message that can be recognized")
	}
	return refs, nil
}

// hasText reports whether decoded JSON has any text or number that says something.
func hasText(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, hasText)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasText)
	}
	return jsonText(v) != ""
}

// formatMessages returns the value of keyMessages for the messages, in the format
// of what is stored. Of JSON only a list can grow, by entries like its first one;
// other JSON stays, and our own key has the messages that it lacks.
func formatMessages(stored string, refs []access.MessageRef) string {
	if !isJSON(stored) {
		texts := make([]string, len(refs))
		for i, ref := range refs {
			texts[i] = textOf(ref)
		}
		return strings.Join(texts, ",")
	}
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(stored), &entries); err != nil {
		return stored
	}
	var entry func(access.MessageRef) any
	listed := map[access.MessageRef]bool{}
	kept := entries[:0:0]
	for _, e := range entries {
		v, err := decodeJSON(e)
		if err != nil {
			return stored // can't be: it was part of valid JSON
		}
		if entry == nil {
			entry = entryLike(v)
		}
		theirs := refsIn(v, nil)
		if len(theirs) > 0 && !slices.ContainsFunc(theirs, func(ref access.MessageRef) bool { return slices.Contains(refs, ref) }) {
			continue // of messages that are not there any more
		}
		for _, ref := range theirs {
			listed[ref] = true
		}
		kept = append(kept, e)
	}
	for _, ref := range refs {
		if entry != nil && !listed[ref] {
			kept = append(kept, json.RawMessage(mustMarshal(entry(ref))))
		}
	}
	if slices.EqualFunc(kept, entries, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		return stored
	}
	return mustMarshal(kept)
}

// entryLike returns how to write a message like this entry of a list, or nil.
func entryLike(v any) func(access.MessageRef) any {
	switch v := v.(type) {
	case string:
		if !refOfText(v).IsZero() {
			return func(ref access.MessageRef) any { return textOf(ref) }
		}
	case map[string]any:
		if channel, ts, ok := refKeys(v); ok {
			return func(ref access.MessageRef) any { return map[string]string{channel: ref.Channel, ts: ref.TS} }
		}
	}
	return nil
}

// refsIn appends the messages that are anywhere in decoded JSON, each once.
func refsIn(v any, refs []access.MessageRef) []access.MessageRef {
	switch v := v.(type) {
	case string:
		return appendRef(refs, refOfText(v))
	case []any:
		for _, e := range v {
			refs = refsIn(e, refs)
		}
	case map[string]any:
		if channel, ts, ok := refKeys(v); ok {
			return appendRef(refs, refOf(jsonText(v[channel]), jsonText(v[ts])))
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			refs = refsIn(v[key], refs)
		}
	}
	return refs
}

// refKeys returns the keys under which an object has a message's channel and
// timestamp.
func refKeys(object map[string]any) (channel, ts string, ok bool) {
	find := func(names []string) string {
		for _, name := range names {
			for _, key := range slices.Sorted(maps.Keys(object)) {
				if strings.ToLower(strings.ReplaceAll(key, "_", "")) == name && jsonText(object[key]) != "" {
					return key
				}
			}
		}
		return ""
	}
	channel, ts = find(channelNames), find(tsNames)
	return channel, ts, channel != "" && ts != "" && !refOf(jsonText(object[channel]), jsonText(object[ts])).IsZero()
}

// jsonText returns a text, or a number as it was written.
func jsonText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// decodeJSON keeps numbers as they are written: a timestamp has more digits than a
// float.
func decodeJSON(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func textOf(ref access.MessageRef) string { return ref.Channel + "/" + ref.TS }

// refOfText reads "channel/ts".
func refOfText(s string) access.MessageRef {
	if p := strings.Split(s, "/"); len(p) == 2 {
		return refOf(p[0], p[1])
	}
	return access.MessageRef{}
}

func appendRef(refs []access.MessageRef, ref access.MessageRef) []access.MessageRef {
	if ref.IsZero() || slices.Contains(refs, ref) {
		return refs
	}
	return append(refs, ref)
}

// refOf returns where a message is, or nowhere if that can't be: Slack's IDs
// and timestamps are letters, digits and a dot.
func refOf(channel, ts string) access.MessageRef {
	foreign := func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '.')
	}
	if channel == "" || ts == "" || strings.ContainsFunc(channel+ts, foreign) {
		return access.MessageRef{}
	}
	return access.MessageRef{Channel: channel, TS: ts}
}
