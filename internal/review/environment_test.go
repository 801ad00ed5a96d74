package review_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/test/bufconn"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/review"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// The people and channels of the environment.
const (
	alice = "U0ALICE0001" // asks
	bob   = "U0BOB000001" // reviews, as bob
	carol = "U0CAROL0001" // reviews, as carol@example.com, by email alone
	dave  = "U0DAVE00001" // a colleague who is nobody in Teleport
	dev   = "C0DEV000001"
)

// environment is a Teleport and a Slack in memory, in a synctest bubble,
// with one open request of alice's whose message is in #dev. Between them and
// the replicas of the plugin is real gRPC, TLS and HTTP.
type environment struct {
	t        *testing.T
	teleport *teleporttest.Server
	slack    *slacktest.Server
	posts    *slack.Client
	settings review.Settings
	replicas []*replica
	id       string
	at       access.MessageRef

	envelopes int
	lag       atomic.Int64 // how far Teleport's clock is behind

	mu      sync.Mutex
	log     bytes.Buffer
	results []review.Result
}

// replica is the Reviewer of one running plugin.
type replica struct {
	*review.Reviewer
	stop func()
}

// inEnvironment runs f in an environment of its own.
func inEnvironment(t *testing.T, f func(e *environment)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := newEnvironment(t, dir)
		defer o.close()
		f(o)
	})
}

func newEnvironment(t *testing.T, dir string) *environment {
	o := &environment{t: t, settings: review.Settings{
		Buttons: access.Buttons{On: true}, Trait: "slack_uid", TeamID: "T0TEST", AppID: "A0TELEPORT", Secret: "xapp-test",
		Cluster: access.Cluster{Name: "example.com", WebURL: "https://teleport.example.com", OnBehalf: true},
	}}
	var err error
	o.teleport, err = teleporttest.New(teleporttest.Options{
		ServerVersion: "18.11.0", Clock: func() time.Time { return time.Now().Add(-time.Duration(o.lag.Load())) },
	})
	o.must(err)
	lis := bufconn.Listen(1 << 20)
	o.must(o.teleport.Serve(lis))
	role, err := types.NewRole("reviewer", types.RoleSpecV6{Allow: types.RoleConditions{
		ReviewRequests: &types.AccessReviewConditions{Roles: []string{"editor"}},
	}})
	o.must(err)
	o.must(o.teleport.AddRole(role))
	o.user("alice", alice)
	o.user("bob", bob)
	o.user("carol@example.com")
	o.teleport.SubmitForUsers("access-plugin", []string{"*"}, nil)
	content, err := o.teleport.EncodeIdentity(teleporttest.Identity{TTL: 1000 * time.Hour})
	o.must(err)
	identity := filepath.Join(dir, "identity")
	o.must(os.WriteFile(identity, content, 0o600))

	o.slack = slacktest.New(slacktest.Options{TeamID: o.settings.TeamID})
	for id, name := range map[string]string{alice: "alice", bob: "bob", carol: "carol", dave: "dave"} {
		o.slack.AddUser(slacktest.User{ID: id, Name: name, Email: name + "@example.com"})
	}
	o.slack.AddChannel(slacktest.Channel{ID: dev, Name: "dev", BotIsMember: true})
	slackLis := slacktest.NewListener()
	go o.slack.Serve(slackLis) //nolint:errcheck // ends with Close
	o.posts = slack.New(slack.Options{
		Token: func() string { return slacktest.DefaultToken }, APIURL: "http://slack.test/api/",
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: slackLis.DialContext}, Timeout: 10 * time.Second},
	})
	for range 2 {
		o.replicas = append(o.replicas, o.start(identity, lis))
	}
	o.id = o.request(teleporttest.Request{})
	o.at = o.announce(o.id)
	return o
}

// start runs a replica.
func (o *environment) start(identity string, lis *bufconn.Listener) *replica {
	tp, err := teleport.New(teleport.Options{
		Addr: "127.0.0.1:3025", Identity: identity, Log: slog.New(slog.DiscardHandler),
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) },
	})
	o.must(err)
	_, err = tp.Connect(o.t.Context())
	o.must(err)
	r := review.New(review.Options{
		Requests: tp, Users: tp, Slack: reviewSlack{o.posts}, Settings: func() review.Settings { return o.settings },
		Observer: o, Log: slog.New(slog.NewTextHandler(o, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx, time.Minute) // its error is always nil
	}()
	return &replica{Reviewer: r, stop: sync.OnceFunc(func() {
		cancel()
		<-done
		_ = tp.Close()
	})}
}

func (o *environment) close() {
	for _, r := range o.replicas {
		r.stop()
	}
	o.posts.Close()
	o.slack.Close()
	o.teleport.Close()
}

func (o *environment) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// Write takes the log.
func (o *environment) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}

