package check

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// after is a check that takes its time and finds one thing.
func after(d time.Duration, name string, s Status) Check {
	return Check{Name: name, Run: func(context.Context) []Finding {
		time.Sleep(d) // in a synctest bubble
		return []Finding{{Status: s, Detail: "found"}}
	}}
}

func needing(c Check, names ...string) Check { c.Needs = names; return c }

func waiting(c Check, names ...string) Check { c.After = names; return c }

func TestFindingsComeInTheOrderOfTheListAndChecksRunTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		got := Run(t.Context(), []Check{
			after(3*time.Second, "slow", OK),
			after(time.Second, "quick", Failure),
			needing(after(time.Second, "dependent", OK), "slow"),
			needing(after(time.Hour, "pointless", OK), "slow", "quick"),
			needing(after(time.Hour, "more so", OK), "pointless"),
			waiting(after(time.Second, "whatever", Warning), "pointless", "quick"),
		})
		want := []Finding{
			{Name: "slow", Detail: "found"},
			{Name: "quick", Status: Failure, Detail: "found"},
			{Name: "dependent", Detail: "found"},
			{Name: "pointless", Status: Warning, Detail: "not checked: needs the check of quick", skipped: true},
			{Name: "more so", Status: Warning, Detail: "not checked: needs the check of pointless", skipped: true},
			{Name: "whatever", Status: Warning, Detail: "found"},
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Finding{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("it took %s, want 4s: slow and dependent, and the others beside them", took)
		}
	})
}

// A warning is no reason not to go on.
func TestAWarningStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := Run(t.Context(), []Check{after(0, "odd", Warning), needing(after(0, "next", OK), "odd")})
		if len(got) != 2 || got[1].Detail != "found" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAListThatWaitsForWhatIsNotBeforeIsAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it ran")
		}
	}()
	Run(t.Context(), []Check{needing(after(0, "a", OK), "b"), after(0, "b", OK)})
}

func TestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		lasting := func(from, until time.Duration) Identity {
			return Identity{Path: "/id", User: "bot-slack", Roles: []string{"a", "b"},
				NotBefore: now.Add(-from), NotAfter: now.Add(until), WarnFrom: now.Add(until - time.Hour)}
		}
		with := func(id Identity, change func(*Identity)) Identity { change(&id); return id }
		day := 24 * time.Hour
		tests := []struct {
			name  string
			id    Identity
			err   error
			want  []Status
			words string
		}{
			{"long", lasting(day, 60*day), nil, []Status{OK}, "identity file) is for bot-slack with the roles a, b, until 2000-03-01T00:00:00Z (60 days from now)"},
			{"short and renewed", with(lasting(time.Hour, 3*time.Hour), func(id *Identity) { id.Refreshed = true }), nil, []Status{OK}, "(3 hours from now)"},
			{"short and read once", lasting(time.Hour, 3*time.Hour), nil, []Status{OK, Warning}, "is not read again"},
			{"about to end", lasting(60*day, 30*time.Minute), nil, []Status{OK, Warning}, "it expires soon"},
			{"about to end, renewed", with(lasting(time.Hour, time.Minute), func(id *Identity) { id.Refreshed = true }), nil, []Status{OK, Warning}, "should have been renewed"},
			{"a key pair without roles", with(lasting(day, 60*day), func(id *Identity) { id.KeyPair, id.Roles = true, nil }), nil, []Status{OK}, "(key pair) is for bot-slack without roles"},
			{"invalid", with(lasting(day, day), func(id *Identity) { id.Invalid = errors.New("over") }), nil, []Status{Failure}, "over"},
			{"unreadable", Identity{}, errors.New("no such file"), []Status{Failure}, "no such file"},
		}
		for _, tt := range tests {
			got := Run(t.Context(), []Check{Credentials(func() (Identity, error) { return tt.id, tt.err })})
			expect(t, tt.name, got, tt.want, tt.words)
		}
	})
}

// expect holds the statuses of findings and that their texts have the words.
func expect(t *testing.T, name string, got []Finding, want []Status, words string) {
	t.Helper()
	var statuses []Status
	text := ""
	for _, f := range got {
		statuses = append(statuses, f.Status)
		text += f.Detail + "\n" + f.Hint + "\n"
	}
	if diff := cmp.Diff(want, statuses); diff != "" || !strings.Contains(text, words) {
		t.Errorf("%s: want %q in:\n%s\n(-want +got):\n%s", name, words, text, diff)
	}
}

