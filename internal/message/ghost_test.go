package message

import (
	"strings"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// What is remembered of a request that is gone may lack a resource's cluster.
func TestAResourceOfAnUnknownClusterIsNamedWithoutOne(t *testing.T) {
	r := Renderer{Cluster: access.Cluster{Name: "example.com"}}
	req := access.Request{ID: "r1", User: "alice", State: access.Expired, Resources: []access.Resource{{Kind: "node", Name: "db-1"}}}
	d := access.Details{ResourceNames: map[string]string{req.Resources[0].ID(): "db-1"}}
	names := strings.Join(r.resourceNames(&english, req.Resources, d), " ")
	if names != "node/db-1" {
		t.Errorf("got %q", names)
	}
}
