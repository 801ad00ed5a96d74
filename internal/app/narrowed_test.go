package app_test

import (
	"strings"
	"testing"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// A request that keeps its resources only in a field of newer servers is one for
// resources, and its message and record have the logins.
func TestNarrowedRequestsShowTheirPrincipals(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	id := w.request(teleporttest.Request{Roles: []string{"prod"}, Narrowed: []teleporttest.NarrowedResource{{
		ID: types.ResourceID{ClusterName: "example.com", Kind: "node", Name: "db-1"}, Logins: []string{"root", "postgres"},
	}}})
	w.notifies(id, dev)
	m := w.about(dev, id)[0]
	if text := string(m.Blocks); !strings.Contains(text, "Resource Request") || !strings.Contains(text, "node/db-1 as postgres, root") {
		t.Errorf("the message is\n%s", text)
	}
	w.eventually("the record has the logins", func() bool {
		return strings.Contains(w.teleport.PluginData(id)["teleport_slack"], `"principals":[["root","postgres"]]`)
	})
	w.must(w.teleport.Expire(id))
	w.shows(id, []string{dev, alice}, "EXPIRED")
	if text := string(w.about(dev, id)[0].Blocks); !strings.Contains(text, "as postgres, root") {
		t.Errorf("once it is gone, the message is\n%s", text)
	}
	w.stopPlugin()
}
