package teleport

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	userspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/users/v1"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// OnBehalfSince is the first version of Teleport that takes reviews on behalf
// of their author.
const OnBehalfSince = "18.11"

// SubmitReview submits the review on behalf of its author and returns the
// request as it is then. Teleport decides: our role has to allow the author
// (submit_for_users), and the author has to be allowed to review the request.
// [fault.Unsupported] where the server is too old, [fault.Denied] where
// somebody may not, [fault.Conflict] where the author has reviewed it,
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
			// It would pass over the field that says on whose behalf.
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

// pageUsers is how many users a page has. One with all the groups of an
// identity provider can be tens of kilobytes, so a page that is too large for
// gRPC is asked for again in half the size.
const pageUsers = 1000

// UsersByTrait returns the users that have the value in the trait, sorted by
// name. It reads all users, page by page: the api module that this is built
// with can't ask for a trait.
func (c *Client) UsersByTrait(ctx context.Context, trait, value string) ([]access.User, error) {
	op := "look for users by trait " + trait
	if trait == "" || value == "" {
		return nil, fault.New(fault.Bug, op, "no trait or no value")
	}
	var found []access.User
	limit := int32(pageUsers)
	for key := ""; ; {
		var page *userspb.ListUsersResponse
		err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) (err error) {
			page, err = conn.api.ListUsers(ctx, &userspb.ListUsersRequest{PageSize: limit, PageToken: key})
			return err
		})
		if isTooLarge(err) && limit > 1 {
			limit /= 2
			continue
		}
		if err != nil {
			return nil, missingUserRight(op, err, "list and read")
		}
		for _, u := range page.Users {
			if u != nil && slices.Contains(u.GetTraits()[trait], value) {
				found = append(found, userOf(u))
			}
		}
		if page.NextPageToken == "" {
			break
		}
		if page.NextPageToken == key {
			return nil, fault.New(fault.Retry, op, "page repeats itself")
		}
		key = page.NextPageToken
	}
	slices.SortFunc(found, func(a, b access.User) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// User returns the user of exactly this name; [fault.NotFound] if there is
// none. Unlike what messages need of users, nothing is remembered.
func (c *Client) User(ctx context.Context, name string) (access.User, error) {
	op := "read user " + strconv.Quote(name)
	if name == "" {
		return access.User{}, fault.New(fault.NotFound, op, "no username")
	}
	var user *types.UserV2
	err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) (err error) {
		user, err = conn.user(ctx, name)
		return err
	})
	switch {
	case err != nil:
		return access.User{}, missingUserRight(op, err, "read")
	case user == nil || user.GetName() != name:
		return access.User{}, fault.New(fault.NotFound, op, "not_found")
	}
	return userOf(user), nil
}

func userOf(u *types.UserV2) access.User {
	out := access.User{Name: u.GetName(), Bot: u.IsBot(), Traits: make(map[string][]string, len(u.GetTraits()))}
	for k, v := range u.GetTraits() {
		out.Traits[k] = slices.Clone(v)
	}
	return out
}

func missingUserRight(op string, err error, verbs string) error {
	if !fault.Is(err, fault.Denied) {
		return err
	}
	return &fault.Error{Op: op, Reason: "access_denied", Class: fault.Denied, Err: err,
		Hint: "grant the role of these credentials " + verbs + " on user"}
}

// takesOnBehalf says that a server of this version takes reviews on behalf of
// their author.
func takesOnBehalf(pong *proto.PingResponse) bool {
	return atLeast(pong.GetServerVersion(), OnBehalfSince)
}

// atLeast compares the first two numbers of versions such as "18.11.0-rc.1". A
// pre-release counts as its release; what is no version is older than all.
func atLeast(version, least string) bool {
	have, ok := twoNumbers(version)
	need, _ := twoNumbers(least)
	return ok && slices.Compare(have[:], need[:]) >= 0
}

func twoNumbers(version string) (n [2]int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return n, false
	}
	for i := range n {
		v, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil {
			return n, false
		}
		n[i] = int(v)
	}
	return n, true
}
