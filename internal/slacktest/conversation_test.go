package slacktest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func texts(a answer) []string {
	var out []string
	for _, m := range a.Messages {
		out = append(out, m.Text)
	}
	return out
}

func TestHistoryAndReplies(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	var ts, replies []string
	for i := range 5 {
		ts = append(ts, mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", fmt.Sprint("m", i),
			"metadata", `{"event_type":"e","event_payload":{"n":1}}`).TS)
	}
	for i := range 5 {
		thread := ts[2]
		if i == 4 {
			thread = replies[0] // a reply to a reply stands in the same thread
		}
		replies = append(replies, mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "thread_ts", thread, "text", fmt.Sprint("r", i)).TS)
	}
	if !slices.IsSorted(ts) || !slices.IsSorted(replies) || ts[4] >= replies[0] {
		t.Errorf("timestamps %v %v do not increase", ts, replies)
	}
	for name, test := range map[string]struct {
		method string
		args   []string
		want   []string
		more   bool
	}{
		"all":             {"conversations.history", nil, []string{"m4", "m3", "m2", "m1", "m0"}, false},
		"limit":           {"conversations.history", []string{"limit", "2"}, []string{"m4", "m3"}, true},
		"oldest":          {"conversations.history", []string{"oldest", ts[2]}, []string{"m4", "m3"}, false},
		"latest":          {"conversations.history", []string{"latest", ts[2]}, []string{"m1", "m0"}, false},
		"inclusive":       {"conversations.history", []string{"oldest", ts[1], "latest", ts[3], "inclusive", "1"}, []string{"m3", "m2", "m1"}, false},
		"just one":        {"conversations.history", []string{"oldest", ts[1], "latest", ts[1], "inclusive", "true", "limit", "1"}, []string{"m1"}, false},
		"thread":          {"conversations.replies", []string{"ts", ts[2]}, []string{"m2", "r0", "r1", "r2", "r3", "r4"}, false},
		"thread limit":    {"conversations.replies", []string{"ts", ts[2], "limit", "2"}, []string{"m2", "r0", "r1"}, true},
		"thread oldest":   {"conversations.replies", []string{"ts", ts[2], "oldest", replies[2]}, []string{"m2", "r3", "r4"}, false},
		"thread latest":   {"conversations.replies", []string{"ts", ts[2], "latest", replies[1], "inclusive", "1"}, []string{"m2", "r0", "r1"}, false},
		"not a thread":    {"conversations.replies", []string{"ts", ts[0]}, []string{"m0"}, false},
		"a reply as such": {"conversations.replies", []string{"ts", replies[1]}, []string{"r1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := mustCall(t, s, test.method, append(test.args, "channel", "C0DEV")...)
			if diff := cmp.Diff(test.want, texts(a)); diff != "" || a.HasMore != test.more || (a.Meta.NextCursor != "") != test.more {
				t.Errorf("has_more %v, next_cursor %q %s", a.HasMore, a.Meta.NextCursor, diff)
			}
		})
	}
	for method, want := range map[string][]string{
		"conversations.history": {"m4", "m3", "m2", "m1", "m0"},
		"conversations.replies": {"m2", "r0", "r1", "m2", "r2", "r3", "m2", "r4"},
	} {
		var got []string
		for cursor, first := "", true; first || cursor != ""; first = false {
			a := mustCall(t, s, method, "channel", "C0DEV", "ts", ts[2], "limit", "2", "cursor", cursor)
			got, cursor = append(got, texts(a)...), a.Meta.NextCursor
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %s: %s", method, diff)
		}
	}
	for flag, want := range map[string]string{"0": `{"event_type":"e"}`, "1": `{"event_type":"e","event_payload":{"n":1}}`} {
		a := mustCall(t, s, "conversations.history", "channel", "C0DEV", "include_all_metadata", flag)
		if got := string(a.Messages[0].Metadata); got != want {
			t.Errorf("include_all_metadata=%s: %s, want %s", flag, got, want)
		}
	}
}

func TestWhatAnEditChanges(t *testing.T) {
	const blocks, other = `[{"type":"divider"}]`, `[{"type":"divider","block_id":"b"}]`
	meta := func(e string) string { return `{"event_type":"` + e + `","event_payload":{}}` }
	type shown struct{ Text, Blocks, Event string }
	for name, test := range map[string]struct {
		args []string
		want shown
	}{
		"text only keeps blocks":    {[]string{"text", "new"}, shown{"new", blocks, "e"}},
		"blocks only drop the text": {[]string{"blocks", other}, shown{"", other, "e"}},
		"empty blocks remove them":  {[]string{"text", "new", "blocks", "[]"}, shown{"new", "", "e"}},
		"metadata only":             {[]string{"metadata", meta("f")}, shown{"old", blocks, "f"}},
		"empty metadata removes it": {[]string{"text", "new", "metadata", "{}"}, shown{"new", blocks, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, slacktest.Options{})
			ts := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "old", "blocks", blocks, "metadata", meta("e")).TS
			mustCall(t, s, "chat.update", append(test.args, "channel", "C0DEV", "ts", ts)...)
			m := s.Messages("dev")[0]
			got := shown{Text: m.Text, Blocks: string(m.Blocks)}
			if m.Metadata != nil {
				got.Event = m.Metadata.EventType
			}
			if diff := cmp.Diff(test.want, got); diff != "" || !m.Edited || m.Edits != 1 || m.TS != ts {
				t.Errorf("edited %v %d times, ts %s %s", m.Edited, m.Edits, m.TS, diff)
			}
		})
	}
}

