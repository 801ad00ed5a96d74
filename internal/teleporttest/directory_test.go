package teleporttest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/accessrequest"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func addRole(t *testing.T, s *teleporttest.Server, name string, logins ...string) {
	t.Helper()
	role, err := types.NewRole(name, types.RoleSpecV6{Allow: types.RoleConditions{Logins: logins}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddRole(role); err != nil {
		t.Fatal(err)
	}
}

func addUser(t *testing.T, s *teleporttest.Server, name string) {
	t.Helper()
	user, err := types.NewUser(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddUser(user); err != nil {
		t.Fatal(err)
	}
}

func TestRoles(t *testing.T) {
	s := start(t, teleporttest.Options{})
	addRole(t, s, "editor", "root", "admin")
	addRole(t, s, "access-plugin")
	c := connect(t, s, teleporttest.Identity{})
	role, err := c.GetRole(t.Context(), "editor")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"root", "admin"}, role.GetLogins(types.Allow)); diff != "" {
		t.Errorf("logins (-want +got):\n%s", diff)
	}
	if _, err := c.GetRole(t.Context(), "nothing"); !trace.IsNotFound(err) {
		t.Errorf("unknown role: %v", err)
	}
	own, err := c.GetCurrentUserRoles(t.Context())
	if err != nil || len(own) != 1 || own[0].GetName() != "access-plugin" {
		t.Errorf("own roles: %v, %v", own, err)
	}
	restore := s.Deny(types.KindRole, types.VerbRead)
	if _, err := c.GetRole(t.Context(), "editor"); !trace.IsAccessDenied(err) {
		t.Errorf("without the right: %v", err)
	}
	if _, err := c.GetRole(t.Context(), "access-plugin"); err != nil {
		t.Errorf("own role without the right: %v", err)
	}
	restore()
	restore()
	all, err := c.GetRoles(t.Context())
	if err != nil || len(all) != 2 {
		t.Errorf("all roles: %v, %v", all, err)
	}
}

func TestUsers(t *testing.T) {
	s := start(t, teleporttest.Options{})
	addUser(t, s, "alice")
	addUser(t, s, "bob")
	c := connect(t, s, teleporttest.Identity{User: "plugin"})
	if u, err := c.GetUser(t.Context(), "alice", false); err != nil || u.GetName() != "alice" {
		t.Errorf("got %v, %v", u, err)
	}
	if _, err := c.GetUser(t.Context(), "nobody", false); !trace.IsNotFound(err) {
		t.Errorf("unknown user: %v", err)
	}
	all, err := c.GetUsers(t.Context(), false)
	if err != nil || len(all) != 2 {
		t.Errorf("all users: %v, %v", all, err)
	}
	s.Deny(types.KindUser, types.VerbRead)
	if _, err := c.GetUser(t.Context(), "alice", false); !trace.IsAccessDenied(err) {
		t.Errorf("without the right: %v", err)
	}
	if u, err := c.GetCurrentUser(t.Context()); err != nil || u.GetName() != "plugin" {
		t.Errorf("oneself without the right: %v, %v", u, err)
	}
}

func TestDeniedRights(t *testing.T) {
	for _, tc := range []struct {
		kind, verb string
		call       string
	}{
		{types.KindAccessRequest, types.VerbCreate, "create"},
		{types.KindAccessRequest, types.VerbList, "list"},
		{types.KindAccessRequest, types.VerbRead, "list"},
		{types.KindAccessRequest, types.VerbUpdate, "set"},
		{types.KindAccessRequest, teleporttest.VerbReview, "review"},
		{types.KindAccessRequest, types.VerbDelete, "delete"},
		{types.KindAccessPluginData, types.VerbUpdate, "update data"},
	} {
		t.Run(tc.kind+" "+tc.verb, func(t *testing.T) {
			s := start(t, teleporttest.Options{})
			c := connect(t, s, teleporttest.Identity{User: "bob"})
			id := create(t, s, teleporttest.Request{})
			calls := map[string]func() error{
				"create": func() error {
					r, err := types.NewAccessRequest("new", "alice", "x")
					if err != nil {
						return err
					}
					_, err = c.CreateAccessRequestV2(t.Context(), r)
					return err
				},
				"list": func() error {
					_, err := c.GetAccessRequests(t.Context(), types.AccessRequestFilter{})
					return err
				},
				"set": func() error {
					return c.SetAccessRequestState(t.Context(), types.AccessRequestUpdate{RequestID: id, State: approved})
				},
				"review": func() error {
					_, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{
						RequestID: id, Review: types.AccessReview{Author: "bob", ProposedState: approved}})
					return err
				},
				"delete": func() error { return c.DeleteAccessRequest(t.Context(), id) },
				"update data": func() error {
					return c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{
						Kind: types.KindAccessRequest, Resource: id, Plugin: "slack", Set: values{"a": "1"}})
				},
			}
			restore := s.Deny(tc.kind, tc.verb)
			if err := calls[tc.call](); !trace.IsAccessDenied(err) {
				t.Errorf("without the right: %v", err)
			}
			restore()
			if err := calls[tc.call](); err != nil {
				t.Errorf("with the right: %v", err)
			}
		})
	}
}

