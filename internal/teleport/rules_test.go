package teleport

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	headerpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/header/v1"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/rule"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// seenRules records the rules that a Handler got.
type seenRules struct {
	mu       sync.Mutex
	last     []rule.Source
	times    int
	resyncs  int
	tooEarly bool // something was looked at before rules were known
}

func (s *seenRules) handler() Handler {
	return Handler{
		Rules: func(rules []rule.Source) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.last, s.times = rules, s.times+1
		},
		Resync: func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.resyncs++
			s.tooEarly = s.tooEarly || s.times == 0
			return nil
		},
	}
}

func (s *seenRules) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, r := range s.last {
		names = append(names, r.Name)
	}
	return names
}

func (s *seenRules) told() (times, resyncs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times, s.resyncs
}

func putRule(t *testing.T, s *teleporttest.Server, name string) {
	t.Helper()
	if err := s.PutRule(teleporttest.Rule{Name: name, Condition: "true", Recipients: []string{"dev", "ops"}}); err != nil {
		t.Fatal(err)
	}
}

func watchRules(t *testing.T, s *teleporttest.Server) (*seenRules, *Client, *journal) {
	t.Helper()
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	c.timings.rules = retryDelay{first: c.timings.firstWait, max: c.timings.maxWait}
	got := &seenRules{}
	serve(t, c, got.handler())
	return got, c, j
}

func knows(t *testing.T, got *seenRules, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("rules are %v", want), func() bool {
		times, _ := got.told()
		return times > 0 && slices.Equal(got.names(), want)
	})
}

