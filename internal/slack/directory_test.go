package slack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestResolveWithoutAskingSlack(t *testing.T) {
	c := client(t, Options{HTTPClient: httpClientOf(func(r *http.Request) (*http.Response, error) {
		t.Errorf("asked %s", r.URL)
		return nil, http.ErrServerClosed
	})})
	rows := []struct {
		name, id string
		kind     access.RecipientKind
	}{
		{"#dev", "#dev", access.Channel},
		{"dev", "#dev", access.Channel},
		{" #Dev-Ops ", "#dev-ops", access.Channel},
		{"##dev", "#dev", access.Channel},
		{"C0123456789", "C0123456789", access.Channel},
		{"G012345678", "G012345678", access.Channel},
		{"D012345678", "D012345678", access.Channel},
		{"U012345678", "U012345678", access.Person},
		{"W012345678", "W012345678", access.Person},
		{"C0123", "#c0123", access.Channel},                     // too short for an ID
		{"c0123456789", "#c0123456789", access.Channel},         // IDs are upper case
		{"alice@localhost", "#alice@localhost", access.Channel}, // no domain that Slack would know
		{"a b@example.com", "#a b@example.com", access.Channel},
		{"a@b@example.com", "#a@b@example.com", access.Channel},
	}
	for _, row := range rows {
		got, err := c.Resolve(t.Context(), row.name)
		if err != nil {
			t.Errorf("%q: %v", row.name, err)
		}
		if diff := cmp.Diff(access.Recipient{ID: row.id, Name: row.name, Kind: row.kind}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.name, diff)
		}
	}
	for _, name := range []string{"", "#", " ## ", "a\xff", "a\x00b", "@\xff00.0"} {
		if _, err := c.Resolve(t.Context(), name); !fault.Is(err, fault.Permanent) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestResolvePeople(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	for _, email := range []string{"alice@example.com", "Alice@Example.com"} {
		got, err := c.Resolve(t.Context(), email)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(access.Recipient{ID: "U0ALICE", Name: email, Kind: access.Person}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for range 2 {
		_, err := c.Resolve(t.Context(), "nobody@example.com")
		if diff := cmp.Diff(outcome{fault.NotFound, "users_not_found", 0}, outcomeOf(err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if fault.Hint(err) == "" {
			t.Error("no hint")
		}
	}
	if n := s.CallCounts()["users.lookupByEmail"]; n != 2 {
		t.Errorf("%d look-ups, want one for each address", n)
	}
}

func TestDeactivatedPersonIsPermanent(t *testing.T) {
	c := client(t, Options{HTTPClient: httpClientOf(respond(200, `{"ok":true,"user":{"id":"U1","deleted":true,"profile":{"fields":[]}}}`))})
	_, err := c.Resolve(t.Context(), "gone@example.com")
	if diff := cmp.Diff(outcome{fault.Permanent, "user_disabled", 0}, outcomeOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnswersAgeAndOldOnesServeInNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, status, body := 0, 200, `{"ok":true,"user":{"id":"U1"}}`
		c := client(t, Options{HTTPClient: httpClientOf(func(r *http.Request) (*http.Response, error) {
			calls++
			return respond(status, body)(r)
		})})
		resolve := func(want outcome, wantCalls int) {
			t.Helper()
			_, err := c.Resolve(t.Context(), "alice@example.com")
			if err == nil && want != (outcome{}) || err != nil && outcomeOf(err) != want {
				t.Errorf("got %v, want %v", err, want)
			}
			if calls != wantCalls {
				t.Errorf("%d calls, want %d", calls, wantCalls)
			}
		}
		fine := outcome{}
		resolve(fine, 1)
		time.Sleep(knownFor - time.Second)
		resolve(fine, 1)
		time.Sleep(2 * time.Second)
		status, body = 503, ""
		resolve(fine, 2) // an old answer is better than none
		status, body = 200, `{"ok":false,"error":"users_not_found"}`
		gone := outcome{fault.NotFound, "users_not_found", 0}
		resolve(gone, 3) // but not better than a new one
		resolve(gone, 3)
		time.Sleep(unknownFor + time.Second)
		status, body = 200, `{"ok":true,"user":{"id":"U1"}}`
		resolve(fine, 4)
	})
}

func TestErrorsOfTheMomentAreNotRemembered(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	s.Inject(slacktest.Fault{Method: "users.lookupByEmail", Status: 503, Times: 1})
	if _, err := c.Resolve(t.Context(), "alice@example.com"); !fault.Is(err, fault.Retry) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Resolve(t.Context(), "alice@example.com"); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestManyWhoAskTheSameAskOnce(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	s.Inject(slacktest.Fault{Method: "users.lookupByEmail", Latency: 30 * time.Millisecond})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if r, err := c.Resolve(t.Context(), "alice@example.com"); err != nil || r.ID != "U0ALICE" {
				t.Errorf("got %v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if n := s.CallCounts()["users.lookupByEmail"]; n != 1 {
		t.Errorf("%d look-ups, want 1", n)
	}
}

func TestOneWhoGivesUpDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		c := client(t, Options{HTTPClient: httpClientOf(func(r *http.Request) (*http.Response, error) {
			if first {
				first = false
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return respond(200, `{"ok":true,"user":{"id":"U1"}}`)(r)
		})})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Resolve(ctx, "alice@example.com"); err == nil {
				t.Error("the one who gave up got an answer")
			}
		})
		synctest.Wait()
		for range 3 {
			wg.Go(func() {
				if r, err := c.Resolve(t.Context(), "alice@example.com"); err != nil || r.ID != "U1" {
					t.Errorf("got %v, %v", r, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestNameAndIDAreOneWhereTheTokenMayList(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	for i := range 2500 {
		s.AddChannel(slacktest.Channel{Name: fmt.Sprintf("filler-%d", i)})
	}
	s.AddChannel(slacktest.Channel{ID: "C0LASTLAST0", Name: "last"})
	if r, err := c.Resolve(t.Context(), "#dev"); err != nil || r.ID != "#dev" {
		t.Errorf("before the scopes are known: %v, %v", r, err)
	}
	if _, err := c.Auth(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{
		"#dev": "C0DEVDEVDEV", "DEV": "C0DEVDEVDEV", "last": "C0LASTLAST0", "nowhere": "#nowhere", "#secret": "#secret",
	} {
		if r, err := c.Resolve(t.Context(), name); err != nil || r.ID != id {
			t.Errorf("%s: %v, %v, want %s", name, r, err, id)
		}
	}
	if n := s.CallCounts()["conversations.list"]; n < 2 || n > 4 {
		t.Errorf("%d pages read, want each of three once", n)
	}
}

func TestListThatFailsCostsNothing(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	s.Inject(slacktest.Fault{Method: "conversations.list", RetryAfter: 30 * time.Second})
	if _, err := c.Auth(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r, err := c.Resolve(t.Context(), "#dev"); err != nil || r.ID != "#dev" {
			t.Errorf("got %v, %v", r, err)
		}
	}
	if n := s.CallCounts()["conversations.list"]; n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestPostsTeachNames(t *testing.T) {
	_, c := workspace(t, slacktest.Options{Scopes: []string{"chat:write"}})
	if _, err := c.Post(t.Context(), post("#dev", "1", "request")); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Resolve(t.Context(), "Dev"); err != nil || r.ID != "C0DEVDEVDEV" {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestDirectoryIsBounded(t *testing.T) {
	d := newDirectory()
	now := time.Now()
	for i := range maxDirectory + 100 {
		d.keep(fmt.Sprint(i), entry{until: now.Add(time.Duration(i))})
		d.learn(fmt.Sprintf("#%d", i), "C1")
	}
	if len(d.entries) != maxDirectory || len(d.ids) != maxDirectory {
		t.Errorf("%d entries, %d names, want %d each", len(d.entries), len(d.ids), maxDirectory)
	}
	if _, have := d.entries["99"]; have {
		t.Error("the oldest was kept")
	}
	if _, have := d.entries["100"]; !have {
		t.Error("a newer one was dropped")
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"#dev", "dev", "alice@example.com", "C0123456789", "U0123456789", "", "#", "a@b.c d", "\x00", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c := New(Options{Token: func() string { return "xoxb-t" }, HTTPClient: httpClientOf(respond(200, `{"ok":true,"user":{"id":"U1"}}`))})
		r, err := c.Resolve(t.Context(), name)
		if err != nil {
			if _, ok := fault.As(err); !ok {
				t.Fatalf("%v is no fault", err)
			}
			return
		}
		if r.Name != name || r.ID == "" || strings.TrimLeft(r.ID, "#") == "" {
			t.Errorf("%q became %+v", name, r)
		}
		if r.Kind == access.Person && !isUserID(r.ID) {
			t.Errorf("%q is a person with the ID %q", name, r.ID)
		}
		again, err := c.Resolve(t.Context(), r.ID)
		if err != nil || len(r.ID) >= 9 && r.ID != again.ID {
			t.Errorf("%q: %q became %q, %v", name, r.ID, again.ID, err)
		}
	})
}
