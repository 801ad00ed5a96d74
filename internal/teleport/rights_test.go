package teleport

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// tried returns the rights that are missing, and fails for those that can't be
// told.
func tried(t *testing.T, c *Client) (denied []string) {
	t.Helper()
	for _, r := range Rights(true) {
		switch err := c.Try(t.Context(), r); {
		case fault.Is(err, fault.Denied):
			denied = append(denied, r.Kind+" "+r.Verbs+": "+r.For)
		case err != nil:
			t.Errorf("%s %s: %v", r.Kind, r.Verbs, err)
		}
	}
	return denied
}

func TestTryingARightTellsWhetherItIsThereAndChangesNothing(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := connectedClient(t, s)
	id := createRequest(t, s)
	if denied := tried(t, c); denied != nil {
		t.Errorf("with every right, these are missing: %q", denied)
	}
	for _, tt := range []struct {
		kind, verb string
		want       []string
	}{
		{"access_request", "list", []string{"access_request list, read: reading access requests"}},
		{"access_plugin_data", "update", []string{"access_plugin_data create, update: recording which messages were posted"}},
		{"user", "read", []string{"user read: email addresses of users whose name is not one", "user list, read: finding the user who clicked a button"}},
		{"user", "list", []string{"user list, read: finding the user who clicked a button"}},
		{"role", "read", []string{"role read: the logins of requested roles"}},
		{"node", "list", []string{"node list, read: host names instead of IDs"}},
		{"app", "read", []string{"app_server list, read: names of applications"}},
		{"user_group", "list", []string{"user_group list, read: names of user groups"}},
		{"access_list", "list", []string{"access_list list, read: reminders of access list reviews"}},
		{"access_monitoring_rule", "list", []string{"access_monitoring_rule list, read: access monitoring rules"}},
		{"user_login_state", "read", []string{"user_login_state list, read: traits of the last login, for rules that use traits"}},
	} {
		restore := s.Deny(tt.kind, tt.verb)
		if diff := cmp.Diff(tt.want, tried(t, c)); diff != "" {
			t.Errorf("without %s %s (-want +got):\n%s", tt.kind, tt.verb, diff)
		}
		restore()
	}
	// Plugin data of requests can be read by all who may read requests.
	defer s.Deny("access_request", "read")()
	defer s.Deny("access_plugin_data", "read")()
	if denied := tried(t, c); len(denied) != 2 {
		t.Errorf("missing: %q", denied)
	}
	for _, w := range s.PluginDataWrites() {
		if w.Err == nil || w.Resource == id {
			t.Errorf("trying wrote %+v", w)
		}
	}
	if n := s.Watchers(); n != 0 {
		eventually(t, "the watches end", func() bool { return s.Watchers() == 0 })
	}
}

// What an old server doesn't have is no missing right.
func TestTryingRightsOnAnOldServer(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "13.4.0"})
	c, _ := connectedClient(t, s)
	for _, r := range Rights(true) {
		if err := c.Try(t.Context(), r); err != nil && (r.Required || !fault.Is(err, fault.Unsupported)) {
			t.Errorf("%s %s: %v", r.Kind, r.Verbs, err)
		}
	}
}

func TestTryingWithoutAConnectionIsNoRefusal(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	for _, r := range Rights(true) {
		if err := c.Try(t.Context(), r); !fault.Is(err, fault.Retry) {
			t.Errorf("%s %s: %v", r.Kind, r.Verbs, err)
		}
	}
}