// Reviewed implements review.Observer.
func (o *environment) Reviewed(r review.Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results = append(o.results, r)
}

// user adds a user who may review the role editor, with these Slack IDs.
func (o *environment) user(name string, slackIDs ...string) {
	o.t.Helper()
	u, err := types.NewUser(name)
	o.must(err)
	u.SetRoles([]string{"reviewer"})
	if len(slackIDs) > 0 {
		u.SetTraits(map[string][]string{"slack_uid": slackIDs})
	}
	o.must(o.teleport.AddUser(u))
}

func (o *environment) request(r teleporttest.Request) string {
	o.t.Helper()
	r.User = "alice"
	if r.Roles == nil {
		r.Roles = []string{"editor"}
	}
	req, err := o.teleport.CreateRequest(r)
	o.must(err)
	return req.GetName()
}

// announce posts the request's message with its buttons, and records it.
func (o *environment) announce(id string) access.MessageRef {
	o.t.Helper()
	render := message.Renderer{Buttons: access.Buttons{On: true}}
	m := render.Request(access.Request{ID: id, User: "alice", Roles: []string{"editor"}}, access.Details{}, access.Reviewers)
	at, err := o.posts.Post(o.t.Context(), message.Post{Channel: dev, Message: m})
	o.must(err)
	o.remember(id, map[string]string{"user": "alice", "messages": at.Channel + "/" + at.TS})
	return at
}

// remember stores values in the request's record.
func (o *environment) remember(id string, values map[string]string) {
	o.t.Helper()
	o.must(o.teleport.SetPluginData(id, values))
}

// payload is what Slack sends when the person clicks.
func (o *environment) payload(user, button string) slacktest.Payload {
	o.t.Helper()
	p, err := o.slack.ClickPayload(user, o.at.Channel, o.at.TS, button)
	o.must(err)
	return p
}

// take passes a payload to a replica and returns the result.
func (o *environment) take(replica int, p slacktest.Payload) (review.Result, json.RawMessage) {
	o.t.Helper()
	o.envelopes++
	return o.deliver(replica, fmt.Sprint("envelope-", o.envelopes), p)
}

func (o *environment) deliver(replica int, envelope string, p slacktest.Payload) (review.Result, json.RawMessage) {
	o.t.Helper()
	b, err := json.Marshal(p)
	o.must(err)
	before := len(o.all())
	answer := o.replicas[replica].Take(envelope, b)
	deadline := time.Now().Add(2 * time.Minute)
	for len(o.all()) == before && answer == nil && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // for the answer
	all := o.all()
	if len(all) == before {
		return review.Result{}, answer
	}
	return all[len(all)-1], answer
}

func (o *environment) all() []review.Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]review.Result(nil), o.results...)
}

func (o *environment) logged() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.String()
}

// ephemerals returns the ephemeral messages to a person.
func (o *environment) ephemerals(user string) []string {
	var texts []string
	for _, m := range o.slack.EphemeralMessages() {
		if m.EphemeralTo == user {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// reviewers returns who has reviewed a request.
func (o *environment) reviewers(id string) []string {
	o.t.Helper()
	r, err := o.teleport.Request(id)
	if err != nil {
		return nil
	}
	var names []string
	for _, v := range r.GetReviews() {
		names = append(names, v.Author+" "+strings.ToLower(v.ProposedState.String()))
	}
	return names
}

// reviewSlack is app's adapter, in short.
type reviewSlack struct{ *slack.Client }

func (c reviewSlack) Member(ctx context.Context, id string) (review.Member, error) {
	u, err := c.UserInfo(ctx, id)
	if fault.Is(err, fault.Permanent) {
		return review.Member{}, fault.New(fault.NotFound, "look up user", "user_not_found")
	}
	return review.Member{ID: u.ID, Teams: append([]string{u.TeamID}, u.Teams...), Email: u.Email,
		Deleted: u.Deleted, Bot: u.Bot, Guest: u.Guest, Stranger: u.Stranger, EmailUnconfirmed: u.EmailUnconfirmed}, err
}

func (c reviewSlack) PostEphemeral(ctx context.Context, at access.MessageRef, user string, m message.Message) error {
	return c.Client.PostEphemeral(ctx, at.Channel, at.TS, user, m)
}
