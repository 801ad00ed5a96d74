// Package world is a Teleport and a Slack for tests that run the released
// program in its own process, container or service: the doubles, and the
// identity and configuration that let it talk to them.
package world

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// Token is the bot token that the Slack takes.
const Token = "xoxb-world"

// World is both doubles, listening on this machine.
type World struct {
	Teleport *teleporttest.Server
	Slack    *slacktest.Server
}

// New starts both, with one user who may ask and one channel to hear of it.
func New(t *testing.T) *World {
	t.Helper()
	tp, err := teleporttest.New(teleporttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tp.Close)
	user, err := types.NewUser("alice@example.com")
	if err == nil {
		err = tp.AddUser(user)
	}
	if err == nil {
		err = tp.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	sl := slacktest.New(slacktest.Options{Token: Token, Scopes: slacktest.DefaultScopes()})
	sl.AddUser(slacktest.User{ID: "U0ALICE0001", Name: "alice", Email: "alice@example.com"})
	sl.AddChannel(slacktest.Channel{ID: "C0DEV000001", Name: "dev", BotIsMember: true})
	sl.Start()
	t.Cleanup(sl.Close)
	return &World{Teleport: tp, Slack: sl}
}

// Files writes the identity and the configuration into dir. The program sees
// dir as seen, and finds its token where token says, or is given it.
func (w *World) Files(t *testing.T, dir, seen, token string) {
	t.Helper()
	if err := w.Teleport.WriteIdentity(filepath.Join(dir, "identity"), teleporttest.Identity{}); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`[teleport]
addr = %q
identity = %q
refresh_identity = true
[slack]
token = %q
api_url = %q
[role_to_recipients]
"*" = "dev"
`, w.Teleport.Addr(), filepath.Join(seen, "identity"), token, w.Slack.URL())
	if err := os.WriteFile(filepath.Join(dir, "teleport-slack.toml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Request asks for a role and waits until the channel has heard of it.
func (w *World) Request(t *testing.T) {
	t.Helper()
	before := len(w.Slack.Messages("dev"))
	if _, err := w.Teleport.CreateRequest(teleporttest.Request{User: "alice@example.com", Roles: []string{"editor"}}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(w.Slack.Messages("dev")) == before; {
		if time.Now().After(deadline) {
			t.Fatal("the channel does not hear of the request")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
