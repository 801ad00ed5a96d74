package record_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// fixtures is what the published plugin has stored over the years, by file name.
func fixtures(t testing.TB) map[string]map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/published/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("fixtures: %v, %v", paths, err)
	}
	all := map[string]map[string]string{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var data map[string]string
		if err := json.Unmarshal(b, &data); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = data
	}
	return all
}

// devMessage and the others are the messages of the fixtures.
var (
	devMessage   = access.MessageRef{Channel: "C0DEV000001", TS: "1764151200.000100"}
	bobMessage   = access.MessageRef{Channel: "D0BOB000001", TS: "1764151200.000200"}
	aliceMessage = access.MessageRef{Channel: "D0ALICE0001", TS: "1764151200.000300"}
	oldMessage   = access.MessageRef{Channel: "C0DEV000001", TS: "1600000000.000100"}
	ourMessage   = access.MessageRef{Channel: "C0SEC000001", TS: "1764151300.000100"}
)

// TestPublishedRecordsAreContinuedAndGivenBack goes there and back with each
// fixture: we read it, show a decision in every message, post one more, and write.
// Then the published plugin finds all of its own, and its next change is read.
func TestPublishedRecordsAreContinuedAndGivenBack(t *testing.T) {
	// What is stored under messages afterwards, where that is not the list of
	// published versions with all of the messages.
	dev, ours := `{"recipient":"#dev","channel_id":"C0DEV000001","timestamp":"1764151200.000100"}`, `{"channel_id":"C0SEC000001","timestamp":"1764151300.000100"}`
	all := fixtures(t)
	for name, tt := range map[string]struct {
		messages []access.MessageRef
		kind     access.Kind
		stored   string
	}{
		"list":                      {messages: []access.MessageRef{devMessage, bobMessage}},
		"legacy":                    {messages: []access.MessageRef{oldMessage}},
		"kind-2026":                 {messages: []access.MessageRef{devMessage}, kind: access.LongTerm},
		"kind-by-another-name-2026": {messages: []access.MessageRef{devMessage}},
		"unknown-keys":              {messages: []access.MessageRef{devMessage}},
		"json-objects-2026":         {messages: []access.MessageRef{devMessage}, stored: "[" + dev + "," + ours + "]"},
		"json-texts-2026": {
			messages: []access.MessageRef{devMessage, bobMessage},
			stored:   `["C0DEV000001/1764151200.000100","D0BOB000001/1764151200.000200","C0SEC000001/1764151300.000100"]`,
		},
		"json-by-recipient-2026": {messages: []access.MessageRef{aliceMessage, devMessage}, stored: all["json-by-recipient-2026"]["messages"]},
		"json-empty-2026":        {stored: "[]"},
	} {
		data, ok := all[name]
		if !ok {
			t.Fatalf("no fixture %s", name)
		}
		delete(all, name)
		t.Run(name, func(t *testing.T) {
			rec := decode(t, data)
			if diff := cmp.Diff(tt.messages, rec.Messages()); diff != "" {
				t.Fatalf("messages (-want +got):\n%s", diff)
			}
			if rec.Adopted != (len(tt.messages) > 0) || rec.Snapshot.Kind != tt.kind {
				t.Errorf("adopted %v, kind %v", rec.Adopted, rec.Snapshot.Kind)
			}

			// Nothing but our own key changes as long as nothing happens.
			set, expect := rec.Changes()
			for k := range set {
				if k != "teleport_slack" && (name != "legacy" || k != "messages" && k != "channel_id" && k != "timestamp") {
					t.Errorf("reading and writing back sets %s = %q, was %q", k, set[k], data[k])
				}
			}
			idle := apply(t, data, set, expect)
			if diff := cmp.Diff(rec, decode(t, idle), equalRecords); diff != "" {
				t.Errorf("what was written back reads differently (-before +after):\n%s", diff)
			}

			for i, c := range rec.Copies {
				c.State, c.Replies, c.Final = access.Approved, 3, true
				rec = rec.With(i, c)
			}
			rec.Snapshot.State, rec.Snapshot.ResolveReason = access.Approved, "fine"
			rec = rec.Add(record.Copy{To: "C0SEC000001", At: ourMessage, State: access.Approved, Replies: 3})
			set, expect = rec.Changes()
			after := apply(t, data, set, expect)

			stored := tt.stored
			if stored == "" {
				var parts []string
				for _, m := range append(slices.Clone(tt.messages), ourMessage) {
					parts = append(parts, m.Channel+"/"+m.TS)
				}
				stored = strings.Join(parts, ",")
			}
			want := maps.Clone(data)
			maps.Copy(want, map[string]string{"resolution": "APPROVED", "resolve_reason": "fine", "reviews_count": "3", "messages": stored})
			delete(want, "channel_id")
			delete(want, "timestamp")
			got := maps.Clone(after)
			delete(got, "teleport_slack")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what the published plugin finds (-want +got):\n%s", diff)
			}
			readAsPublished(t, got)

			again := decode(t, after)
			if diff := cmp.Diff(rec, again, equalRecords); diff != "" {
				t.Errorf("what we find (-written +read):\n%s", diff)
			}
			after["reviews_count"] = "4" // the published plugin goes on
			for _, c := range decode(t, after).Copies {
				if c.Replies != 4 {
					t.Errorf("after its next review: %+v", c)
				}
			}
		})
	}
	for name := range all {
		t.Errorf("nothing says what should become of the fixture %s", name)
	}
}