func TestRulesAreListedWatchedAndListedAgain(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	putRule(t, s, "b")
	got, _, j := watchRules(t, s)
	knows(t, got, "b")
	if diff := cmp.Diff([]rule.Source{{Name: "b", Condition: "true", Recipients: []string{"dev", "ops"}}}, got.last); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	putRule(t, s, "a")
	knows(t, got, "a", "b")
	eventually(t, "a look at everything after it", func() bool { _, n := got.told(); return n >= 2 })
	if err := s.DeleteRule("b"); err != nil {
		t.Fatal(err)
	}
	knows(t, got, "a")

	s.Stop()
	putRule(t, s, "c")
	if err := s.DeleteRule("a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	knows(t, got, "c")
	if got.tooEarly {
		t.Error("requests were looked at before rules were known")
	}
	if l := j.lines("monitoring rules"); len(l) != 0 {
		t.Errorf("lines where all was well: %q", l)
	}
}

func TestRulesOfOthersAreNotOurs(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	put := func(name, plugin string, subjects ...string) {
		t.Helper()
		if err := s.PutMonitoringRule(&rulespb.AccessMonitoringRule{
			Metadata: &headerpb.Metadata{Name: name},
			Spec:     &rulespb.AccessMonitoringRuleSpec{Subjects: subjects, Condition: "true", Notification: &rulespb.Notification{Name: plugin}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	put("ours", "slack", "other", "access_request")
	put("email", "email", "access_request")
	put("hosted", "slack-default", "access_request")
	put("lists", "slack", "access_list")
	put("automatic", "", "access_request")
	got, _, _ := watchRules(t, s)
	knows(t, got, "ours")
	times, _ := got.told()
	put("email", "email", "access_request", "x")
	put("now", "slack", "access_request")
	knows(t, got, "now", "ours")
	if now, _ := got.told(); now != times+1 {
		t.Errorf("told %d times, want once: another plugin's rule is no news", now-times)
	}
	put("now", "email", "access_request") // it is no longer ours
	knows(t, got, "ours")
}

func TestRulesInPagesAndFromServersWithoutFilters(t *testing.T) {
	for _, filters := range []bool{true, false} {
		s := startServer(t, teleporttest.Options{})
		if !filters {
			s.Inject(teleporttest.Fault{Method: "ListAccessMonitoringRulesWithFilter", Code: codes.Unimplemented, Message: "unknown method"})
		}
		for i := range pageRules + 10 {
			putRule(t, s, fmt.Sprintf("rule-%04d", i))
		}
		if err := s.PutMonitoringRule(&rulespb.AccessMonitoringRule{
			Metadata: &headerpb.Metadata{Name: "other"},
			Spec:     &rulespb.AccessMonitoringRuleSpec{Subjects: []string{"access_request"}, Notification: &rulespb.Notification{Name: "email"}},
		}); err != nil {
			t.Fatal(err)
		}
		got, _, _ := watchRules(t, s)
		eventually(t, "all rules", func() bool { return len(got.names()) == pageRules+10 })
	}
}

// A trouble with rules holds requests up for a moment, and no longer.
func TestRulesThatCannotBeListed(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	putRule(t, s, "a")
	heal := s.Inject(teleporttest.Fault{Method: "ListAccessMonitoringRulesWithFilter", Code: codes.Internal, Message: "backend is down"})
	got, _, j := watchRules(t, s)
	eventually(t, "requests are looked at", func() bool { _, n := got.told(); return n == 1 })
	if n := s.Calls()["ListAccessMonitoringRulesWithFilter"]; n < listTries {
		t.Errorf("requests are looked at after %d tries", n)
	}
	heal()
	knows(t, got, "a")
	eventually(t, "requests are looked at again", func() bool { _, n := got.told(); return n == 2 })
	if n := len(j.lines("can't list access monitoring rules")); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	if n := len(j.lines("listed access monitoring rules again")); n != 1 {
		t.Errorf("%d lines about the end of it, want one", n)
	}
	// What was known stays in force through the next trouble.
	s.Inject(teleporttest.Fault{Method: "ListAccessMonitoringRulesWithFilter", Code: codes.Internal, Message: "backend is down"})
	s.CloseWatchers(nil)
	eventually(t, "requests are looked at", func() bool { _, n := got.told(); return n >= 3 })
	if names := got.names(); !slices.Equal(names, []string{"a"}) {
		t.Errorf("rules are %v", names)
	}
}

func TestRulesWithoutTheRight(t *testing.T) {
	for _, verb := range []string{types.VerbRead, types.VerbList} {
		s := startServer(t, teleporttest.Options{})
		putRule(t, s, "a")
		got, _, j := watchRules(t, s)
		knows(t, got, "a")
		restore := s.Deny(types.KindAccessMonitoringRule, verb)
		s.CloseWatchers(nil)
		knows(t, got)
		s.CloseWatchers(nil)
		eventually(t, "the third watch", func() bool { _, n := got.told(); return n >= 3 })
		if n := len(j.lines("access monitoring rules can't be read", "list and read on access_monitoring_rule")); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
		restore()
		s.CloseWatchers(nil)
		knows(t, got, "a")
	}
}

// Servers before partial success refuse a watch of several kinds for one.
func TestRulesOnServersThatRefuseTheWatch(t *testing.T) {
	s := startServer(t, teleporttest.Options{ServerVersion: "13.4.0"})
	s.Inject(teleporttest.Fault{Method: "WatchEvents", Times: 1, Code: codes.InvalidArgument, Message: "watcher on object kind is not supported"})
	got, c, j := watchRules(t, s)
	knows(t, got)
	eventually(t, "requests are looked at", func() bool { _, n := got.told(); return n >= 1 })
	if !c.connected().noRules.Load() {
		t.Error("it would be asked for again with every watch")
	}
	s.CloseWatchers(nil)
	eventually(t, "another watch", func() bool { return s.Calls()["WatchEvents"] >= 3 && s.Watchers() == 1 })
	if n := len(j.lines("level=WARN", "monitoring rules")); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

// Without a Handler for rules, they are not read.
func TestRulesNobodyWants(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	c, j := newClient(t, Options{Addr: s.Addr(), Identity: writeIdentity(t, s, teleporttest.Identity{})})
	var got seen
	serve(t, c, got.handler())
	eventually(t, "first resync", func() bool { _, n := got.count(); return n == 1 })
	putRule(t, s, "a")
	if n := s.Calls()["ListAccessMonitoringRulesWithFilter"]; n != 0 || len(j.lines("monitoring rules")) != 0 {
		t.Errorf("rules were listed %d times", n)
	}
}

func TestRulesWithPartsThatCannotBeRead(t *testing.T) {
	spec := func(fields ...protowire.Number) *rulespb.AccessMonitoringRuleSpec {
		s := &rulespb.AccessMonitoringRuleSpec{Subjects: []string{"access_request"}, Notification: &rulespb.Notification{Name: "slack"}}
		var b []byte
		for _, f := range fields {
			b = protowire.AppendBytes(protowire.AppendTag(b, f, protowire.BytesType), []byte("x"))
		}
		s.ProtoReflect().SetUnknown(b)
		return s
	}
	for _, tc := range []struct {
		name string
		spec *rulespb.AccessMonitoringRuleSpec
		want bool
	}{
		{"nothing more", spec(), false},
		{"automatic review", spec(6, 7), false},
		{"schedules or whatever it is", spec(6, 7, 8), true},
		{"much later", spec(100), true},
	} {
		got, ok := source(&rulespb.AccessMonitoringRule{Spec: tc.spec})
		if !ok || got.Unread != tc.want {
			t.Errorf("%s: unread is %v, want %v", tc.name, got.Unread, tc.want)
		}
	}
}
