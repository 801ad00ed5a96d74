package review

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type object = map[string]any

// aClick is the payload of a click as Slack sends it, without unused fields.
func aClick() object {
	return object{
		"type": "block_actions", "api_app_id": "A0APP", "trigger_id": "1.2.abc",
		"team":      object{"id": "T0TEAM", "domain": "example"},
		"user":      object{"id": "U0BOB", "username": "bob", "team_id": "T0TEAM"},
		"container": object{"type": "message", "message_ts": "1700000000.000100", "channel_id": "C0DEV", "is_ephemeral": false},
		"channel":   object{"id": "C0DEV", "name": "dev"},
		"actions": []any{object{
			"type": "button", "action_id": "approve_button", "block_id": "review_block",
			"value": "0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d", "action_ts": "1700000009.123456",
		}},
	}
}

// aWindow is the payload of a window that was sent in.
func aWindow() object {
	return object{
		"type": "view_submission", "api_app_id": "A0APP",
		"team": object{"id": "T0TEAM"}, "user": object{"id": "U0BOB", "team_id": "T0TEAM"},
		"view": object{
			"id": "V0VIEW", "callback_id": message.ReasonView, "private_metadata": "x.y", "app_id": "A0APP",
			"state": object{"values": object{message.ReasonBlock: object{message.ReasonInput: object{"type": "plain_text_input", "value": "  because \n"}}}},
		},
	}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeAClick(t *testing.T) {
	got, err := decode(encode(t, aClick()))
	if err != nil {
		t.Fatal(err)
	}
	want := interaction{
		user: "U0BOB", userTeam: "T0TEAM", team: "T0TEAM", app: "A0APP", trigger: "1.2.abc",
		decision: access.Approve, request: "0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d",
		channel: "C0DEV", ts: "1700000000.000100", stamp: "1700000009.123456", at: time.Unix(1700000009, 0),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(interaction{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	deny := aClick()
	deny["actions"].([]any)[0].(object)["action_id"] = "deny_button"
	if got, err := decode(encode(t, deny)); err != nil || got.decision != access.Deny {
		t.Errorf("the other button: %+v, %v", got, err)
	}
}

func TestDecodeAWindow(t *testing.T) {
	p := aWindow()
	p["view"].(object)["private_metadata"] = sign("secret", target{Request: "r-1", User: "U0BOB"})
	got, err := decode(encode(t, p))
	if err != nil || !got.submission || got.view != "V0VIEW" || got.reason != "because" || got.request != "r-1" || got.user != "U0BOB" {
		t.Errorf("%+v, %v", got, err)
	}
	long := aWindow()
	long["view"].(object)["state"].(object)["values"].(object)[message.ReasonBlock].(object)[message.ReasonInput].(object)["value"] = strings.Repeat("é", 5000)
	if got, err := decode(encode(t, long)); err != nil || utf8.RuneCountInString(got.reason) != message.MaxReasonChars {
		t.Errorf("a reason that Slack would not have taken has %d characters, %v", utf8.RuneCountInString(got.reason), err)
	}
}

func TestWhatIsNoClickOfOurs(t *testing.T) {
	action := func(p object) object { return p["actions"].([]any)[0].(object) }
	view := func(p object) object { return p["view"].(object) }
	for _, tt := range []struct {
		name   string
		from   func() object
		change func(object)
		want   string // empty: none of our business
	}{
		{"another kind", aClick, func(p object) { p["type"] = "shortcut" }, ""},
		{"no kind", aClick, func(p object) { delete(p, "type") }, ""},
		{"another block", aClick, func(p object) { action(p)["block_id"] = "other" }, ""},
		{"another window", aWindow, func(p object) { view(p)["callback_id"] = "other" }, ""},
		{"no action", aClick, func(p object) { p["actions"] = []any{} }, "no action"},
		{"two actions", aClick, func(p object) { p["actions"] = append(p["actions"].([]any), action(p)) }, "more than one action"},
		{"a menu", aClick, func(p object) { action(p)["type"] = "static_select" }, "action is not a button"},
		{"a third button", aClick, func(p object) { action(p)["action_id"] = "promote_button" }, "unknown button"},
		{"no value", aClick, func(p object) { action(p)["value"] = "" }, "button has no valid request ID"},
		{"a value with a line in it", aClick, func(p object) { action(p)["value"] = "a\nb" }, "button has no valid request ID"},
		{"a value that is a path", aClick, func(p object) { action(p)["value"] = "../x" }, "button has no valid request ID"},
		{"an ephemeral message", aClick, func(p object) { p["container"].(object)["is_ephemeral"] = true }, "button is not in a message"},
		{"a window's button", aClick, func(p object) { p["container"].(object)["type"] = "view" }, "button is not in a message"},
		{"no container", aClick, func(p object) { delete(p, "container") }, "button is not in a message"},
		{"no channel", aClick, func(p object) { p["container"].(object)["channel_id"] = "" }, "channel or timestamp of the message is invalid"},
		{"no timestamp", aClick, func(p object) { p["container"].(object)["message_ts"] = "yesterday" }, "channel or timestamp of the message is invalid"},
		{"two channels", aClick, func(p object) { p["channel"].(object)["id"] = "C0OTHER" }, "message is in two channels"},
		{"no time", aClick, func(p object) { delete(action(p), "action_ts") }, "action time is invalid"},
		{"no user", aClick, func(p object) { delete(p, "user") }, "user ID is invalid"},
		{"a user with a line in it", aClick, func(p object) { p["user"].(object)["id"] = "U0BOB\nevent=review" }, "user ID is invalid"},
		{"no user in a window", aWindow, func(p object) { p["user"] = object{"id": ""} }, "user ID is invalid"},
		{"no window ID", aWindow, func(p object) { view(p)["id"] = "x" }, "window ID is invalid"},
		{"another app's window", aWindow, func(p object) { view(p)["app_id"] = "A0OTHER" }, "window of another app"},
		{"a list for a user", aClick, func(p object) { p["user"] = []any{} }, "payload is not JSON of the expected form"},
		{"too much", aClick, func(p object) { p["x"] = strings.Repeat("x", maxPayloadBytes) }, "payload is too long"},
	} {
		p := tt.from()
		tt.change(p)
		_, err := decode(encode(t, p))
		switch {
		case tt.want == "" && !errors.Is(err, errNotOurs):
			t.Errorf("%s: %v, want none of our business", tt.name, err)
		case tt.want != "" && (err == nil || err.Error() != tt.want):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, aClick()))
	f.Add(encode(f, aWindow()))
	f.Add([]byte(`{"type":"view_submission","view":{"id":"V1","callback_id":"teleport_slack_reason","private_metadata":"e30.e30"},"user":{"id":"U1"}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := decode(raw)
		if err != nil {
			return
		}
		if !userShape.MatchString(in.user) || in.decision > access.Deny || in.submission != (in.view != "") {
			t.Errorf("%+v", in)
		}
		if !in.submission && (!requestShape.MatchString(in.request) || !channelShape.MatchString(in.channel) || !stampShape.MatchString(in.ts) || in.at.IsZero()) {
			t.Errorf("%+v", in)
		}
		if in.reason != strings.TrimSpace(in.reason) || !utf8.ValidString(in.reason) || utf8.RuneCountInString(in.reason) > message.MaxReasonChars {
			t.Errorf("reason %q", in.reason)
		}
	})
}
