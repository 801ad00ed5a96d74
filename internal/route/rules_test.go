package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/rule"
)

func TestUnited(t *testing.T) {
	named := func(name string, recipients ...string) rule.Rule {
		return rule.Rule{Source: rule.Source{Name: name, Recipients: recipients}}
	}
	got := United([]rule.Rule{named("a", "dev", " ops ", "", "dev"), named("b"), named("c", "ops", "bob@example.com")})
	want := []Want{
		{Name: "dev", Why: ByRule, Rule: "a"},
		{Name: "ops", Why: ByRule, Rule: "a"},
		{Name: "bob@example.com", Why: ByRule, Rule: "c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := United(nil); got != nil {
		t.Errorf("no rules name %v", got)
	}
}
