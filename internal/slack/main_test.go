package slack

import (
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestMain(m *testing.M) {
	if os.Getenv("SLACK_TEST_URL") != "" {
		oneCall()
		return
	}
	goleak.VerifyTestMain(m)
}

// everyScope is what a token may that lacks nothing.
var everyScope = []string{
	"chat:write", "users:read", "users:read.email", "reactions:write", "im:write",
	"channels:read", "groups:read", "channels:history", "groups:history", "im:history",
}

// workspace is a double with a few channels and people, and a client of it.
func workspace(t *testing.T, opt slacktest.Options) (*slacktest.Server, *Client) {
	t.Helper()
	if opt.Scopes == nil {
		opt.Scopes = everyScope
	}
	s := slacktest.New(opt)
	populate(s)
	s.Start()
	t.Cleanup(s.Close)
	return s, client(t, Options{APIURL: s.URL()})
}

func populate(s *slacktest.Server) {
	s.AddChannel(slacktest.Channel{ID: "C0DEVDEVDEV", Name: "dev", BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0OPSOPSOPS", Name: "ops", BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0NOTJOINED", Name: "elsewhere"})
	s.AddChannel(slacktest.Channel{ID: "C0ARCHIVED0", Name: "attic", Archived: true, BotIsMember: true})
	s.AddChannel(slacktest.Channel{ID: "C0SECRETSEC", Name: "secret", Private: true})
	s.AddUser(slacktest.User{ID: "U0ALICE", Email: "alice@example.com"})
	s.AddUser(slacktest.User{ID: "U0BOB", Email: "bob@example.com"})
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Token == nil {
		o.Token = func() string { return slacktest.DefaultToken }
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// post is a message of a request to a channel.
func post(channel, id, part string) message.Post {
	return message.Post{
		Channel: channel,
		Tag:     message.Tag{RequestID: id, Recipient: channel, Part: part},
		Message: message.Message{Text: "hello " + id},
	}
}

// roundTrip is a transport from a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var longAgo = time.Unix(1700000000, 0)

func httpClientOf(f roundTrip) *http.Client { return &http.Client{Transport: f} }
