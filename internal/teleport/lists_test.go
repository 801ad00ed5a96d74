package teleport

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"

	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func lists(t *testing.T, c *Client) ([]access.AccessList, error) {
	t.Helper()
	var all []access.AccessList
	err := c.AccessLists(t.Context(), func(l access.AccessList) error { all = append(all, l); return nil })
	return all, err
}

func TestAccessLists(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	var want []access.AccessList
	for i := range pageLists + 3 {
		name := fmt.Sprintf("list-%03d", i)
		if err := s.SetAccessList(teleporttest.AccessList{Name: name, Title: "Team " + name, Owners: []string{"bob", "alice"}, NextAudit: at, NotifyBefore: 72 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		want = append(want, access.AccessList{Name: name, Title: "Team " + name, Owners: []string{"alice", "bob"}, NextReview: at, NotifyBefore: 72 * time.Hour})
	}
	got, err := lists(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := s.Calls()["ListAccessLists"]; n != 2 {
		t.Errorf("%d calls for %d lists", n, len(want))
	}
}

// Lists whose members come from Terraform or an identity provider have owners and
// dates, and nobody reviews them.
func TestAccessListsThatNobodyReviews(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, j := connectedClient(t, s)
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, typ := range []string{"", "dynamic", "future", "scim", "static"} {
		if err := s.SetAccessList(teleporttest.AccessList{Name: "list " + typ, Type: typ, Owners: []string{"bob"}, NextAudit: at}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := lists(t, c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, l := range all {
		got[l.Name] = !l.NextReview.IsZero()
	}
	if diff := cmp.Diff(map[string]bool{"list ": true, "list dynamic": true, "list future": true, "list scim": false, "list static": false}, got); diff != "" {
		t.Errorf("who is reminded (-want +got):\n%s", diff)
	}
	if l := j.lines("level=WARN"); len(l) != 1 || !strings.Contains(l[0], "future") {
		t.Errorf("warnings: %q, want one about the unknown type", l)
	}
}

// TestOddAccessLists are what servers of other versions may send.
func TestOddAccessLists(t *testing.T) {
	for _, l := range []*listspb.AccessList{nil, {}, {Spec: &listspb.AccessListSpec{Owners: []*listspb.AccessListOwner{nil, {}}}}} {
		if diff := cmp.Diff(access.AccessList{Owners: []string{}, NotifyBefore: 14 * 24 * time.Hour}, accessList(l)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", l, diff)
		}
	}
}

func TestAccessListOwners(t *testing.T) {
	list := teleporttest.AccessList{Name: "l", Owners: []string{"bob"}, OwnerLists: []string{"admins"}, InheritedOwners: []string{"carol", "bob"}}
	for _, tt := range []struct {
		name  string
		o     teleporttest.Options
		want  []string
		calls int
	}{
		{"with those of other lists", teleporttest.Options{}, []string{"bob", "carol"}, 2},
		{"an older server", teleporttest.Options{NoListOwners: true}, []string{"bob"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, tt.o)
			c, _ := connectedClient(t, s)
			if err := s.SetAccessList(list); err != nil {
				t.Fatal(err)
			}
			all, err := lists(t, c)
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			for range 2 {
				got, err := c.AccessListOwners(t.Context(), all[0])
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if n := s.Calls()["GetAccessListOwners"]; n != tt.calls {
				t.Errorf("asked %d times, want %d", n, tt.calls)
			}
		})
	}
}

func TestNoAccessLists(t *testing.T) {
	s := startServer(t, teleporttest.Options{NoAccessLists: true})
	c, _ := connectedClient(t, s)
	if _, err := lists(t, c); !fault.Is(err, fault.Unsupported) {
		t.Errorf("without the service: %v", err)
	}
	s = startServer(t, teleporttest.Options{})
	c, _ = connectedClient(t, s)
	defer s.Deny(types.KindAccessList, types.VerbList)()
	if _, err := lists(t, c); !fault.Is(err, fault.Denied) {
		t.Errorf("without the right: %v", err)
	}
}

func TestListRecord(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	if data, err := c.ListRecord(t.Context(), "l"); err != nil || len(data) > 0 {
		t.Fatalf("before anything was written: %v, %v", data, err)
	}
	set := map[string]string{"user_notifications": "{}"}
	if err := c.UpdateListRecord(t.Context(), "l", set, map[string]string{"user_notifications": ""}); err != nil {
		t.Fatal(err)
	}
	if err := c.UpdateListRecord(t.Context(), "l", set, map[string]string{"user_notifications": ""}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second first write: %v", err)
	}
	data, err := c.ListRecord(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set, data); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(set, s.ListPluginData("l")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.PluginData("l"); got != nil {
		t.Errorf("it is stored as that of a request: %v", got)
	}
}
