package slack

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Call is one exchange with Slack's API, for Options.Observe.
type Call struct {
	Method string        // chat.postMessage
	Took   time.Duration // without the wait for its turn
	Err    error         // nil if Slack answered ok
}

// AuthStatus is whether Slack accepts the token, by its answers so far.
type AuthStatus struct {
	Known   bool      // Auth has succeeded
	Err     error     // why Slack refuses the token, fault.Fatal; nil if it doesn't
	Expires time.Time // when the token ends; zero if it doesn't, or Slack doesn't say
}

// AuthStatus returns whether Slack accepts the token. It makes no call.
func (c *Client) AuthStatus() AuthStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := AuthStatus{Known: c.workspace.BotUserID != "", Expires: c.workspace.Expires}
	// The same one each time, so that it can be compared with the last.
	for _, method := range slices.Sorted(maps.Keys(c.refusals)) {
		s.Err = c.refusals[method]
	}
	return s
}

// essential are the methods that the app can't do without. A missing scope for
// another method takes away a feature, not more.
var essential = []string{"auth.test", "chat.postMessage", "chat.update", "users.lookupByEmail"}

// noteAuth keeps what an answer says about the token. Any success shows that
// the token is good; missing scopes are kept by method.
func (c *Client) noteAuth(method string, err error) {
	f, failed := fault.As(err)
	refused := failed && f.Class == fault.Fatal && (f.Reason != "missing_scope" || slices.Contains(essential, method))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case refused:
		c.refusals[method] = err
	case err == nil && len(c.refusals) > 0:
		maps.DeleteFunc(c.refusals, func(m string, err error) bool {
			f, _ := fault.As(err)
			return m == method || f.Reason != "missing_scope"
		})
	}
}

// Methods returns the methods that are called, sorted: the values of a
// metric's label.
func Methods() []string {
	methods := []string{"auth.test"}
	for method := range intervals {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	return methods
}

// Reasons returns every reason that an error of this package has, sorted: the
// values of a metric's label. Errors that Slack invents later are not among
// them, and HTTP statuses are by their first digit.
func Reasons() []string {
	reasons := []string{
		unrecognised, fault.Paced, "canceled", "timeout", "network", "invalid_answer", "invalid_url",
		"empty_name", "invalid_name", "group_not_found", "history_too_long",
		"invalid_blocks", "invalid_metadata", "channel_id_unknown",
		"http_3xx", "http_4xx", "http_5xx",
	}
	for name := range errorTable {
		reasons = append(reasons, name)
	}
	for _, f := range families {
		reasons = append(reasons, strings.TrimSuffix(f.prefix, "_"))
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}
