package app_test

import (
	"strings"
	"testing"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func (w *world) rule(name, condition string, recipients ...string) {
	w.t.Helper()
	w.must(w.teleport.PutRule(teleporttest.Rule{Name: name, Condition: condition, Recipients: recipients}))
}

// inForce waits until the plugin logs that this many rules are in force.
func (w *world) inForce(count string) {
	w.t.Helper()
	w.eventually("rules are in force", func() bool { return w.log.has(`msg="access monitoring rules are in force" count=` + count) })
}

// notifies waits until exactly these, and the requester, have a message about the request.
func (w *world) notifies(id string, places ...string) {
	w.t.Helper()
	w.shows(id, append(places, alice), "PENDING")
	for _, place := range []string{dev, sec, bob, carol} {
		told := len(w.about(place, id)) > 0
		want := false
		for _, p := range places {
			want = want || p == place
		}
		if told != want {
			w.t.Errorf("%s has a message about %s: %v, want %v", place, id, told, want)
		}
	}
}

const prod = `contains(access_request.spec.roles, "prod")`

func TestRulesComeBeforeStaticRoutes(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.rule("prod", prod, "security", "carol@example.com")
	w.rule("both", prod+` && access_request.spec.user == "alice@example.com"`, "#security", "bob@example.com")
	w.rule("never", "false", "dev")
	w.must(w.teleport.PutRule(teleporttest.Rule{Name: "another", Condition: "true", Recipients: []string{"nobody@example.com"}}))
	w.startPlugin()

	id := w.request(teleporttest.Request{Roles: []string{"prod"}, SuggestedReviewers: []string{"dave@example.com"}})
	w.notifies(id, sec, bob, carol)
	if w.log.has("dave@example.com") {
		t.Error("suggested reviewers are asked for where a rule reaches somebody")
	}
	other := w.request(teleporttest.Request{Roles: []string{"editor"}, SuggestedReviewers: []string{"carol"}})
	w.notifies(other, dev, carol) // what the one applying rule names is nobody
	w.stopPlugin()
}

func TestRulesThatChangeWhileRequestsWait(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	id := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.notifies(id, dev)

	w.rule("prod", prod, "security")
	w.shows(id, []string{dev, sec, alice}, "PENDING") // who was told stays told
	second := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.notifies(second, sec)

	w.rule("prod", prod, "bob@example.com")
	w.shows(second, []string{sec, bob, alice}, "PENDING")
	third := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.notifies(third, bob)

	w.must(w.teleport.DeleteRule("prod"))
	w.shows(third, []string{bob, dev, alice}, "PENDING") // by the static route
	fourth := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.notifies(fourth, dev)

	// A resolved request gets no new recipients.
	w.must(w.teleport.SetState(fourth, approved, ""))
	w.shows(fourth, []string{dev, alice}, "APPROVED")
	w.rule("prod", prod, "carol@example.com")
	w.shows(third, []string{bob, dev, carol, alice}, "PENDING")
	if ms := w.about(carol, fourth); len(ms) != 0 {
		t.Errorf("a new rule tells of a request that is decided: %+v", ms)
	}
}

func TestRulesThatChangeInAGap(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.rule("old", prod, "dev")
	w.startPlugin()
	w.inForce("1")
	w.teleport.Stop()
	w.must(w.teleport.DeleteRule("old"))
	w.rule("new", prod, "security")
	id := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.must(w.teleport.Restart())
	w.notifies(id, sec)
}

func TestARuleThatCannotBeRead(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.rule("broken", "true &&\n  contains(access_request.spec.role, \"prod\")", "security")
	w.rule("set", "access_request.spec.roles", "security")
	w.startPlugin()
	id := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.notifies(id, dev)
	for _, want := range []string{`rule=broken`, `condition 2:12: access_request.spec has no \"role\"`, `rule=set`, `condition 1:1: is a set, expected true or false`} {
		if !w.log.has(want) {
			t.Errorf("log lacks %s", want)
		}
	}
	w.rule("broken", prod, "security")
	w.shows(id, []string{dev, sec}, "PENDING")
	if n := w.log.count("can't be read, ignoring it"); n != 2 {
		t.Errorf("%d warnings about rules, want one for each", n)
	}
}

func TestARuleThatFailsOverARequest(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.rule("local", `contains(email.local(access_request.spec.roles), "x")`, "security")
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), dev)
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), dev)
	if n := w.log.count("access monitoring rule can't be evaluated"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	// One that works is not held up by one that doesn't.
	w.rule("prod", prod, "bob@example.com")
	w.eventually("both rules are in force", func() bool { return w.log.has("count=2") })
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), bob)
}

func TestRulesOverTraits(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	u, err := types.NewUser("alice@example.com")
	w.must(err)
	u.SetTraits(map[string][]string{"team": {"dev"}})
	w.must(w.teleport.AddUser(u))
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.notifies(id, dev)
	if n := w.teleport.Calls()["GetUserLoginState"]; n != 0 {
		t.Errorf("traits were asked for %d times without a rule that needs them", n)
	}
	w.rule("team", `user.traits["team"].contains("dev")`, "security")
	w.shows(id, []string{dev, sec}, "PENDING")
	w.stopPlugin()

	// What the last login gave counts more.
	w.teleport.SetLoginState("alice@example.com", map[string][]string{"team": {"sre"}})
	w.rule("sre", `user.traits["team"].contains("sre")`, "bob@example.com")
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{}), bob)
}