func TestServicesToCome(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	if _, err := c.AccessListClient().GetAccessLists(t.Context()); !trace.IsNotImplemented(err) {
		t.Errorf("access lists: %v", err)
	}
}

func addResources(t *testing.T, s *teleporttest.Server) {
	t.Helper()
	for _, err := range []error{
		s.AddNode("6f1b", "db-1.internal", map[string]string{"env": "prod"}),
		s.AddNode("7a2c", "web-1.internal", map[string]string{"env": "dev"}),
		s.AddApp("grafana", "", nil),
		s.AddApp("0oa1", "Salesforce", nil),
		s.AddUserGroup("00g1", "Everyone", nil),
		s.AddDatabase("orders", nil),
		s.AddKubeCluster("k8s-prod", nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFriendlyNames(t *testing.T) {
	s := start(t, teleporttest.Options{})
	addResources(t, s)
	c := connect(t, s, teleporttest.Identity{})
	id := func(kind, name string) types.ResourceID {
		return types.ResourceID{ClusterName: "example", Kind: kind, Name: name}
	}
	details, err := accessrequest.GetResourceDetails(t.Context(), "example", c, []types.ResourceID{
		id("node", "6f1b"), id("node", "gone"), id("app", "0oa1"), id("app", "grafana"), id("user_group", "00g1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for k, v := range details {
		got[k] = v.FriendlyName
	}
	want := map[string]string{
		"/example/node/6f1b":       "db-1.internal",
		"/example/app/0oa1":        "Salesforce",
		"/example/user_group/00g1": "Everyone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestListResources(t *testing.T) {
	nodes := func(edit func(*proto.ListResourcesRequest)) proto.ListResourcesRequest {
		r := proto.ListResourcesRequest{ResourceType: types.KindNode, UsePreviewAsRoles: true}
		edit(&r)
		return r
	}
	ofType := func(kind string) proto.ListResourcesRequest {
		return proto.ListResourcesRequest{ResourceType: kind, UseSearchAsRoles: true}
	}
	for _, tc := range []struct {
		name string
		req  proto.ListResourcesRequest
		want []string
		is   func(error) bool
	}{
		{"nodes", nodes(func(*proto.ListResourcesRequest) {}), []string{"6f1b", "7a2c"}, nil},
		{"apps", ofType(types.KindAppServer), []string{"0oa1", "grafana"}, nil},
		{"databases", ofType(types.KindDatabaseServer), []string{"orders"}, nil},
		{"kube servers", ofType(types.KindKubeServer), []string{"k8s-prod"}, nil},
		{"user groups", ofType(types.KindUserGroup), []string{"00g1"}, nil},
		{"without borrowed roles", nodes(func(r *proto.ListResourcesRequest) { r.UsePreviewAsRoles = false }), nil, nil},
		{"by name", nodes(func(r *proto.ListResourcesRequest) { r.PredicateExpression = `resource.metadata.name == "7a2c"` }), []string{"7a2c"}, nil},
		{"by label", nodes(func(r *proto.ListResourcesRequest) { r.Labels = map[string]string{"env": "prod"} }), []string{"6f1b"}, nil},
		{"by keyword", nodes(func(r *proto.ListResourcesRequest) { r.SearchKeywords = []string{"web-1"} }), []string{"7a2c"}, nil},
		{"bad expression", nodes(func(r *proto.ListResourcesRequest) { r.PredicateExpression = `==` }), nil, trace.IsBadParameter},
		{"bad value", nodes(func(r *proto.ListResourcesRequest) { r.PredicateExpression = `name == 1` }), nil, trace.IsBadParameter},
		{"negative limit", nodes(func(r *proto.ListResourcesRequest) { r.Limit = -1 }), nil, trace.IsBadParameter},
		{"denied kind", ofType(types.KindKubernetesCluster), nil, trace.IsAccessDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{})
			addResources(t, s)
			c := connect(t, s, teleporttest.Identity{})
			if tc.name == "denied kind" {
				s.Deny(types.KindKubernetesCluster, types.VerbList)
			}
			resp, err := c.ListResources(t.Context(), tc.req)
			if tc.is != nil {
				if !tc.is(err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range resp.Resources {
				got = append(got, r.GetName())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListResourcesInPages(t *testing.T) {
	s := start(t, teleporttest.Options{ResourcesForAll: true})
	for i := range 25 {
		if err := s.AddNode(fmt.Sprintf("n%02d", i), "host", nil); err != nil {
			t.Fatal(err)
		}
	}
	c := connect(t, s, teleporttest.Identity{})
	req := proto.ListResourcesRequest{ResourceType: types.KindNode, Limit: 10}
	var sizes []int
	for {
		resp, err := c.ListResources(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(resp.Resources))
		if req.StartKey = resp.NextKey; req.StartKey == "" {
			break
		}
	}
	if diff := cmp.Diff([]int{10, 10, 5}, sizes); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}
