// Package slack is the adapter to Slack's Web API: it posts and updates messages,
// finds them again, and resolves the names of recipients. Package ratelimit
// paces its calls. Package socketmode is the other direction: what people do
// with messages.
//
// What holds:
//
//   - Every error is a *fault.Error, classified here and nowhere else, by one
//     table of Slack's error names (errors.go) and one rule for answers that
//     never came (wire.go): it did not happen (Retry), or that is not known
//     (Unknown).
//   - The token is sent in the Authorization header only. It is read anew for
//     each call, so that a replaced token file is used at once. No error, log
//     line or hint contains it.
//   - Calls are paced by method and, for posts, by channel, at Slack's documented
//     rates once Slack refused one (rates.go, package ratelimit).
//   - Client has no goroutines. A call that has to wait does so in its caller and
//     respects the caller's context.
//
// Answers are decoded into the few fields that are needed, instead of
// slack-go's full types: a message or profile of an unexpected shape must not
// turn a successful post into an error. Blocks are slack-go's.
//
// It does not retry or decide what to do about an error, renders nothing and
// stores nothing but caches.
package slack

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/slack/ratelimit"
)

// callTimeout bounds one HTTP exchange. Slack answers within a second or two; a
// post that takes longer counts as lost, and is looked for later.
const callTimeout = 10 * time.Second

// longestToken bounds what is believed of a token's lifetime.
const longestToken = 10 * 365 * 24 * time.Hour

// Options are what New needs.
type Options struct {
	Token      func() string // the bot token, asked for each call
	APIURL     string        // where the methods are, ending in a slash; empty for https://slack.com/api/
	HTTPClient *http.Client  // nil for one with a timeout and Transport; redirects are never followed
	Log        *slog.Logger  // nil discards

	// Transport is what NewTransport returned; nil for its defaults. Close closes
	// its idle connections.
	Transport *http.Transport
	// Observe is called after each exchange, from many goroutines, and must not
	// block. It may be nil.
	Observe func(Call)
}

// Workspace is what the token belongs to, by auth.test.
type Workspace struct {
	TeamID    string // T…
	Team      string // the workspace's name
	URL       string // https://example.slack.com/
	BotName   string // what people type after /invite @
	BotUserID string // U…
	BotID     string // B…; empty for a user's token
	AppID     string // A…; empty unless Slack names it
	Scopes    []string
	Expires   time.Time // when the token ends; zero if Slack doesn't say, as for tokens that last
}

// Client speaks to one workspace. It is safe for concurrent use.
// Its fields are what it was made with, the pace, and what it has learnt about
// the workspace.
type Client struct {
	token   func() string
	apiURL  string
	http    *http.Client
	own     *http.Transport // ours to close; nil if the HTTP client was given
	log     *slog.Logger
	limiter *ratelimit.Limiter
	clock   clock
	dir     *directory
	observe func(Call) // never nil

	mu        sync.Mutex
	scopes    []string // sorted; meaningless until scopesSet
	scopesSet bool
	workspace Workspace        // zero until Auth succeeded
	refusals  map[string]error // method → why Slack refuses the token
}

// New returns a client. It makes no call.
func New(o Options) *Client {
	c := &Client{
		token:   o.Token,
		apiURL:  o.APIURL,
		log:     o.Log,
		limiter: newLimiter(),
		dir:     newDirectory(),
		observe: o.Observe,

		refusals: map[string]error{},
	}
	if c.observe == nil {
		c.observe = func(Call) {}
	}
	if c.token == nil {
		c.token = func() string { return "" }
	}
	if c.apiURL == "" {
		c.apiURL = slackapi.APIURL
	}
	if !strings.HasSuffix(c.apiURL, "/") {
		c.apiURL += "/"
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	h := http.Client{Timeout: callTimeout}
	if o.HTTPClient != nil {
		h = *o.HTTPClient
	} else {
		c.own = o.Transport
		if c.own == nil {
			c.own, _ = NewTransport(TransportOptions{}) // only extra authorities can be wrong
		}
		h.Transport = c.own
	}
	// A redirect would carry the token and the message to another host, and
	// Slack's API has none.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &h
	return c
}

// Close closes idle connections. It does not end calls under way.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// Auth asks Slack what the token belongs to.
func (c *Client) Auth(ctx context.Context) (Workspace, error) {
	var answer struct {
		URL    string `json:"url"`
		Team   string `json:"team"`
		User   string `json:"user"`
		TeamID string `json:"team_id"`
		UserID string `json:"user_id"`
		BotID  string `json:"bot_id"`
		AppID  string `json:"app_id"`
		// Seconds; only tokens that are rotated have it.
		ExpiresIn int64 `json:"expires_in"`
	}
	r := request{op: "check token", method: "auth.test", key: "auth", form: url.Values{}}
	if err := c.paced(ctx, r, &answer); err != nil {
		return Workspace{}, err
	}
	if answer.UserID == "" || answer.TeamID == "" {
		return Workspace{}, unreadable(r, "no user or team in the answer", nil)
	}
	w := Workspace{
		TeamID: answer.TeamID, Team: answer.Team, URL: answer.URL,
		BotName: answer.User, BotUserID: answer.UserID, BotID: answer.BotID, AppID: answer.AppID,
	}
	if answer.ExpiresIn > 0 && answer.ExpiresIn < int64(longestToken/time.Second) {
		w.Expires = time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Scopes = slices.Clone(c.scopes)
	c.workspace = w
	return w, nil
}

// HasScope reports whether the token has a scope, by Slack's last answer. It is
// true as long as Slack has not named the scopes; some servers never do.
func (c *Client) HasScope(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.scopesSet {
		return true
	}
	_, ok := slices.BinarySearch(c.scopes, name)
	return ok
}

// scopeKnown reports whether Slack has named the scope as one of the token's.
func (c *Client) scopeKnown(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := slices.BinarySearch(c.scopes, name)
	return c.scopesSet && ok
}

// learnScopes keeps X-OAuth-Scopes: "chat:write,users:read".
func (c *Client) learnScopes(header http.Header) {
	v := header.Values("X-OAuth-Scopes")
	if len(v) == 0 {
		return
	}
	scopes := strings.FieldsFunc(strings.Join(v, ","), func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(scopes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scopes, c.scopesSet = slices.Compact(scopes), true
}

// known returns what Auth last found; zero before.
func (c *Client) known() Workspace {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.workspace
}

// clock keeps how far Slack's clock is ahead of ours.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
}

func (c *clock) learn(h http.Header, now time.Time) {
	there, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.known = there.Sub(now), true
}

// Ahead returns how far Slack's clock is ahead of ours, to the second, by its
// last answer; ok is false before that.
func (c *Client) Ahead() (d time.Duration, ok bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.ahead, c.clock.known
}
