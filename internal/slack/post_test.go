package slack

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	slackapi "github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func block(text string) slackapi.Block {
	return slackapi.NewSectionBlock(slackapi.NewTextBlockObject("mrkdwn", text, false, false), nil, nil)
}

func TestAuth(t *testing.T) {
	_, c := workspace(t, slacktest.Options{Scopes: []string{"users:read", "chat:write"}})
	if !c.HasScope("reactions:write") {
		t.Error("before Slack says, every scope is taken for there")
	}
	w, err := c.Auth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Workspace{
		TeamID: "T0TEST", Team: "Test Workspace", URL: "https://test.slack.com/",
		BotName: "teleport", BotUserID: "U0TELEPORT", BotID: "B0TELEPORT",
		AppID: w.AppID, Scopes: []string{"chat:write", "users:read"},
	}
	if diff := cmp.Diff(want, w); diff != "" {
		t.Errorf("workspace (-want +got):\n%s", diff)
	}
	if !c.HasScope("chat:write") || c.HasScope("reactions:write") || c.HasScope("chat") {
		t.Error("scopes are not those that Slack said")
	}
}

func TestPostArrivesAsItShould(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	p := post("#dev", "req-1", "request")
	p.Blocks = []slackapi.Block{block("*hello*")}
	ref, err := c.Post(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Messages("C0DEVDEVDEV")
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	m := got[0]
	if (ref != access.MessageRef{Channel: "C0DEVDEVDEV", TS: m.TS}) {
		t.Errorf("reference %v, message is at %s", ref, m.TS)
	}
	if m.Text != "hello req-1" || m.ThreadTS != "" {
		t.Errorf("text %q, thread %q", m.Text, m.ThreadTS)
	}
	if diff := cmp.Diff(`[{"type":"section","text":{"type":"mrkdwn","text":"*hello*"}}]`, string(m.Blocks)); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if f := m.Flags; f.UnfurlLinks == nil || *f.UnfurlLinks || f.UnfurlMedia == nil || *f.UnfurlMedia || f.Parse != "" || f.LinkNames != nil {
		t.Errorf("links may be unfurled or names linked: %+v", f)
	}
	var payload map[string]string
	if m.Metadata == nil || m.Metadata.EventType != message.MetadataEvent || json.Unmarshal(m.Metadata.EventPayload, &payload) != nil {
		t.Fatalf("metadata %+v", m.Metadata)
	}
	if diff := cmp.Diff(map[string]string{"request_id": "req-1", "recipient": "#dev", "part": "request"}, payload); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}

	reply := post(ref.Channel, "req-1", "review-1")
	reply.Thread = ref.TS
	if _, err := c.Post(t.Context(), reply); err != nil {
		t.Fatal(err)
	}
	if m := s.Messages("C0DEVDEVDEV")[0]; len(m.Replies) != 1 || len(m.Replies[0].Blocks) != 0 {
		t.Errorf("replies: %+v", m.Replies)
	}
}

func TestPostToPersonSaysWhichDirectMessage(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	ref, err := c.Post(t.Context(), post("U0ALICE", "1", "request"))
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := s.DM("U0ALICE"); ref.Channel != id {
		t.Errorf("channel %q, want %q", ref.Channel, id)
	}
}

func TestPostWhereItCannot(t *testing.T) {
	_, c := workspace(t, slacktest.Options{})
	rows := []struct {
		channel, reason string
		class           fault.Class
	}{
		{"#elsewhere", "not_in_channel", fault.Permanent},
		{"#attic", "is_archived", fault.Permanent},
		{"#secret", "channel_not_found", fault.Permanent},
		{"#nowhere", "channel_not_found", fault.Permanent},
	}
	for _, row := range rows {
		_, err := c.Post(t.Context(), post(row.channel, "1", "request"))
		if diff := cmp.Diff(outcome{row.class, row.reason, 0}, outcomeOf(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.channel, diff)
		}
		if fault.Hint(err) == "" {
			t.Errorf("%s: no hint", row.channel)
		}
	}
}

func TestPostAnsweredWithoutAPlaceIsUnknown(t *testing.T) {
	for _, body := range []string{
		`{"ok":true}`, `{"ok":true,"channel":"C1"}`, `{"ok":true,"ts":"1.1"}`,
		`{"ok":true,"channel":"C1/x","ts":"1.1"}`, `{"ok":true,"channel":"C1","ts":"1,1"}`,
		`{"ok":true,"channel":1,"ts":"1.1"}`, `{}`, `[]`, `null`, `"ok"`, ``,
	} {
		c := client(t, Options{HTTPClient: httpClientOf(respond(200, body))})
		_, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
		if diff := cmp.Diff(outcome{fault.Unknown, "invalid_answer", 0}, outcomeOf(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestForeignShapesInTheEchoDoNotMatter(t *testing.T) {
	body := `{"ok":true,"channel":"C1","ts":"1.1","message":{"blocks":{"not":"a list"},"user":7}}`
	c := client(t, Options{HTTPClient: httpClientOf(respond(200, body))})
	ref, err := c.Post(t.Context(), post("C1", "1", "request"))
	if err != nil || (ref != access.MessageRef{Channel: "C1", TS: "1.1"}) {
		t.Errorf("got %v, %v", ref, err)
	}
}

func TestUpdate(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	p := post("C0DEVDEVDEV", "1", "request")
	p.Blocks = []slackapi.Block{block("before")}
	ref, err := c.Post(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Update(t.Context(), ref, message.Message{Text: "now", Blocks: []slackapi.Block{block("after")}}); err != nil {
		t.Fatal(err)
	}
	m := s.Messages("C0DEVDEVDEV")[0]
	if m.Text != "now" || string(m.Blocks) != `[{"type":"section","text":{"type":"mrkdwn","text":"after"}}]` {
		t.Errorf("got %q %s", m.Text, m.Blocks)
	}
	if m.Metadata == nil {
		t.Error("the update took the metadata away")
	}
	// A plain message replaces the blocks, too.
	if err := c.Update(t.Context(), ref, message.Message{Text: "plain"}); err != nil {
		t.Fatal(err)
	}
	if m := s.Messages("C0DEVDEVDEV")[0]; m.Text != "plain" || len(m.Blocks) > len("[]") {
		t.Errorf("got %q %s", m.Text, m.Blocks)
	}
	ref.TS = "1.000000"
	err = c.Update(t.Context(), ref, message.Message{Text: "nothing there"})
	if diff := cmp.Diff(outcome{fault.NotFound, "message_not_found", 0}, outcomeOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReact(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	ref, err := c.Post(t.Context(), post("C0DEVDEVDEV", "1", "request"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is already there
		if err := c.React(t.Context(), ref, ":white_check_mark:"); err != nil {
			t.Fatal(err)
		}
	}
	if m := s.Messages("C0DEVDEVDEV")[0]; len(m.Reactions) != 1 || m.Reactions[0].Name != "white_check_mark" {
		t.Errorf("reactions %v", m.Reactions)
	}
	s.SetScopes("chat:write")
	err = c.React(t.Context(), ref, "x")
	if diff := cmp.Diff(outcome{fault.Denied, "missing_scope", 0}, outcomeOf(err)); diff != "" {
		t.Errorf("without the scope (-want +got):\n%s", diff)
	}
}
