package teleporttest_test

import (
	"testing"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// addReviewer adds a user who may review the role "editor".
func addReviewer(t *testing.T, s *teleporttest.Server, name string, bot bool) {
	t.Helper()
	role, err := types.NewRole("reviewer", types.RoleSpecV6{Allow: types.RoleConditions{
		ReviewRequests: &types.AccessReviewConditions{Roles: []string{"edit*"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	user, err := types.NewUser(name)
	if err != nil {
		t.Fatal(err)
	}
	user.SetRoles([]string{"reviewer"})
	if bot {
		meta := user.GetMetadata()
		meta.Labels = map[string]string{types.BotLabel: name}
		user.(*types.UserV2).Metadata = meta
	}
	if err := s.AddRole(role); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUser(user); err != nil {
		t.Fatal(err)
	}
}

func TestReviewsOnBehalf(t *testing.T) {
	everybody := []string{"*"}
	behalf := []byte{0x60, 0x01}
	for _, tt := range []struct {
		name        string
		version     string
		allow, deny []string
		author      string
		field       []byte
		roles       []string // that are requested
		refused     func(error) bool
	}{
		{"allowed", "18.11.0", everybody, nil, "bob", behalf, nil, nil},
		{"allowed by name", "19.0.0", []string{"bob"}, nil, "bob", behalf, nil, nil},
		{"allowed for another", "18.11.0", []string{"carol"}, nil, "bob", behalf, nil, trace.IsAccessDenied},
		{"not allowed", "18.11.0", nil, nil, "bob", behalf, nil, trace.IsAccessDenied},
		{"deny is stronger", "18.11.0", everybody, []string{"bob"}, "bob", behalf, nil, trace.IsAccessDenied},
		{"without the field", "18.11.0", everybody, nil, "bob", nil, nil, trace.IsAccessDenied},
		{"with the field false", "18.11.0", everybody, nil, "bob", []byte{0x60, 0x00}, nil, trace.IsAccessDenied},
		{"a server that does not know the field", "18.10.9", everybody, nil, "bob", behalf, nil, trace.IsAccessDenied},
		{"nobody", "18.11.0", everybody, nil, "nobody", behalf, nil, trace.IsNotFound},
		{"no author", "18.11.0", everybody, nil, "", behalf, nil, trace.IsBadParameter},
		{"a bot", "18.11.0", everybody, nil, "robot", behalf, nil, trace.IsAccessDenied},
		{"an author without rights", "18.11.0", everybody, nil, "bob", behalf, []string{"editor", "admin"}, trace.IsAccessDenied},
		{"the requester", "18.11.0", everybody, nil, "alice", behalf, nil, trace.IsAccessDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{ServerVersion: tt.version})
			addReviewer(t, s, "bob", false)
			addReviewer(t, s, "alice", false)
			addReviewer(t, s, "robot", true)
			s.SubmitForUsers("access-plugin", tt.allow, tt.deny)
			c := connect(t, s, teleporttest.Identity{})
			roles := tt.roles
			if roles == nil {
				roles = []string{"editor"}
			}
			id := create(t, s, teleporttest.Request{User: "alice", Roles: roles})
			_, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{RequestID: id, Review: types.AccessReview{
				Author: tt.author, ProposedState: types.RequestState_APPROVED, XXX_unrecognized: tt.field,
			}})
			r, getErr := s.Request(id)
			if getErr != nil {
				t.Fatal(getErr)
			}
			if tt.refused != nil {
				if err == nil || !tt.refused(err) || len(r.GetReviews()) != 0 {
					t.Fatalf("got %v and %d reviews, want a refusal", err, len(r.GetReviews()))
				}
				return
			}
			if err != nil || len(r.GetReviews()) != 1 {
				t.Fatalf("got %v and %d reviews", err, len(r.GetReviews()))
			}
			if by := teleporttest.SubmittedBy(r.GetReviews()[0]); by != "access-plugin" {
				t.Errorf("submitted by %q", by)
			}
			if !r.GetState().IsApproved() {
				t.Errorf("the review that meets the threshold left the request %v", r.GetState())
			}
		})
	}
}

// Whoever reviews in their own name is nobody's plugin, whatever they claim.
func TestSubmittedByIsTheServersWord(t *testing.T) {
	s := start(t, teleporttest.Options{ServerVersion: "18.11.0"})
	c := connect(t, s, teleporttest.Identity{User: "bob"})
	id := create(t, s, teleporttest.Request{User: "alice"})
	forged := append([]byte{11<<3 | 2, 13}, "access-plugin"...)
	if _, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{RequestID: id, Review: types.AccessReview{
		Author: "bob", ProposedState: types.RequestState_APPROVED, XXX_unrecognized: forged,
	}}); err != nil {
		t.Fatal(err)
	}
	r, err := s.Request(id)
	if err != nil {
		t.Fatal(err)
	}
	if by := teleporttest.SubmittedBy(r.GetReviews()[0]); by != "" {
		t.Errorf("the server believes that %q submitted it", by)
	}
}
