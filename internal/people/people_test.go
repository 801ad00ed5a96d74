package people

import (
	"context"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// known are Teleport's users with their emails, and Slack's people and channels.
type known map[string]string

func (k known) Email(_ context.Context, username string) (string, error) {
	email, ok := k[username]
	if !ok {
		return "", fault.New(fault.NotFound, "find the email", "no_email")
	}
	return email, nil
}

func (k known) Resolve(_ context.Context, name string) (access.Recipient, error) {
	switch name {
	case "carol@example.com", "dave@example.com":
		return access.Recipient{ID: "U" + name, Name: name, Kind: access.Person}, nil
	case "dev":
		return access.Recipient{ID: "C1", Name: name, Kind: access.Channel}, nil
	}
	return access.Recipient{}, fault.New(fault.NotFound, "look up", "users_not_found")
}

func TestFind(t *testing.T) {
	teleport := known{"carol": "carol@example.com", "odd": "dev"}
	for _, tt := range []struct {
		username, want string
		class          fault.Class
	}{
		{username: "carol", want: "Ucarol@example.com"},
		{username: "dave@example.com", want: "Udave@example.com"},
		{username: "eve@example.com", class: fault.NotFound},
		{username: "dev", class: fault.NotFound},  // not the channel of that name
		{username: "odd", class: fault.Permanent}, // nor by a detour
	} {
		to, err := Find(t.Context(), teleport, teleport, tt.username)
		if to.ID != tt.want || tt.want == "" && !fault.Is(err, tt.class) {
			t.Errorf("Find(%q) = %+v, %v", tt.username, to, err)
		}
	}
}
