package slack

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slack/ratelimit"
)

// intervals are Slack's documented rates as the time between calls, with one
// per cent added because a call that arrives a millisecond early is refused.
// https://docs.slack.dev/apis/web-api/rate-limits
var intervals = map[string]time.Duration{
	"chat.postMessage":      200 * time.Millisecond, // altogether: "several hundred messages per minute"
	"chat.update":           tier3,
	"reactions.add":         tier3,
	"users.lookupByEmail":   tier3,
	"conversations.open":    tier3,
	"conversations.history": tier3,
	"conversations.replies": tier3,
	"conversations.list":    tier2,
	"conversations.info":    tier3,
	"usergroups.list":       tier2,
	"chat.postEphemeral":    tier4,
	"views.open":            tier4,
	"users.info":            tier4,
}

const (
	tier2           = time.Minute / 20 * 101 / 100
	tier3           = time.Minute / 50 * 101 / 100
	tier4           = time.Minute / 100 * 101 / 100
	channelInterval = time.Second * 101 / 100 // posts into one channel
	otherInterval   = time.Second * 101 / 100
)

func newLimiter() *ratelimit.Limiter {
	return ratelimit.New(ratelimit.Rates{Methods: intervals, Other: otherInterval, Channel: channelInterval})
}

// limited returns the call as the limiter sees it.
func (r request) limited() ratelimit.Call {
	return ratelimit.Call{Op: r.op, Method: r.method, Channel: r.paceChannel, Key: r.key, Priority: r.priority}
}

// limitResult returns what a call's error says about its rate.
func limitResult(err error) ratelimit.Result {
	f, failed := fault.As(err)
	switch {
	case !failed:
		return ratelimit.Result{Outcome: ratelimit.Accepted}
	case f.Reason == reasonRateLimited:
		return ratelimit.Result{Outcome: ratelimit.Refused, RetryAfter: f.RetryAfter}
	case f.Class == fault.Retry, f.Class == fault.Unknown:
		return ratelimit.Result{Outcome: ratelimit.NoAnswer}
	}
	return ratelimit.Result{Outcome: ratelimit.Accepted} // if only to refuse what it asked for
}