func TestDeleteKeepsThreads(t *testing.T) {
	s := start(t, slacktest.Options{})
	parent := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "parent").TS
	reply := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "thread_ts", parent, "text", "reply").TS
	mustCall(t, s, "chat.delete", "channel", "C0DEV", "ts", parent)
	if got := s.Messages("C0DEV"); len(got) != 1 || !got[0].Tombstone || len(got[0].Replies) != 1 {
		t.Errorf("after the parent: %+v", got)
	}
	if a := call(t, s, "chat.update", "channel", "C0DEV", "ts", parent, "text", "x"); a.Error != "message_not_found" {
		t.Errorf("edit of a tombstone: %q", a.Error)
	}
	mustCall(t, s, "chat.delete", "channel", "C0DEV", "ts", reply)
	if got := s.Messages("C0DEV"); len(got) != 1 || len(got[0].Replies) != 0 {
		t.Errorf("after the reply: %+v", got)
	}
	alone := mustCall(t, s, "chat.postMessage", "channel", "C0OPS", "text", "alone").TS
	mustCall(t, s, "chat.delete", "channel", "C0OPS", "ts", alone)
	if got := s.Messages("C0OPS"); len(got) != 0 {
		t.Errorf("a message without a thread remains: %+v", got)
	}
}

func TestWhereAPostGoes(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: []string{"chat:write", "chat:write.public", "im:write", "im:read"}})
	for channel, want := range map[string]string{
		"C0DEV": "C0DEV", "#dev": "C0DEV", "dev": "C0DEV", "ops": "C0OPS", "C0OPEN": "C0OPEN",
		"U0ALICE": "D0ALICE", "U0BOB": "D0BOB",
	} {
		if a := mustCall(t, s, "chat.postMessage", "channel", channel, "text", "x"); a.Channel != want {
			t.Errorf("%s: posted to %v, want %s", channel, a.Channel, want)
		}
	}
	a := mustCall(t, s, "conversations.open", "users", "U0ALICE", "return_im", "true")
	if im, _ := a.Channel.(map[string]any); im["id"] != "D0ALICE" || im["user"] != "U0ALICE" {
		t.Errorf("opened %v", a.Channel)
	}
	if a := mustCall(t, s, "chat.postMessage", "channel", "D0ALICE", "text", "y"); a.Channel != "D0ALICE" {
		t.Errorf("by the conversation's ID: posted to %v", a.Channel)
	}
	s.AddUser(slacktest.User{ID: "W0ALICE"})
	if a := mustCall(t, s, "chat.postMessage", "channel", "W0ALICE", "text", "z"); a.Channel == "D0ALICE" {
		t.Error("two users share one direct message")
	}
	if got := s.DirectMessages("U0ALICE"); len(got) != 2 {
		t.Errorf("messages %+v", got)
	}
	if got := len(s.AllMessages()); got != 9 {
		t.Errorf("%d messages in all", got)
	}
}

func TestLists(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	s.AddGroup(slacktest.Group{ID: "S0SRE", Handle: "sre", Users: []string{"U0BOB"}})
	s.AddGroup(slacktest.Group{ID: "S0OLD", Disabled: true})
	pages := func(method string, args ...string) (ids []string) {
		for cursor, first := "", true; first || cursor != ""; first = false {
			a := mustCall(t, s, method, append(args, "limit", "2", "cursor", cursor)...)
			for _, m := range a.Members {
				if user, ok := m.(map[string]any); ok {
					ids = append(ids, user["id"].(string))
				} else {
					ids = append(ids, m.(string))
				}
			}
			for _, c := range a.Channels {
				ids = append(ids, c["id"].(string))
			}
			cursor = a.Meta.NextCursor
		}
		return ids
	}
	mustCall(t, s, "conversations.open", "users", "U0ALICE")
	for name, test := range map[string]struct{ got, want []string }{
		"users":       {pages("users.list"), []string{"U0TELEPORT", "U0ALICE", "U0BOB", "U0GONE", "U0OTHERBOT"}},
		"public":      {pages("conversations.list"), []string{"C0DEV", "C0OPEN", "C0OLD"}},
		"in use":      {pages("conversations.list", "exclude_archived", "true"), []string{"C0DEV", "C0OPEN"}},
		"every kind":  {pages("conversations.list", "types", "public_channel,private_channel,im,mpim"), []string{"C0DEV", "C0OPEN", "C0OLD", "C0OPS", "D0ALICE"}},
		"everybody":   {pages("conversations.members", "channel", "C0DEV"), []string{"U0ALICE", "U0BOB", "U0OTHERBOT", "U0TELEPORT"}},
		"two of them": {pages("conversations.members", "channel", "C0OPS"), []string{"U0ALICE", "U0TELEPORT"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestEmailsNeedTheirScope(t *testing.T) {
	s := start(t, slacktest.Options{})
	email := func() any {
		b, _ := json.Marshal(mustCall(t, s, "users.info", "user", "U0ALICE").User)
		var u struct{ Profile struct{ Email any } }
		if err := json.Unmarshal(b, &u); err != nil {
			t.Fatal(err)
		}
		return u.Profile.Email
	}
	if got := email(); got != "Alice@example.com" {
		t.Errorf("with the scope: %v", got)
	}
	s.SetScopes("users:read")
	if got := email(); got != nil {
		t.Errorf("without: %v", got)
	}
}

func TestReplacingAUserMovesTheAddress(t *testing.T) {
	s := start(t, slacktest.Options{})
	s.AddUser(slacktest.User{ID: "U0ALICE", Email: "liddell@example.com"})
	if a := call(t, s, "users.lookupByEmail", "email", "alice@example.com"); a.Error != "users_not_found" {
		t.Errorf("old address: %q", a.Error)
	}
	mustCall(t, s, "users.lookupByEmail", "email", "LIDDELL@example.com")
}
