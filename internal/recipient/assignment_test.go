package recipient_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

var (
	away    = fault.New(fault.Retry, "look up", "http_503")
	unknown = fault.New(fault.Permanent, "look up", "users_not_found")
	denied  = fault.New(fault.Denied, "read traits", "access_denied")
)

// company is who is who in Teleport and Slack.
type company struct {
	emails   map[string]string // by Teleport username
	slack    map[string]access.Recipient
	down     map[string]bool // names that can't be looked up for now
	traits   map[string][]string
	noTraits error
}

func newCompany() *company {
	return &company{
		emails: map[string]string{"alice": "alice@example.com", "bob": "bob@example.com"},
		slack: map[string]access.Recipient{
			"alice@example.com": {ID: "U1", Name: "alice@example.com", Kind: access.Person},
			"bob@example.com":   {ID: "U2", Name: "bob@example.com", Kind: access.Person},
			"#dev":              {ID: "C1", Name: "#dev"},
			"#ops":              {ID: "C2", Name: "#ops"},
			"@oncall":           {ID: "S1", Name: "@oncall", Kind: access.Group},
		},
		down: map[string]bool{}, traits: map[string][]string{"team": {"blue"}},
	}
}

func (c *company) Email(_ context.Context, username string) (string, error) {
	if email, ok := c.emails[username]; ok {
		return email, nil
	}
	return "", fault.New(fault.NotFound, "read user "+username, "not_found")
}

func (c *company) Resolve(_ context.Context, name string) (access.Recipient, error) {
	if c.down[name] {
		return access.Recipient{}, away
	}
	if to, ok := c.slack[name]; ok {
		return to, nil
	}
	return access.Recipient{}, unknown
}

func (c *company) Traits(context.Context, string) (map[string][]string, error) {
	if c.noTraits != nil {
		return nil, c.noTraits
	}
	return c.traits, nil
}

func (c *company) Labels(context.Context, []access.Resource) ([]map[string]string, error) {
	return nil, away
}

var mondays = []rule.Schedule{{Name: "mondays", Shifts: []rule.Shift{{Weekday: "Monday", Start: "09:00", End: "17:00"}}}}

