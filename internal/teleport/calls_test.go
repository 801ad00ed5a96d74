package teleport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// versions are the servers that every read has to work with: the newest, and
// one that lacks the newer calls.
var versions = []string{"18.2.0", "13.3.8"}

func TestRequests(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ServerVersion: version})
			c, _ := connectedClient(t, s)
			want := map[string]bool{}
			for range pageRequests + 5 {
				want[createRequest(t, s)] = true
			}
			got := map[string]bool{}
			list := func() {
				if err := c.Requests(t.Context(), func(r access.Request) error { got[r.ID] = true; return nil }); err != nil {
					t.Fatal(err)
				}
			}
			list()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// What the server knows is decided once.
			list()
			calls := s.Calls()
			wantPages := map[string]int{"18.2.0": 4, "13.3.8": 1}[version]
			if calls["ListAccessRequests"] != wantPages {
				t.Errorf("ListAccessRequests was called %d times in two listings, want %d", calls["ListAccessRequests"], wantPages)
			}

			stop := errors.New("enough")
			n := 0
			err := c.Requests(t.Context(), func(access.Request) error { n++; return stop })
			if !errors.Is(err, stop) || n != 1 {
				t.Errorf("after yield's error: %v and %d calls of it", err, n)
			}
		})
	}
}

// A page over gRPC's limit is asked for again in smaller pieces.
func TestRequestsThatAreTooLargeForAPage(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	for range 8 {
		if _, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}, Reason: strings.Repeat("x", 1<<20)}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	if err := c.Requests(t.Context(), func(access.Request) error { n++; return nil }); err != nil || n != 8 {
		t.Errorf("got %d of 8 requests, %v", n, err)
	}
}

func TestRequest(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ServerVersion: version})
			c, _ := connectedClient(t, s)
			createRequest(t, s)
			id := createRequest(t, s)
			if _, err := s.Review(id, "bob", types.RequestState_APPROVED, "fine"); err != nil {
				t.Fatal(err)
			}
			got, err := c.Request(t.Context(), id)
			if err != nil || got.ID != id || got.User != "alice" || got.State != access.Approved || len(got.Reviews) != 1 || got.Expires.IsZero() {
				t.Errorf("Request = %+v, %v", got, err)
			}
			if err := s.Delete(id); err != nil {
				t.Fatal(err)
			}
			for _, gone := range []string{id, "00000000-0000-0000-0000-000000000000", ""} {
				if got, err := c.Request(t.Context(), gone); !fault.Is(err, fault.NotFound) {
					t.Errorf("Request(%q) = %+v, %v; want not found", gone, got, err)
				}
			}
		})
	}
}

func TestRecord(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	id, other := createRequest(t, s), createRequest(t, s)
	ctx := t.Context()

	if got, err := c.Record(ctx, id); err != nil || got == nil || len(got) != 0 {
		t.Fatalf("a record that is not there: %v, %v; want an empty map", got, err)
	}
	if err := c.UpdateRecord(ctx, id, map[string]string{"user": "alice", "messages": "C1/1"}, map[string]string{"user": ""}); err != nil {
		t.Fatal(err)
	}
	if err := c.UpdateRecord(ctx, id, map[string]string{"user": "mallory"}, map[string]string{"user": ""}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a write that expected what is not there: %v, want a conflict", err)
	}
	want := map[string]string{"user": "alice", "messages": "C1/1"}
	got, err := c.Record(ctx, id)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(want, s.PluginData(id)); diff != "" {
		t.Errorf("as the server has it (-want +got):\n%s", diff)
	}
	if err := c.UpdateRecord(ctx, other, map[string]string{"user": "bob"}, nil); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	if err := c.Records(ctx, func(id string, data map[string]string) error { all[id] = data; return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]map[string]string{id: want, other: {"user": "bob"}}, all); diff != "" {
		t.Errorf("all records (-want +got):\n%s", diff)
	}
	for _, err := range []error{
		func() error { _, err := c.Record(ctx, ""); return err }(),
		c.UpdateRecord(ctx, "no-such-request", map[string]string{"a": "b"}, nil),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want not found", err)
		}
	}
}

