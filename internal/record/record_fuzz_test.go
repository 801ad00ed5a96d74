package record_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/record"
)

// FuzzDecode feeds plugin data that anything may have written: it never
// panics, and what it was read as can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add("alice", "editor", `["a"]`, "1", "APPROVED", "C1/17.1", `{"state":"PENDING","copies":[{"to":"C1","ch":"C1","ts":"17.1","intent":{"part":"final"}}]}`)
	f.Add("", "", "", "-1", "x", "/,/", "null")
	f.Add("a", "b", "", "", "", `[{"channel_id":"C1","timestamp":"17.1","x":{}}]`, `{"copies":[{"to":"C2","ch":"C2","ts":"17.2"}]}`)
	f.Add("a", "b", "", "", "", `{"reviewers":{"r1":["C1/17.1"]}}`, "")
	f.Add("a", ",", "{}", "9999999999999999999", "", "a/b,a/b", `{"copies":[{"replies":-5}]}`)
	f.Fuzz(func(t *testing.T, user, roles, resources, reviews, resolution, messages, own string) {
		rec, before := record.Decode(map[string]string{
			"user": user, "roles": roles, "resources": resources, "reviews_count": reviews, "resolution": resolution,
			"messages": messages, "teleport_slack": own,
		})
		set, _ := rec.Changes()
		next := map[string]string{}
		for k, v := range map[string]string{"user": user, "roles": roles, "resources": resources, "reviews_count": reviews, "resolution": resolution, "messages": messages, "teleport_slack": own} {
			next[k] = v
		}
		for k, v := range set {
			next[k] = v
		}
		again, problems := record.Decode(next)
		for _, p := range problems {
			// JSON of others in which no message is recognized stays as it is.
			if !strings.Contains(p, `"messages"`) || !slices.Contains(before, p) {
				t.Fatalf("what we wrote does not parse: %q", problems)
			}
		}
		if diff := cmp.Diff(rec.Messages(), again.Messages()); diff != "" {
			t.Fatalf("messages (-read +written)\n%s", diff)
		}
	})
}
