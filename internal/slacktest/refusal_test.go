package slacktest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestRefusals(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	mine := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "mine").TS
	theirs, err := s.Say(slacktest.Message{Channel: "dev", User: "U0ALICE", Text: "theirs"})
	if err != nil {
		t.Fatal(err)
	}
	reacted := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "reacted").TS
	mustCall(t, s, "reactions.add", "channel", "C0DEV", "timestamp", reacted, "name", "eyes")
	old, err := s.Say(slacktest.Message{Channel: "old", User: "U0TELEPORT", Text: "old"})
	if err != nil {
		t.Fatal(err)
	}
	const never = "1111111111.000001"
	chars := func(n int) string { return strings.Repeat("é", n) }
	for _, test := range []struct {
		want, method string
		args         []string
	}{
		{"invalid_arguments", "chat.postMessage", []string{"text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "C0NONE", "text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "D0NONE", "text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "U0NONE", "text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "#nowhere", "text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "alice@example.com", "text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "C0SECRET", "text", "x"}},
		{"channel_not_found", "chat.postMessage", []string{"channel", "#secret", "text", "x"}},
		{"not_in_channel", "chat.postMessage", []string{"channel", "C0OPEN", "text", "x"}},
		{"is_archived", "chat.postMessage", []string{"channel", "C0OLD", "text", "x"}},
		{"user_disabled", "chat.postMessage", []string{"channel", "U0GONE", "text", "x"}},
		{"cannot_dm_bot", "chat.postMessage", []string{"channel", "U0OTHERBOT", "text", "x"}},
		{"no_text", "chat.postMessage", []string{"channel", "C0DEV"}},
		{"no_text", "chat.postMessage", []string{"channel", "C0DEV", "text", " \n"}},
		{"no_text", "chat.postMessage", []string{"channel", "C0DEV", "blocks", "[]"}},
		{"thread_not_found", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "thread_ts", never}},
		{"markdown_text_conflict", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "markdown_text", "y"}},
		{"msg_too_long", "chat.postMessage", []string{"channel", "C0DEV", "markdown_text", chars(12001)}},
		{"invalid_attachments", "chat.postMessage", []string{"channel", "C0DEV", "attachments", "{}"}},
		{"too_many_attachments", "chat.postMessage", []string{"channel", "C0DEV", "attachments", "[" + strings.Repeat("{},", 100) + "{}]"}},
		{"invalid_blocks_format", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "blocks", "{}"}},
		{"invalid_blocks_format", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "blocks", "["}},
		{"invalid_metadata_format", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "metadata", "["}},
		{"invalid_metadata_format", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "metadata", `{"event_payload":{}}`}},
		{"invalid_metadata_format", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "metadata", `{"event_type":"e"}`}},
		{"invalid_metadata_schema", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "metadata", `{"event_type":"e","event_payload":{"a":null}}`}},
		{"invalid_metadata_schema", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "metadata", `{"event_type":"e","event_payload":{"a":{"b":{"c":1}}}}`}},
		{"metadata_too_large", "chat.postMessage", []string{"channel", "C0DEV", "text", "x", "metadata", `{"event_type":"e","event_payload":{"a":"` + strings.Repeat("x", 16<<10) + `"}}`}},

		{"invalid_arguments", "chat.update", []string{"channel", "C0DEV", "text", "x"}},
		{"channel_not_found", "chat.update", []string{"channel", "#dev", "ts", mine, "text", "x"}},
		{"channel_not_found", "chat.update", []string{"channel", "U0ALICE", "ts", mine, "text", "x"}},
		{"message_not_found", "chat.update", []string{"channel", "C0DEV", "ts", never, "text", "x"}},
		{"cant_update_message", "chat.update", []string{"channel", "C0DEV", "ts", theirs, "text", "x"}},
		{"is_inactive", "chat.update", []string{"channel", "C0OLD", "ts", old, "text", "x"}},
		{"no_text", "chat.update", []string{"channel", "C0DEV", "ts", mine}},
		{"no_text", "chat.update", []string{"channel", "C0DEV", "ts", mine, "text", ""}},
		{"msg_too_long", "chat.update", []string{"channel", "C0DEV", "ts", mine, "text", chars(4001)}},
		{"invalid_blocks", "chat.update", []string{"channel", "C0DEV", "ts", mine, "text", "x", "blocks", `[{"type":"nothing"}]`}},

		{"message_not_found", "chat.delete", []string{"channel", "C0DEV", "ts", never}},
		{"cant_delete_message", "chat.delete", []string{"channel", "C0DEV", "ts", theirs}},
		{"invalid_arguments", "chat.postEphemeral", []string{"channel", "C0DEV", "text", "x"}},
		{"user_not_in_channel", "chat.postEphemeral", []string{"channel", "C0OPS", "user", "U0BOB", "text", "x"}},
		{"message_not_found", "chat.getPermalink", []string{"channel", "C0DEV", "message_ts", never}},
		{"channel_not_found", "chat.getPermalink", []string{"channel", "C0SECRET", "message_ts", mine}},

		{"already_reacted", "reactions.add", []string{"channel", "C0DEV", "timestamp", reacted, "name", "eyes"}},
		{"message_not_found", "reactions.add", []string{"channel", "C0DEV", "timestamp", never, "name", "eyes"}},
		{"invalid_name", "reactions.add", []string{"channel", "C0DEV", "timestamp", mine, "name", ":eyes:"}},
		{"invalid_name", "reactions.add", []string{"channel", "C0DEV", "timestamp", mine, "name", "✅"}},
		{"invalid_arguments", "reactions.add", []string{"channel", "C0DEV", "timestamp", mine}},
		{"no_item_specified", "reactions.add", []string{"channel", "C0DEV", "name", "eyes"}},
		{"bad_timestamp", "reactions.add", []string{"channel", "C0DEV", "timestamp", "yesterday", "name", "eyes"}},
		{"is_archived", "reactions.add", []string{"channel", "C0OLD", "timestamp", old, "name", "eyes"}},
		{"not_in_channel", "reactions.add", []string{"channel", "C0OPEN", "timestamp", mine, "name", "eyes"}},
		{"channel_not_found", "reactions.add", []string{"channel", "C0SECRET", "timestamp", mine, "name", "eyes"}},
		{"no_reaction", "reactions.remove", []string{"channel", "C0DEV", "timestamp", reacted, "name", "tada"}},

		{"user_not_found", "users.info", []string{"user", "U0NONE"}},
		{"invalid_arguments", "users.info", nil},
		{"users_not_found", "users.lookupByEmail", []string{"email", "nobody@example.com"}},
		{"users_not_found", "users.lookupByEmail", []string{"email", "gone@example.com"}},
		{"invalid_cursor", "users.list", []string{"cursor", "?"}},
		{"invalid_limit", "users.list", []string{"limit", "-1"}},

		{"users_list_not_supplied", "conversations.open", nil},
		{"user_not_found", "conversations.open", []string{"users", "U0NONE"}},
		{"user_disabled", "conversations.open", []string{"users", "U0GONE"}},
		{"channel_not_found", "conversations.open", []string{"channel", "D0NONE"}},
		{"method_not_supported_for_channel_type", "conversations.open", []string{"channel", "C0DEV"}},
		{"method_not_supported_for_channel_type", "conversations.join", []string{"channel", "C0OPS"}},
		{"is_archived", "conversations.join", []string{"channel", "C0OLD"}},
		{"channel_not_found", "conversations.join", []string{"channel", "C0SECRET"}},
		{"channel_not_found", "conversations.info", []string{"channel", "C0SECRET"}},
		{"channel_not_found", "conversations.members", []string{"channel", "C0NONE"}},
		{"invalid_types", "conversations.list", []string{"types", "secret"}},
		{"not_in_channel", "conversations.history", []string{"channel", "C0OPEN"}},
		{"channel_not_found", "conversations.history", []string{"channel", "C0SECRET"}},
		{"invalid_ts_oldest", "conversations.history", []string{"channel", "C0DEV", "oldest", "x"}},
		{"invalid_ts_latest", "conversations.history", []string{"channel", "C0DEV", "latest", "1.1234567"}},
		{"invalid_cursor", "conversations.history", []string{"channel", "C0DEV", "cursor", "x"}},
		{"thread_not_found", "conversations.replies", []string{"channel", "C0DEV", "ts", never}},
		{"not_allowed_token_type", "apps.connections.open", nil},
		{"my_error", "api.test", []string{"error", "my_error"}},
	} {
		t.Run(test.method+" "+test.want, func(t *testing.T) {
			before := s.AllMessages()
			if a := call(t, s, test.method, test.args...); a.Error != test.want {
				t.Errorf("%.80q: error %q %q, want %q", test.args, a.Error, a.Meta.Messages, test.want)
			}
			if diff := cmp.Diff(before, s.AllMessages()); diff != "" {
				t.Error("the call was refused and still changed a message:", diff)
			}
			if calls := s.Calls(); calls[len(calls)-1].Outcome != test.want {
				t.Errorf("logged %q", calls[len(calls)-1].Outcome)
			}
		})
	}
}

