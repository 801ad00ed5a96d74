package slack

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Call is one exchange with Slack's API, for whoever counts them.
type Call struct {
	Method string        // chat.postMessage
	Took   time.Duration // without the wait for its turn
	Err    error         // nil if Slack said that all is well
}

// Standing is how Slack takes us at the moment, as far as its answers told.
type Standing struct {
	Known   bool      // Auth has succeeded
	Err     error     // why Slack refuses us, fault.Fatal; nil if it doesn't
	Expires time.Time // when the token ends; zero if it doesn't, or Slack doesn't say
}

// Standing returns it. It makes no call.
func (c *Client) Standing() Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Standing{Known: c.workspace.BotUserID != "", Expires: c.workspace.Expires}
	// The same one each time, so that it can be compared with the last.
	for _, method := range slices.Sorted(maps.Keys(c.refusals)) {
		s.Err = c.refusals[method]
	}
	return s
}

// needed are the methods without which the app is of no use; to lack a scope
// for another is a matter of taste.
var needed = []string{"auth.test", "chat.postMessage", "chat.update", "users.lookupByEmail"}

// noteAuth keeps what an answer says about the token. Any success shows that
// the token is good; missing scopes are kept by method.
func (c *Client) noteAuth(method string, err error) {
	f, failed := fault.As(err)
	refused := failed && f.Class == fault.Fatal && (f.Reason != "missing_scope" || slices.Contains(needed, method))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case refused:
		c.refusals[method] = err
	case err == nil && len(c.refusals) > 0:
		maps.DeleteFunc(c.refusals, func(of string, err error) bool {
			f, _ := fault.As(err)
			return of == method || f.Reason != "missing_scope"
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
	for name := range verdicts {
		reasons = append(reasons, name)
	}
	for _, f := range families {
		reasons = append(reasons, strings.TrimSuffix(f.prefix, "_"))
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}