// More records than fit gRPC's usual limit come all the same.
func TestRecordsThatAreLarge(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	for range 12 {
		if err := s.SetPluginData(createRequest(t, s), map[string]string{"request_reason": strings.Repeat("x", 500<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	if err := c.Records(t.Context(), func(string, map[string]string) error { n++; return nil }); err != nil || n != 12 {
		t.Errorf("got %d of 12 records, %v", n, err)
	}
}

// A write whose answer was lost is unknown, one that was refused is not.
func TestUpdateRecordWithoutAnAnswer(t *testing.T) {
	for _, tc := range []struct {
		name    string
		fault   teleporttest.Fault
		class   fault.Class
		written bool
	}{
		{"cut after the effect", teleporttest.Fault{Cut: true, AfterEffect: true}, fault.Unknown, true},
		{"cut before the effect", teleporttest.Fault{Cut: true}, fault.Unknown, false},
		{"too slow", teleporttest.Fault{Latency: time.Hour}, fault.Unknown, false},
		{"denied", teleporttest.Fault{Code: codes.PermissionDenied}, fault.Denied, false},
		{"throttled", teleporttest.Fault{Code: codes.ResourceExhausted}, fault.Retry, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{})
			c, _ := connectedClient(t, s)
			id := createRequest(t, s)
			tc.fault.Method, tc.fault.Times = "UpdatePluginData", 1
			s.Inject(tc.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := c.UpdateRecord(ctx, id, map[string]string{"user": "alice"}, nil); fault.ClassOf(err) != tc.class || err == nil {
				t.Errorf("got %v (%v), want %v", err, fault.ClassOf(err), tc.class)
			}
			if got := s.PluginData(id)["user"] == "alice"; got != tc.written {
				t.Errorf("written: %v, want %v", got, tc.written)
			}
		})
	}
}

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

func TestDetails(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ClusterName: "c", ServerVersion: version})
			addRole(t, s, "dba", "root", "postgres", "root", "-teleport-nologin-1234")
			addRole(t, s, "none")
			for _, err := range []error{
				s.AddNode("7f1c", "db-1", nil), s.AddNode(`quote"|| true`, "db-2", nil), s.AddNode("same", "same", nil), s.AddNode("unasked", "db-9", nil),
				s.AddApp("grafana", "", nil), s.AddUserGroup("00g1", "Admins", nil),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			c, j := connectedClient(t, s)
			res := func(kind, name string) access.Resource { return access.Resource{Cluster: "c", Kind: kind, Name: name} }
			got := c.Details(t.Context(), access.Request{
				Roles: []string{"dba", "none", "missing"},
				Resources: []access.Resource{
					res("node", "7f1c"), res("node", `quote"|| true`), res("node", "same"), res("node", "unknown"),
					res("app", "grafana"), res("user_group", "00g1"), res("db", "orders"),
					{Cluster: "leaf", Kind: "node", Name: "7f1c"},
				},
			})
			want := access.Details{
				Logins: map[string][]string{"dba": {"postgres", "root"}, "none": nil},
				ResourceNames: map[string]string{
					"/c/node/7f1c": "db-1", `/c/node/quote"|| true`: "db-2", "/c/user_group/00g1": "Admins",
				},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if l := j.lines("level=WARN"); len(l) != 0 {
				t.Errorf("warnings: %q", l)
			}
			c.Details(t.Context(), access.Request{Roles: []string{"dba"}})
			if n := s.Calls()["GetRole"]; n != 3 {
				t.Errorf("GetRole was called %d times, want 3: a role is remembered", n)
			}
		})
	}
}

