package slack

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

var groupScopes = append([]string{"usergroups:read"}, everyScope...)

func TestUserGroupsByHandleAndID(t *testing.T) {
	s, c := workspace(t, slacktest.Options{Scopes: groupScopes})
	s.AddGroup(slacktest.Group{ID: "S0ONCALL01", Handle: "oncall"})
	s.AddGroup(slacktest.Group{ID: "S0ASLEEP01", Handle: "asleep", Disabled: true})
	for _, name := range []string{"@oncall", "@OnCall", " @oncall"} {
		got, err := c.Resolve(t.Context(), name)
		if want := (access.Recipient{ID: "S0ONCALL01", Name: name, Kind: access.Group}); err != nil || got != want {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"@asleep", "@nobody", "@"} {
		if _, err := c.Resolve(t.Context(), name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if n := s.CallCounts()["usergroups.list"]; n != 1 {
		t.Errorf("%d lists for all handles, want 1", n)
	}
	got, err := c.Resolve(t.Context(), "S614TZR7")
	if want := (access.Recipient{ID: "S614TZR7", Name: "S614TZR7", Kind: access.Group}); err != nil || got != want {
		t.Errorf("an ID: %+v, %v", got, err)
	}
	if got, err := c.Resolve(t.Context(), "SECURITY"); err != nil || got.Kind != access.Channel {
		t.Errorf("a channel in capitals: %+v, %v", got, err)
	}
}

func TestUserGroupsWithoutTheScope(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	s.AddGroup(slacktest.Group{ID: "S0ONCALL01", Handle: "oncall"})
	for range 2 { // before Slack told the scopes, and after
		_, err := c.Resolve(t.Context(), "@oncall")
		f, ok := fault.As(err)
		if !ok || f.Class != fault.Permanent || f.Reason != "missing_scope" || f.Hint == "" {
			t.Fatalf("%#v", err)
		}
		if _, err := c.Resolve(t.Context(), "@other"); err == nil {
			t.Fatal("found without the scope")
		}
	}
	if n := s.CallCounts()["usergroups.list"]; n != 1 {
		t.Errorf("%d calls that can't succeed, want the one that told", n)
	}
	if got, err := c.Resolve(t.Context(), "S0ONCALL01"); err != nil || got.ID != "S0ONCALL01" {
		t.Errorf("an ID needs no scope: %+v, %v", got, err)
	}
}

func TestUserGroupsAgeAndOldOnesServeInNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, body := 200, `{"ok":true,"usergroups":[{"id":"S0ONCALL01","handle":"oncall"},{"id":"<!here>","handle":"odd"}]}`
		calls := 0
		c := client(t, Options{HTTPClient: httpClientOf(func(r *http.Request) (*http.Response, error) {
			calls++
			return respond(status, body)(r)
		})})
		resolve := func(name, want string, wantCalls int) {
			t.Helper()
			if got, err := c.Resolve(t.Context(), name); got.ID != want || calls != wantCalls {
				t.Errorf("%s is %q, %v, after %d calls; want %q after %d", name, got.ID, err, calls, want, wantCalls)
			}
		}
		resolve("@oncall", "S0ONCALL01", 1)
		resolve("@new", "", 1)
		resolve("@odd", "", 1) // an ID of no form is none
		body = `{"ok":true,"usergroups":[{"id":"S0NEWNEW01","handle":"new"}]}`
		resolve("@new", "", 1) // for five minutes
		time.Sleep(unknownFor + time.Second)
		resolve("@new", "S0NEWNEW01", 2)
		resolve("@oncall", "S0ONCALL01", 2) // for an hour
		time.Sleep(knownFor)
		status, body = 503, ""
		resolve("@oncall", "S0ONCALL01", 3) // an old answer is better than none
		status, body = 200, `{"ok":true,"usergroups":[]}`
		resolve("@oncall", "", 4) // but not better than a new one
	})
}

func TestManyHandlesAskOnce(t *testing.T) {
	s, c := workspace(t, slacktest.Options{Scopes: groupScopes})
	var wg sync.WaitGroup
	for _, handle := range []string{"@a", "@b", "@c", "@d", "@a"} {
		s.AddGroup(slacktest.Group{ID: "S0GROUP00" + handle[1:], Handle: handle[1:]})
		wg.Go(func() { _, _ = c.Resolve(t.Context(), handle) })
	}
	wg.Wait()
	if n := s.CallCounts()["usergroups.list"]; n != 1 {
		t.Errorf("%d lists, want 1", n)
	}
}
