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

// Right is something that the program asks of Teleport, and how to find out
// whether it may.
type Right struct {
	Kind     string // "access_request"
	Verbs    string // "list, read"
	For      string // what it is for
	Required bool   // nothing works without it
	try      func(ctx context.Context, c *Client) error
}

// Rights returns what the program asks for, that which matters most first.
// With reviews in Slack it is more. Which users a role may submit reviews for
// is not among it: to try would be to review.
func Rights(review bool) []Right {
	rights := []Right{
		{types.KindAccessRequest, "list, read", "seeing requests", true, tryRequests},
		{types.KindAccessPluginData, "list, read", "knowing what was posted", true, tryReadRecord},
		{types.KindAccessPluginData, "create, update", "remembering what was posted", true, tryWriteRecord},
		{types.KindUser, "read", "the email addresses of people whose username is none", false, tryUser},
		{types.KindRole, "read", "the logins of requested roles", false, tryRole},
		{types.KindNode, "list, read", "hostnames instead of IDs", false, tryResources(types.KindNode)},
		{types.KindAppServer, "list, read", "names of applications", false, tryResources(types.KindAppServer)},
		{types.KindUserGroup, "list, read", "names of user groups", false, tryResources(types.KindUserGroup)},
		{types.KindAccessMonitoringRule, "list, read", "access monitoring rules", false, tryRules},
		{types.KindAccessList, "list, read", "access list reviews that are due", false, tryLists},
		{types.KindUserLoginState, "list, read", "traits of the last login, for rules that ask for traits", false, tryLoginState},
	}
	if review {
		rights = append(rights, Right{types.KindUser, "list, read", "who clicked a button", false, tryUsers})
	}
	return rights
}

// Try does what the right is for, without changing anything, and returns a
// [fault.Denied] error where it is missing. It takes a connection, see Connect.
func (c *Client) Try(ctx context.Context, r Right) error {
	err := r.try(ctx, c)
	if fault.Is(err, fault.NotFound) {
		// Asked for something that can't be there: to be told so takes the
		// right to look.
		return nil
	}
	return err
}

// nobody is a name that nothing has.
func nobody() string { return "teleport-slack-check-" + uuid.NewString() }

// tryRequests lists and watches. A list alone would prove nothing: without the
// right it has one's own requests, and is no error.
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

// tryWatch begins a watch and ends it when it has begun.
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

// tryWriteRecord writes about a request that doesn't exist, on a condition
// that can't hold, so that there are two reasons for it to write nothing.
func tryWriteRecord(ctx context.Context, c *Client) error {
	probe := map[string]string{"teleport-slack-check": nobody()}
	err := c.UpdateRecord(ctx, uuid.NewString(), probe, probe)
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

func tryUser(ctx context.Context, c *Client) error {
	return c.call(ctx, "read a user", reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.user(ctx, nobody())
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
		_, err := conn.auth.GetRole(ctx, &proto.GetRoleRequest{Name: nobody()})
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
		_, err := conn.logins.GetUserLoginState(ctx, &loginpb.GetUserLoginStateRequest{Name: nobody()})
		return err
	})
}
