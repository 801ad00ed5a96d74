package slack

import (
	"slices"
	"strings"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestEveryErrorNameHasItsClass(t *testing.T) {
	// post and read are the classes for a call that changes something and one that doesn't.
	rows := []struct {
		name       string
		post, read fault.Class
		hint       string // part of it; "" where a person can do nothing
	}{
		{"ratelimited", fault.Retry, fault.Retry, ""},
		{"rate_limited", fault.Retry, fault.Retry, ""},
		{"service_unavailable", fault.Retry, fault.Retry, ""},
		{"request_timeout", fault.Retry, fault.Retry, ""},
		{"team_added_to_org", fault.Retry, fault.Retry, ""},
		{"invalid_cursor", fault.Retry, fault.Retry, ""},
		{"internal_error", fault.Unknown, fault.Retry, ""},
		{"fatal_error", fault.Unknown, fault.Retry, ""},

		{"invalid_auth", fault.Fatal, fault.Fatal, "slack.token"},
		{"not_authed", fault.Fatal, fault.Fatal, "slack.token"},
		{"account_inactive", fault.Fatal, fault.Fatal, "reinstall"},
		{"token_revoked", fault.Fatal, fault.Fatal, "slack.token"},
		{"token_expired", fault.Fatal, fault.Fatal, "rotation"},
		{"not_allowed_token_type", fault.Fatal, fault.Fatal, "xoxb"},
		{"missing_scope", fault.Fatal, fault.Fatal, "scope"},
		{"org_login_required", fault.Fatal, fault.Fatal, "organisation"},
		{"ekm_access_denied", fault.Fatal, fault.Fatal, "admin"},
		{"two_factor_setup_required", fault.Fatal, fault.Fatal, "two-factor"},
		{"accesslimited", fault.Fatal, fault.Fatal, "IP"},
		{"access_denied", fault.Fatal, fault.Fatal, "slack.token"},
		{"enterprise_is_restricted", fault.Fatal, fault.Fatal, "organisation"},
		{"team_access_not_granted", fault.Fatal, fault.Fatal, "organisation"},

		{"channel_not_found", fault.Permanent, fault.Permanent, "only visible to the app once it's invited: /invite @teleport"},
		{"not_in_channel", fault.Permanent, fault.Permanent, "invite the app: /invite @teleport in #dev"},
		{"not_in_group", fault.Permanent, fault.Permanent, "/invite @teleport"},
		{"is_archived", fault.Permanent, fault.Permanent, "#dev is archived"},
		{"restricted_action", fault.Permanent, fault.Permanent, "admin"},
		{"restricted_action_read_only_channel", fault.Permanent, fault.Permanent, "admin"},
		{"restricted_action_thread_only_channel", fault.Permanent, fault.Permanent, "admin"},
		{"restricted_action_non_threadable_channel", fault.Permanent, fault.Permanent, "admin"},
		{"restricted_action_thread_locked", fault.Permanent, fault.Permanent, "admin"},
		{"messages_tab_disabled", fault.Permanent, fault.Permanent, "Messages tab"},
		{"cannot_dm_bot", fault.Permanent, fault.Permanent, "direct messages"},
		{"user_not_found", fault.Permanent, fault.Permanent, "ID"},
		{"user_not_visible", fault.Permanent, fault.Permanent, "guest"},
		{"user_disabled", fault.Permanent, fault.Permanent, "deactivated"},
		{"message_limit_exceeded", fault.Permanent, fault.Permanent, "plan"},
		{"no_permission", fault.Permanent, fault.Permanent, "admin"},
		{"as_user_not_supported", fault.Permanent, fault.Permanent, "slack.token"},
		{"not_reactable", fault.Permanent, fault.Permanent, ""},
		{"too_many_reactions", fault.Permanent, fault.Permanent, ""},
		{"too_many_emoji", fault.Permanent, fault.Permanent, ""},
		{"thread_locked", fault.Permanent, fault.Permanent, ""},

		{"method_not_supported_for_channel_type", fault.Permanent, fault.Permanent, ""},

		{"expired_trigger_id", fault.Permanent, fault.Permanent, "click again"},
		{"exchanged_trigger_id", fault.Permanent, fault.Permanent, ""},
		{"invalid_trigger_id", fault.Permanent, fault.Permanent, ""},
		{"trigger_expired", fault.Permanent, fault.Permanent, "click again"},
		{"trigger_exchanged", fault.Permanent, fault.Permanent, ""},
		{"push_limit_reached", fault.Permanent, fault.Permanent, ""},
		{"not_enabled", fault.Permanent, fault.Permanent, "Interactivity"},
		{"user_not_in_channel", fault.Permanent, fault.Permanent, "#dev"},

		{"link_disabled", fault.Fatal, fault.Fatal, "Socket Mode"},
		{"forbidden_team", fault.Fatal, fault.Fatal, "organisation"},
		{"missing_args", fault.Fatal, fault.Fatal, "review.app_token"},
		{"is_bot", fault.Fatal, fault.Fatal, "review.app_token"},

		{"unknown_method", fault.Unsupported, fault.Unsupported, "api_url"},
		{"method_deprecated", fault.Unsupported, fault.Unsupported, ""},

		{"invalid_blocks", fault.Bug, fault.Bug, "plain message"},
		{"invalid_blocks_format", fault.Bug, fault.Bug, "plain message"},
		{"msg_too_long", fault.Bug, fault.Bug, "plain message"},
		{"msg_blocks_too_long", fault.Bug, fault.Bug, "plain message"},
		{"view_too_large", fault.Bug, fault.Bug, "plain message"},
		{"duplicate_external_id", fault.Bug, fault.Bug, "plain message"},
		{"insecure_request", fault.Bug, fault.Bug, "plain message"},
		{"no_text", fault.Bug, fault.Bug, "plain message"},
		{"metadata_too_large", fault.Bug, fault.Bug, "plain message"},
		{"metadata_must_be_sent_from_app", fault.Bug, fault.Bug, "plain message"},
		{"invalid_metadata_format", fault.Bug, fault.Bug, "plain message"},
		{"invalid_metadata_schema", fault.Bug, fault.Bug, "plain message"},
		{"invalid_arguments", fault.Bug, fault.Bug, "plain message"},
		{"invalid_arg_name", fault.Bug, fault.Bug, "plain message"},
		{"invalid_array_arg", fault.Bug, fault.Bug, "plain message"},
		{"invalid_charset", fault.Bug, fault.Bug, "plain message"},
		{"invalid_form_data", fault.Bug, fault.Bug, "plain message"},
		{"invalid_post_type", fault.Bug, fault.Bug, "plain message"},
		{"missing_post_type", fault.Bug, fault.Bug, "plain message"},
		{"too_many_attachments", fault.Bug, fault.Bug, "plain message"},
		{"markdown_text_conflict", fault.Bug, fault.Bug, "plain message"},
		{"invalid_name", fault.Bug, fault.Bug, "emoji"},
		{"no_item_specified", fault.Bug, fault.Bug, "plain message"},
		{"bad_timestamp", fault.Bug, fault.Bug, "plain message"},
		{"duplicate_channel_not_found", fault.Bug, fault.Bug, "plain message"},
		{"duplicate_message_not_found", fault.Bug, fault.Bug, "plain message"},

		{"message_not_found", fault.NotFound, fault.NotFound, ""},
		{"edit_window_closed", fault.NotFound, fault.NotFound, "Message Editing"},
		{"cant_update_message", fault.NotFound, fault.NotFound, "another app"},
		{"is_inactive", fault.NotFound, fault.NotFound, ""},
		{"thread_not_found", fault.NotFound, fault.NotFound, ""},
		{"users_not_found", fault.NotFound, fault.NotFound, "email"},

		{"already_reacted", fault.Conflict, fault.Conflict, ""},

		// Nobody has heard of it: not a reason to give up on a message.
		{"gremlins_in_the_datacenter", fault.Retry, fault.Retry, ""},
	}
	s, c := workspace(t, slacktest.Options{})
	if _, err := c.Auth(t.Context()); err != nil { // the hints name the bot
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, row := range rows {
		tested[row.name] = true
		t.Run(row.name, func(t *testing.T) {
			for _, call := range []request{
				{op: "post", method: "chat.postMessage", channel: "#dev", write: true},
				{op: "read", method: "users.info", channel: "#dev"},
			} {
				remove := s.Inject(slacktest.Fault{Method: call.method, Error: row.name})
				err := c.call(t.Context(), call, nil)
				remove()
				want := row.read
				if call.write {
					want = row.post
				}
				f, ok := fault.As(err)
				if !ok {
					t.Fatalf("%s: %v is no fault", call.op, err)
				}
				if f.Class != want {
					t.Errorf("%s: class %v, want %v", call.op, f.Class, want)
				}
				if reason := strings.Replace(row.name, "rate_limited", "ratelimited", 1); f.Reason != reason {
					t.Errorf("%s: reason %q, want %q", call.op, f.Reason, reason)
				}
				if row.hint == "" && f.Hint != "" || !strings.Contains(f.Hint, row.hint) {
					t.Errorf("%s: hint %q, want %q in it", call.op, f.Hint, row.hint)
				}
			}
		})
	}
	for name := range errorTable {
		if !tested[name] {
			t.Errorf("%s is in the table and has no row here", name)
		}
	}
	for _, f := range families {
		if !slices.ContainsFunc(rows, func(r struct {
			name       string
			post, read fault.Class
			hint       string
		}) bool {
			return strings.HasPrefix(r.name, f.prefix)
		}) {
			t.Errorf("%s… is in the table and has no row here", f.prefix)
		}
	}
}

func TestMissingScopeSaysWhich(t *testing.T) {
	_, c := workspace(t, slacktest.Options{Scopes: []string{"chat:write"}})
	_, err := c.Resolve(t.Context(), "alice@example.com")
	if !fault.Is(err, fault.Fatal) {
		t.Fatalf("got %v, want a fatal fault", err)
	}
	hint := fault.Hint(err)
	for _, want := range []string{"needed: ", "users:read.email", "provided: chat:write"} {
		if !strings.Contains(hint, want) {
			t.Errorf("hint %q lacks %q", hint, want)
		}
	}
}

func TestDiagnosticsAreInTheHintAndTame(t *testing.T) {
	token := "xoxb-secret-1234"
	c := New(Options{Token: func() string { return token }})
	var e envelope
	e.Error = "invalid_blocks"
	e.Metadata.Messages = []string{"[ERROR] no more than 50 items [json-pointer:/blocks]\n" + token + "\x1b[31m" + strings.Repeat("x", 1000)}
	hint := fault.Hint(c.slackError(request{op: "post"}, e, nil))
	if !strings.Contains(hint, "json-pointer:/blocks") {
		t.Errorf("hint %q lacks Slack's pointer", hint)
	}
	if strings.Contains(hint, token) || strings.ContainsAny(hint, "\n\x1b") || len(hint) > 1000 {
		t.Errorf("hint is not tame: %q", hint)
	}
}

func TestReasonIsNeverFreeText(t *testing.T) {
	c := New(Options{})
	for _, name := range []string{"", "Not A Name", "a\nb", strings.Repeat("a", 65), "<b>"} {
		f, _ := fault.As(c.slackError(request{op: "post"}, envelope{Error: name}, nil))
		if f.Reason != unrecognised || f.Class != fault.Retry {
			t.Errorf("%q: reason %q class %v", name, f.Reason, f.Class)
		}
	}
}
