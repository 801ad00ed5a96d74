package teleporttest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	headerpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/header/v1"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func monitoringRule(name, plugin string, subjects ...string) *rulespb.AccessMonitoringRule {
	return &rulespb.AccessMonitoringRule{
		Metadata: &headerpb.Metadata{Name: name},
		Spec: &rulespb.AccessMonitoringRuleSpec{
			Subjects: subjects, Condition: "true", Notification: &rulespb.Notification{Name: plugin, Recipients: []string{"dev"}},
		},
	}
}

func ruleNames(t *testing.T, c *client.Client, size int, subjects []string, plugin string) []string {
	t.Helper()
	var names []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		page, next, err := c.AccessMonitoringRulesClient().ListAccessMonitoringRulesWithFilter(t.Context(), size, token, subjects, plugin)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > size {
			t.Errorf("page of %d, asked for %d", len(page), size)
		}
		for _, r := range page {
			names = append(names, r.Metadata.Name)
		}
		token = next
	}
	return names
}

func TestRulesAreWrittenListedAndWatched(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	w := watch(t, c, types.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessMonitoringRule}}})
	rules := c.AccessMonitoringRulesClient()

	if _, err := rules.CreateAccessMonitoringRule(t.Context(), monitoringRule("b", "slack", "access_request")); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.CreateAccessMonitoringRule(t.Context(), monitoringRule("b", "slack", "access_request")); !trace.IsAlreadyExists(err) {
		t.Errorf("created twice: %v", err)
	}
	if _, err := rules.UpdateAccessMonitoringRule(t.Context(), monitoringRule("c", "slack", "access_request")); !trace.IsNotFound(err) {
		t.Errorf("updated what is not there: %v", err)
	}
	if _, err := rules.UpsertAccessMonitoringRule(t.Context(), monitoringRule("a", "email", "access_request")); err != nil {
		t.Fatal(err)
	}
	if err := s.PutRule(teleporttest.Rule{Name: "c", Condition: "false", Recipients: []string{"dev"}}); err != nil {
		t.Fatal(err)
	}
	if err := rules.DeleteAccessMonitoringRule(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteRule("b"); !trace.IsNotFound(err) {
		t.Errorf("deleted twice: %v", err)
	}
	var events []string
	for range 4 {
		ev := next(t, w)
		events = append(events, ev.Type.String()+" "+ev.Resource.GetName())
	}
	if diff := cmp.Diff([]string{"Put b", "Put a", "Put c", "Delete b"}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	got, err := rules.GetAccessMonitoringRule(t.Context(), "c")
	if err != nil || got.Spec.Condition != "false" || got.Spec.Notification.Name != "slack" {
		t.Errorf("rule is %v, %v", got, err)
	}
	if got := ruleNames(t, c, 10, []string{"access_request"}, "slack"); !slices.Equal(got, []string{"c"}) {
		t.Errorf("slack's rules are %v", got)
	}
	if got := ruleNames(t, c, 10, []string{"access_list"}, ""); got != nil {
		t.Errorf("rules about lists are %v", got)
	}
}

func TestRulesComeInPages(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("rule-%d", i))
		if err := s.PutRule(teleporttest.Rule{Name: want[i], Condition: "true"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ruleNames(t, c, 3, nil, ""); !slices.Equal(got, want) {
		t.Errorf("rules are %v", got)
	}
}

func TestRulesNeedRights(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	s.Deny(types.KindAccessMonitoringRule, types.VerbRead)
	if _, _, err := c.AccessMonitoringRulesClient().ListAccessMonitoringRules(t.Context(), 10, ""); !trace.IsAccessDenied(err) {
		t.Errorf("listed without the right: %v", err)
	}
	both := types.Watch{AllowPartialSuccess: true, Kinds: []types.WatchKind{{Kind: types.KindAccessRequest}, {Kind: types.KindAccessMonitoringRule}}}
	watcher, err := c.NewWatcher(t.Context(), both)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	status := next(t, watcher).Resource.(types.WatchStatus)
	if kinds := status.GetKinds(); len(kinds) != 1 || kinds[0].Kind != types.KindAccessRequest {
		t.Errorf("watches %v", kinds)
	}
}

func TestLoginStates(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	if _, err := c.UserLoginStateClient().GetUserLoginState(t.Context(), "alice"); !trace.IsNotFound(err) {
		t.Errorf("a login state from nowhere: %v", err)
	}
	s.SetLoginState("alice", map[string][]string{"team": {"dev", "sre"}})
	state, err := c.UserLoginStateClient().GetUserLoginState(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dev", "sre"}, state.GetTraits()["team"]); diff != "" {
		t.Errorf("traits (-want +got):\n%s", diff)
	}
	s.Deny(types.KindUserLoginState, types.VerbRead)
	if _, err := c.UserLoginStateClient().GetUserLoginState(t.Context(), "alice"); !trace.IsAccessDenied(err) {
		t.Errorf("read without the right: %v", err)
	}
}

func TestOldServersHaveNeitherRulesNorLoginStates(t *testing.T) {
	s := start(t, teleporttest.Options{ServerVersion: "13.4.0"})
	c := connect(t, s, teleporttest.Identity{})
	if _, _, err := c.AccessMonitoringRulesClient().ListAccessMonitoringRules(t.Context(), 10, ""); !trace.IsNotImplemented(err) {
		t.Errorf("rules: %v", err)
	}
	if _, err := c.UserLoginStateClient().GetUserLoginState(t.Context(), "alice"); !trace.IsNotImplemented(err) {
		t.Errorf("login state: %v", err)
	}
	w, err := c.NewWatcher(t.Context(), types.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessMonitoringRule}}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := ended(t, w); !trace.IsBadParameter(err) {
		t.Errorf("watch: %v", err)
	}
}

func TestSchedulesAreSentAndChecked(t *testing.T) {
	s := start(t, teleporttest.Options{ServerVersion: "18.2.8"})
	c := connect(t, s, teleporttest.Identity{})
	with := func(r teleporttest.Rule, shifts ...teleporttest.Shift) teleporttest.Rule {
		r.Name, r.Condition = "r", "true"
		r.Schedules = map[string]teleporttest.Schedule{"s": {Timezone: "UTC", Shifts: shifts}}
		return r
	}
	good := teleporttest.Shift{Weekday: "Monday", Start: "09:00", End: "17:00"}
	for name, bad := range map[string]teleporttest.Rule{
		"no shifts":     with(teleporttest.Rule{}),
		"no weekday":    with(teleporttest.Rule{}, teleporttest.Shift{Weekday: "Mond", Start: "09:00", End: "17:00"}),
		"no start":      with(teleporttest.Rule{}, teleporttest.Shift{Weekday: "Monday", Start: "24:00", End: "17:00"}),
		"no end":        with(teleporttest.Rule{}, teleporttest.Shift{Weekday: "Monday", Start: "09:00", End: "x"}),
		"no length":     with(teleporttest.Rule{}, teleporttest.Shift{Weekday: "Monday", Start: "09:00", End: "09:00"}),
		"decision":      with(teleporttest.Rule{ReviewIntegration: "builtin", ReviewDecision: "MAYBE"}, good),
		"desired state": with(teleporttest.Rule{DesiredState: "seen"}, good),
	} {
		if err := s.PutRule(bad); !trace.IsBadParameter(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.PutRule(with(teleporttest.Rule{ReviewIntegration: "builtin", ReviewDecision: "APPROVED", DesiredState: "reviewed", Unknown: []byte{0x48, 1}}, good)); err != nil {
		t.Fatal(err)
	}
	got, err := c.AccessMonitoringRulesClient().GetAccessMonitoringRule(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	want := "2\x13\n\abuiltin\x12\bAPPROVED" + ":\breviewed" +
		"B$\n\x01s\x12\x1f\n\x1d\n\x16\n\x06Monday\x12\x0509:00\x1a\x0517:00\x12\x03UTC" + "H\x01"
	if diff := cmp.Diff(want, string(got.Spec.ProtoReflect().GetUnknown())); diff != "" {
		t.Errorf("on the wire (-want +got):\n%s", diff)
	}
}