// Names of what identity providers and AWS bring; git servers can't be listed, and
// are asked for once.
func TestNamesOfOtherKinds(t *testing.T) {
	s := startServer(t, teleporttest.Options{ClusterName: "c"})
	s.AddAccountAssignment("a1", "AdminAccess on production")
	saml := &types.SAMLIdPServiceProviderV1{
		ResourceHeader: types.ResourceHeader{Kind: types.KindSAMLIdPServiceProvider, Version: types.V1, Metadata: types.Metadata{
			Name: "s1", Labels: map[string]string{types.OriginLabel: types.OriginOkta, types.OktaAppNameLabel: "Payroll"},
		}},
		Spec: types.SAMLIdPServiceProviderSpecV1{EntityID: "payroll"},
	}
	if err := errors.Join(s.AddIdentityCenterAccount("i1", "production"), s.AddResource(saml)); err != nil {
		t.Fatal(err)
	}
	c, j := connectedClient(t, s)
	var req access.Request
	for kind, name := range map[string]string{
		"aws_ic_account": "i1", "aws_ic_account_assignment": "a1", "saml_idp_service_provider": "s1", "git_server": "g1",
	} {
		req.Resources = append(req.Resources, access.Resource{Cluster: "c", Kind: kind, Name: name})
	}
	want := map[string]string{
		"/c/aws_ic_account/i1": "production", "/c/aws_ic_account_assignment/a1": "AdminAccess on production", "/c/saml_idp_service_provider/s1": "Payroll",
	}
	for range 2 {
		if diff := cmp.Diff(want, c.Details(t.Context(), req).ResourceNames); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if n := s.Calls()["ListResources"]; n != 7 {
		t.Errorf("%d calls, want one for each kind each time, and one for git servers", n)
	}
	if l := j.lines("level=WARN"); len(l) != 0 {
		t.Errorf("warnings: %q", l)
	}
	git := &proto.PaginatedResource{Resource: &proto.PaginatedResource_GitServer{GitServer: &types.ServerV2{
		Kind: types.KindGitServer, Metadata: types.Metadata{Name: "g1"}, Spec: types.ServerSpecV2{GitHub: &types.GitHubServerMetadata{Organization: "acme"}},
	}}}
	if name, friendly := friendlyName(git); name != "g1" || friendly != "acme" {
		t.Errorf("a git server is %q, %q", name, friendly)
	}
}

// A missing right takes its part away and nothing else; it is warned of once,
// with the right to grant, and its return is told.
func TestDetailsWithoutRights(t *testing.T) {
	s := startServer(t, teleporttest.Options{ClusterName: "c"})
	addRole(t, s, "dba", "root")
	if err := errors.Join(s.AddNode("7f1c", "db-1", nil), s.AddUserGroup("00g1", "Admins", nil)); err != nil {
		t.Fatal(err)
	}
	r := access.Request{Roles: []string{"dba"}, Resources: []access.Resource{
		{Cluster: "c", Kind: "node", Name: "7f1c"}, {Cluster: "c", Kind: "user_group", Name: "00g1"},
	}}
	c, j := connectedClient(t, s)
	role, node := s.Deny("role", "read"), s.Deny("node", "list")
	want := access.Details{ResourceNames: map[string]string{"/c/user_group/00g1": "Admins"}}
	for range 3 {
		if diff := cmp.Diff(want, c.Details(t.Context(), r)); diff != "" {
			t.Errorf("without rights (-want +got):\n%s", diff)
		}
	}
	for _, hint := range []string{"read on role", "list and read on node"} {
		if n := len(j.lines("level=WARN", hint)); n != 1 {
			t.Errorf("%d warnings that say %q, want 1", n, hint)
		}
	}
	if n := s.Calls()["GetRole"]; n != 1 {
		t.Errorf("GetRole was called %d times, want 1: a refusal is remembered", n)
	}
	role()
	node()
	for kind := range c.rights.denied { // a minute later
		c.rights.denied[kind] = time.Now().Add(-time.Second)
	}
	want = access.Details{
		Logins:        map[string][]string{"dba": {"root"}},
		ResourceNames: map[string]string{"/c/node/7f1c": "db-1", "/c/user_group/00g1": "Admins"},
	}
	if diff := cmp.Diff(want, c.Details(t.Context(), r)); diff != "" {
		t.Errorf("with the rights back (-want +got):\n%s", diff)
	}
	if n := len(j.lines("missing Teleport right was granted")); n != 2 {
		t.Errorf("%d lines about the rights' return, want 2", n)
	}
}

// Details has a budget of its own and no connection is no error.
func TestDetailsNeverWaitsLong(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	defer s.Inject(teleporttest.Fault{Method: "GetRole", Latency: time.Hour})()
	begin := time.Now()
	got := c.Details(t.Context(), access.Request{Roles: []string{"a", "b"}})
	if d := time.Since(begin); d > detailsBudget+2*time.Second || got.Logins != nil {
		t.Errorf("took %v and returned %+v", d, got)
	}
	c.drop(c.connected())
	if diff := cmp.Diff(access.Details{}, c.Details(t.Context(), access.Request{Roles: []string{"a"}})); diff != "" {
		t.Errorf("without a connection:\n%s", diff)
	}
}

func TestEmail(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ServerVersion: version})
			users := map[string]map[string][]string{
				"plain": {"email": {"plain@example.com"}},
				"twice": {"email": {"t@example.com"}, "mail": {"T@Example.com", " t@example.com "}},
				"many":  {"emails": {"a@example.com", "b@example.com"}},
				"none":  {"logins": {"root"}},
				"junk":  {"email": {"<!channel>", "Mallory <m@example.com>", ""}},
			}
			for name, traits := range users {
				u, err := types.NewUser(name)
				if err != nil {
					t.Fatal(err)
				}
				u.SetTraits(traits)
				if err := s.AddUser(u); err != nil {
					t.Fatal(err)
				}
			}
			c, _ := connectedClient(t, s)
			for _, tc := range []struct {
				user, email string
				class       fault.Class
			}{
				{"alice@example.com", "alice@example.com", 0},
				{"plain", "plain@example.com", 0}, {"twice", "t@example.com", 0},
				{"many", "", fault.NotFound}, {"none", "", fault.NotFound}, {"junk", "", fault.NotFound},
				{"nobody", "", fault.NotFound}, {"", "", fault.NotFound},
			} {
				for range 2 {
					got, err := c.Email(t.Context(), tc.user)
					if got != tc.email || (tc.email == "") != (err != nil) || err != nil && !fault.Is(err, tc.class) {
						t.Errorf("Email(%q) = %q, %v; want %q, %v", tc.user, got, err, tc.email, tc.class)
					}
				}
			}
			// Six users, each asked for once; an old server shows once that it is old.
			want := map[string]int{"18.2.0": 6, "13.3.8": 7}[version]
			if n := s.Calls()["GetUser"]; n != want {
				t.Errorf("GetUser was called %d times, want %d", n, want)
			}
		})
	}
}

