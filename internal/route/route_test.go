package route_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

func TestRecipients(t *testing.T) {
	table := route.Table{
		"editor": {"#dev", "bob@example.com"},
		"dba":    {"#dba", "#dev"},
		"empty":  {},
		"*":      {"#ops"},
	}
	by := func(name, role string) route.Want { return route.Want{Name: name, Why: route.ByRole, Role: role} }
	fallback := route.Want{Name: "#ops", Why: route.ByFallback, Role: "*"}
	for _, tt := range []struct {
		name  string
		table route.Table
		req   access.Request
		want  []route.Want
	}{
		{"a role of its own", table, access.Request{Roles: []string{"editor"}}, []route.Want{by("#dev", "editor"), by("bob@example.com", "editor")}},
		{"a role without one", table, access.Request{Roles: []string{"auditor"}}, []route.Want{fallback}},
		{"a role with an empty list", table, access.Request{Roles: []string{"empty"}}, []route.Want{fallback}},
		{"the fallback is not for roles that have their own", table, access.Request{Roles: []string{"dba"}}, []route.Want{by("#dba", "dba"), by("#dev", "dba")}},
		{"several roles, each name once", table, access.Request{Roles: []string{"dba", "auditor", "editor"}},
			[]route.Want{by("#dba", "dba"), by("#dev", "dba"), fallback, by("bob@example.com", "editor")}},
		{"suggested reviewers come on top, each name once", table, access.Request{Roles: []string{"editor"}, SuggestedReviewers: []string{"carol", "bob@example.com", " ", "carol"}},
			[]route.Want{by("#dev", "editor"), by("bob@example.com", "editor"), {Name: "carol", User: true, Why: route.BySuggest}}},
		{"without a fallback", route.Table{"editor": {"#dev"}}, access.Request{Roles: []string{"auditor"}}, nil},
		{"no roles, no static recipients", table, access.Request{SuggestedReviewers: []string{"carol"}}, []route.Want{{Name: "carol", User: true, Why: route.BySuggest}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			routes, err := tt.table.Compile()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, routes.Recipients(route.Input{Request: tt.req}).Wants); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
