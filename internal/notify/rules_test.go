package notify_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// counts is what was told to Options.RuleFailed.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(rule, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[rule+" "+reason]++
}

func (c *counts) kinds() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.n))
}

// inWorld runs a plugin whose one rule asks for the requester's team, and
// names #security. Without it, #ops hears of everything.
func inWorld(t *testing.T, story func(t *testing.T, u *universe, log *lockedBuffer, failed *counts)) {
	synctest.Test(t, func(t *testing.T) {
		log, failed := &lockedBuffer{}, &counts{n: map[string]int{}}
		u := newUniverse(t, append(slacktest.DefaultScopes(), "im:write"), log)
		defer u.close()
		u.failed = failed.add
		u.teleport.SetLoginState("alice@example.com", map[string][]string{"team": {"dev"}})
		if err := u.teleport.PutRule(teleporttest.Rule{Name: "team", Condition: `user.traits["team"].contains("dev")`, Recipients: []string{"security"}}); err != nil {
			t.Fatal(err)
		}
		if err := u.start("host"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		story(t, u, log, failed)
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
}

func (u *universe) ask(t *testing.T) string {
	t.Helper()
	r, err := u.teleport.CreateRequest(teleporttest.Request{
		User: "alice@example.com", Roles: []string{"any"}, TTL: 10 * time.Hour,
		// One review decides nothing, so that there is a look at a request that waits.
		Thresholds: []types.AccessReviewThreshold{{Approve: 2, Deny: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetName()
}

// told returns who has a message about the request.
func (u *universe) told(id string) []string {
	var who []string
	for name, place := range map[string]string{"#ops": ops, "#security": sec} {
		for _, m := range u.slack.Messages(place) {
			if strings.Contains(string(m.Blocks), id) {
				who = append(who, name)
			}
		}
	}
	for _, m := range u.slack.DirectMessages(alice) {
		if strings.Contains(string(m.Blocks), id) {
			who = append(who, "alice")
		}
	}
	slices.Sort(who)
	return who
}

func heard(t *testing.T, u *universe, id, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, u.told(id)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func TestARequestWaitsForWhatARuleWantsToKnow(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		heal := u.teleport.Inject(teleporttest.Fault{Method: "GetUserLoginState", Code: codes.Internal, Message: "backend"})
		id := u.ask(t)
		time.Sleep(10 * time.Second)
		heard(t, u, id, "while traits can't be had", "alice")
		heal()
		time.Sleep(20 * time.Second)
		heard(t, u, id, "when they can", "#security", "alice")
		if got := failed.kinds(); len(got) != 0 {
			t.Errorf("counted %q where waiting was enough", got)
		}
	})
}

func TestARequestDoesNotWaitForever(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		u.teleport.Inject(teleporttest.Fault{Method: "GetUserLoginState", Code: codes.Internal, Message: "backend"})
		id := u.ask(t)
		time.Sleep(2 * time.Minute)
		heard(t, u, id, "after two minutes", "#ops", "alice")
		if diff := cmp.Diff([]string{"team internal"}, failed.kinds()); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
		if n := strings.Count(log.String(), "access monitoring rule can't be evaluated"); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
	})
}

// When a rule has told somebody, trouble with it tells nobody else.
func TestARuleInTroubleTellsNobodyElse(t *testing.T) {
	for name, trouble := range map[string]func(*universe){
		"no answer": func(u *universe) {
			u.teleport.Inject(teleporttest.Fault{Method: "GetUserLoginState", Code: codes.Internal, Message: "backend"})
		},
		"no right": func(u *universe) {
			u.teleport.Deny(types.KindUserLoginState, types.VerbRead)
			u.teleport.Deny(types.KindUser, types.VerbRead)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
				id := u.ask(t)
				time.Sleep(10 * time.Second)
				heard(t, u, id, "by the rule", "#security", "alice")
				time.Sleep(5 * time.Minute) // traits are forgotten
				trouble(u)
				if _, err := u.teleport.Review(id, "bob@example.com", types.RequestState_APPROVED, ""); err != nil {
					t.Fatal(err)
				}
				second := u.ask(t)
				time.Sleep(2 * time.Minute)
				heard(t, u, id, "in trouble", "#security", "alice")
				heard(t, u, second, "a new one", "#ops", "alice")
				if len(failed.kinds()) == 0 {
					t.Error("nothing was counted")
				}
			})
		})
	}
}

// A rule whose recipients can't be looked up for now is no reason to tell others.
func TestARuleWaitsForSlack(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		if err := u.teleport.PutRule(teleporttest.Rule{Name: "team", Condition: "true", Recipients: []string{"carol@example.com", "nobody@example.com"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		heal := u.slack.Inject(slacktest.Fault{Method: "users.lookupByEmail", Status: 503})
		id := u.ask(t)
		time.Sleep(time.Minute)
		heard(t, u, id, "while Slack says nothing")
		heal()
		time.Sleep(3 * time.Minute)
		heard(t, u, id, "when it does", "alice")
		if len(u.slack.DirectMessages(carol)) != 1 {
			t.Error("carol was not told")
		}

		// And a rule that reaches nobody at all is none.
		if err := u.teleport.PutRule(teleporttest.Rule{Name: "team", Condition: "true", Recipients: []string{"nobody@example.com", "alice@example.com"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		id = u.ask(t)
		time.Sleep(time.Minute)
		heard(t, u, id, "of a rule that names nobody else", "#ops", "alice")
	})
}

// The same rules again, as after each new connection, are no news.
func TestTheSameRulesAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, u *universe, log *lockedBuffer, failed *counts) {
		for range 3 {
			u.teleport.DropConnections()
			time.Sleep(10 * time.Second)
		}
		if n := strings.Count(log.String(), "access monitoring rules are in force"); n != 1 {
			t.Errorf("%d lines, want one", n)
		}
		if err := u.teleport.DeleteRule("team"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if !strings.Contains(log.String(), "count=0 left_out=0") {
			t.Error("nothing says that there are none any more")
		}
	})
}
