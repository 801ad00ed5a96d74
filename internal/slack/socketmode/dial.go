package socketmode

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slack"
)

// dialTimeout bounds both steps of opening a connection, also with an HTTP
// client that has no timeout of its own.
const dialTimeout = 20 * time.Second

// dial asks Slack for the address of a connection and connects to it.
func dial(ctx context.Context, api *slack.Client) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	address, err := api.OpenConnection(ctx)
	if err != nil {
		return nil, err
	}
	ws, resp, err := websocket.Dial( //nolint:bodyclose // the library closes it
		ctx, address.String(), &websocket.DialOptions{HTTPClient: api.HTTPClient()})
	if err != nil {
		return nil, dialError(resp, err, address)
	}
	return ws, nil
}

func dialError(resp *http.Response, err error, address *url.URL) error {
	f := &fault.Error{Op: "connect to Slack's Socket Mode", Reason: "network", Class: fault.Retry}
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		f.Reason = "http_" + strconv.Itoa(resp.StatusCode)
		if resp.StatusCode < 500 {
			f.Hint = "something between here and Slack does not let WebSockets through: check the proxy in HTTPS_PROXY"
		}
		if resp.StatusCode == http.StatusTooManyRequests {
			f.RetryAfter = slack.RetryAfter(resp.Header)
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
	f.Err = slack.Scrub(err, address.RawQuery, address.Query().Get("ticket"))
	return f
}
