package app_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// traits gives alice traits.
func (w *world) traits(traits map[string][]string) {
	w.t.Helper()
	w.teleport.SetLoginState("alice@example.com", traits)
}

// oncall adds a user group and lets the token read them.
func (w *world) oncall() {
	w.slack.AddGroup(slacktest.Group{ID: "S0ONCALL01", Handle: "oncall"})
	w.slack.SetScopes(append(slacktest.DefaultScopes(), "usergroups:read", "channels:read")...)
}

func TestUserGroupsAreMentionedWhereTheyAreConfigured(t *testing.T) {
	w := newWorld(t, `"*" = ["#dev @oncall", "silent:security @oncall @here"]
direct = "@oncall"`)
	w.oncall()
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev}, "PENDING", "!subteam^S0ONCALL01")
	w.shows(id, []string{sec}, "PENDING", "@oncall")
	w.shows(id, []string{alice}, "PENDING")
	for _, place := range []string{sec, alice} {
		if m := w.about(place, id)[0]; strings.Contains(string(m.Blocks)+m.Text, "!subteam") || strings.Contains(string(m.Blocks), "!here") {
			t.Errorf("%s is called: %s", place, m.Blocks)
		}
	}

	// It stays where the message changes, also after the group is gone, and
	// replies mention nobody again.
	w.stopPlugin()
	w.slack.SetScopes(slacktest.DefaultScopes()...)
	w.startPlugin()
	w.review(id, "bob@example.com", approved, "")
	w.shows(id, []string{dev}, "APPROVED", "!subteam^S0ONCALL01")
	w.eventually("the review is told", func() bool { return len(w.replies(dev, id)) == 1 })
	if got := w.replies(dev, id)[0]; strings.Contains(got, "subteam") {
		t.Errorf("a reply calls: %s", got)
	}

	// A group alone can't be posted to.
	other := w.request(teleporttest.Request{Roles: []string{"direct"}})
	w.shows(other, []string{alice}, "PENDING")
	w.eventually("it is said", func() bool {
		return w.log.has("recipient=@oncall") && w.log.has("write a channel before it") || w.log.has("usergroups:read")
	})
}

func TestMentionsWithoutTheScopeAreLeftOut(t *testing.T) {
	w := newWorld(t, `"*" = "#dev @oncall"`)
	w.slack.AddGroup(slacktest.Group{ID: "S0ONCALL01", Handle: "oncall"})
	w.startPlugin()
	for range 2 {
		id := w.request(teleporttest.Request{})
		w.shows(id, []string{dev}, "PENDING", "@oncall")
		if m := w.about(dev, id)[0]; strings.Contains(string(m.Blocks), "subteam") {
			t.Errorf("mentioned without knowing whom: %s", m.Blocks)
		}
	}
	if n := w.log.count("user group can't be mentioned, posting without the mention"); n != 1 || !w.log.has("add the scope usergroups:read") {
		t.Errorf("%d warnings, want one with the scope", n)
	}
	// The ID needs none.
	w.writeConfig(`"*" = "#dev S0ONCALL01"`)
	w.reload <- struct{}{}
	w.eventually("it is reloaded", func() bool { return w.log.has("configuration reloaded") })
	w.shows(w.request(teleporttest.Request{}), []string{dev}, "!subteam^S0ONCALL01")
}

func TestAMentionWaitsForSlackAndNotForLong(t *testing.T) {
	w := newWorld(t, `"*" = "#dev @oncall"`)
	w.oncall()
	w.slack.Inject(slacktest.Fault{Method: "usergroups.list", Status: 503, Times: 2})
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev}, "!subteam^S0ONCALL01")
}

func TestRecipientsMadeFromTheRequest(t *testing.T) {
	w := newWorld(t, `"*" = "{{.User.Traits.team}}"
"ops-*" = ["{{.User.Traits.manager}}", "{{.Annotations.channel}}"]
"/^db-/" = "user:carol"
plain = "dev"`)
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{Roles: []string{"plain"}}), dev)
	if n := w.teleport.Calls()["GetUserLoginState"]; n != 0 {
		t.Errorf("traits were asked for %d times without anybody made from them", n)
	}
	w.traits(map[string][]string{"team": {"dev", "Security"}, "manager": {"bob@example.com"}})
	w.notifies(w.request(teleporttest.Request{}), dev, sec)
	w.notifies(w.request(teleporttest.Request{Roles: []string{"ops-1"}, Annotations: map[string][]string{"channel": {"security"}}}), bob, sec)
	w.notifies(w.request(teleporttest.Request{Roles: []string{"db-1"}}), carol)

	// What lacks is left out, and said once.
	for range 2 {
		w.notifies(w.request(teleporttest.Request{Roles: []string{"ops-2"}}), bob)
	}
	if n := w.log.count("recipient can't be made from this request, ignoring it"); n != 1 || !w.log.has(`no annotation \"channel\"`) {
		t.Errorf("%d warnings, want one", n)
	}
}

