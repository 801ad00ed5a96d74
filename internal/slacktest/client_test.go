package slacktest_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a workspace with the people and channels of all tests here.
func start(t *testing.T, opt slacktest.Options) *slacktest.Server {
	t.Helper()
	s := slacktest.New(opt)
	s.AddUser(slacktest.User{ID: "U0ALICE", Email: "Alice@example.com", RealName: "Alice Liddell"})
	s.AddUser(slacktest.User{ID: "U0BOB", Email: "bob@example.com"})
	s.AddUser(slacktest.User{ID: "U0GONE", Email: "gone@example.com", Deleted: true})
	s.AddUser(slacktest.User{ID: "U0OTHERBOT", IsBot: true})
	s.AddChannel(slacktest.Channel{ID: "C0DEV", Name: "dev", BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0OPEN", Name: "open"})
	s.AddChannel(slacktest.Channel{ID: "C0OLD", Name: "old", BotIsMember: true, Archived: true})
	s.AddChannel(slacktest.Channel{ID: "C0SECRET", Name: "secret", Private: true})
	s.AddChannel(slacktest.Channel{ID: "C0OPS", Name: "ops", Private: true, BotIsMember: true, Members: []string{"U0ALICE"}})
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// slackGo returns the client library's client, with connections of its own.
func slackGo(t *testing.T, s *slacktest.Server) *slack.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return slack.New(slacktest.DefaultToken, slack.OptionAPIURL(s.URL()), slack.OptionHTTPClient(&http.Client{Transport: transport}))
}

// TestTheLifeOfAMessage goes through a client library that was written by
// others against Slack itself.
func TestTheLifeOfAMessage(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	s.AddGroup(slacktest.Group{ID: "S0SRE", Handle: "sre", Name: "On call", Users: []string{"U0BOB"}})
	api := slackGo(t, s)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	who, err := api.AuthTest()
	must(err)
	if who.UserID != "U0TELEPORT" || who.BotID != "B0TELEPORT" || who.TeamID != "T0TEST" || who.Header.Get("X-OAuth-Scopes") == "" {
		t.Errorf("auth.test: %+v", who)
	}
	alice, err := api.GetUserByEmail("alice@example.com")
	must(err)
	if alice.ID != "U0ALICE" || alice.RealName != "Alice Liddell" || alice.Profile.Email != "Alice@example.com" || alice.TeamID != "T0TEST" {
		t.Errorf("lookup: %+v", alice)
	}
	dm, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{alice.ID}, ReturnIM: true})
	must(err)
	header := slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", "Request", false, false))
	section := slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "*role* &lt;x&gt;", false, true), nil, nil)
	button := slack.NewButtonBlockElement("approve", "id", slack.NewTextBlockObject("plain_text", "Approve", true, false)).WithStyle(slack.StylePrimary)
	channel, ts, err := api.PostMessage(alice.ID, slack.MsgOptionText("Request", false), slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionBlocks(header, section, slack.NewDividerBlock(), slack.NewActionBlock("actions", button)),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "access_request", EventPayload: map[string]any{"id": "r1"}}))
	must(err)
	if channel != dm.ID || channel != "D0ALICE" {
		t.Errorf("posted to %s, opened %s", channel, dm.ID)
	}
	_, reply, err := api.PostMessage(channel, slack.MsgOptionText("bob approved", false), slack.MsgOptionTS(ts))
	must(err)
	item := slack.NewRefToMessage(channel, ts)
	must(api.AddReaction("white_check_mark", item))
	must(api.AddReaction("eyes", item))
	must(api.RemoveReaction("eyes", item))
	_, _, _, err = api.UpdateMessage(channel, ts, slack.MsgOptionText("Approved", false), slack.MsgOptionBlocks(header))
	must(err)
	history, err := api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: channel, IncludeAllMetadata: true})
	must(err)
	if m := history.Messages; len(m) != 1 || m[0].Timestamp != ts || m[0].Metadata.EventPayload["id"] != "r1" || m[0].ReplyCount != 1 ||
		m[0].Edited == nil || m[0].BotID != "B0TELEPORT" || len(m[0].Blocks.BlockSet) != 1 {
		t.Errorf("history: %+v", m)
	}
	thread, _, _, err := api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: channel, Timestamp: ts})
	must(err)
	if len(thread) != 2 || thread[1].Timestamp != reply || thread[1].ThreadTimestamp != ts {
		t.Errorf("replies: %+v", thread)
	}
	reacted, err := api.GetReactions(item, slack.NewGetReactionsParameters())
	must(err)
	if diff := cmp.Diff([]slack.ItemReaction{{Name: "white_check_mark", Count: 1, Users: []string{"U0TELEPORT"}}}, reacted.Reactions); diff != "" {
		t.Error(diff)
	}
	link, err := api.GetPermalink(&slack.PermalinkParameters{Channel: channel, Ts: ts})
	must(err)
	if want := "https://test.slack.com/archives/D0ALICE/p" + ts[:10] + ts[11:]; link != want {
		t.Errorf("permalink %s, want %s", link, want)
	}
	_, err = api.PostEphemeral("C0DEV", "U0BOB", slack.MsgOptionText("only you", false))
	must(err)
	if e := s.EphemeralMessages(); len(e) != 1 || e[0].EphemeralTo != "U0BOB" || e[0].Text != "only you" || len(s.Messages("C0DEV")) != 0 {
		t.Errorf("ephemeral: %+v", e)
	}
	users, err := api.GetUsers(slack.GetUsersOptionLimit(2))
	must(err)
	if len(users) != 5 {
		t.Errorf("%d users", len(users))
	}
	info, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "C0DEV", IncludeNumMembers: true})
	must(err)
	if info.Name != "dev" || !info.IsMember || info.NumMembers != 4 {
		t.Errorf("info: %+v", info)
	}
	joined, _, _, err := api.JoinConversation("C0OPEN")
	must(err)
	if !joined.IsMember {
		t.Error("not a member after conversations.join")
	}
	groups, err := api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	must(err)
	if len(groups) != 1 || groups[0].Handle != "sre" || groups[0].Users[0] != "U0BOB" {
		t.Errorf("groups: %+v", groups)
	}
	_, _, err = api.DeleteMessage(channel, reply)
	must(err)
	m := s.DirectMessages("U0ALICE")
	if len(m) != 1 || m[0].Text != "Approved" || m[0].Edits != 1 || len(m[0].Replies) != 0 || m[0].Metadata == nil ||
		len(m[0].Reactions) != 1 || m[0].Flags.UnfurlLinks == nil || *m[0].Flags.UnfurlLinks {
		t.Errorf("the message at last: %+v", m)
	}
}

