package teleport

import (
	"context"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// OnBehalfSince is the first version of Teleport that takes reviews on behalf
// of another user.
const OnBehalfSince = "18.11"

// SubmitReview submits the review on behalf of its author and returns the
// request as it is then. Teleport decides: our role has to allow the author
// (submit_for_users), and the author has to be allowed to review the request.
// [fault.Unsupported] if the server is too old, [fault.Denied] if our role or the
// author lacks a right, [fault.Conflict] if the author has reviewed it already,
// [fault.NotFound] when the request is gone, [fault.Unknown] if the answer
// never came.
func (c *Client) SubmitReview(ctx context.Context, id string, r access.Review) (access.Request, error) {
	op := "submit the review of access request " + id
	if id == "" || r.Author == "" {
		return access.Request{}, fault.New(fault.Bug, op, "no request or no author")
	}
	proposed := types.RequestState_DENIED
	switch r.State {
	case access.Approved:
		proposed = types.RequestState_APPROVED
	case access.Denied:
	default:
		return access.Request{}, fault.New(fault.Bug, op, "neither approved nor denied")
	}
	var reviewed *types.AccessRequestV3
	err := c.call(ctx, op, writes, func(ctx context.Context, conn *connection) (err error) {
		if !conn.cluster.OnBehalf {
			// It would ignore the field that names the author.
			return &fault.Error{Op: op, Reason: "not_implemented", Class: fault.Unsupported,
				Hint: "upgrade Teleport to " + OnBehalfSince + " or newer"}
		}
		reviewed, err = conn.auth.SubmitAccessReview(ctx, &types.AccessReviewSubmission{
			RequestID: id,
			Review: types.AccessReview{
				Author: r.Author, ProposedState: proposed, Reason: r.Reason,
				Created:          time.Now().UTC(), // the server's own time counts
				XXX_unrecognized: onBehalf(),
			},
		})
		return err
	})
	switch {
	case err != nil:
		return access.Request{}, err
	case reviewed == nil:
		return access.Request{}, fault.New(fault.Unknown, op, "empty answer")
	}
	return c.request(reviewed), nil
}