func TestRulesOverTraitsWithoutTheRight(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.teleport.Deny(types.KindUserLoginState, types.VerbRead)
	w.teleport.Deny(types.KindUser, types.VerbRead)
	w.rule("team", `user.traits["team"].contains("dev")`, "security")
	w.rule("no team", `is_empty(user.traits["team"])`, "bob@example.com")
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{}), bob)
	w.notifies(w.request(teleporttest.Request{}), bob)
	if n := w.log.count("traits of requesters can't be read"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

func TestRulesOverLabels(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.must(w.teleport.AddNode("n-1", "db-1", map[string]string{"env": "prod", "os": "linux"}))
	w.must(w.teleport.AddNode("n-2", "db-2", map[string]string{"env": "dev", "os": "linux"}))
	w.rule("all", `access_request.spec.resource_labels_intersection["env"].contains("prod")`, "bob@example.com")
	w.rule("any", `access_request.spec.resource_labels_union["env"].contains("prod")`, "security")
	w.startPlugin()
	node := func(name string) types.ResourceID {
		return types.ResourceID{ClusterName: "example.com", Kind: types.KindNode, Name: name}
	}
	role := []string{"editor"}
	w.notifies(w.request(teleporttest.Request{Roles: role, Resources: []types.ResourceID{node("n-1")}}), bob, sec)
	w.notifies(w.request(teleporttest.Request{Roles: role, Resources: []types.ResourceID{node("n-1"), node("n-2")}}), sec)
	w.notifies(w.request(teleporttest.Request{Roles: role, Resources: []types.ResourceID{node("n-2")}}), dev)
	w.notifies(w.request(teleporttest.Request{Roles: role}), dev)
	if w.log.has("can't be evaluated") {
		t.Error("a rule could not be asked where all was well")
	}
	// Labels of half of the resources are no answer: the rules may apply.
	w.notifies(w.request(teleporttest.Request{Roles: role, Resources: []types.ResourceID{node("n-1"), node("gone")}}), bob, sec, dev)
	if n := w.log.count("can't see the labels of a resource"); n != 2 || !w.log.has("resource_not_seen") || !w.log.has("preview_as_roles") {
		t.Errorf("%d warnings, want one for each rule", n)
	}
}

// A requester can't leave a rule's sight by adding a resource whose labels nobody
// can look up.
func TestRulesThatCannotSeeAllLabels(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.must(w.teleport.AddNode("n-1", "db-1", map[string]string{"env": "prod"}))
	w.must(w.teleport.AddKubeCluster("k-1", map[string]string{"env": "prod"}))
	w.rule("prod", `access_request.spec.resource_labels_union["env"].contains("prod")`, "security")
	w.rule("role", `access_request.spec.roles.contains("admin") && access_request.spec.resource_labels_union["env"].contains("prod")`, "bob@example.com")
	w.startPlugin()
	resource := func(cluster, kind, name, sub string) types.ResourceID {
		return types.ResourceID{ClusterName: cluster, Kind: kind, Name: name, SubResourceName: sub}
	}
	node := resource("example.com", types.KindNode, "n-1", "")
	for _, other := range []types.ResourceID{
		resource("example.com", "saml_idp_service_provider", "sp-1", ""),
		resource("example.com", "git_server", "g-1", ""),
		resource("example.com", "of the future", "x", ""),
		resource("leaf.example.com", types.KindNode, "n-1", ""),
	} {
		w.notifies(w.request(teleporttest.Request{Roles: []string{"editor"}, Resources: []types.ResourceID{node, other}}), sec, dev)
	}
	if n := w.log.count(`can't see the labels of a resource`); n == 0 || w.log.has("rule=role") {
		t.Errorf("%d warnings, and the rule that doesn't ask for labels of this request has one: %v", n, w.log.has("rule=role"))
	}
	// What lies in a Kubernetes cluster has its labels, whatever its kind.
	for _, kind := range []string{"pod", "kube:ns:pods", "kube:ns:deployments.apps", "kube:cw:namespaces"} {
		w.notifies(w.request(teleporttest.Request{Roles: []string{"editor"}, Resources: []types.ResourceID{resource("example.com", kind, "k-1", "default/web")}}), sec)
	}
	// So have resources that are narrowed.
	w.notifies(w.request(teleporttest.Request{Roles: []string{"access"}, Narrowed: []teleporttest.NarrowedResource{{ID: node, Logins: []string{"root"}}}}), sec)
	w.stopPlugin()
}

func TestWithoutTheRightToReadRules(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.rule("prod", prod, "security")
	restore := w.teleport.Deny(types.KindAccessMonitoringRule, types.VerbRead)
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), dev)
	w.teleport.DropConnections()
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), dev)
	if n := w.log.count("access monitoring rules can't be read"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	restore()
	w.teleport.DropConnections()
	w.inForce("1")
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), sec)
}

func TestOldServersHaveNoRules(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.must(w.teleport.SetServerVersion("13.4.0"))
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), dev)
	if n := strings.Count(w.log.String(), "level=WARN"); n != 1 || !w.log.has("access monitoring rules can't be read") {
		t.Errorf("%d warnings, want the one about rules", n)
	}
}