type reacher struct {
	took time.Duration
	err  error
	by   string
}

func (r reacher) Connect(ctx context.Context) (access.Cluster, error) {
	select {
	case <-time.After(r.took):
	case <-ctx.Done():
		return access.Cluster{}, ctx.Err()
	}
	return access.Cluster{Name: "example.com", Version: "18.2.0"}, r.err
}

func (r reacher) By(context.Context) string { return r.by }

func TestTeleport(t *testing.T) {
	tests := []struct {
		name  string
		r     reacher
		want  []Status
		words string
	}{
		{"there", reacher{by: "Proxy Service"}, []Status{OK}, "host:443 (Proxy Service) is the cluster example.com, version 18.2.0"},
		{"through an HTTP proxy", reacher{}, []Status{OK}, "host:443 is the cluster"},
		{"another cluster", reacher{by: "Auth Service", err: &fault.Error{Reason: "unknown_authority", Hint: "issue it again"}}, []Status{Failure}, "unknown_authority (answered by: Auth Service)\nissue it again"},
		{"nobody", reacher{err: fault.New(fault.Retry, "connect", "connection_refused")}, []Status{Failure}, "connection_refused\ncheck teleport.addr"},
		{"silence", reacher{took: time.Hour}, []Status{Failure}, "deadline exceeded"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			began := time.Now()
			c := Teleport("host:443", tt.r)
			c.Needs, c.After = nil, nil
			expect(t, tt.name, Run(ctx, []Check{c}), tt.want, tt.words)
			if time.Since(began) > 15*time.Second {
				t.Errorf("%s: it took %s of 30 s", tt.name, time.Since(began))
			}
		})
	}
}

func TestRights(t *testing.T) {
	must := Right{Name: "thing list, read", For: "seeing it", Required: true}
	may := Right{Name: "thing read", For: "names"}
	tests := []struct {
		right Right
		err   error
		want  Status
		words string
	}{
		{must, nil, OK, "thing list, read: seeing it"},
		{must, fault.New(fault.Denied, "x", "access_denied"), Failure, "give the role of these credentials list, read on thing"},
		{may, fault.New(fault.Denied, "x", "access_denied"), Warning, "thing read: missing (names)"},
		{may, fault.New(fault.Unsupported, "x", "not_implemented"), OK, "doesn't have it"},
		{must, fault.New(fault.Retry, "x", "deadline_exceeded"), Failure, "could not be tried: x: deadline_exceeded"},
		{may, fault.New(fault.Retry, "x", "deadline_exceeded"), Warning, "could not be tried"},
	}
	for _, tt := range tests {
		tt.right.Try = func(context.Context) error { return tt.err }
		c := Rights([]Right{tt.right})
		c.Needs, c.After = nil, nil
		expect(t, tt.right.Name, Run(t.Context(), []Check{c}), []Status{tt.want}, tt.words)
	}
}

