package access

import "strings"

// Decision is a reviewer's decision in Slack.
type Decision uint8

// The decisions.
const (
	Approve Decision = iota
	Deny
)

// String returns the decision as logs and metrics name it.
func (d Decision) String() string {
	if d == Deny {
		return "deny"
	}
	return "approve"
}

// State returns the state that the decision proposes.
func (d Decision) State() State {
	if d == Deny {
		return Denied
	}
	return Approved
}

// ReasonPolicy is which decisions in Slack need a reason.
type ReasonPolicy uint8

// The policies.
const (
	ReasonNever ReasonPolicy = iota
	ReasonToDeny
	ReasonAlways
)

// Buttons is which requests can be reviewed in Slack, and how. The zero value means
// none.
type Buttons struct {
	On      bool
	Only    []string     // patterns; if there are any, each role of a request has to match one
	Except  []string     // patterns; no role of a request may match one
	Reason  ReasonPolicy // which decisions need a reason
	Confirm bool         // Slack asks again before a decision that needs no reason
}

// Offered reports whether a message about the request has buttons for this audience.
func (b Buttons) Offered(req Request, to Audience) bool {
	return b.On && to == Reviewers && !req.State.Resolved() && req.Kind == ShortTerm && len(req.Unread) == 0 && b.Allows(req.Roles)
}

// Allows reports whether requests for these roles may be reviewed in Slack. One role
// that may not rules out the whole request.
func (b Buttons) Allows(roles []string) bool {
	if len(roles) == 0 {
		return len(b.Only) == 0
	}
	for _, role := range roles {
		if len(b.Only) > 0 && !matchesAny(b.Only, role) || matchesAny(b.Except, role) {
			return false
		}
	}
	return true
}

// NeedsReason reports whether the decision needs a reason.
func (b Buttons) NeedsReason(d Decision) bool {
	return b.Reason == ReasonAlways || b.Reason == ReasonToDeny && d == Deny
}

func matchesAny(patterns []string, role string) bool {
	for _, p := range patterns {
		if matches(p, role) {
			return true
		}
	}
	return false
}

// matches compares the whole role; * stands for any run of characters.
func matches(pattern, role string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == role
	}
	if !strings.HasPrefix(role, first) {
		return false
	}
	role = role[len(first):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(role, rest)
		}
		i := strings.Index(role, part)
		if i < 0 {
			return false
		}
		role, rest = role[i+len(part):], more
	}
}

// User is the part of a Teleport user that reviews from Slack need.
type User struct {
	Name   string
	Bot    bool // a Machine ID bot, which can't review from Slack
	Traits map[string][]string
}