// TestAssign reads as: what is configured and who can be found, and who has a
// copy then.
func TestAssign(t *testing.T) {
	asked := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}
	team := rule.Source{Name: "team", Condition: `user.traits["team"].contains("blue")`, Recipients: []string{"#ops"}}
	requester := record.Copy{To: "U1", Name: "alice", For: access.Requester}
	dev, ops := record.Copy{To: "C1", Name: "#dev"}, record.Copy{To: "C2", Name: "#ops"}
	for name, tt := range map[string]struct {
		routes  route.Table
		rules   []rule.Source
		request func(*access.Request)
		company func(*company)
		before  []record.Copy
		want    []record.Copy
		pending bool
		partly  bool // something failed for good, which a restart tries again
		failing int
	}{
		"a role's recipients and the requester": {
			routes: route.Table{"editor": {"#dev"}, "*": {"#ops"}},
			want:   []record.Copy{dev, requester},
		},
		"the rest": {
			routes: route.Table{"other": {"#dev"}, "*": {"#ops"}},
			want:   []record.Copy{ops, requester},
		},
		"a suggested reviewer, found by their Teleport name": {
			routes:  route.Table{"*": {"#ops"}},
			request: func(r *access.Request) { r.SuggestedReviewers = []string{"bob"} },
			want:    []record.Copy{ops, {To: "U2", Name: "bob"}, requester},
		},
		"the requester is no reviewer, however they are named": {
			routes:  route.Table{"*": {"#ops", "alice@example.com"}},
			request: func(r *access.Request) { r.SuggestedReviewers = []string{"Alice"} },
			want:    []record.Copy{ops, requester},
		},
		"a rule that applies comes before static routes": {
			routes: route.Table{"*": {"#dev"}}, rules: []rule.Source{team},
			want: []record.Copy{ops, requester},
		},
		"a rule outside its schedule leaves it to static routes": {
			routes: route.Table{"*": {"#dev"}}, rules: []rule.Source{{Name: "r", Condition: "true", Recipients: []string{"#ops"}, Schedules: mondays}},
			request: func(r *access.Request) { r.Created = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC) },
			want:    []record.Copy{dev, requester},
		},
		"a rule in its schedule": {
			routes: route.Table{"*": {"#dev"}}, rules: []rule.Source{{Name: "r", Condition: "true", Recipients: []string{"#ops"}, Schedules: mondays}},
			request: func(r *access.Request) { r.Created = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) },
			want:    []record.Copy{ops, requester},
		},
		"a rule that reaches nobody leaves it to static routes": {
			routes: route.Table{"*": {"#dev"}}, rules: []rule.Source{{Name: "r", Condition: "true", Recipients: []string{"nobody@example.com"}}},
			want:    []record.Copy{unreached("nobody@example.com"), dev, requester},
			failing: 1,
		},
		"a rule that sees no traits does not apply": {
			routes: route.Table{"*": {"#dev"}}, rules: []rule.Source{team},
			company: func(c *company) { c.noTraits = denied },
			want:    []record.Copy{dev, requester}, partly: true,
		},
		"a rule that can't be evaluated yet holds static routes up": {
			routes: route.Table{"*": {"#dev"}}, rules: []rule.Source{team},
			company: func(c *company) { c.noTraits = away },
			want:    []record.Copy{requester}, pending: true,
		},
		"one who is unknown keeps nobody from being assigned": {
			routes: route.Table{"*": {"nobody@example.com", "#ops"}},
			want:   []record.Copy{unreached("nobody@example.com"), ops, requester}, failing: 1,
		},
		"a suggested reviewer who is unknown does not count as failing": {
			routes:  route.Table{"*": {"#ops"}},
			request: func(r *access.Request) { r.SuggestedReviewers = []string{"ghost"} },
			want:    []record.Copy{ops, unreachedFor("ghost", "not_found"), requester},
		},
		"one who was unknown and is found": {
			routes: route.Table{"*": {"bob@example.com"}},
			before: []record.Copy{unreached("bob@example.com")},
			want:   []record.Copy{{To: "U2", Name: "bob@example.com"}, requester},
		},
		"one who can't be looked up yet": {
			routes:  route.Table{"*": {"bob@example.com", "#ops"}},
			company: func(c *company) { c.down["bob@example.com"] = true },
			want:    []record.Copy{ops, requester}, pending: true,
		},
		"a requester who can't be looked up yet may be anybody": {
			routes:  route.Table{"*": {"bob@example.com", "#ops"}},
			company: func(c *company) { c.down["alice@example.com"] = true },
			want:    []record.Copy{ops}, pending: true,
		},
		"a group is mentioned, and no recipient": {
			routes: route.Table{"*": {"#ops @oncall", "@oncall"}},
			want:   []record.Copy{{To: "C2", Name: "#ops", Mentions: []string{"S1"}}, unreachedFor("@oncall", "user_group"), requester}, failing: 1,
		},
		"a mention is worth a wait": {
			routes:  route.Table{"*": {"#ops @oncall"}},
			company: func(c *company) { c.down["@oncall"] = true },
			want:    []record.Copy{requester}, pending: true,
		},
		"who has a message keeps it": {
			routes: route.Table{"*": {"#ops"}},
			before: []record.Copy{{To: "C9", Name: "#old", At: access.MessageRef{Channel: "C9", TS: "1.1"}}},
			want:   []record.Copy{{To: "C9", Name: "#old", At: access.MessageRef{Channel: "C9", TS: "1.1"}}, ops, requester},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, req := newCompany(), asked
			if tt.company != nil {
				tt.company(c)
			}
			if tt.request != nil {
				tt.request(&req)
			}
			r := recipient.New(recipient.Options{Users: c, Directory: c, Inspector: c, Routes: tt.routes, Log: slog.New(slog.DiscardHandler)})
			r.SetRules(tt.rules)
			rec, err := r.Assign(t.Context(), recipient.Input{
				Request: req, Record: record.Record{Copies: tt.before}, Routing: r.Routing(), Memory: &recipient.Memory{},
			})
			if (err != nil) != tt.pending || rec.RecipientsPending != tt.pending || (rec.Assigned == "") != (tt.pending || tt.partly) {
				t.Errorf("pending: %v, recorded %v, assigned from %q", err, rec.RecipientsPending, rec.Assigned)
			}
			for i, c := range rec.Copies {
				if c.Failure != nil {
					rec.Copies[i].Failure = &record.Failure{Reason: c.Failure.Reason}
				}
			}
			if diff := cmp.Diff(tt.want, rec.Copies); diff != "" {
				t.Errorf("copies (-want +got):\n%s", diff)
			}
			if n := r.Failing.Len(); n != tt.failing {
				t.Errorf("%d fail, want %d", n, tt.failing)
			}
			// Nothing is written that was handed in.
			if diff := cmp.Diff(tt.want, assignAgain(t, r, req, rec).Copies, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Failure" }, cmp.Ignore())); diff != "" {
				t.Errorf("assigned again (-want +got):\n%s", diff)
			}
		})
	}
}