func TestEmailWithoutRights(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	defer s.Deny("user", "read")()
	for range 3 {
		_, err := c.Email(t.Context(), "bob")
		if !fault.Is(err, fault.Denied) || fault.Hint(err) == "" {
			t.Errorf("got %v, want denied with a hint", err)
		}
	}
	if n := s.Calls()["GetUser"]; n != 1 {
		t.Errorf("GetUser was called %d times, want 1", n)
	}
}

// What fails for the network's sake is not remembered.
func TestEmailAfterAnOutage(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	u, err := types.NewUser("bob")
	if err != nil {
		t.Fatal(err)
	}
	u.SetTraits(map[string][]string{"email": {"bob@example.com"}})
	if err := s.AddUser(u); err != nil {
		t.Fatal(err)
	}
	c, _ := connectedClient(t, s)
	s.Inject(teleporttest.Fault{Method: "GetUser", Times: 1, Code: codes.Unavailable})
	if _, err := c.Email(t.Context(), "bob"); !fault.Is(err, fault.Retry) {
		t.Errorf("during the outage: %v, want retry", err)
	}
	if got, err := c.Email(t.Context(), "bob"); got != "bob@example.com" || err != nil {
		t.Errorf("after it: %q, %v", got, err)
	}
}

func TestCacheForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache[int]()
		c.put("a", 1, time.Minute)
		if v, ok := c.get("a"); !ok || v != 1 {
			t.Errorf("get = %v, %v", v, ok)
		}
		time.Sleep(time.Minute)
		if _, ok := c.get("a"); ok {
			t.Error("remembered too long")
		}
		for i := range 3 * maxCached {
			c.put(fmt.Sprint(i), i, time.Hour)
			if len(c.m) > maxCached {
				t.Fatalf("%d entries, over the bound", len(c.m))
			}
		}
		if v, ok := c.get(fmt.Sprint(3*maxCached - 1)); !ok || v != 3*maxCached-1 {
			t.Error("the newest was forgotten")
		}
	})
}

func TestWaits(t *testing.T) {
	w := retryDelay{first: 250 * time.Millisecond, max: 30 * time.Second}
	for step := w.first; step < w.max; step *= 2 {
		if d := w.next(); d < step/2 || d > step {
			t.Errorf("waits %v at step %v", d, step)
		}
	}
	for range 10 {
		if d := w.next(); d < w.max/2 || d > w.max {
			t.Errorf("waits %v at the end", d)
		}
	}
	w.reset()
	if d := w.next(); d > w.first {
		t.Errorf("waits %v after a reset", d)
	}
}
