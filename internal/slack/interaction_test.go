package slack

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	slackapi "github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestUserInfoTellsMembersFromOthers(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	for _, u := range []slacktest.User{
		{ID: "U0GUEST", IsRestricted: true},
		{ID: "U0ONEGUEST", IsUltraRestricted: true},
		{ID: "U0ROBOT", IsBot: true},
		{ID: "U0FOREIGN", TeamID: "T0OTHER", Email: "alice@example.com"},
		{ID: "W0STRANGER", TeamID: "T0OTHER", IsStranger: true},
		{ID: "U0GONE", Deleted: true},
		{ID: slackbot},
	} {
		s.AddUser(u)
	}
	for id, want := range map[string]User{
		"U0ALICE":    {TeamID: "T0TEST", Email: "alice@example.com", Name: "alice"},
		"U0GUEST":    {TeamID: "T0TEST", Guest: true, Name: "u0guest"},
		"U0ONEGUEST": {TeamID: "T0TEST", Guest: true, Name: "u0oneguest"},
		"U0ROBOT":    {TeamID: "T0TEST", Bot: true, Name: "u0robot"},
		"U0FOREIGN":  {TeamID: "T0OTHER", Email: "alice@example.com", Name: "alice"},
		"W0STRANGER": {TeamID: "T0OTHER", Stranger: true, Name: "w0stranger"},
		"U0GONE":     {TeamID: "T0TEST", Deleted: true, Name: "u0gone"},
		slackbot:     {TeamID: "T0TEST", Bot: true, Name: "uslackbot"},
	} {
		want.ID, want.RealName = id, want.Name
		got, err := c.UserInfo(t.Context(), id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", id, err, diff)
		}
	}
	if n := s.CallCounts()["users.info"]; n != 8 {
		t.Errorf("%d calls", n)
	}
	// What it says is not kept.
	s.AddUser(slacktest.User{ID: "U0ALICE", Deleted: true})
	if u, err := c.UserInfo(t.Context(), "U0ALICE"); err != nil || !u.Deleted {
		t.Errorf("%+v, %v", u, err)
	}
	for _, id := range []string{"", "C0DEVDEVDEV", "U0/../x", "U0NOBODY", "U0 ALICE"} {
		if u, err := c.UserInfo(t.Context(), id); !fault.Is(err, fault.Permanent) || !cmp.Equal(u, User{}) {
			t.Errorf("%q: %+v, %v", id, u, err)
		}
	}
	other := client(t, Options{HTTPClient: httpClientOf(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}, nil
	})})
	if _, err := other.UserInfo(t.Context(), "U0ALICE"); err == nil {
		t.Error("an empty answer is somebody")
	}
}

func TestUserInfoOfAnotherUserIsRefused(t *testing.T) {
	c := client(t, Options{HTTPClient: httpClientOf(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"ok":true,"user":{"id":"U0BOB"}}`))}, nil
	})})
	if u, err := c.UserInfo(t.Context(), "U0ALICE"); err == nil {
		t.Errorf("%+v", u)
	}
}

func TestPostEphemeral(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	parent, err := s.Say(slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0BOB", Text: "parent"})
	if err != nil {
		t.Fatal(err)
	}
	text := slackapi.NewSectionBlock(slackapi.NewTextBlockObject("plain_text", "no", false, false), nil, nil)
	m := message.Message{Text: "no", Blocks: []slackapi.Block{text}}
	if err := c.PostEphemeral(t.Context(), "C0DEVDEVDEV", parent, "U0ALICE", m); err != nil {
		t.Fatal(err)
	}
	if err := c.PostEphemeral(t.Context(), "C0DEVDEVDEV", "", "U0BOB", message.Message{Text: "yes"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range s.EphemeralMessages() {
		got = append(got, e.EphemeralTo+" "+strings.Replace(e.ThreadTS, parent, "thread", 1)+" "+e.Text+" "+string(e.Blocks))
	}
	want := []string{`U0ALICE thread no [{"type":"section","text":{"type":"plain_text","text":"no","emoji":false}}]`, "U0BOB  yes "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.AddChannel(slacktest.Channel{ID: "C0DEVDEVDEV", Name: "dev", BotIsMember: true, Members: []string{"U0ALICE"}})
	if err := c.PostEphemeral(t.Context(), "C0DEVDEVDEV", "", "U0BOB", m); !fault.Is(err, fault.Permanent) {
		t.Errorf("who left: %v", err)
	}
}

func TestOpenView(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	d, err := s.ClickPayload("U0ALICE", "C0DEVDEVDEV", button(t, s), "approve_button")
	if err != nil {
		t.Fatal(err)
	}
	trigger := d["trigger_id"].(string)
	plain := func(text string) *slackapi.TextBlockObject {
		return slackapi.NewTextBlockObject("plain_text", text, false, false)
	}
	view := slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: "deny", PrivateMetadata: "r1", Title: plain("Deny"), Submit: plain("Deny"),
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{
			slackapi.NewInputBlock("reason", plain("Reason"), nil, slackapi.NewPlainTextInputBlockElement(nil, "text")),
		}},
	}
	if err := c.OpenView(t.Context(), trigger, view); err != nil {
		t.Fatal(err)
	}
	views := s.Views("U0ALICE")
	if len(views) != 1 || views[0].CallbackID != "deny" || views[0].PrivateMetadata != "r1" || views[0].Title != "Deny" {
		t.Errorf("%+v", views)
	}
	if err := c.OpenView(t.Context(), trigger, view); !fault.Is(err, fault.Permanent) {
		t.Errorf("a second time: %v", err)
	}
	if err := c.OpenView(t.Context(), "1.2.3", view); !fault.Is(err, fault.Permanent) {
		t.Errorf("a made-up trigger: %v", err)
	}
	view.Title = plain("far more than 24 characters in it")
	if err := c.OpenView(t.Context(), "1.2.3", view); !fault.Is(err, fault.Bug) {
		t.Errorf("a long title: %v", err)
	}
}

// button is a message with an approve_button in #dev.
func button(t *testing.T, s *slacktest.Server) (ts string) {
	t.Helper()
	ts, err := s.Say(slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0TELEPORT", Text: "request", Blocks: []byte(
		`[{"type":"actions","elements":[{"type":"button","action_id":"approve_button","text":{"type":"plain_text","text":"Approve"},"value":"r1"}]}]`)})
	if err != nil {
		t.Fatal(err)
	}
	return ts
}
