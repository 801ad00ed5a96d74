package teleport

import (
	"context"

	"github.com/google/uuid"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/defaults"
	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"
	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	userspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/users/v1"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Right is a permission that the program needs, and a way to check it.
type Right struct {
	Kind     string // "access_request"
	Verbs    string // "list, read"
	For      string // what it is used for
	Required bool   // nothing works without it
	try      func(ctx context.Context, c *Client) error
}

// Rights returns all rights, the most important first. Reviews in Slack need
// more. The right to submit reviews for users is not included: only a review
// could check it.
func Rights(review bool) []Right {
	rights := []Right{
		{types.KindAccessRequest, "list, read", "reading access requests", true, tryRequests},
		{types.KindAccessPluginData, "list, read", "reading which messages were posted", true, tryReadRecord},
		{types.KindAccessPluginData, "create, update", "recording which messages were posted", true, tryWriteRecord},
		{types.KindUser, "read", "email addresses of users whose name is not one", false, tryUser},
		{types.KindRole, "read", "the logins of requested roles", false, tryRole},
		{types.KindNode, "list, read", "host names instead of IDs", false, tryResources(types.KindNode)},
		{types.KindAppServer, "list, read", "names of applications", false, tryResources(types.KindAppServer)},
		{types.KindUserGroup, "list, read", "names of user groups", false, tryResources(types.KindUserGroup)},
		{types.KindAccessMonitoringRule, "list, read", "access monitoring rules", false, tryRules},
		{types.KindAccessList, "list, read", "reminders of access list reviews", false, tryLists},
		{types.KindUserLoginState, "list, read", "traits of the last login, for rules that use traits", false, tryLoginState},
	}
	if review {
		rights = append(rights, Right{types.KindUser, "list, read", "finding the user who clicked a button", false, tryUsers})
	}
	return rights
}

// Try uses the right, without changing anything, and returns a [fault.Denied]
// error if it is missing. It needs a connection, see Connect.
func (c *Client) Try(ctx context.Context, r Right) error {
	err := r.try(ctx, c)
	if fault.Is(err, fault.NotFound) {
		// The object never exists: Teleport says so only to those who may read it.
		return nil
	}
	return err
}

// unusedName returns a name that no object has.
func unusedName() string { return "teleport-slack-check-" + uuid.NewString() }

// tryRequests lists and watches. Listing alone would prove nothing: without the
// right, Teleport returns the caller's own requests and no error.
func tryRequests(ctx context.Context, c *Client) error {
	_, err := c.listPage(ctx, &proto.ListAccessRequestsRequest{Limit: 1})
	if fault.Is(err, fault.Unsupported) { // an old server
		_, err = c.Request(ctx, uuid.NewString())
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return tryWatch(ctx, c)
}

// tryWatch begins a watch and ends it at once.
func tryWatch(ctx context.Context, c *Client) error {
	conn, done, err := c.use(opWatch)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, _, err := c.openWatchOf(ctx, conn, types.KindAccessRequest)
	if err != nil {
		return err
	}
	_ = w.Close() // it only cancels
	return nil
}

func tryReadRecord(ctx context.Context, c *Client) error {
	_, err := c.Record(ctx, uuid.NewString())
	return err
}

// tryWriteRecord writes to a request that doesn't exist, on a condition that is
// never true: two reasons why nothing is written.
func tryWriteRecord(ctx context.Context, c *Client) error {
	probe := map[string]string{"teleport-slack-check": unusedName()}
	err := c.UpdateRecord(ctx, uuid.NewString(), probe, probe)
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

func tryUser(ctx context.Context, c *Client) error {
	return c.call(ctx, "read a user", reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.user(ctx, unusedName())
		return err
	})
}

func tryUsers(ctx context.Context, c *Client) error {
	return c.call(ctx, "list users", reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.api.ListUsers(ctx, &userspb.ListUsersRequest{PageSize: 1})
		return err
	})
}

func tryRole(ctx context.Context, c *Client) error {
	return c.call(ctx, "read a role", reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.auth.GetRole(ctx, &proto.GetRoleRequest{Name: unusedName()})
		return err
	})
}

func tryResources(kind string) func(context.Context, *Client) error {
	return func(ctx context.Context, c *Client) error {
		return c.call(ctx, "list resources of kind "+kind, reads, func(ctx context.Context, conn *connection) error {
			_, err := conn.auth.ListResources(ctx, &proto.ListResourcesRequest{
				ResourceType: kind, Namespace: defaults.Namespace, Limit: 1, UsePreviewAsRoles: true,
			}, grpc.MaxCallRecvMsgSize(maxRecordsBytes))
			return err
		})
	}
}

func tryLists(ctx context.Context, c *Client) error {
	return c.call(ctx, opLists, reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.lists.ListAccessLists(ctx, &listspb.ListAccessListsRequest{PageSize: 1})
		return err
	})
}

func tryRules(ctx context.Context, c *Client) error {
	return c.call(ctx, opRules, reads, func(ctx context.Context, conn *connection) error {
		_, _, err := conn.rulesPage(ctx, "", true)
		if fault.Is(classify(opRules, err, reads), fault.Unsupported) {
			_, _, err = conn.rulesPage(ctx, "", false)
		}
		return err
	})
}

func tryLoginState(ctx context.Context, c *Client) error {
	return c.call(ctx, "read a login state", reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.logins.GetUserLoginState(ctx, &loginpb.GetUserLoginStateRequest{Name: unusedName()})
		return err
	})
}