func TestRecipientsAreLookedAtOnceEachAndInOrder(t *testing.T) {
	asked := make(chan string, 10)
	c := Recipients(map[string][]string{
		"*": {"#b", "a@example.com "}, "dev": {"#b"}, "prod": {"a@example.com"},
		"1": {"#b"}, "2": {"#b"}, "3": {"#b"}, "4": {"#b"},
	}, func(_ context.Context, name string) (Standing, error) {
		asked <- name
		return Standing{ID: "C1", Channel: "b", Member: true, Person: strings.Contains(name, "@")}, nil
	})
	c.Needs, c.After = nil, nil
	got := Run(t.Context(), []Check{c})
	want := []Finding{
		{Name: "recipients", Detail: "#b: C1, and the app is in it (for *, 1, 2, 3, 4 and 1 more)"},
		{Name: "recipients", Detail: "a@example.com: C1, by direct message (for *, prod)"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(asked) != 2 {
		t.Errorf("%d look-ups, want 2", len(asked))
	}
	none := Recipients(nil, nil)
	none.Needs, none.After = nil, nil
	expect(t, "none", Run(t.Context(), []Check{none}), []Status{OK}, "none in the configuration")
}

func TestWhatAStandingMeans(t *testing.T) {
	tests := []struct {
		s     Standing
		err   error
		want  Status
		words string
	}{
		{Standing{ID: "C1", Channel: "b", Private: true, Member: true}, nil, OK, "private, and the app is in it"},
		{Standing{ID: "C1", Channel: "b"}, nil, Failure, "invite the app: /invite @bot in #b"},
		{Standing{ID: "C1", Channel: "b", Anywhere: true}, nil, OK, "without being in it"},
		{Standing{ID: "C1", Channel: "b", Private: true, Anywhere: true}, nil, Failure, "not in #b"},
		{Standing{ID: "C1", Channel: "b", Member: true, Archived: true}, nil, Failure, "archived"},
		{Standing{ID: "D1"}, nil, OK, "a direct message"},
		{Standing{ID: "U1", Person: true, Lacks: []string{"users:read"}}, nil, Warning, "lacks users:read"},
		{Standing{ID: "#b", Lacks: []string{"groups:read"}}, nil, Warning, "/invite @bot in name"},
		{Standing{}, &fault.Error{Reason: "users_not_found", Class: fault.NotFound, Hint: "check the address"}, Failure, "check the address"},
		{Standing{Made: true}, nil, OK, "made from each request"},
		{Standing{Group: true}, nil, Failure, "can't be posted to"},
		{Standing{ID: "C1", Channel: "b", Member: true, Mute: []error{&fault.Error{Reason: "group_not_found", Hint: "no such group"}}}, nil, Warning, "the app is in it; can't mention: group_not_found\nno such group"},
		{Standing{ID: "C1", Channel: "b", Mute: []error{errors.New("no such group")}}, nil, Failure, "the app is not in #b\ninvite"},
		{Standing{}, fault.New(fault.Retry, "x", "timeout"), Warning, "could not be looked up: x: timeout"},
	}
	for _, tt := range tests {
		tt.s.Bot = "bot"
		expect(t, tt.words, []Finding{recipient("name", tt.s, tt.err)}, []Status{tt.want}, tt.words)
	}
}

func TestClocks(t *testing.T) {
	tells := func(d time.Duration) func(context.Context) (time.Duration, bool) {
		return func(context.Context) (time.Duration, bool) { return d, true }
	}
	silent := func(context.Context) (time.Duration, bool) { return 0, false }
	tests := []struct {
		name   string
		clocks []Clock
		want   []Status
		words  string
	}{
		{"the same", []Clock{{"Slack", tells(-30 * time.Second)}}, []Status{OK}, "within 30 seconds of Slack's"},
		{"slow", []Clock{{"Slack", tells(31 * time.Second)}}, []Status{Warning}, "31 seconds behind Slack's\n" + hintClock},
		{"fast", []Clock{{"Slack", silent}, {"Teleport", tells(-3 * time.Hour)}}, []Status{Warning}, "3 hours ahead of Teleport's"},
		{"both", []Clock{{"Slack", tells(0)}, {"Teleport", tells(time.Hour)}}, []Status{OK, Warning}, "60 minutes behind Teleport's"},
		{"nobody", []Clock{{"Slack", silent}}, []Status{Warning}, "no server reported its time"},
	}
	for _, tt := range tests {
		expect(t, tt.name, Run(t.Context(), []Check{Clocks(nil, tt.clocks)}), tt.want, tt.words)
	}
}

func TestAPersonsTokenAndUnknownScopesAreOdd(t *testing.T) {
	got := Run(t.Context(), []Check{
		Token(func(context.Context) (Workspace, error) {
			return Workspace{Team: "Test", URL: "https://test.slack.com/", Bot: "alice", User: true}, nil
		}),
		Scopes(func() []string { return nil }),
	})
	expect(t, "a person's token", got, []Status{Warning, Warning}, "of a person, not of a bot: alice in Test")
}

func TestAMessageWhoseAnswerWasLostIsNotCalledLost(t *testing.T) {
	c := Send("#dev", func(context.Context, string, string) error { return fault.New(fault.Unknown, "post", "timeout") })
	c.Needs, c.After = nil, nil
	expect(t, "lost answer", Run(t.Context(), []Check{c}), []Status{Failure}, "it may have arrived")
}
