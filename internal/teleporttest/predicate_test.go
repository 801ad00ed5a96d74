package teleporttest

import (
	"strings"
	"testing"

	"github.com/gravitational/teleport/api/types"
)

func node(t testing.TB) types.ResourceWithLabels {
	t.Helper()
	n, err := types.NewServerWithLabels("6f1b", types.KindNode, types.ServerSpecV2{Hostname: "db-1"}, map[string]string{"env": "prod"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPredicate(t *testing.T) {
	for _, tc := range []struct {
		text string
		want bool
		bad  bool
	}{
		{``, true, false},
		{`name == "6f1b"`, true, false},
		{`resource.metadata.name == "x" || resource.metadata.name == "6f1b"`, true, false},
		{`resource.metadata.name == "x" || resource.metadata.name == "y"`, false, false},
		{`name == "6f1b" && labels["env"] == "dev"`, false, false},
		{`labels.env == "prod" && !(name != "6f1b")`, true, false},
		{`resource.metadata.labels["env"] == "prod"`, true, false},
		{`labels["none"] == ""`, true, false},
		{`resource.spec.hostname == "db-1" && resource.kind == "node"`, true, false},
		{`name == "\"quoted\""`, false, false},
		{`name`, false, true},
		{`name == 3`, false, true},
		{`-name == "x"`, false, true},
		{`search("x")`, false, true},
		{`a.b.c.d.e == "x"`, false, true},
		{`name < "x"`, false, true},
		{`name == `, false, true},
		{strings.Repeat("(", 1000) + `name == "6f1b"` + strings.Repeat(")", 1000), true, false},
		{`name == "` + strings.Repeat("x", maxPredicateLen) + `"`, false, true},
	} {
		p, err := parsePredicate(tc.text)
		var got bool
		if err == nil {
			got, err = p.matches(node(t))
		}
		if (err != nil) != tc.bad || got != tc.want {
			t.Errorf("%.60s: got %v, %v", tc.text, got, err)
		}
	}
}
