package teleport

import (
	"context"
	"net/mail"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const (
	keepEmail   = 10 * time.Minute
	keepNoEmail = 5 * time.Minute
)

// emailTraits are the traits that hold a user's address, by the identity
// provider's taste.
var emailTraits = [...]string{"email", "emails", "mail"}

// answer is a remembered email, or the error that was the answer.
type answer struct {
	email string
	err   error
}

// Email returns a user's email address: the username if it is one, else the
// one address in the user's traits. [fault.NotFound] if there is no such user
// or not exactly one address; [fault.Denied] if users may not be read.
// Answers are remembered for a few minutes.
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

// user reads a user without secrets, from the service that this server has.
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

// isEmail says that s is an address and nothing else: no display name, no
// angle brackets, no comment.
func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, "\"<> ")
}
