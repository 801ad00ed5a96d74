package teleport

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func TestRequestTranslation(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("KST", 9*3600))
	expiry, start := at.Add(time.Hour), at.Add(2*time.Hour)
	full := &types.AccessRequestV3{
		Metadata: types.Metadata{Name: "id-1"},
		Spec: types.AccessRequestSpecV3{
			User: "alice", Roles: []string{"dba", "editor"}, State: types.RequestState_PROMOTED,
			RequestReason: "why", ResolveReason: "because", SuggestedReviewers: []string{"bob"},
			Created: at, Expires: at.Add(8 * time.Hour), ResourceExpiry: &expiry, AssumeStartTime: &start,
			RequestedResourceIDs: []types.ResourceID{{ClusterName: "c", Kind: "pod", Name: "k", SubResourceName: "ns/p"}},
			Thresholds:           []types.AccessReviewThreshold{{Name: "two", Approve: 2, Deny: 1}},
			Reviews: []types.AccessReview{
				{Author: "late", ProposedState: types.RequestState_DENIED, Created: at.Add(2 * time.Minute), Reason: "no"},
				{Author: "early", ProposedState: types.RequestState_APPROVED, Created: at.Add(time.Minute)},
			},
			SystemAnnotations: map[string][]string{"team": {"a", "b"}},
			AccessList:        &types.PromotedAccessList{Name: "n", Title: "Admins"},
		},
	}
	utc := at.UTC()
	want := access.Request{
		ID: "id-1", User: "alice", Roles: []string{"dba", "editor"}, State: access.Promoted,
		Reason: "why", ResolveReason: "because", SuggestedReviewers: []string{"bob"},
		Created: utc, Expires: utc.Add(time.Hour), AccessExpires: utc.Add(8 * time.Hour), AssumeStart: utc.Add(2 * time.Hour),
		Resources:  []access.Resource{{Cluster: "c", Kind: "pod", Name: "k", SubResource: "ns/p"}},
		Thresholds: []access.Threshold{{Name: "two", Approve: 2, Deny: 1}},
		Reviews: []access.Review{
			{Author: "early", State: access.Approved, Created: utc.Add(time.Minute)},
			{Author: "late", State: access.Denied, Created: utc.Add(2 * time.Minute), Reason: "no"},
		},
		SystemAnnotations: map[string][]string{"team": {"a", "b"}}, AccessListTitle: "Admins",
	}
	if diff := cmp.Diff(want, request(full, "plugin")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if full.Spec.Reviews[0].Author != "late" {
		t.Error("sorting changed Teleport's own value")
	}
	if diff := cmp.Diff(access.Request{}, request(&types.AccessRequestV3{}, "plugin")); diff != "" {
		t.Errorf("an empty request (-want +got):\n%s", diff)
	}
	old := &types.AccessRequestV3{Metadata: types.Metadata{Expires: &expiry}}
	if got := request(old, "plugin").Expires; !got.Equal(expiry) {
		t.Errorf("expiry of an old server's request: %v, want %v", got, expiry)
	}
}

func TestStates(t *testing.T) {
	for in, want := range map[types.RequestState]access.State{
		types.RequestState_NONE: access.Pending, types.RequestState_PENDING: access.Pending,
		types.RequestState_APPROVED: access.Approved, types.RequestState_DENIED: access.Denied,
		types.RequestState_PROMOTED: access.Promoted, 99: access.Pending,
	} {
		if got := state(in); got != want {
			t.Errorf("state(%v) = %v, want %v", in, got, want)
		}
	}
}

func TestCluster(t *testing.T) {
	for _, tc := range []struct {
		name     string
		addr     string
		features *proto.Features
		web      string
	}{
		{"with port 443", "proxy.example.com:443", &proto.Features{AdvancedAccessWorkflows: true}, "https://proxy.example.com"},
		{"with another port", "proxy.example.com:3080", &proto.Features{AdvancedAccessWorkflows: true}, "https://proxy.example.com:3080"},
		{"with a scheme and a path", "https://proxy.example.com:443/web/", &proto.Features{AdvancedAccessWorkflows: true}, "https://proxy.example.com"},
		{"IPv6", "[::1]:443", &proto.Features{AdvancedAccessWorkflows: true}, "https://[::1]"},
		{"no proxy", "", &proto.Features{AdvancedAccessWorkflows: true}, ""},
		{"no feature", "proxy.example.com:443", &proto.Features{}, ""},
		{"no features at all", "proxy.example.com:443", nil, ""},
		{"no address", "javascript://alert", &proto.Features{AdvancedAccessWorkflows: true}, ""},
		{"nonsense", "a b\n", &proto.Features{AdvancedAccessWorkflows: true}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := clusterOf(&proto.PingResponse{ClusterName: "c", ServerVersion: "18.0.0", ProxyPublicAddr: tc.addr, ServerFeatures: tc.features})
			if diff := cmp.Diff(access.Cluster{Name: "c", Version: "18.0.0", WebURL: tc.web}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMajor(t *testing.T) {
	for in, want := range map[string]int{"18.2.0-dev": 18, "v13.3.8": 13, "9": 9, "": -1, "next": -1} {
		got, ok := major(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("major(%q) = %d, want %d", in, got, want)
		}
	}
}

// A state of a newer server is no reason to offer a decision.
func TestUnknownStateCannotBeRead(t *testing.T) {
	r := &types.AccessRequestV3{Spec: types.AccessRequestSpecV3{State: 5}, XXX_unrecognized: []byte{0x30, 0x01}}
	got := request(r, "")
	if want := []string{"state 5", "field 6"}; !slices.Equal(got.Unread, want) || got.State != access.Pending {
		t.Errorf("state %v, unread %q, want %q", got.State, got.Unread, want)
	}
}
