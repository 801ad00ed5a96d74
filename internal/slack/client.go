// Package slack is the adapter to Slack's Web API: it posts and updates
// messages, finds them again, knows who is who, and keeps Slack's pace. Socket
// is the other direction: what people do with messages, over Socket Mode.
//
// What holds:
//
//   - Every error is a *fault.Error, classified here and nowhere else, by one
//     table of Slack's error names (errors.go) and one rule for answers that
//     never came (wire.go): it did not happen (Retry) or nobody knows (Unknown).
//   - The token travels in the Authorization header alone. It is read anew for
//     each call, so a replaced token file counts at once, and no error, log
//     line or hint carries it.
//   - Calls are paced by method and, for posts, by channel, at Slack's documented
//     rates once Slack refused one (rates.go, package ratelimit).
//   - Client has no goroutines: what waits, waits in its caller and respects its
//     context.
//
// Answers are decoded into the few fields that are needed, instead of
// slack-go's full types: a foreign message or profile with an unforeseen shape
// must not turn a post that went out into an error. Blocks are slack-go's.
//
// It does not decide what to do about an error, renders nothing and keeps no
// record beyond caches.
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

// callTimeout bounds one HTTP exchange. Slack answers within a second or two;
// what takes longer is lost, and looked for later.
const callTimeout = 10 * time.Second

// longestToken is how long a token that ends may last, to be believed.
const longestToken = 10 * 365 * 24 * time.Hour

// Options are what New needs.
type Options struct {
	Token      func() string // the bot token, asked for each call
	APIURL     string        // where the methods are, ending in a slash; empty for https://slack.com/api/
	HTTPClient *http.Client  // nil for one with a timeout and Transport; redirects are never followed
	Log        *slog.Logger  // nil discards

	// Transport is how Slack is reached, as NewTransport makes it; nil for its
	// defaults. Close lets go of its idle connections.
	Transport *http.Transport
	// Observe is told of each exchange after it has ended. It is called from
	// many goroutines and must not block. It may be nil.
	Observe func(Call)
}

// Workspace is whom the token speaks for, as auth.test says.
type Workspace struct {
	TeamID    string // T…
	Team      string // the workspace's name
	URL       string // https://example.slack.com/
	BotName   string // what people type after /invite @
	BotUserID string // U…
	BotID     string // B…; empty for a user's token
	AppID     string // A…; empty unless Slack says
	Scopes    []string
	Expires   time.Time // when the token ends; zero if Slack doesn't say, as for tokens that last
}

// Client speaks to one workspace. It is safe for concurrent use.
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
	refusals  map[string]error // method → why Slack refuses us
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

// Close lets go of idle connections. Calls under way are their callers'.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// Auth asks Slack whom the token speaks for.
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

// HasScope says whether the token may, by what Slack last said of it. Before
// Slack said anything, and for servers that never do, it is true.
func (c *Client) HasScope(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.scopesSet {
		return true
	}
	_, ok := slices.BinarySearch(c.scopes, name)
	return ok
}

// scopeKnown says that Slack told us the scope is there.
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
