// Package people finds Teleport users in Slack, by email.
//
// A username that is an email is looked up as it is, any other by the email
// that Teleport has for the user. A username is never taken for the name of a
// channel.
package people

import (
	"context"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Emails knows which email a Teleport user has.
type Emails interface {
	Email(ctx context.Context, username string) (string, error)
}

// Directory knows who is who in Slack.
type Directory interface {
	Resolve(ctx context.Context, name string) (access.Recipient, error)
}

// Find returns the person in Slack who is the Teleport user.
func Find(ctx context.Context, emails Emails, directory Directory, username string) (access.Recipient, error) {
	email := username
	if !strings.Contains(username, "@") {
		var err error
		if email, err = emails.Email(ctx, username); err != nil {
			return access.Recipient{}, fault.Wrapf(err, "find the email of %q", username)
		}
	}
	to, err := directory.Resolve(ctx, email)
	if err != nil {
		return access.Recipient{}, err
	}
	if to.Kind != access.Person {
		return access.Recipient{}, fault.New(fault.Permanent, "find "+email+" in Slack", "not_a_person")
	}
	return to, nil
}