func assignAgain(t *testing.T, r *recipient.Resolver, req access.Request, rec record.Record) record.Record {
	t.Helper()
	again, _ := r.Assign(t.Context(), recipient.Input{Request: req, Record: rec, Routing: r.Routing(), Memory: &recipient.Memory{}})
	return again
}

func unreached(name string) record.Copy { return unreachedFor(name, "users_not_found") }

func unreachedFor(name, reason string) record.Copy {
	return record.Copy{Name: name, Failure: &record.Failure{Reason: reason}}
}

// What a rule or a mention needs is waited for as long as one request's memory
// says, and no longer.
func TestALookUpThatFailsHoldsARequestUpForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany()
		c.noTraits = away
		r := recipient.New(recipient.Options{Users: c, Directory: c, Inspector: c, Routes: route.Table{"*": {"#dev"}}, Log: slog.New(slog.DiscardHandler)})
		r.SetRules([]rule.Source{{Name: "team", Condition: `user.traits["team"].contains("blue")`, Recipients: []string{"#ops"}}})
		in := recipient.Input{Request: access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}, Routing: r.Routing(), Memory: &recipient.Memory{}}
		for _, step := range []struct {
			after  time.Duration
			copies int
		}{{0, 1}, {29 * time.Second, 1}, {time.Second, 2}} {
			time.Sleep(step.after)
			rec, err := r.Assign(t.Context(), in)
			if len(rec.Copies) != step.copies || (err != nil) != (step.copies == 1) {
				t.Errorf("%v later: %+v, %v", step.after, rec.Copies, err)
			}
		}
	})
}

// One that needs two of them, one after the other, waits no longer.
func TestLookUpsShareOnePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany()
		c.noTraits, c.down["@oncall"] = away, true
		r := recipient.New(recipient.Options{Users: c, Directory: c, Inspector: c, Routes: route.Table{"*": {"#dev @oncall"}}, Log: slog.New(slog.DiscardHandler)})
		r.SetRules([]rule.Source{{Name: "team", Condition: `user.traits["team"].contains("blue")`, Recipients: []string{"#ops"}}})
		memory := &recipient.Memory{}
		in := recipient.Input{Request: access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}, Routing: r.Routing(), Memory: memory}
		step := func(after, patience time.Duration, copies int) {
			t.Helper()
			time.Sleep(after)
			rec, _ := r.Assign(t.Context(), in)
			if got := memory.Patience(); len(rec.Copies) != copies || got != patience {
				t.Errorf("%d copies, and %v left; want %d and %v", len(rec.Copies), got, copies, patience)
			}
		}
		step(0, 30*time.Second, 1)
		step(10*time.Second, 20*time.Second, 1)
		step(20*time.Second, 0, 2)
		// When all is well the patience is whole again.
		c.noTraits = nil
		delete(c.down, "@oncall")
		step(time.Minute, 0, 2)
		c.noTraits = away
		step(time.Minute, 30*time.Second, 1)
	})
}