// readAsPublished fails where the published plugin refuses a whole record.
func readAsPublished(t *testing.T, data map[string]string) {
	t.Helper()
	for _, key := range []string{"resources", "suggested_reviewers", "system_annotations", "logins_by_role"} {
		var v any
		if err := json.Unmarshal([]byte(data[key]), &v); data[key] != "" && err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := time.Parse(time.RFC3339, data["max_duration"]); data["max_duration"] != "" && err != nil {
		t.Error(err)
	}
	var n int
	if _, err := fmt.Sscanf(data["reviews_count"], "%d", &n); data["reviews_count"] != "" && err != nil {
		t.Error(err)
	}
}

func TestKindUnderAnyKeyOfTheirs(t *testing.T) {
	for _, tt := range []struct {
		key, value string
		want       access.Kind
	}{
		{"request_kind", "LONG_TERM", access.LongTerm},
		{"RequestKind", "LONG_TERM", access.LongTerm},
		{"kind", "SHORT_TERM", access.ShortTerm},
		{"request_reason", "LONG_TERM", access.ShortTerm}, // people write what they like
		{"user", "LONG_TERM", access.ShortTerm},
		{"resolve_reason", "LONG_TERM", access.ShortTerm},
	} {
		rec := decode(t, map[string]string{"roles": "editor", "messages": "C1/17.1", tt.key: tt.value})
		if req, _ := rec.Tombstone("r1"); req.Kind != tt.want {
			t.Errorf("%s = %s: kind %v, want %v", tt.key, tt.value, req.Kind, tt.want)
		}
	}
}

func TestMessagesInJSON(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []access.MessageRef
		problem     bool
	}{
		{"names in any style", `[{"Channel_ID":"C0DEV000001","messageTs":"1764151200.000100"}]`, []access.MessageRef{devMessage}, false},
		{"a timestamp as a number", `[{"channel":"C0DEV000001","ts":1764151200.000100}]`, []access.MessageRef{devMessage}, false},
		{"spaces around it", " [\"C0DEV000001/1764151200.000100\"]\n", []access.MessageRef{devMessage}, false},
		{"the same twice", `["C0DEV000001/1764151200.000100","C0DEV000001/1764151200.000100"]`, []access.MessageRef{devMessage}, false},
		{"deep", `{"a":{"b":[[{"c":{"ts":"1764151200.000100","channel":"C0DEV000001"}}]]}}`, []access.MessageRef{devMessage}, false},
		{"nothing said", `[{"channel":"","ts":""}]`, nil, false},
		{"no message in it", `[{"room":"dev","id":"7"}]`, nil, true},
		{"no channel of Slack's", `[{"channel":"<!channel>","ts":"1.2"}]`, nil, true},
		{"not JSON at all", `[C0DEV000001/1764151200.000100`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := map[string]string{"user": "alice", "messages": tt.value}
			rec, problems := record.Decode(data)
			if diff := cmp.Diff(tt.want, rec.Messages()); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if (len(problems) > 0) != tt.problem {
				t.Errorf("problems %q, want one: %v", problems, tt.problem)
			}
			if set, _ := rec.Changes(); tt.name != "not JSON at all" {
				if v, changed := set["messages"]; changed {
					t.Errorf("it is overwritten with %q", v)
				}
			}
		})
	}
}

// TestAMessageThatIsGoneLeavesTheList keeps it from being adopted again.
func TestAMessageThatIsGoneLeavesTheList(t *testing.T) {
	rec := decode(t, map[string]string{"messages": `["C0DEV000001/1764151200.000100",{"note":"kept"},"D0BOB000001/1764151200.000200"]`})
	set, _ := rec.Without(0).Changes()
	if want := `[{"note":"kept"},"D0BOB000001/1764151200.000200"]`; set["messages"] != want {
		t.Errorf("messages %s, want %s", set["messages"], want)
	}
}
