package slacktest_test

import (
	"testing"

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

func TestPostWithSlackGo(t *testing.T) {
	s := start(t, slacktest.Options{})
	api := slack.New(slacktest.DefaultToken, slack.OptionAPIURL(s.URL()))
	channel, ts, err := api.PostMessage("U0ALICE", slack.MsgOptionText("hi", false))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.DirectMessages("U0ALICE"); channel != "D0ALICE" || len(got) != 1 || got[0].TS != ts || got[0].Text != "hi" {
		t.Errorf("channel %q, messages %+v", channel, got)
	}
}
