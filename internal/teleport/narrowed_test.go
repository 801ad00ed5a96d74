package teleport

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func resourceID(kind, name string) types.ResourceID {
	return types.ResourceID{ClusterName: "example.com", Kind: kind, Name: name}
}

// What is narrowed to principals is only in a field that the api doesn't know.
func TestNarrowedResources(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	r, err := s.CreateRequest(teleporttest.Request{
		User: "alice", Roles: []string{"access"},
		Resources: []types.ResourceID{resourceID("db", "orders"), resourceID("node", "web-1")},
		Narrowed: []teleporttest.NarrowedResource{
			{ID: resourceID("app", "aws"), RoleARNs: []string{"arn:aws:iam::123456789012:role/admin"}},
			{ID: resourceID("node", "web-1"), Logins: []string{"root", "ubuntu"}},
			{ID: resourceID("windows_desktop", "desk"), WindowsLogins: []string{"Administrator"}},
			{ID: types.ResourceID{ClusterName: sentinel, Kind: "node", Name: sentinel}, Logins: []string{"x"}},
		},
		LongTerm: true, RecommendedList: "db-on-call",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Request(t.Context(), r.GetName())
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Resource{
		{Cluster: "example.com", Kind: "app", Name: "aws", Principals: []string{"arn:aws:iam::123456789012:role/admin"}},
		{Cluster: "example.com", Kind: "node", Name: "web-1", Principals: []string{"root", "ubuntu"}},
		{Cluster: "example.com", Kind: "windows_desktop", Name: "desk", Principals: []string{"Administrator"}},
		{Cluster: "example.com", Kind: "db", Name: "orders"},
	}
	if diff := cmp.Diff(want, got.Resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if title := c.Details(t.Context(), got).ListTitle; title != "" {
		t.Errorf("a list that is not there has the title %q", title)
	}
	if err := s.SetAccessList(teleporttest.AccessList{Name: "db-on-call", Title: "Database on-call"}); err != nil {
		t.Fatal(err)
	}
	if title := c.Details(t.Context(), got).ListTitle; title != "Database on-call" {
		t.Errorf("the title is %q", title)
	}
	if got.Kind != access.LongTerm || got.RecommendedList != "db-on-call" || got.Unread != nil {
		t.Errorf("kind %v, list %q, unread %q", got.Kind, got.RecommendedList, got.Unread)
	}
}

// What can't be read is named, and logged once.
func TestPartsThatCannotBeRead(t *testing.T) {
	number := func(n protowire.Number) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), 1)
	}
	text := func(n protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), v)
	}
	node := resourceID("node", "web-1")
	for _, tt := range []struct {
		name string
		req  teleporttest.Request
		want string
	}{
		{"a field of the spec", teleporttest.Request{SpecFields: number(27)}, "spec field 27"},
		{"a request kind", teleporttest.Request{SpecFields: append(protowire.AppendTag(nil, 24, protowire.VarintType), 3)}, "request kind 3"},
		{"a constraint", teleporttest.Request{Narrowed: []teleporttest.NarrowedResource{{ID: node, Constraints: text(12, "\x0a\x01x")}}}, "constraint 12"},
		{"a part of a constraint", teleporttest.Request{Narrowed: []teleporttest.NarrowedResource{{ID: node, Constraints: text(11, "\x0a\x01x\x12\x01y")}}}, "constraint 11 field 2"},
		{"a second constraint", teleporttest.Request{Narrowed: []teleporttest.NarrowedResource{{ID: node, Logins: []string{"root"}, Constraints: text(13, "\x0a\x01x")}}}, "constraints"},
		{"a constraint without principals", teleporttest.Request{Narrowed: []teleporttest.NarrowedResource{{ID: node, Constraints: text(11, "")}}}, "constraint 11"},
		{"no constraint", teleporttest.Request{Narrowed: []teleporttest.NarrowedResource{{ID: node}}}, "constraints"},
		{"a version of constraints", teleporttest.Request{Narrowed: []teleporttest.NarrowedResource{{ID: node, Logins: []string{"root"}, Constraints: text(1, "v2")}}}, `constraints version "v2"`},
		{"no resource", teleporttest.Request{SpecFields: text(26, "")}, "resource_access_ids"},
		{"a part of a resource", teleporttest.Request{Resources: []types.ResourceID{{ClusterName: "c", Kind: "node", Name: "n", XXX_unrecognized: number(5)}}}, "resource id field 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{})
			c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{}), Version: "1.2.3"})
			if _, err := c.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			tt.req.User, tt.req.Roles = "alice", []string{"access"}
			r, err := s.CreateRequest(tt.req)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				got, err := c.Request(t.Context(), r.GetName())
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Unread) == 0 || got.Unread[0] != tt.want {
					t.Errorf("unread %q, want %q", got.Unread, tt.want)
				}
				if (access.Buttons{On: true}).Offered(got, access.Reviewers) {
					t.Error("it has buttons")
				}
			}
			if lines := j.lines("can't read", "plugin_version=1.2.3"); len(lines) != 1 {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

// The fields of reviews on behalf of others are known.
func TestUnreadPartsOfReviews(t *testing.T) {
	if got := unreadOfReview(append(onBehalf(), 0x68, 1)); len(got) != 1 || got[0] != "review field 13" {
		t.Errorf("unread %q", got)
	}
	if got := unreadOfReview(onBehalf()); got != nil {
		t.Errorf("unread %q", got)
	}
}

func TestDryRunsAreNotSeen(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServer(t, teleporttest.Options{ServerVersion: version})
			c, _ := connectedClient(t, s)
			r, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"access"}, DryRun: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Requests()) != 1 {
				t.Fatal("the server has no dry run")
			}
			if got, err := c.Request(t.Context(), r.GetName()); !fault.Is(err, fault.NotFound) {
				t.Errorf("Request = %+v, %v", got, err)
			}
			err = c.Requests(t.Context(), func(r access.Request) error { t.Errorf("listed %+v", r); return nil })
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
