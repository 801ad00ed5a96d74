package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

func TestUnited(t *testing.T) {
	named := func(name string, recipients ...string) rule.Rule {
		return rule.Rule{Source: rule.Source{Name: name, Recipients: recipients}}
	}
	names := func(rules ...rule.Rule) Named {
		n := Named{}
		for _, r := range rules {
			list, err := ParseRecipients(r.Source.Recipients)
			if err != nil {
				t.Fatal(err)
			}
			n[r.Source.Name] = list
		}
		return n
	}
	rules := []rule.Rule{named("a", "dev", " ops ", "", "dev"), named("b"), named("c", "ops", "bob@example.com")}
	got := names(rules...).United(rules, Input{}).Wants
	want := []Want{
		{Name: "dev", Why: ByRule, Rule: "a"},
		{Name: "ops", Why: ByRule, Rule: "a"},
		{Name: "bob@example.com", Why: ByRule, Rule: "c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Named{}).United(nil, Input{}).Wants; got != nil {
		t.Errorf("no rules name %v", got)
	}
}

func TestEscalation(t *testing.T) {
	list, err := ParseRecipients([]string{"#leads @oncall", "{{.Role}}-owners", "ciso@example.com", "ciso@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	got := Escalation(list, Input{Request: access.Request{Roles: []string{"dev", "dba"}, SuggestedReviewers: []string{"bob@example.com"}}})
	var names []string
	for _, w := range got.Wants {
		if w.Why != ByEscalation {
			t.Errorf("%s has the reason %v", w.Name, w.Why)
		}
		names = append(names, w.Name)
	}
	if diff := cmp.Diff([]string{"#leads", "dev-owners", "dba-owners", "ciso@example.com"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got.Wants[0].Mentions) != 1 || NeedTraits(list) {
		t.Errorf("%+v, traits %v", got.Wants[0], NeedTraits(list))
	}
}
