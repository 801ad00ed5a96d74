package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"
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

// While look-ups fail, a request waits for as long as is promised, and no
// backoff makes it longer.
func TestARequestWaitsThirtySecondsAtMost(t *testing.T) {
	const promised, names = 30 * time.Second, 3 * time.Second // names are what a message itself waits for
	node := []types.ResourceID{{ClusterName: "teleport.example.com", Kind: "node", Name: "web-1"}}
	for name, tt := range map[string]struct {
		rule   teleporttest.Rule
		faults func(*universe)
		want   []string
	}{
		"for labels": {
			rule: teleporttest.Rule{Condition: `access_request.spec.resource_labels_union["env"].contains("prod")`, Recipients: []string{"security"}},
			faults: func(u *universe) {
				u.teleport.Inject(teleporttest.Fault{Method: "ListResources", Code: codes.Unavailable, Message: "away"})
			},
			want: []string{"#ops", "alice"},
		},
		"for labels without an answer": {
			rule:   teleporttest.Rule{Condition: `access_request.spec.resource_labels_union["env"].contains("prod")`, Recipients: []string{"security"}},
			faults: func(u *universe) { u.teleport.Inject(teleporttest.Fault{Method: "ListResources", Latency: time.Hour}) },
			want:   []string{"#ops", "alice"},
		},
		"for a mention": {
			rule:   teleporttest.Rule{Condition: "true", Recipients: []string{"#security @oncall"}},
			faults: func(u *universe) { u.slack.Inject(slacktest.Fault{Method: "usergroups.list", Status: 503}) },
			want:   []string{"#security", "alice"},
		},
		"for a mention that Slack puts off": {
			rule: teleporttest.Rule{Condition: "true", Recipients: []string{"#security @oncall"}},
			faults: func(u *universe) {
				u.slack.Inject(slacktest.Fault{Method: "usergroups.list", RetryAfter: 5 * time.Minute})
			},
			want: []string{"#security", "alice"},
		},
		"for a mention without an answer": {
			rule:   teleporttest.Rule{Condition: "true", Recipients: []string{"#security @oncall"}},
			faults: func(u *universe) { u.slack.Inject(slacktest.Fault{Method: "usergroups.list", Latency: time.Hour}) },
			want:   []string{"#security", "alice"},
		},
		"for traits without an answer": {
			rule: teleporttest.Rule{Condition: `user.traits["team"].contains("dev")`, Recipients: []string{"security"}},
			faults: func(u *universe) {
				u.teleport.Inject(teleporttest.Fault{Method: "GetUserLoginState", Latency: time.Hour})
			},
			want: []string{"#ops", "alice"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
				u.slack.SetScopes(append(slacktest.DefaultScopes(), "im:write", "usergroups:read")...)
				tt.rule.Name = "team"
				if err := u.teleport.PutRule(tt.rule); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				tt.faults(u)
				r, err := u.teleport.CreateRequest(teleporttest.Request{
					User: "alice@example.com", Roles: []string{"any"}, TTL: 10 * time.Hour, Resources: node,
				})
				if err != nil {
					t.Fatal(err)
				}
				asked := time.Now()
				for len(u.told(r.GetName())) < len(tt.want) && time.Since(asked) < 5*time.Minute {
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(asked); took < promised-time.Second || took > promised+names+time.Second {
					t.Errorf("posted after %v", took)
				}
				heard(t, u, r.GetName(), "in the end", tt.want...)
			})
		})
	}
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
