package teleport

import (
	"log/slog"
	"slices"
	"time"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
)

// request translates Teleport's access request. Reviews that our own user
// submitted came from Slack.
func (c *Client) request(r *types.AccessRequestV3) access.Request {
	c.mu.Lock()
	self := c.creds.user
	c.mu.Unlock()
	out := request(r, self)
	unread := out.Unread
	for _, v := range r.GetReviews() {
		unread = append(unread[:len(unread):len(unread)], unreadOfReview(v.XXX_unrecognized)...)
	}
	for _, what := range unread {
		c.problems.Problem(slog.LevelWarn, logonce.Key{Kind: unreadProblem, Name: what},
			"access request has a part that this version can't read", &fault.Error{Class: fault.Unsupported, Reason: "unread_part", Op: what,
				Hint: "upgrade teleport-slack; a request with such a part has no buttons, review it in Teleport"},
			slog.String(logkey.RequestID, out.ID), slog.String(logkey.PluginVersion, c.version))
	}
	return out
}

// request translates Teleport's access request. Reviews that the user self
// submitted came from Slack. The result shares no memory with r.
func request(r *types.AccessRequestV3, self string) access.Request {
	spec := readNewerSpec(r.Spec.XXX_unrecognized)
	out := access.Request{
		ID:                 r.GetName(),
		User:               r.GetUser(),
		Kind:               spec.kind,
		RecommendedList:    spec.list,
		Resources:          spec.withPlain(r.GetRequestedResourceIDs()),
		Roles:              slices.Clone(r.GetRoles()),
		Reason:             r.GetRequestReason(),
		State:              state(r.GetState()),
		ResolveReason:      r.GetResolveReason(),
		SuggestedReviewers: slices.Clone(r.GetSuggestedReviewers()),
		AccessListTitle:    r.GetPromotedAccessListTitle(),
		Created:            known(r.GetCreationTime()),
		Expires:            known(r.Expiry()),
		AccessExpires:      known(r.GetAccessExpiry()),
	}
	if t := r.GetAssumeStartTime(); t != nil {
		out.AssumeStart = known(*t)
	}
	if s := r.GetState(); s != types.RequestState_NONE && types.RequestState_name[int32(s)] == "" {
		spec.cannotRead("state %d", s)
	}
	eachField(r.XXX_unrecognized, func(n protowire.Number, _ uint64, _ []byte) { spec.cannotRead("field %d", n) })
	out.Unread = spec.unread
	for _, t := range r.GetThresholds() {
		out.Thresholds = append(out.Thresholds, access.Threshold{
			Name: t.Name, Approve: int(t.Approve), Deny: int(t.Deny),
		})
	}
	for _, v := range r.GetReviews() {
		out.Reviews = append(out.Reviews, access.Review{
			Author: v.Author, State: state(v.ProposedState), Reason: v.Reason, Created: known(v.Created),
			Slack: self != "" && submittedBy(v.XXX_unrecognized) == self,
		})
	}
	// Stable, so that reviews of the same instant keep Teleport's order.
	slices.SortStableFunc(out.Reviews, func(a, b access.Review) int { return a.Created.Compare(b.Created) })
	if notes := r.GetSystemAnnotations(); len(notes) > 0 {
		out.SystemAnnotations = make(map[string][]string, len(notes))
		for k, v := range notes {
			out.SystemAnnotations[k] = slices.Clone(v)
		}
	}
	return out
}

// state translates a state. An unknown state counts as pending until Teleport
// sends one that is known.
func state(s types.RequestState) access.State {
	switch s {
	case types.RequestState_APPROVED:
		return access.Approved
	case types.RequestState_DENIED:
		return access.Denied
	case types.RequestState_PROMOTED:
		return access.Promoted
	}
	return access.Pending
}

// known returns t in UTC, or the zero time for the Unix epoch, which means "not
// set" in the protocol.
func known(t time.Time) time.Time {
	if t.IsZero() || t.Unix() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
