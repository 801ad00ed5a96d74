package slacktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// buttons is a message of the bot's with two of them, one without IDs.
func buttons(t *testing.T, s *slacktest.Server, channel string) (ts string) {
	t.Helper()
	ts, err := s.Say(slacktest.Message{Channel: channel, User: "U0TELEPORT", Text: "Request", Blocks: json.RawMessage(
		`[{"type":"section","text":{"type":"mrkdwn","text":"x"}},{"type":"actions","elements":[` +
			`{"type":"button","action_id":"approve","style":"primary","text":{"type":"plain_text","text":"Approve"},"value":"r1"},` +
			`{"type":"button","text":{"type":"plain_text","text":"Other"}}]}]`)})
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// TestSocketModeWithAnotherClient goes through a client that was written by
// others against Slack itself: from a click through a modal to its end.
func TestSocketModeWithAnotherClient(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	ts := buttons(t, s, "C0DEV")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	api := slack.New(slacktest.DefaultToken, slack.OptionAppLevelToken(slacktest.DefaultAppToken),
		slack.OptionAPIURL(s.URL()), slack.OptionHTTPClient(&http.Client{Transport: transport}))
	client := socketmode.New(api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.RunContext(ctx) }()
	interaction := func() (slack.InteractionCallback, *socketmode.Request) {
		for e := range client.Events {
			if e.Type == socketmode.EventTypeInteractive {
				return e.Data.(slack.InteractionCallback), e.Request
			}
		}
		panic("Events is never closed")
	}
	if !s.AwaitSockets(t.Context(), 1) {
		t.Fatal("no connection")
	}

	d, err := s.Click("U0ALICE", "dev", ts, "approve")
	if err != nil {
		t.Fatal(err)
	}
	click, req := interaction()
	if err := client.Ack(*req); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(t.Context()); err != nil {
		t.Errorf("click: %v", err)
	}
	action := click.ActionCallback.BlockActions[0]
	got := []string{
		string(click.Type), click.User.ID, click.User.TeamID, click.Team.ID, click.APIAppID, click.Channel.ID, click.Channel.Name,
		click.Container.ChannelID, click.Container.MessageTs, click.Message.Timestamp, click.Message.Text, action.ActionID, action.Value, action.Text.Text,
	}
	want := []string{
		"block_actions", "U0ALICE", "T0TEST", "T0TEST", "A0TELEPORT", "C0DEV", "dev",
		"C0DEV", ts, ts, "Request", "approve", "r1", "Approve",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if action.BlockID == "" || action.BlockID != click.Message.Blocks.BlockSet[1].(*slack.ActionBlock).BlockID || action.ActionTs == "" || click.ResponseURL == "" {
		t.Errorf("action %+v, response URL %q", action, click.ResponseURL)
	}

	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject("plain_text", text, false, false)
	}
	modal := func(title string) slack.ModalViewRequest {
		return slack.ModalViewRequest{
			Type: slack.VTModal, Title: plain(title), Submit: plain("Send"), CallbackID: "reason", PrivateMetadata: "r1", NotifyOnClose: true,
			Blocks: slack.Blocks{BlockSet: []slack.Block{
				slack.NewInputBlock("why", plain("Reason"), nil, slack.NewPlainTextInputBlockElement(nil, "text").WithMaxLength(10)),
			}},
		}
	}
	opened, err := api.OpenView(click.TriggerID, modal("Deny"))
	if err != nil {
		t.Fatal(err)
	}
	submitted := func(text string, respond any) (slacktest.Response, error) {
		t.Helper()
		type result struct {
			r   slacktest.Response
			err error
		}
		answered := make(chan result, 1)
		go func() {
			r, err := s.SubmitView(t.Context(), "U0ALICE", opened.ID, map[string]string{"why": text})
			answered <- result{r, err}
		}()
		submission, req := interaction()
		if v := submission.View.State.Values["why"]["text"].Value; v != text || submission.Type != slack.InteractionTypeViewSubmission ||
			submission.View.ID != opened.ID || submission.View.PrivateMetadata != "r1" || submission.User.ID != "U0ALICE" {
			t.Errorf("submission %+v", submission.View)
		}
		if err := client.Ack(*req, respond); err != nil {
			t.Fatal(err)
		}
		a := <-answered
		return a.r, a.err
	}
	r, err := submitted("no", slack.NewErrorsViewSubmissionResponse(map[string]string{"why": "too short"}))
	if diff := cmp.Diff(map[string]string{"why": "too short"}, s.Views("U0ALICE")[0].Errors); diff != "" || err != nil || r.Action != "errors" {
		t.Errorf("%+v, %v, %s", r, err, diff)
	}
	next := modal("Sure?")
	if r, err = submitted("really", slack.NewUpdateViewSubmissionResponse(&next)); err != nil || s.Views("U0ALICE")[0].Title != "Sure?" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err = submitted("yes", nil); err != nil || len(s.Views("U0ALICE")) != 0 {
		t.Errorf("%v, views %+v", err, s.Views("U0ALICE"))
	}

	// Opened, pushed upon, updated and closed.
	if _, err = s.Click("U0ALICE", "dev", ts, "approve"); err != nil {
		t.Fatal(err)
	}
	click, req = interaction()
	if err := client.Ack(*req); err != nil {
		t.Fatal(err)
	}
	if opened, err = api.OpenView(click.TriggerID, modal("First")); err != nil {
		t.Fatal(err)
	}
	if _, err = api.UpdateView(modal("Second"), "", "stale", opened.ID); err == nil || err.Error() != "hash_conflict" {
		t.Errorf("a stale hash: %v", err)
	}
	if _, err = api.UpdateView(modal("Second"), "", opened.Hash, opened.ID); err != nil || s.Views("U0ALICE")[0].Title != "Second" {
		t.Errorf("update: %v, %+v", err, s.Views("U0ALICE"))
	}
	closed, err := s.CloseView("U0ALICE", opened.ID)
	if err != nil {
		t.Fatal(err)
	}
	over, req := interaction()
	if err := client.Ack(*req); err != nil {
		t.Fatal(err)
	}
	if err := closed.Wait(t.Context()); err != nil || over.Type != slack.InteractionTypeViewClosed || over.View.ID != opened.ID {
		t.Errorf("%v, %+v", err, over)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhoMayOpenAConnection(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*slacktest.Server)
		verb   string
		header string
		form   string
		want   string
	}{
		"app token":      {nil, "POST", "Bearer xapp-test", "", ""},
		"wrong token":    {nil, "POST", "Bearer xapp-other", "", "invalid_auth"},
		"bot token":      {nil, "POST", "Bearer xoxb-test", "", "not_allowed_token_type"},
		"none":           {nil, "POST", "", "", "not_authed"},
		"as a parameter": {nil, "POST", "", "token=xapp-test", "not_authed"},
		"GET":            {nil, "GET", "Bearer xapp-test", "", "insecure_request"},
		"off":            {func(s *slacktest.Server) { s.SetSocketMode(false) }, "POST", "Bearer xapp-test", "", "link_disabled"},
		"revoked":        {func(s *slacktest.Server) { s.FailAppToken("token_revoked") }, "POST", "Bearer xapp-test", "", "token_revoked"},
		"replaced":       {func(s *slacktest.Server) { s.SetAppToken("xapp-new") }, "POST", "Bearer xapp-test", "", "invalid_auth"},
		"replacement":    {func(s *slacktest.Server) { s.SetAppToken("xapp-new") }, "POST", "Bearer xapp-new", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, slacktest.Options{})
			if test.change != nil {
				test.change(s)
			}
			r := newRequest(t, test.verb, s.URL()+"apps.connections.open", form, test.form)
			r.Header.Del("Authorization")
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			a, resp := do(t, r)
			if a.Error != test.want || (a.URL != "") != (test.want == "") {
				t.Errorf("%+v", a)
			}
			if test.want == "" && resp.Header.Get("X-OAuth-Scopes") != "connections:write" {
				t.Errorf("scopes %q", resp.Header.Get("X-OAuth-Scopes"))
			}
		})
	}
	s := start(t, slacktest.Options{})
	r := newRequest(t, "POST", s.URL()+"auth.test", form, "")
	r.Header.Set("Authorization", "Bearer xapp-test")
	if a, _ := do(t, r); a.Error != "not_allowed_token_type" {
		t.Errorf("another method with the app token: %q", a.Error)
	}
}

