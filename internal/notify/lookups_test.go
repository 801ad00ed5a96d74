package notify_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// names replaces the one rule by one that always applies.
func (u *universe) names(t *testing.T, recipients ...string) {
	t.Helper()
	if err := u.teleport.PutRule(teleporttest.Rule{Name: "team", Condition: "true", Recipients: recipients}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
}

// calls says whether a message about the request mentions a user group.
func (u *universe) calls(place, id string) bool {
	for _, m := range u.slack.Messages(place) {
		if strings.Contains(string(m.Blocks), id) && strings.Contains(string(m.Blocks), "!subteam^S0ONCALL01") {
			return true
		}
	}
	return false
}

func TestARequestWaitsForTheTraitsThatSomebodyIsMadeFrom(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.teleport.SetLoginState("alice@example.com", map[string][]string{"team": {"security"}})
		u.names(t, "{{.User.Traits.team}}")
		time.Sleep(2 * time.Minute) // what was known of alice is old
		heal := u.teleport.Inject(teleporttest.Fault{Method: "GetUserLoginState", Code: codes.Internal, Message: "backend"})
		id := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, id, "while traits can't be had", "alice")
		heal()
		time.Sleep(20 * time.Second)
		heard(t, u, id, "when they can", "#security", "alice")
		if strings.Contains(log.String(), "recipient can't be made from this request") {
			t.Error("somebody is called missing who was only late")
		}
	})
}

func TestARequestDoesNotWaitForeverForTraits(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.names(t, "{{.User.Traits.team}}")
		time.Sleep(2 * time.Minute)
		u.teleport.Inject(teleporttest.Fault{Method: "GetUserLoginState", Code: codes.Internal, Message: "backend"})
		id := u.ask(t)
		time.Sleep(2 * time.Minute)
		heard(t, u, id, "after two minutes", "#ops", "alice")
		if !strings.Contains(log.String(), `no trait \"team\"`) {
			t.Error("nobody is told who was left out")
		}
	})
}

func TestAMentionIsWorthAShortWait(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.slack.SetScopes(append(slacktest.DefaultScopes(), "im:write", "usergroups:read")...)
		u.slack.AddGroup(slacktest.Group{ID: "S0ONCALL01", Handle: "oncall"})
		u.names(t, "#security @oncall")
		heal := u.slack.Inject(slacktest.Fault{Method: "usergroups.list", Status: 503})
		id := u.ask(t)
		time.Sleep(5 * time.Second)
		heard(t, u, id, "while nobody knows the group", "alice")
		heal()
		time.Sleep(time.Minute)
		heard(t, u, id, "when it's known", "#security", "alice")
		if !u.calls(sec, id) {
			t.Error("the group is not mentioned")
		}
	})
}

func TestAMentionIsNotWorthALongOne(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.slack.SetScopes(append(slacktest.DefaultScopes(), "im:write", "usergroups:read")...)
		u.names(t, "#security @oncall")
		u.slack.Inject(slacktest.Fault{Method: "usergroups.list", Status: 503})
		id := u.ask(t)
		time.Sleep(3 * time.Minute)
		heard(t, u, id, "after three minutes", "#security", "alice")
		if u.calls(sec, id) || !strings.Contains(log.String(), "user group can't be mentioned") {
			t.Error("mentioned out of nowhere, or nobody is told why not")
		}
	})
}

// Who was unknown to Slack and is found later is posted to, although the record
// has as many copies as before.
func TestARecipientThatIsFoundLaterIsPostedTo(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.names(t, "#security", "dave@example.com")
		id := u.ask(t)
		time.Sleep(time.Minute)
		heard(t, u, id, "while dave is unknown", "#security", "alice")
		u.slack.AddUser(slacktest.User{ID: "U0DAVE00001", Name: "dave", Email: "dave@example.com"})
		time.Sleep(10 * time.Minute) // what Slack said of dave is old
		u.replicas[0].notifier.SetRoutes(routes)
		if err := u.replicas[0].notifier.Resync(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(u.slack.DirectMessages("U0DAVE00001")); n != 1 {
			t.Errorf("dave has %d messages, want one\n%s", n, log)
		}
	})
}
