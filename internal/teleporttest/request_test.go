package teleporttest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

const (
	pending  = types.RequestState_PENDING
	approved = types.RequestState_APPROVED
	denied   = types.RequestState_DENIED
	promoted = types.RequestState_PROMOTED
)

func TestReviews(t *testing.T) {
	type review struct {
		author string
		state  types.RequestState
		refuse func(error) bool // nil for accepted
		text   string           // part of the refusal
	}
	two := []types.AccessReviewThreshold{{Name: "two", Approve: 2, Deny: 2}}
	for _, tc := range []struct {
		name       string
		thresholds []types.AccessReviewThreshold
		reviews    []review
		want       types.RequestState
	}{
		{"one approval is enough by default", nil, []review{{"bob", approved, nil, ""}}, approved},
		{"one denial is enough by default", nil, []review{{"bob", denied, nil, ""}}, denied},
		{"one of two approvals leaves it open", two, []review{{"bob", approved, nil, ""}}, pending},
		{"two approvals of two", two, []review{{"bob", approved, nil, ""}, {"carol", approved, nil, ""}}, approved},
		{"different opinions do not add up", two, []review{{"bob", approved, nil, ""}, {"carol", denied, nil, ""}}, pending},
		{"the first threshold that is met decides",
			[]types.AccessReviewThreshold{{Approve: 3, Deny: 1}, {Approve: 2}},
			[]review{{"bob", approved, nil, ""}, {"carol", approved, nil, ""}}, approved},
		{"a threshold of zero cannot be met",
			[]types.AccessReviewThreshold{{Approve: 1}}, []review{{"bob", denied, nil, ""}}, pending},
		{"nobody reviews twice", two,
			[]review{{"bob", approved, nil, ""}, {"bob", denied, trace.IsAlreadyExists, "already reviewed"}}, pending},
		{"nobody reviews his own", nil, []review{{"alice", approved, trace.IsAccessDenied, "their own"}}, pending},
		{"a resolved one takes no more", nil,
			[]review{{"bob", denied, nil, ""}, {"carol", approved, trace.IsAccessDenied, "the access request has been already denied"}}, denied},
		{"pending is no opinion", nil, []review{{"bob", pending, trace.IsBadParameter, "state"}}, pending},
		{"promotion", nil, []review{{"bob", promoted, nil, ""}}, promoted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{IgnoreRBAC: true})
			c := connect(t, s, teleporttest.Identity{})
			id := create(t, s, teleporttest.Request{Thresholds: tc.thresholds})
			for _, r := range tc.reviews {
				_, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{
					RequestID: id, Review: types.AccessReview{Author: r.author, ProposedState: r.state, Reason: "so"},
				})
				switch {
				case r.refuse == nil && err != nil:
					t.Errorf("%s: %v", r.author, err)
				case r.refuse != nil && (!r.refuse(err) || !strings.Contains(err.Error(), r.text)):
					t.Errorf("%s: got %v, want a refusal with %q", r.author, err, r.text)
				}
			}
			got, err := s.Request(id)
			if err != nil {
				t.Fatal(err)
			}
			if got.GetState() != tc.want {
				t.Errorf("state is %s, want %s", got.GetState(), tc.want)
			}
			if extended := got.Expiry().Equal(got.GetAccessExpiry()); extended != (tc.want == approved) {
				t.Errorf("expires at %v, its access at %v", got.Expiry(), got.GetAccessExpiry())
			}
			if tc.want.IsResolved() && got.GetResolveReason() != "so" {
				t.Errorf("resolve reason is %q", got.GetResolveReason())
			}
		})
	}
}

func TestReviewIsTheCallers(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{User: "bob"})
	id := create(t, s, teleporttest.Request{})
	_, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{
		RequestID: id, Review: types.AccessReview{Author: "carol", ProposedState: approved},
	})
	if !trace.IsAccessDenied(err) {
		t.Errorf("in carol's name: %v", err)
	}
	got, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{
		RequestID: id, Review: types.AccessReview{Author: "bob", ProposedState: approved},
	})
	if err != nil || got.GetReviews()[0].Author != "bob" || got.GetReviews()[0].Created.IsZero() {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := s.Review("nothing", "bob", approved, ""); !trace.IsNotFound(err) {
		t.Errorf("review of nothing: %v", err)
	}
}

