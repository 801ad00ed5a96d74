package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func TestEscalation(t *testing.T) {
	list, err := ParseRecipients([]string{"#leads @oncall", "{{.Role}}-owners", "ciso@example.com", "ciso@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	got := Escalation(list, Input{Request: access.Request{Roles: []string{"dev", "dba"}, SuggestedReviewers: []string{"bob@example.com"}}})
	var names []string
	for _, w := range got.Wants {
		if w.Why != ByEscalation {
			t.Errorf("%s is told because of %v", w.Name, w.Why)
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