func TestErrorsReachAClientLibrary(t *testing.T) {
	s := start(t, slacktest.Options{ChannelRate: 1})
	api := slackGo(t, s)
	post := func(channel string, options ...slack.MsgOption) error {
		_, _, err := api.PostMessage(channel, append(options, slack.MsgOptionText("x", false))...)
		return err
	}
	var refused slack.SlackErrorResponse
	err := post("C0DEV", slack.MsgOptionBlocks(slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "", false, false), nil, nil)))
	if !errors.As(err, &refused) || refused.Err != "invalid_blocks" || len(refused.ResponseMetadata.Messages) != 1 {
		t.Errorf("invalid blocks: %v", err)
	}
	var limited *slack.RateLimitedError
	if err := post("C0DEV"); !errors.As(err, &limited) || limited.RetryAfter != time.Second {
		t.Errorf("second post: %v", err)
	}
	var status slack.StatusCodeError
	s.Inject(slacktest.Fault{Times: 1, Status: 503})
	if err := post("C0OPS"); !errors.As(err, &status) || status.Code != 503 {
		t.Errorf("503: %v", err)
	}
	s.Inject(slacktest.Fault{Times: 1, CutAfter: true})
	if err := post("C0OPS"); err == nil || len(s.Messages("C0OPS")) != 1 {
		t.Errorf("cut after the effect: %v, %d messages", err, len(s.Messages("C0OPS")))
	}
}

// TestManyAtOnce is for the race detector, and for timestamps, which nothing
// else keeps apart when the clock stands still.
func TestManyAtOnce(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := start(t, slacktest.Options{Scopes: all, Clock: func() time.Time { return now }, KeepCalls: 7})
	api := slackGo(t, s)
	changes, cancel := s.Subscribe(10000)
	const workers, each = 8, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			channel := []string{"C0DEV", "C0OPS", "U0ALICE", "U0BOB"}[w%4]
			for range each {
				id, ts, err := api.PostMessageContext(context.Background(), channel, slack.MsgOptionText("x", false))
				if err != nil {
					t.Error(err)
					return
				}
				remove := s.Inject(slacktest.Fault{Method: "nothing"})
				if _, _, _, err := api.UpdateMessage(id, ts, slack.MsgOptionText("y", false)); err != nil {
					t.Error(err)
				}
				if err := api.AddReaction("eyes", slack.NewRefToMessage(id, ts)); err != nil {
					t.Error(err)
				}
				remove()
				s.AllMessages()
				s.Calls()
			}
		})
	}
	wg.Wait()
	cancel()
	seen := map[string]bool{}
	for _, m := range s.AllMessages() {
		if seen[m.TS] || m.Text != "y" || len(m.Reactions) != 1 {
			t.Errorf("message %+v", m)
		}
		seen[m.TS] = true
	}
	if want := workers * each; len(seen) != want {
		t.Errorf("%d messages, want %d", len(seen), want)
	}
	kinds := map[string]int{}
	last := 0
	for c := range changes {
		kinds[c.Kind]++
		if last != 0 && c.Seq != last+1 {
			t.Errorf("change %d after %d", c.Seq, last)
		}
		last = c.Seq
	}
	want := map[string]int{"posted": workers * each, "edited": workers * each, "reaction_added": workers * each}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	if got := s.CallCounts()["chat.update"]; got != workers*each {
		t.Errorf("%d calls of chat.update", got)
	}
	if calls := s.Calls(); len(calls) != 7 || calls[6].Seq != 3*workers*each {
		t.Errorf("last calls: %+v", calls)
	}
}