// The fingerprint changes with whatever recipients are assigned from.
func TestFingerprint(t *testing.T) {
	c := newCompany()
	options := recipient.Options{Users: c, Directory: c, Routes: route.Table{"*": {"#dev"}}, Log: slog.New(slog.DiscardHandler)}
	req := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}
	base := recipient.New(options).Routing().Fingerprint(req)
	if len(base) != recipient.FingerprintLen {
		t.Errorf("%q has %d characters", base, len(base))
	}
	if again := recipient.New(options).Routing().Fingerprint(req); again != base {
		t.Errorf("the same configuration and request: %s and %s", base, again)
	}
	for name, change := range map[string]func(*recipient.Options, *access.Request) []rule.Source{
		"a route": func(o *recipient.Options, _ *access.Request) []rule.Source {
			o.Routes = route.Table{"*": {"#ops"}}
			return nil
		},
		"an escalation": func(o *recipient.Options, _ *access.Request) []rule.Source {
			o.EscalateTo = []string{"#ops"}
			return nil
		},
		"no requester": func(o *recipient.Options, _ *access.Request) []rule.Source { o.NoRequester = true; return nil },
		"a rule": func(*recipient.Options, *access.Request) []rule.Source {
			return []rule.Source{{Name: "r", Condition: "true"}}
		},
		"a schedule": func(o *recipient.Options, _ *access.Request) []rule.Source {
			plain := []rule.Source{{Name: "r", Condition: "true"}}
			without, with := recipient.New(*o), recipient.New(*o)
			without.SetRules(plain)
			with.SetRules([]rule.Source{{Name: "r", Condition: "true", Schedules: mondays}})
			if without.Routing().Fingerprint(req) == with.Routing().Fingerprint(req) {
				t.Error("a schedule changes nothing beside the rule")
			}
			return []rule.Source{{Name: "r", Condition: "true", Schedules: mondays}}
		},
		"a role": func(_ *recipient.Options, r *access.Request) []rule.Source { r.Roles = []string{"dba"}; return nil },
		"a suggestion": func(_ *recipient.Options, r *access.Request) []rule.Source {
			r.SuggestedReviewers = []string{"bob"}
			return nil
		},
		"an annotation": func(_ *recipient.Options, r *access.Request) []rule.Source {
			r.SystemAnnotations = map[string][]string{"a": {"b"}}
			return nil
		},
	} {
		o, changed := options, req.Clone()
		rules := change(&o, &changed)
		r := recipient.New(o)
		if rules != nil && (!r.SetRules(rules) || r.SetRules(rules)) {
			t.Errorf("%s: it is news once", name)
		}
		if got := r.Routing().Fingerprint(changed); got == base {
			t.Errorf("%s changes nothing", name)
		}
	}
}

func TestFailingIsCountedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recipient.New(recipient.Options{})
		f := r.Failing
		is := func(when string, want int) {
			t.Helper()
			if got := f.Len(); got != want {
				t.Errorf("%s: %d, want %d", when, got, want)
			}
		}
		f.Add("#dev")
		f.Add("#dev")
		f.Add("#ops")
		is("two", 2)
		f.Remove("#ops")
		is("one was reached", 1)
		time.Sleep(recipient.RetryAfter + 1)
		is("a day later", 0)
		f.Add("#dev")
		r.SetRoutes(nil)
		is("with other routes", 0)
	})
}
