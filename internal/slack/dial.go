package slack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/coder/websocket"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// openWithin bounds both steps of opening a connection, also with an HTTP
// client that has no timeout of its own.
const openWithin = 2 * callTimeout

const (
	hintAppToken   = "check review.app_token: it must be an app-level token (xapp-…) of this app with the scope connections:write"
	hintSocketMode = "turn on Socket Mode in the app's settings, and Interactivity"
)

// appTokenErrors are errors of apps.connections.open that mean something else
// there than for the bot token, or come from there only.
var appTokenErrors = map[string]string{
	"not_authed":              hintAppToken,
	"missing_args":            hintAppToken,
	"invalid_auth":            hintAppToken,
	"account_inactive":        hintAppToken,
	"token_revoked":           hintAppToken,
	"token_expired":           hintAppToken,
	"not_allowed_token_type":  hintAppToken,
	"missing_scope":           hintAppToken,
	"no_permission":           hintAppToken,
	"access_denied":           hintAppToken,
	"is_bot":                  hintAppToken,
	"team_access_not_granted": hintAppToken,
	"forbidden_team":          hintOrg,
	disconnectDisabled:        hintSocketMode,
	"unknown_method":          "check slack.api_url: what answers there has no Socket Mode",
}

// open asks for the address of a connection and connects to it. The address
// has a ticket in it, which is a secret until it is used.
func (s *Socket) open(ctx context.Context, api *Client) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	address, err := askAddress(ctx, api)
	if err != nil {
		return nil, err
	}
	ws, resp, err := websocket.Dial( //nolint:bodyclose // the library closes it
		ctx, address.String(), &websocket.DialOptions{HTTPClient: api.http})
	if err != nil {
		return nil, dialError(resp, err, address)
	}
	return ws, nil
}

// askAddress asks Slack for the address of a connection.
func askAddress(ctx context.Context, api *Client) (*url.URL, error) {
	var answer struct {
		URL string `json:"url"`
	}
	r := request{op: "open Socket Mode connection", method: "apps.connections.open", form: url.Values{}}
	if err := api.call(ctx, r, &answer); err != nil {
		return nil, appTokenError(err)
	}
	address, err := socketAddress(answer.URL, strings.HasPrefix(api.apiURL, "http://"))
	if err != nil {
		return nil, unreadable(r, err.Error(), nil)
	}
	return address, nil
}

// Probe finds out whether Slack would let us connect. It doesn't: of an app's
// connections any may get the next click, and nobody would take it here.
func (s *Socket) Probe(ctx context.Context) error {
	api := s.api()
	defer api.Close()
	_, err := askAddress(ctx, api)
	return err
}

// socketAddress takes an encrypted address only, unless the API itself is
// spoken to in the clear.
func socketAddress(text string, clear bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("no address in the answer")
	case u.Scheme != "wss" && !(clear && u.Scheme == "ws"):
		return nil, errors.New("the address in the answer is not encrypted")
	}
	return u, nil
}

// appTokenError gives an error of the method its meaning for the app-level
// token: what is on its list ends Socket Mode.
func appTokenError(err error) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	hint, ok := appTokenErrors[f.Reason]
	if !ok {
		return err
	}
	e := *f
	e.Class, e.Hint = fault.Fatal, hint
	return &e
}

func dialError(resp *http.Response, err error, address *url.URL) error {
	f := &fault.Error{Op: "connect to Slack's Socket Mode", Reason: "network", Class: fault.Retry}
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		f.Reason = "http_" + strconv.Itoa(resp.StatusCode)
		if resp.StatusCode < 500 {
			f.Hint = "something between here and Slack does not let WebSockets through: check the proxy in HTTPS_PROXY"
		}
		if resp.StatusCode == http.StatusTooManyRequests {
			f.RetryAfter = retryAfter(resp.Header)
		}
		return f
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text repeats the address
	}
	switch {
	case errors.Is(err, context.Canceled):
		f.Reason = "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		f.Reason = "timeout"
	}
	f.Err = &scrubbed{text: strings.ReplaceAll(scrubText(err.Error(), address.Query().Get("ticket")), address.RawQuery, "***"), cause: err}
	return f
}

// api is a client for the one method.
func (s *Socket) api() *Client {
	return New(Options{Token: s.opt.AppToken, APIURL: s.opt.APIURL, HTTPClient: s.opt.HTTPClient, Log: s.log})
}
