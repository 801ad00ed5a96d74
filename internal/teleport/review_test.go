package teleport

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// reviewServer has bob, who may review the role editor, and lets us submit for him.
func reviewServer(t *testing.T, version string) *teleporttest.Server {
	t.Helper()
	s := startServer(t, teleporttest.Options{ServerVersion: version})
	role, err := types.NewRole("reviewer", types.RoleSpecV6{Allow: types.RoleConditions{
		ReviewRequests: &types.AccessReviewConditions{Roles: []string{"editor"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddRole(role); err != nil {
		t.Fatal(err)
	}
	addReviewer(t, s, "bob", map[string][]string{"slack_uid": {"U0BOB"}}, false)
	s.SubmitForUsers("access-plugin", []string{"*"}, nil)
	return s
}

func addReviewer(t *testing.T, s *teleporttest.Server, name string, traits map[string][]string, bot bool) {
	t.Helper()
	u, err := types.NewUser(name)
	if err != nil {
		t.Fatal(err)
	}
	u.SetTraits(traits)
	u.SetRoles([]string{"reviewer"})
	if bot {
		meta := u.GetMetadata()
		meta.Labels = map[string]string{types.BotLabel: name}
		u.(*types.UserV2).Metadata = meta
	}
	if err := s.AddUser(u); err != nil {
		t.Fatal(err)
	}
}

func TestAReviewIsSubmittedForItsAuthor(t *testing.T) {
	s := reviewServer(t, "18.11.0")
	c, _ := connectedClient(t, s)
	id := createRequest(t, s)
	got, err := c.SubmitReview(t.Context(), id, access.Review{Author: "bob", State: access.Denied, Reason: "not today"})
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Review{{Author: "bob", State: access.Denied, Reason: "not today", Slack: true}}
	created := got.Reviews[0].Created
	got.Reviews[0].Created = time.Time{}
	if diff := cmp.Diff(want, got.Reviews); diff != "" || got.State != access.Denied {
		t.Errorf("state %v, (-want +got):\n%s", got.State, diff)
	}
	if time.Since(created).Abs() > time.Minute {
		t.Errorf("created at %v", created)
	}
	read, err := c.Request(t.Context(), id)
	if err != nil || !read.Reviews[0].Slack {
		t.Errorf("read again: %+v, %v", read.Reviews, err)
	}
	// Another plugin is not Slack.
	other := createRequest(t, s)
	b := newClientAs(t, s, "jira-plugin")
	if _, err := b.SubmitReview(t.Context(), other, access.Review{Author: "bob", State: access.Approved}); err != nil {
		t.Fatal(err)
	}
	if read, err := c.Request(t.Context(), other); err != nil || read.Reviews[0].Slack {
		t.Errorf("a review through another plugin: %+v, %v", read.Reviews, err)
	}
}

// newClientAs is another plugin with our role.
func newClientAs(t *testing.T, s *teleporttest.Server, user string) *Client {
	t.Helper()
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{User: user})})
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhyAReviewIsNotTaken(t *testing.T) {
	s := reviewServer(t, "18.11.0")
	addReviewer(t, s, "robot", nil, true)
	c, _ := connectedClient(t, s)
	open, decided, reviewed := createRequest(t, s), createRequest(t, s), ""
	if err := s.SetState(decided, types.RequestState_DENIED, ""); err != nil {
		t.Fatal(err)
	}
	two, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}, Thresholds: []types.AccessReviewThreshold{{Approve: 2, Deny: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	reviewed = two.GetName()
	if _, err := c.SubmitReview(t.Context(), reviewed, access.Review{Author: "bob", State: access.Approved}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		id   string
		r    access.Review
		want fault.Class
	}{
		{"decided already", decided, access.Review{Author: "bob", State: access.Approved}, fault.Denied},
		{"reviewed already", reviewed, access.Review{Author: "bob", State: access.Denied}, fault.Conflict},
		{"gone", "00000000-0000-0000-0000-000000000000", access.Review{Author: "bob", State: access.Denied}, fault.NotFound},
		{"nobody", open, access.Review{Author: "nobody", State: access.Denied}, fault.NotFound},
		{"a bot", open, access.Review{Author: "robot", State: access.Denied}, fault.Denied},
		{"no author", open, access.Review{State: access.Denied}, fault.Bug},
		{"no request", "", access.Review{Author: "bob", State: access.Denied}, fault.Bug},
		{"no decision", open, access.Review{Author: "bob", State: access.Pending}, fault.Bug},
		{"a promotion", open, access.Review{Author: "bob", State: access.Promoted}, fault.Bug},
	} {
		if _, err := c.SubmitReview(t.Context(), tt.id, tt.r); !fault.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	s.SubmitForUsers("access-plugin", []string{"carol"}, nil)
	if _, err := c.SubmitReview(t.Context(), open, access.Review{Author: "bob", State: access.Approved}); !fault.Is(err, fault.Denied) {
		t.Errorf("without the right to submit for bob: %v", err)
	}
	s.SubmitForUsers("access-plugin", []string{"*"}, nil)
	end := s.Inject(teleporttest.Fault{Method: "SubmitAccessReview", Code: codes.Unavailable, AfterEffect: true})
	if _, err := c.SubmitReview(t.Context(), open, access.Review{Author: "bob", State: access.Approved}); !fault.Is(err, fault.Unknown) {
		t.Errorf("with the answer lost: %v", err)
	}
	end()
}

// An older server would take the plugin itself for the author, or refuse with
// a riddle.
func TestAnOlderServerIsNotAsked(t *testing.T) {
	s := reviewServer(t, "18.10.4")
	c, _ := connectedClient(t, s)
	id := createRequest(t, s)
	for _, author := range []string{"bob", "access-plugin"} {
		_, err := c.SubmitReview(t.Context(), id, access.Review{Author: author, State: access.Approved})
		if !fault.Is(err, fault.Unsupported) || fault.Hint(err) != "upgrade Teleport to 18.11 or newer" {
			t.Errorf("for %s: %v, hint %q", author, err, fault.Hint(err))
		}
	}
	if n := s.Calls()["SubmitAccessReview"]; n != 0 {
		t.Errorf("asked %d times", n)
	}
	if err := s.SetServerVersion("18.11.0"); err != nil {
		t.Fatal(err)
	}
	cluster, err := c.Connect(t.Context())
	if err != nil || !cluster.OnBehalf {
		t.Fatalf("after the upgrade: %+v, %v", cluster, err)
	}
	if _, err := c.SubmitReview(t.Context(), id, access.Review{Author: "bob", State: access.Approved}); err != nil {
		t.Errorf("after the upgrade: %v", err)
	}
}

func TestUsersByTrait(t *testing.T) {
	s := reviewServer(t, "18.11.0")
	c, _ := connectedClient(t, s)
	const many = pageUsers + 10
	for i := range many {
		addReviewer(t, s, "user-"+string(rune('a'+i%26))+time.Duration(i).String(), map[string][]string{"slack_uid": {"U0OTHER"}}, false)
	}
	addReviewer(t, s, "zoe", map[string][]string{"slack_uid": {"U0X", "U0ZOE"}, "other": {"U0BOB"}}, false)
	addReviewer(t, s, "amy", map[string][]string{"slack_uid": {"U0ZOE"}}, true)
	names := func(trait, value string) []string {
		t.Helper()
		users, err := c.UsersByTrait(t.Context(), trait, value)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, u := range users {
			names = append(names, u.Name)
		}
		return names
	}
	for _, tt := range []struct {
		trait, value string
		want         []string
	}{
		{"slack_uid", "U0BOB", []string{"bob"}},
		{"slack_uid", "U0ZOE", []string{"amy", "zoe"}},
		{"slack_uid", "u0bob", nil},
		{"slack_uid", "U0BO", nil},
		{"SLACK_UID", "U0BOB", nil},
		{"nothing", "U0BOB", nil},
	} {
		if diff := cmp.Diff(tt.want, names(tt.trait, tt.value)); diff != "" {
			t.Errorf("%s = %s (-want +got):\n%s", tt.trait, tt.value, diff)
		}
	}
	if got := names("slack_uid", "U0OTHER"); len(got) != many {
		t.Errorf("%d of %d users on several pages", len(got), many)
	}
	for _, q := range [][2]string{{"", "U0BOB"}, {"slack_uid", ""}} {
		if got, err := c.UsersByTrait(t.Context(), q[0], q[1]); err == nil {
			t.Errorf("a question without an object found %v", got)
		}
	}
	restore := s.Deny(types.KindUser, types.VerbList)
	defer restore()
	if _, err := c.UsersByTrait(t.Context(), "slack_uid", "U0BOB"); !fault.Is(err, fault.Denied) || fault.Hint(err) != "grant the role of these credentials list and read on user" {
		t.Errorf("without the right: %v, hint %q", err, fault.Hint(err))
	}
}

// Users with megabytes of traits come in smaller pages.
func TestUsersThatAreTooLargeForAPage(t *testing.T) {
	s := reviewServer(t, "18.11.0")
	c, _ := connectedClient(t, s)
	for i := range 8 {
		addReviewer(t, s, "user-"+string(rune('a'+i)), map[string][]string{"groups": {strings.Repeat("x", 1<<20)}, "slack_uid": {"U0MANY"}}, false)
	}
	if users, err := c.UsersByTrait(t.Context(), "slack_uid", "U0MANY"); err != nil || len(users) != 8 {
		t.Errorf("got %d of 8 users, %v", len(users), err)
	}
}

func TestUser(t *testing.T) {
	s := reviewServer(t, "18.11.0")
	addReviewer(t, s, "robot", nil, true)
	c, _ := connectedClient(t, s)
	got, err := c.User(t.Context(), "bob")
	want := access.User{Name: "bob", Traits: map[string][]string{"slack_uid": {"U0BOB"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := c.User(t.Context(), "robot"); err != nil || !got.Bot {
		t.Errorf("a bot: %+v, %v", got, err)
	}
	for _, name := range []string{"", "nobody", "BOB"} {
		if _, err := c.User(t.Context(), name); !fault.Is(err, fault.NotFound) {
			t.Errorf("user %q: %v", name, err)
		}
	}
	addReviewer(t, s, "bob", map[string][]string{"slack_uid": {"U0NEW"}}, false)
	if got, err := c.User(t.Context(), "bob"); err != nil || got.Traits["slack_uid"][0] != "U0NEW" {
		t.Errorf("after a change: %+v, %v", got, err)
	}
}
