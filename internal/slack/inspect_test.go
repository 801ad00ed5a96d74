package slack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestInspect(t *testing.T) {
	channel := func(id, name string) Presence {
		return Presence{Recipient: access.Recipient{ID: id, Name: name, Kind: access.Channel}}
	}
	with := func(s Presence, change func(*Presence)) Presence { change(&s); return s }
	dev := with(channel("C0DEVDEVDEV", "#Dev"), func(s *Presence) { s.Name, s.Member = "dev", true })
	tests := []struct {
		name   string
		lacks  []string // of everyScope
		want   Presence
		reason string
	}{
		{name: "#Dev", want: dev},
		{name: "C0NOTJOINED", want: with(channel("C0NOTJOINED", "C0NOTJOINED"), func(s *Presence) { s.Name = "elsewhere" })},
		{name: "attic", want: with(channel("C0ARCHIVED0", "attic"), func(s *Presence) { s.Name, s.Archived, s.Member = "attic", true, true })},
		{name: "secret", reason: "channel_not_found"},
		{name: "C0SECRETSEC", reason: "channel_not_found"},
		{name: "nowhere", reason: "channel_not_found"},
		{name: "  ", reason: "empty_name"},
		{name: "alice@example.com", want: Presence{Recipient: access.Recipient{ID: "U0ALICE", Name: "alice@example.com", Kind: access.Person}}},
		{name: "zoe@example.com", reason: "users_not_found"},
		{name: "U0CAROL0001", want: Presence{Recipient: access.Recipient{ID: "U0CAROL0001", Name: "U0CAROL0001", Kind: access.Person}}},
		{name: "U0GONE00001", reason: "user_disabled"},
		{name: "U0ROBOT0001", reason: "cannot_dm_bot"},
		{name: "U0NOBODY001", reason: "user_not_found"},
		{name: "S0ONCALL001", want: Presence{Recipient: access.Recipient{ID: "S0ONCALL001", Name: "S0ONCALL001", Kind: access.Group}}},
		{name: "@nobodys", lacks: []string{"usergroups:read"}, reason: "missing_scope"},
		{name: "D0DIRECT001", want: channel("D0DIRECT001", "D0DIRECT001")},

		{name: "#Dev", lacks: []string{"channels:read"}, want: with(channel("#dev", "#Dev"), func(s *Presence) { s.Lacks = []string{"channels:read"} })},
		{name: "#Dev", lacks: []string{"groups:read"}, want: dev},
		{name: "secret", lacks: []string{"groups:read"}, want: with(channel("#secret", "secret"), func(s *Presence) { s.Lacks = []string{"groups:read"} })},
		{name: "C0DEVDEVDEV", lacks: []string{"channels:read"}, want: with(channel("C0DEVDEVDEV", "C0DEVDEVDEV"), func(s *Presence) { s.Lacks = []string{"channels:read"} })},
		{name: "C0DEVDEVDEV", lacks: []string{"channels:read", "groups:read"}, want: with(channel("C0DEVDEVDEV", "C0DEVDEVDEV"), func(s *Presence) { s.Lacks = []string{"channels:read", "groups:read"} })},
		{name: "U0CAROL0001", lacks: []string{"users:read"}, want: Presence{Recipient: access.Recipient{ID: "U0CAROL0001", Name: "U0CAROL0001", Kind: access.Person}, Lacks: []string{"users:read"}}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.name, " without ", tt.lacks), func(t *testing.T) {
			scopes := slices.DeleteFunc(slices.Clone(everyScope), func(s string) bool { return slices.Contains(tt.lacks, s) })
			s, c := workspace(t, slacktest.Options{Scopes: scopes})
			s.AddUser(slacktest.User{ID: "U0CAROL0001"})
			s.AddUser(slacktest.User{ID: "U0GONE00001", Deleted: true})
			s.AddUser(slacktest.User{ID: "U0ROBOT0001", IsBot: true})
			if _, err := c.Auth(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := NewInspector(c).Inspect(t.Context(), tt.name)
			if f, _ := fault.As(err); tt.reason != "" {
				if f == nil || f.Reason != tt.reason || f.Hint == "" {
					t.Errorf("%+v, %v; want %s with a hint", got, err, tt.reason)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if n := s.CallCounts()["chat.postMessage"]; n != 0 {
				t.Errorf("%d messages were posted", n)
			}
		})
	}
}

// Slack lets a living channel have an archived one's name.
func TestALivingChannelComesBeforeAnArchivedOne(t *testing.T) {
	for _, archivedFirst := range []bool{true, false} {
		s, c := workspace(t, slacktest.Options{})
		s.AddChannel(slacktest.Channel{ID: "C0FIRST0001", Name: "twice", Archived: archivedFirst})
		s.AddChannel(slacktest.Channel{ID: "C0SECOND001", Name: "twice", Archived: !archivedFirst})
		got, err := NewInspector(c).Inspect(t.Context(), "twice")
		if err != nil || got.Archived {
			t.Errorf("archived first %v: %+v, %v", archivedFirst, got, err)
		}
	}
}

// The list is read once, however many ask and however many pages it has, and
// as slowly as Slack wants.
func TestTheListIsReadOncePatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := New(Options{Token: func() string { return "xoxb-1" }, HTTPClient: httpClientOf(func(r *http.Request) (*http.Response, error) {
			calls++
			if calls == 2 {
				return answered429("30"), nil
			}
			next := ""
			if calls < 4 {
				next = "more"
			}
			return answeredJSON(fmt.Sprintf(`{"ok":true,"channels":[{"id":"C0000000%d","name":"c%d","is_member":true}],"response_metadata":{"next_cursor":%q}}`, calls, calls, next)), nil
		})})
		defer c.Close()
		i := NewInspector(c)
		began := time.Now()
		for _, name := range []string{"c1", "#c3", "c4"} {
			if got, err := i.Inspect(t.Context(), name); err != nil || !got.Member {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		if took := time.Since(began); calls != 4 || took < 30*time.Second || took > 40*time.Second {
			t.Errorf("%d calls in %s, want 4 in a little more than 30s", calls, took)
		}
		// Patience ends with the context.
		calls = 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := NewInspector(c).Inspect(ctx, "c1"); err == nil {
			t.Error("found, without an answer")
		}
	})
}

func answered429(after string) *http.Response {
	return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {after}}, Body: http.NoBody}
}

func answeredJSON(body string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: readCloser{strings.NewReader(body)}}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestSlacksClock(t *testing.T) {
	date := ""
	c := client(t, Options{HTTPClient: httpClientOf(func(*http.Request) (*http.Response, error) {
		r := answeredJSON(`{"ok":true,"user_id":"U1","team_id":"T1"}`)
		r.Header.Set("Date", date)
		return r, nil
	})})
	if _, ok := c.Ahead(); ok {
		t.Error("it is known before anything was asked")
	}
	for _, want := range []time.Duration{0, time.Hour, -24 * time.Hour} {
		date = time.Now().Add(want).UTC().Format(http.TimeFormat)
		if _, err := c.Auth(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Ahead(); !ok || (got-want).Abs() > 10*time.Second {
			t.Errorf("%s, %v; want about %s", got, ok, want)
		}
		date = "nonsense" // changes nothing
		if _, err := c.Auth(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Ahead(); !ok {
			t.Error("an answer without a date made it forget")
		}
	}
}
