package teleport

import (
	"context"
	"maps"
	"time"

	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// keepTraits is how long a requester's traits are remembered: a look at a
// request asks for them each time.
const keepTraits = time.Minute

// Traits returns a user's traits: those of the last login, which access lists
// and the identity provider add to, else those of the user. The result is
// shared and must not be changed.
func (c *Client) Traits(ctx context.Context, username string) (map[string][]string, error) {
	op := "look up the traits of user " + username
	if username == "" {
		return nil, fault.New(fault.NotFound, op, "no username")
	}
	if t, ok := c.traits.get(username); ok {
		return t, nil
	}
	traits, err := c.loginTraits(ctx, op, username)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unsupported) || fault.Is(err, fault.Denied) {
		traits, err = c.userTraits(ctx, op, username)
	}
	if fault.Is(err, fault.Denied) {
		return nil, &fault.Error{Op: op, Reason: "access_denied", Class: fault.Denied, Err: err,
			Hint: "grant the role of these credentials list and read on user_login_state and user, as Teleport's preset role access-plugin has"}
	}
	if err != nil {
		return nil, err
	}
	c.traits.put(username, traits, keepTraits)
	return traits, nil
}

func (c *Client) loginTraits(ctx context.Context, op, username string) (map[string][]string, error) {
	const kind = types.KindUserLoginState
	if !c.rights.ask(kind) {
		return nil, fault.New(fault.Denied, op, "access_denied")
	}
	var state *loginpb.UserLoginState
	err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) (err error) {
		if conn.noLogins.Load() {
			return fault.New(fault.Unsupported, op, "not_implemented")
		}
		state, err = conn.logins.GetUserLoginState(ctx, &loginpb.GetUserLoginStateRequest{Name: username})
		if fault.Is(classify(op, err, reads), fault.Unsupported) {
			conn.noLogins.Store(true)
		}
		return err
	})
	if err != nil {
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Unsupported) {
			c.rights.failed(kind, "list and read", err)
		}
		return nil, err
	}
	c.rights.failed(kind, "list and read", nil)
	traits := make(map[string][]string)
	for _, t := range state.GetSpec().GetTraits() {
		traits[t.GetKey()] = append(traits[t.GetKey()], t.GetValues()...)
	}
	return traits, nil
}

func (c *Client) userTraits(ctx context.Context, op, username string) (map[string][]string, error) {
	var user *types.UserV2
	err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) (err error) {
		user, err = conn.user(ctx, username)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, fault.New(fault.NotFound, op, "not_found")
	}
	return maps.Clone(user.GetTraits()), nil
}
