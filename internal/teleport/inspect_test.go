package teleport

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func addUser(t *testing.T, s *teleporttest.Server, name string, traits map[string][]string) {
	t.Helper()
	u, err := types.NewUser(name)
	if err != nil {
		t.Fatal(err)
	}
	u.SetTraits(traits)
	if err := s.AddUser(u); err != nil {
		t.Fatal(err)
	}
}

func TestTraits(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ServerVersion: version})
			c, _ := connectedClient(t, s)
			addUser(t, s, "alice", map[string][]string{"team": {"dev"}})
			addUser(t, s, "bob", map[string][]string{"team": {"dev"}})
			s.SetLoginState("bob", map[string][]string{"team": {"sre", "dev"}, "level": {"L1"}})

			want := map[string]map[string][]string{"alice": {"team": {"dev"}}, "bob": {"team": {"sre", "dev"}, "level": {"L1"}}}
			if version == versions[1] {
				want["bob"] = map[string][]string{"team": {"dev"}}
			}
			for _, user := range []string{"alice", "bob"} {
				for range 2 { // the second one from memory
					got, err := c.Traits(t.Context(), user)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want[user], got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", user, diff)
					}
				}
			}
			calls := s.Calls()["GetUserLoginState"]
			if wantCalls := map[string]int{versions[0]: 2, versions[1]: 1}[version]; calls != wantCalls {
				t.Errorf("login states were asked for %d times, want %d", calls, wantCalls)
			}
			for _, user := range []string{"nobody", ""} {
				if _, err := c.Traits(t.Context(), user); !fault.Is(err, fault.NotFound) {
					t.Errorf("traits of %q: %v", user, err)
				}
			}
		})
	}
}

func TestTraitsWithoutRights(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, j := connectedClient(t, s)
	addUser(t, s, "alice", map[string][]string{"team": {"dev"}})
	s.Deny(types.KindUserLoginState, types.VerbRead)
	got, err := c.Traits(t.Context(), "alice")
	if err != nil || len(got["team"]) != 1 {
		t.Errorf("the user's own traits are %v, %v", got, err)
	}
	s.Deny(types.KindUser, types.VerbRead)
	addUser(t, s, "bob", nil)
	if _, err := c.Traits(t.Context(), "bob"); !fault.Is(err, fault.Denied) || fault.Hint(err) == "" {
		t.Errorf("traits that may not be read: %v", err)
	}
	if n := len(j.lines("missing a Teleport right", "user_login_state")); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	s.Inject(teleporttest.Fault{Method: "GetUser", Code: codes.Internal, Message: "no"})
	if _, err := c.Traits(t.Context(), "carol"); !fault.Is(err, fault.Retry) {
		t.Errorf("traits in trouble: %v", err)
	}
}

func TestLabels(t *testing.T) {
	s := startServer(t, teleporttest.Options{ClusterName: "example"})
	c, _ := connectedClient(t, s)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	of := func(kind, name, sub string) access.Resource {
		return access.Resource{Cluster: "example", Kind: kind, Name: name, SubResource: sub}
	}
	env := func(v string) map[string]string { return map[string]string{"env": v} }
	must(s.AddNode("n-1", "host", env("node")))
	must(s.AddApp("wiki", "", env("app")))
	must(s.AddDatabase("pg", env("db")))
	must(s.AddUserGroup("g-1", "", env("group")))
	kube, err := types.NewKubernetesClusterV3(types.Metadata{Name: "k8s", Labels: env("kube")}, types.KubernetesClusterSpecV3{})
	must(err)
	agent, err := types.NewKubernetesServerV3FromCluster(kube, "kube.example.com", "kube-agent")
	must(err)
	must(s.AddResource(agent))

	ask := []access.Resource{
		of("db", "pg", ""), of("node", "n-1", ""), of("app", "wiki", ""), of("user_group", "g-1", ""),
		of("kube_cluster", "k8s", ""), of("pod", "k8s", "default/nginx"), of("namespace", "k8s", "default"), of("node", "n-1", ""),
	}
	want := []string{"db", "node", "app", "group", "kube", "kube", "kube", "node"}
	for range 2 {
		labels, err := c.Labels(t.Context(), ask)
		must(err)
		var got []string
		for _, l := range labels {
			got = append(got, l["env"])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if n := s.Calls()["ListResources"]; n != 5 {
		t.Errorf("asked %d times, want once for each kind", n)
	}

	for _, tc := range []struct {
		what   string
		ask    access.Resource
		class  fault.Class
		reason string
	}{
		{"one that is not there", of("node", "gone", ""), fault.NotFound, "resource_not_seen"},
		{"one without a name", of("node", "", ""), fault.Permanent, "unknown_kind"},
		{"a kind without labels", of("saml_idp_service_provider", "x", ""), fault.Permanent, "unknown_kind"},
		{"one of a leaf cluster", access.Resource{Cluster: "leaf", Kind: "node", Name: "n-1"}, fault.Permanent, "other_cluster"},
		{"hostile names", of("node", `x" || true || "`, ""), fault.NotFound, "resource_not_seen"},
	} {
		_, err := c.Labels(t.Context(), append(ask[:1:1], tc.ask))
		if e, ok := fault.As(err); !ok || e.Class != tc.class || e.Reason != tc.reason || e.Hint == "" {
			t.Errorf("%s: %v", tc.what, err)
		}
	}
	s.Deny("app", types.VerbList)
	if _, err := c.Labels(t.Context(), []access.Resource{of("app", "other", "")}); !fault.Is(err, fault.Denied) || fault.Hint(err) == "" {
		t.Errorf("without the right: %v", err)
	}
	s.Inject(teleporttest.Fault{Method: "ListResources", Code: codes.Internal, Message: "no"})
	if _, err := c.Labels(t.Context(), []access.Resource{of("node", "n-3", "")}); !fault.Is(err, fault.Retry) {
		t.Errorf("in trouble: %v", err)
	}
}

func TestLabelsOfManyResources(t *testing.T) {
	s := startServer(t, teleporttest.Options{ClusterName: "example"})
	c, _ := connectedClient(t, s)
	var ask []access.Resource
	for i := range 3*namesAtOnce + 1 {
		name := fmt.Sprintf("n-%03d", i)
		if err := s.AddNode(name, "host", map[string]string{"n": name}); err != nil {
			t.Fatal(err)
		}
		ask = append(ask, access.Resource{Cluster: "example", Kind: "node", Name: name})
	}
	labels, err := c.Labels(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range labels {
		if l["n"] != ask[i].Name {
			t.Errorf("labels of %s are %v", ask[i].Name, l)
		}
	}
	if _, err := c.Labels(t.Context(), make([]access.Resource, maxLabelled+1)); !fault.Is(err, fault.Permanent) {
		t.Errorf("too many: %v", err)
	}
}