func TestClicksThatNobodyCanMake(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	ts := buttons(t, s, "C0DEV")
	private := buttons(t, s, "C0OPS")
	for name, c := range map[string][4]string{
		"nobody":               {"U0NONE", "C0DEV", ts, "approve"},
		"deactivated":          {"U0GONE", "C0DEV", ts, "approve"},
		"not in the channel":   {"U0BOB", "C0OPS", private, "approve"},
		"no such channel":      {"U0ALICE", "C0NONE", ts, "approve"},
		"message of elsewhere": {"U0ALICE", "C0OPS", ts, "approve"},
		"no such button":       {"U0ALICE", "C0DEV", ts, "deny"},
	} {
		if d, err := s.Click(c[0], c[1], c[2], c[3]); !errors.Is(err, slacktest.ErrNotThere) || d != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.SetInteractivity(false)
	if d, err := s.Click("U0ALICE", "C0DEV", ts, "approve"); !errors.Is(err, slacktest.ErrNoInteractivity) || d != nil {
		t.Errorf("Interactivity is off: %v", err)
	}
}

func TestForgedClicks(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all, Redeliveries: -1})
	ts := buttons(t, s, "C0DEV")
	d, err := s.Click("U0ALICE", "C0DEV", ts, "approve", func(p slacktest.Payload) {
		p["user"].(slacktest.Payload)["id"] = "U0BOB"
		p["actions"].([]any)[0].(slacktest.Payload)["value"] = "r2"
		delete(p, "team")
	})
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Team    any
		User    struct{ ID, Name string }
		Actions []struct{ Value string }
	}
	if err := json.Unmarshal(d.Payload, &p); err != nil || p.Team != nil || p.User.ID != "U0BOB" || p.User.Name != "alice" || p.Actions[0].Value != "r2" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTriggersWorkOnceAndForThreeSeconds(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := start(t, slacktest.Options{Scopes: all, Clock: func() time.Time { return now }})
	ts := buttons(t, s, "C0DEV")
	const view = `{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[{"type":"divider"}]}`
	trigger := func() string {
		p, err := s.ClickPayload("U0ALICE", "C0DEV", ts, "approve")
		if err != nil {
			t.Fatal(err)
		}
		return p["trigger_id"].(string)
	}
	open := func(method, id string) string { return call(t, s, method, "trigger_id", id, "view", view).Error }
	first := trigger()
	got := []string{open("views.push", first)}
	first = trigger()
	got = append(got, open("views.open", first), open("views.open", first), open("views.open", "1.2.x"), open("views.open", ""))
	for range 3 {
		got = append(got, open("views.push", trigger()))
	}
	late := trigger()
	now = now.Add(3*time.Second + time.Millisecond)
	got = append(got, open("views.open", late))
	want := []string{"not_found", "", "exchanged_trigger_id", "invalid_trigger_id", "invalid_arguments", "", "", "push_limit_reached", "expired_trigger_id"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if views := s.Views("U0ALICE"); len(views) != 3 {
		t.Errorf("%d views", len(views))
	}
}

func TestViewsAreHeldAgainstSlacksLimits(t *testing.T) {
	s := start(t, slacktest.Options{})
	text := func(n int) string { return `{"type":"plain_text","text":"` + strings.Repeat("é", n) + `"}` }
	input := func(element string) string {
		return `{"type":"input","label":` + text(5) + `,"element":` + element + `}`
	}
	view := func(more, blocks string) string {
		return `{"type":"modal","title":` + text(24) + more + `,"blocks":[` + blocks + `]}`
	}
	submit := `,"submit":` + text(24)
	for name, test := range map[string]struct{ view, want string }{
		"good":            {view(submit, input(`{"type":"plain_text_input","multiline":true,"max_length":3000,"placeholder":`+text(150)+`}`)), "missing required field: trigger_id"},
		"not JSON":        {`{`, "not JSON"},
		"not an object":   {`[]`, "must be an object"},
		"no title":        {`{"type":"modal","blocks":[]}`, "missing required field: title"},
		"long title":      {`{"type":"modal","title":` + text(25) + `,"blocks":[]}`, "must be less than 25"},
		"home":            {`{"type":"home","title":` + text(1) + `,"blocks":[]}`, "unsupported type: home"},
		"no submit":       {view("", input(`{"type":"plain_text_input"}`)), "missing required field: submit"},
		"unknown field":   {view(`,"colour":"red"`, ""), "invalid additional property: colour"},
		"long metadata":   {view(`,"private_metadata":"`+strings.Repeat("x", 3001)+`"`, ""), "must be less than 3001"},
		"long callback":   {view(`,"callback_id":"`+strings.Repeat("x", 256)+`"`, ""), "must be less than 256"},
		"too many blocks": {view("", strings.Repeat(`{"type":"divider"},`, 100)+`{"type":"divider"}`), "no more than 100"},
		"a button inside": {view(submit, input(`{"type":"button","text":`+text(1)+`}`)), "unsupported type: button"},
		"long input":      {view(submit, input(`{"type":"plain_text_input","max_length":3001}`)), "must be between 1 and 3000"},
	} {
		a := call(t, s, "views.open", "view", test.view)
		if a.Error != "invalid_arguments" || !strings.Contains(strings.Join(a.Meta.Messages, "\n"), test.want) {
			t.Errorf("%s: %s %q", name, a.Error, a.Meta.Messages)
		}
	}
	if a := call(t, s, "views.open", "view", view("", strings.Repeat(" ", 250<<10))); a.Error != "view_too_large" {
		t.Errorf("large: %s", a.Error)
	}
}