func TestThresholdsComeFromTheRequestersRoles(t *testing.T) {
	s := start(t, teleporttest.Options{})
	role, err := types.NewRole("dev", types.RoleSpecV6{Allow: types.RoleConditions{
		Request: &types.AccessRequestConditions{Roles: []string{"editor"}, Thresholds: []types.AccessReviewThreshold{{Name: "three", Approve: 3, Deny: 2}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	user, err := types.NewUser("alice")
	if err != nil {
		t.Fatal(err)
	}
	user.SetRoles([]string{"dev"})
	if err := s.AddRole(role); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUser(user); err != nil {
		t.Fatal(err)
	}
	r, err := s.Request(create(t, s, teleporttest.Request{}))
	if err != nil {
		t.Fatal(err)
	}
	want := []types.AccessReviewThreshold{{Name: "three", Approve: 3, Deny: 2}}
	if diff := cmp.Diff(want, r.GetThresholds()); diff != "" {
		t.Errorf("thresholds (-want +got):\n%s", diff)
	}
}

func TestAdministratorDecides(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{User: "admin"})
	id := create(t, s, teleporttest.Request{Roles: []string{"editor", "auditor"}, AccessTTL: 5 * time.Hour})
	set := func(u types.AccessRequestUpdate) error { return c.SetAccessRequestState(t.Context(), u) }

	if err := set(types.AccessRequestUpdate{RequestID: "nothing", State: approved}); !trace.IsNotFound(err) {
		t.Errorf("approve nothing: %v", err)
	}
	if err := set(types.AccessRequestUpdate{RequestID: id, State: approved, Roles: []string{"root"}}); !trace.IsBadParameter(err) {
		t.Errorf("approve with a role that was not asked for: %v", err)
	}
	if err := set(types.AccessRequestUpdate{RequestID: id, State: approved, Reason: "ok", Roles: []string{"editor"}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Request(id)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetState() != approved || got.GetResolveReason() != "ok" || !slices.Equal(got.GetRoles(), []string{"editor"}) {
		t.Errorf("got %v", got)
	}
	if !got.Expiry().Equal(got.GetAccessExpiry()) {
		t.Errorf("approved request expires at %v, its access at %v", got.Expiry(), got.GetAccessExpiry())
	}
	if err := set(types.AccessRequestUpdate{RequestID: id, State: denied}); err != nil {
		t.Errorf("deny after all: %v", err)
	}
	if err := set(types.AccessRequestUpdate{RequestID: id, State: approved}); !trace.IsBadParameter(err) {
		t.Errorf("approve what was denied: %v", err)
	}
	if err := c.DeleteAccessRequest(t.Context(), id); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := c.DeleteAccessRequest(t.Context(), id); !trace.IsNotFound(err) {
		t.Errorf("delete again: %v", err)
	}
}

// clock is a time that a test sets.
type clock struct{ atomic.Pointer[time.Time] }

func newClock() *clock {
	var c clock
	c.set(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC))
	return &c
}

func (c *clock) set(t time.Time)         { c.Store(&t) }
func (c *clock) now() time.Time          { return *c.Load() }
func (c *clock) advance(d time.Duration) { c.set(c.now().Add(d)) }

func TestExpiry(t *testing.T) {
	clk := newClock()
	s := start(t, teleporttest.Options{Clock: clk.now})
	undecided := create(t, s, teleporttest.Request{ID: "undecided", TTL: time.Hour, AccessTTL: 3 * time.Hour})
	granted := create(t, s, teleporttest.Request{ID: "granted", TTL: time.Hour, AccessTTL: 3 * time.Hour})
	refused := create(t, s, teleporttest.Request{ID: "refused", TTL: 2 * time.Hour, AccessTTL: 3 * time.Hour})
	if err := s.SetState(granted, approved, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(refused, denied, ""); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		left  []string
	}{
		{time.Hour - 1, []string{undecided, granted, refused}},
		{1, []string{granted, refused}},
		{time.Hour, []string{granted}},
		{time.Hour, nil},
	} {
		clk.advance(step.after)
		s.Sweep()
		var left []string
		for _, r := range s.Requests() {
			left = append(left, r.GetName())
		}
		slices.Sort(left)
		slices.Sort(step.left)
		if diff := cmp.Diff(step.left, left); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", clk.now(), diff)
		}
	}
	if _, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"x"}, TTL: -time.Hour}); !trace.IsBadParameter(err) {
		t.Errorf("create in the past: %v", err)
	}
}

func TestPageWalk(t *testing.T) {
	const total = 2_500
	clk := newClock()
	s := start(t, teleporttest.Options{Clock: clk.now})
	for i := range total {
		clk.advance(time.Millisecond)
		// The ID's order is not the order of creation.
		id := create(t, s, teleporttest.Request{ID: fmt.Sprintf("%04d", (i*7919)%10_000), TTL: 10 * time.Hour})
		if i%3 == 0 {
			if err := s.SetState(id, denied, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := connect(t, s, teleporttest.Identity{})
	byID := func(a, b *types.AccessRequestV3) int { return strings.Compare(a.GetName(), b.GetName()) }
	byTime := func(a, b *types.AccessRequestV3) int { return a.GetCreationTime().Compare(b.GetCreationTime()) }
	byState := func(a, b *types.AccessRequestV3) int {
		return strings.Compare(a.GetState().String(), b.GetState().String())
	}
	for _, tc := range []struct {
		req   proto.ListAccessRequestsRequest
		order func(a, b *types.AccessRequestV3) int
		want  int
	}{
		{proto.ListAccessRequestsRequest{}, byID, total},
		{proto.ListAccessRequestsRequest{Limit: 100}, byID, total},
		{proto.ListAccessRequestsRequest{Limit: 333, Descending: true}, byID, total},
		{proto.ListAccessRequestsRequest{Limit: 700, Sort: proto.AccessRequestSort_CREATED}, byTime, total},
		{proto.ListAccessRequestsRequest{Limit: 700, Sort: proto.AccessRequestSort_STATE, Descending: true}, byState, total},
		{proto.ListAccessRequestsRequest{Limit: 100, Filter: &types.AccessRequestFilter{State: denied}}, byID, (total + 2) / 3},
		{proto.ListAccessRequestsRequest{Filter: &types.AccessRequestFilter{User: "nobody"}}, byID, 0},
	} {
		t.Run(fmt.Sprintf("limit=%d,sort=%s,desc=%v,filter=%v", tc.req.Limit, tc.req.Sort, tc.req.Descending, tc.req.Filter), func(t *testing.T) {
			seen := map[string]bool{}
			var last *types.AccessRequestV3
			req := tc.req
			for pages := 0; ; pages++ {
				resp, err := c.ListAccessRequests(t.Context(), &req)
				if err != nil {
					t.Fatal(err)
				}
				if tc.req.Limit > 0 && len(resp.AccessRequests) > int(tc.req.Limit) {
					t.Fatalf("a page of %d", len(resp.AccessRequests))
				}
				for _, r := range resp.AccessRequests {
					if seen[r.GetName()] {
						t.Fatalf("%s came twice", r.GetName())
					}
					seen[r.GetName()] = true
					if last != nil {
						if o := tc.order(last, r); tc.req.Descending && o < 0 || !tc.req.Descending && o > 0 {
							t.Fatalf("%s is out of order", r.GetName())
						}
					}
					last = r
				}
				if req.StartKey = resp.NextKey; req.StartKey == "" {
					break
				}
			}
			if len(seen) != tc.want {
				t.Errorf("saw %d, want %d", len(seen), tc.want)
			}
		})
	}
	if _, err := c.ListAccessRequests(t.Context(), &proto.ListAccessRequestsRequest{Limit: -1}); !trace.IsBadParameter(err) {
		t.Errorf("negative limit: %v", err)
	}
}

// A walk goes on where it was when the request that its key names has gone.
func TestPageWalkSurvivesADeletion(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	for _, id := range []string{"a", "b", "c", "d"} {
		create(t, s, teleporttest.Request{ID: id})
	}
	first, err := c.ListAccessRequests(t.Context(), &proto.ListAccessRequestsRequest{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("c"); err != nil {
		t.Fatal(err)
	}
	second, err := c.ListAccessRequests(t.Context(), &proto.ListAccessRequestsRequest{Limit: 2, StartKey: first.NextKey})
	if err != nil || len(second.AccessRequests) != 1 || second.AccessRequests[0].GetName() != "d" {
		t.Errorf("got %v, %v", second, err)
	}
}

func TestOldServer(t *testing.T) {
	s := start(t, teleporttest.Options{ServerVersion: "13.3.8"})
	c := connect(t, s, teleporttest.Identity{User: "alice"})
	for i := range 3 {
		create(t, s, teleporttest.Request{ID: fmt.Sprint("r", i)})
	}
	if _, err := c.ListAccessRequests(t.Context(), &proto.ListAccessRequestsRequest{}); !trace.IsNotImplemented(err) {
		t.Errorf("ListAccessRequests: %v", err)
	}
	all, err := c.GetAccessRequests(t.Context(), types.AccessRequestFilter{State: pending})
	if err != nil || len(all) != 3 {
		t.Errorf("the client's fallback got %d, %v", len(all), err)
	}
	if _, err := c.GetUser(t.Context(), "alice", false); !trace.IsNotImplemented(err) {
		t.Errorf("GetUser: %v", err)
	}
	legacy := proto.NewAuthServiceClient(c.GetConnection())
	//nolint:staticcheck // that the old call works on an old server is what is tested
	user, err := legacy.GetUser(t.Context(), &proto.GetUserRequest{Name: "alice"})
	if err != nil || user.GetName() != "alice" {
		t.Errorf("legacy GetUser: %v, %v", user, err)
	}
	if err := s.SetServerVersion("17.0.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListAccessRequests(t.Context(), &proto.ListAccessRequestsRequest{}); err != nil {
		t.Errorf("after the upgrade: %v", err)
	}
	for _, v := range []string{"", "new", "x.1.2", "18.x.1", "18.2.0.1", "18."} {
		if err := s.SetServerVersion(v); err == nil {
			t.Errorf("took %q for a version", v)
		}
	}
}

func TestCopiesDoNotShareMemory(t *testing.T) {
	s := start(t, teleporttest.Options{})
	id := create(t, s, teleporttest.Request{Roles: []string{"editor"}})
	r, err := s.Request(id)
	if err != nil {
		t.Fatal(err)
	}
	r.GetRoles()[0] = "root"
	s.Requests()[0].GetRoles()[0] = "root"
	again, err := s.Request(id)
	if err != nil || again.GetRoles()[0] != "editor" {
		t.Errorf("got %v, %v", again, err)
	}
}

func TestListIsNeverStale(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	list := func() (got []string) {
		all, err := c.GetAccessRequests(t.Context(), types.AccessRequestFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			got = append(got, r.GetName()+" "+r.GetState().String())
		}
		return got
	}
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() error { create(t, s, teleporttest.Request{ID: "b"}); return nil }, []string{"b PENDING"}},
		{func() error { create(t, s, teleporttest.Request{ID: "a"}); return nil }, []string{"a PENDING", "b PENDING"}},
		{func() error { return s.SetState("b", denied, "") }, []string{"a PENDING", "b DENIED"}},
		{func() error { return s.Delete("a") }, []string{"b DENIED"}},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, list()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	}
}
