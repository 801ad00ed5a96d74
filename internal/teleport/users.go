package teleport

import (
	"context"
	"maps"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	userspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/users/v1"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const (
	keepEmail   = 10 * time.Minute
	keepNoEmail = 5 * time.Minute
)

// emailTraits are the traits that may hold a user's address; it depends on the
// identity provider.
var emailTraits = [...]string{"email", "emails", "mail"}

// answer is a cached email or error.
type answer struct {
	email string
	err   error
}

// Email returns a user's email address: the username if it is one, else the
// one address in the user's traits. [fault.NotFound] if there is no such user
// or not exactly one address; [fault.Denied] if users may not be read.
// Answers are cached for a few minutes.
func (c *Client) Email(ctx context.Context, username string) (string, error) {
	if isEmail(username) {
		return username, nil
	}
	op := "look up the email of user " + username
	if username == "" {
		return "", fault.New(fault.NotFound, op, "no username")
	}
	if a, ok := c.emails.get(username); ok {
		return a.email, a.err
	}
	a := answer{}
	var user *types.UserV2
	a.err = c.call(ctx, op, reads, func(ctx context.Context, conn *connection) (err error) {
		user, err = conn.user(ctx, username)
		return err
	})
	if a.err == nil {
		a.email, a.err = emailOf(op, user)
	}
	switch {
	case a.err == nil:
		c.emails.put(username, a, keepEmail)
	case fault.Is(a.err, fault.Denied):
		a.err = &fault.Error{Op: op, Reason: "access_denied", Class: fault.Denied, Err: a.err,
			Hint: "grant the role of these credentials read on user"}
		fallthrough
	case fault.Is(a.err, fault.NotFound), fault.Is(a.err, fault.Unsupported):
		c.emails.put(username, a, keepNoEmail)
	}
	return a.email, a.err
}

// user reads a user without secrets, with the call that this server has.
func (c *connection) user(ctx context.Context, name string) (*types.UserV2, error) {
	if !c.noUsers.Load() {
		user, err := c.api.GetUser(ctx, name, false)
		if !fault.Is(classify("", err, reads), fault.Unsupported) {
			v2, _ := user.(*types.UserV2)
			return v2, err
		}
		c.noUsers.Store(true)
	}
	return c.auth.GetUser(ctx, &proto.GetUserRequest{Name: name}) //nolint:staticcheck // all that servers before 14 have
}

func emailOf(op string, user *types.UserV2) (string, error) {
	if user == nil {
		return "", fault.New(fault.NotFound, op, "not_found")
	}
	found := ""
	for _, trait := range emailTraits {
		for _, v := range user.GetTraits()[trait] {
			switch v = strings.TrimSpace(v); {
			case !isEmail(v) || strings.EqualFold(v, found):
			case found != "":
				return "", fault.New(fault.NotFound, op, "more than one email in the user's traits")
			default:
				found = v
			}
		}
	}
	if found == "" {
		return "", fault.New(fault.NotFound, op, "no email in the user's traits")
	}
	return found, nil
}

// isEmail reports whether s is an address and nothing else: no display name, no
// angle brackets, no comment.
func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, "\"<> ")
}

// keepTraits is how long a requester's traits are cached: each reconcile of a
// request reads them.
const keepTraits = time.Minute

// Traits returns a user's traits: those of the last login, which include traits
// from access lists and the identity provider, else those of the user. The result
// is shared and must not be changed.
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

// pageUsers is how many users a page has. A user with all the groups of an
// identity provider can be tens of kilobytes, so a page that is too large for
// gRPC is requested again with half the size.
const pageUsers = 1000

// UsersByTrait returns the users that have the value in the trait, sorted by
// name. It reads all users, page by page: our version of the api module can't
// filter by trait.
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
// none. It is never cached: reviews depend on it.
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