func TestNothingHalfDoneByARefusedEdit(t *testing.T) {
	s := start(t, slacktest.Options{})
	ts := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "before").TS
	call(t, s, "chat.update", "channel", "C0DEV", "ts", ts, "text", "after", "metadata", "[")
	if m, _ := s.Message("C0DEV", ts); m.Text != "before" || m.Edited {
		t.Errorf("message %+v", m)
	}
}

func TestEditWindow(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := start(t, slacktest.Options{EditWindow: time.Minute, Clock: func() time.Time { return now }})
	ts := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x").TS
	now = now.Add(time.Minute)
	mustCall(t, s, "chat.update", "channel", "C0DEV", "ts", ts, "text", "y")
	now = now.Add(time.Second)
	if a := call(t, s, "chat.update", "channel", "C0DEV", "ts", ts, "text", "z"); a.Error != "edit_window_closed" {
		t.Errorf("error %q", a.Error)
	}
}

func TestLengthsOfText(t *testing.T) {
	s := start(t, slacktest.Options{})
	long := strings.Repeat("é", 40000)
	a := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", long)
	mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", long+"é")
	for i, m := range s.Messages("C0DEV") {
		if m.Text != long {
			t.Errorf("message %d has %d bytes of text, want %d", i, len(m.Text), len(long))
		}
	}
	mustCall(t, s, "chat.update", "channel", "C0DEV", "ts", a.TS, "text", strings.Repeat("é", 4000))
}

func TestNumbersOfReactions(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	ts := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x").TS
	for i := range 23 {
		mustCall(t, s, "reactions.add", "channel", "C0DEV", "timestamp", ts, "name", fmt.Sprint("emoji", i))
	}
	if a := call(t, s, "reactions.add", "channel", "C0DEV", "timestamp", ts, "name", "one_more"); a.Error != "too_many_reactions" {
		t.Errorf("error %q", a.Error)
	}
}
