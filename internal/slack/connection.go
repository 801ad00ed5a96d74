package slack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Hints for what ends Socket Mode.
const (
	hintAppToken = "check review.app_token: it must be an app-level token (xapp-…) of this app with the scope connections:write"
	// HintSocketMode is for Socket Mode switched off.
	HintSocketMode = "turn on Socket Mode in the app's settings, and Interactivity"
)

// ReasonSocketModeOff is Slack's name for Socket Mode switched off.
const ReasonSocketModeOff = "link_disabled"

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
	ReasonSocketModeOff:       HintSocketMode,
	"unknown_method":          "check slack.api_url: what answers there has no Socket Mode",
}

// OpenConnection asks Slack for the address of a Socket Mode connection. The
// client's token has to be an app-level token. The address contains a ticket,
// which is a secret until it is used. Errors that somebody has to put right
// are fault.Fatal. The call is not paced: its caller paces connections.
func (c *Client) OpenConnection(ctx context.Context) (*url.URL, error) {
	var answer struct {
		URL string `json:"url"`
	}
	r := request{op: "open Socket Mode connection", method: "apps.connections.open", form: url.Values{}}
	if err := c.call(ctx, r, &answer); err != nil {
		return nil, appTokenError(err)
	}
	address, err := socketAddress(answer.URL, strings.HasPrefix(c.apiURL, "http://"))
	if err != nil {
		return nil, unreadable(r, err.Error(), nil)
	}
	return address, nil
}

// HTTPClient returns the client that calls are made with, for the handshake of
// a WebSocket.
func (c *Client) HTTPClient() *http.Client { return c.http }

// socketAddress parses an address, which has to be encrypted unless the API
// itself is not.
func socketAddress(text string, cleartext bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("no address in the answer")
	case u.Scheme != "wss" && !(cleartext && u.Scheme == "ws"):
		return nil, errors.New("the address in the answer is not encrypted")
	}
	return u, nil
}

// appTokenError gives an error of the method its meaning for the app-level
// token.
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