func TestRecipientsOfTraitsThatCannotBeRead(t *testing.T) {
	w := newWorld(t, `"*" = "dev"
a = "{{.User.Traits.team}}"`)
	w.traits(map[string][]string{"team": {"security"}})
	w.teleport.Deny(types.KindUserLoginState, types.VerbRead)
	w.teleport.Deny(types.KindUser, types.VerbRead)
	w.startPlugin()
	w.notifies(w.request(teleporttest.Request{Roles: []string{"a"}}), dev)
	if n := w.log.count("traits of requesters can't be read"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

func TestRulesNameRecipientsInEveryForm(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.oncall()
	w.traits(map[string][]string{"lead": {"carol@example.com"}})
	w.rule("forms", prod, "security @oncall", "{{.User.Traits.lead}}", "user:{{.Usr}}", "user:bob@example.com")
	w.startPlugin()
	id := w.request(teleporttest.Request{Roles: []string{"prod"}})
	w.notifies(id, sec, carol, bob)
	w.shows(id, []string{sec}, "!subteam^S0ONCALL01")
	if n := w.log.count("access monitoring rule names a recipient that can't be read"); n != 1 || !w.log.has("rule=forms") || !w.log.has("character 6: unknown field") {
		t.Errorf("%d warnings, want one with rule and place", n)
	}
}

// explained is one recipient of an explanation.
type explained struct{ Name, Rule, Key, ID, Mentions, Err string }

func (w *world) asks(o app.RouteOptions) ([]explained, recipient.Explanation) {
	w.t.Helper()
	c, _, err := config.Load(w.config)
	w.must(err)
	o.Config, o.Log = c, slog.New(slog.NewTextHandler(io.Discard, nil))
	a, err := app.Route(w.t.Context(), o)
	w.must(err)
	var lines []explained
	for _, t := range a.Recipients {
		line := explained{t.Want.Name, t.Want.Rule, t.Want.Role, t.To.ID, strings.Join(t.Mentions, " "), ""}
		if t.Err != nil {
			line.Err = t.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines, a
}

func TestWhoWouldHearIsAskedOfTeleportAndSlack(t *testing.T) {
	w := newWorld(t, `"*" = ["#dev @oncall", "nobody@example.com"]
a = "{{.User.Traits.team}}"`)
	w.oncall()
	w.rule("prod", prod, "security")
	ask := func(o app.RouteOptions, want ...explained) recipient.Explanation {
		t.Helper()
		got, a := w.asks(o)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		return a
	}
	made := func(roles ...string) access.Request {
		return access.Request{User: "alice@example.com", Roles: roles, SuggestedReviewers: []string{"carol"}}
	}
	a := ask(app.RouteOptions{Request: made("x")},
		explained{Name: "#dev", Key: "*", ID: dev, Mentions: "S0ONCALL01"},
		explained{Name: "nobody@example.com", Key: "*", Err: "look up nobody@example.com: users_not_found"},
		explained{Name: "carol", ID: carol})
	if a.Requester.ID != alice || a.Pending != nil {
		t.Errorf("requester %+v, later %v", a.Requester, a.Pending)
	}
	ask(app.RouteOptions{Request: made("prod")}, explained{Name: "security", Rule: "prod", ID: "#security"})
	ask(app.RouteOptions{Request: made("a"), Traits: map[string][]string{"team": {"dev"}}},
		explained{Name: "dev", Key: "a", ID: dev}, explained{Name: "carol", ID: carol})
	w.rule("labels", `access_request.spec.resource_labels_union["env"].contains("prod")`, "security")
	saml := made("x")
	saml.SuggestedReviewers, saml.Resources = nil, []access.Resource{{Cluster: "example.com", Kind: "saml_idp_service_provider", Name: "sp"}}
	a = ask(app.RouteOptions{Request: saml}, explained{Name: "security", Rule: "labels", ID: "#security"},
		explained{Name: "#dev", Key: "*", ID: dev, Mentions: "S0ONCALL01"},
		explained{Name: "nobody@example.com", Key: "*", Err: "look up nobody@example.com: users_not_found"})
	if len(a.Unseen) != 1 || a.Unseen[0].Rule != "labels" || !strings.Contains(a.Unseen[0].Err.Error(), "unknown_kind") {
		t.Errorf("unseen labels: %+v", a.Unseen)
	}
	w.must(w.teleport.DeleteRule("labels"))
	id := w.request(teleporttest.Request{Roles: []string{"prod"}, Reason: "why"})
	if a := ask(app.RouteOptions{RequestID: id}, explained{Name: "security", Rule: "prod", ID: "#security"}); a.Request.ID != id {
		t.Errorf("it is about %+v", a.Request)
	}
	w.must(w.teleport.SetServerVersion("18.2.8"))
	w.must(w.teleport.PutRule(teleporttest.Rule{Name: "never", Condition: "true", Recipients: []string{"dev"}, Schedules: map[string]teleporttest.Schedule{
		"another day": {Shifts: []teleporttest.Shift{{Weekday: time.Now().UTC().AddDate(0, 0, 3).Weekday().String(), Start: "00:00", End: "23:59"}}},
	}}))
	a = ask(app.RouteOptions{Request: made("prod")}, explained{Name: "security", Rule: "prod", ID: "#security"})
	if !slices.Equal(a.Outside, []string{"never"}) {
		t.Errorf("outside the schedules of %q", a.Outside)
	}
	w.must(w.teleport.DeleteRule("never"))
	if n := len(w.slack.Messages(dev)) + len(w.slack.Messages(sec)) + len(w.slack.DirectMessages(alice)); n != 0 {
		t.Errorf("a question posts %d messages", n)
	}
	if data := w.teleport.Calls()["UpdatePluginData"]; data != 0 {
		t.Errorf("a question writes %d times", data)
	}

	c, _, err := config.Load(w.config)
	w.must(err)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if _, err := app.Route(t.Context(), app.RouteOptions{Config: c, RequestID: "00000000-0000-4000-8000-000000000000", Log: quiet}); err == nil || !strings.Contains(err.Error(), "read request 0000") {
		t.Errorf("a request that is not there: %v", err)
	}
	w.teleport.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := app.Route(ctx, app.RouteOptions{Config: c, Log: quiet}); err == nil {
		t.Error("an answer without Teleport")
	}
}
