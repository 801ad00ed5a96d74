package demo

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dated is what differs from one day to the next.
var dated = regexp.MustCompile(`\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d UTC`)

// refusals are what Slack answered while it was away.
var refusals = regexp.MustCompile(`(?m)^posts that Slack answered .*\n`)

// Each scenario succeeds, with the same output each time.
func TestScenario(t *testing.T) {
	for _, name := range Scenarios() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			var out, log bytes.Buffer
			if err := Run(t.Context(), Options{Scenario: name, Stdout: &out, Stderr: &log}); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out.String(), log.String())
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s, which nobody waits for", took)
			}
			got := dated.ReplaceAllString(out.String(), "DATE")
			if name != TourScenario { // how often it tries depends on the machine
				got = refusals.ReplaceAllString(got, "")
			}
			golden := filepath.Join("testdata", "scenario-"+name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the output differs (-want +got); -update writes the golden file:\n%s", diff)
			}
		})
	}
}

func TestScenarioEndsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := writer(func(p []byte) {
		if bytes.Contains(p, []byte("3. ")) {
			cancel()
		}
	})
	start := time.Now()
	err := Run(ctx, Options{Scenario: TourScenario, Stdout: out, Stderr: io.Discard})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want the context's error", err)
	}
	if took := time.Since(start); took > testTimeout {
		t.Errorf("it took %s", took)
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// The counts tell lost, doubled, stale and stray messages from delivered ones.
func TestCount(t *testing.T) {
	all := []wanted{{request: "r1", conversation: requestsChannel, replies: []string{"review-0"}, status: "DENIED", reaction: "x"}}
	type post struct{ channel, request, part, text string }
	right := []post{{requestsChannel, "r1", "request", "DENIED"}, {requestsChannel, "r1", "review-0", "no"}}
	for _, row := range []struct {
		name  string
		posts []post
		want  string
	}{
		{"as wanted", right, "messages: 2 wanted, 2 delivered, 0 lost, 0 doubled, 1 out of date, 0 unexpected"}, // nobody reacted
		{"nothing", nil, "messages: 2 wanted, 0 delivered, 2 lost, 0 doubled, 0 out of date, 0 unexpected"},
		{"a reply is lost", right[:1], "messages: 2 wanted, 1 delivered, 1 lost, 0 doubled, 1 out of date, 0 unexpected"},
		{"a reply is doubled", append(right[:2:2], right[1]), "messages: 2 wanted, 2 delivered, 0 lost, 1 doubled, 1 out of date, 0 unexpected"},
		{"somebody else's", append(right[:2:2], post{requestsChannel, "r2", "request", ""}, post{requestsChannel, "", "", "hi"}),
			"messages: 2 wanted, 2 delivered, 0 lost, 0 doubled, 1 out of date, 2 unexpected"},
		{"another channel", []post{{dbaChannel, "r1", "request", "DENIED"}, right[1]},
			"messages: 2 wanted, 1 delivered, 1 lost, 0 doubled, 0 out of date, 1 unexpected"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := testFixtures(t)
			env := &environment{fixtures: f, slack: newSlack(f, "xoxb-1", "xapp-1", nil)}
			defer env.slack.Close()
			for _, p := range row.posts {
				m := slacktest.Message{Channel: p.channel, User: "U0BOB", Text: p.text}
				if p.request != "" {
					m.Metadata = &slacktest.Metadata{EventType: "teleport_access_request",
						EventPayload: []byte(`{"request_id":"` + p.request + `","part":"` + p.part + `"}`)}
				}
				if _, err := env.slack.Say(m); err != nil {
					t.Fatal(err)
				}
			}
			got := env.count(all)
			if got.String() != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if err := got.err(); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("its error is %v", err)
			}
		})
	}
	if err := (counts{wanted: 2, delivered: 2}).err(); err != nil {
		t.Errorf("all is well, and yet: %v", err)
	}
	if err := (counts{wanted: 2, delivered: 2, doubled: 1}).err(); err == nil {
		t.Error("a doubled message is no error")
	}
}

// The scenario's rule is the one that the example tells people to create.
func TestIncidentRuleIsTheExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "many-teams", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append([]string{"condition: '" + incidentCondition + "'"}, incidentRecipients()...) {
		if !strings.Contains(string(text), want) {
			t.Errorf("rules.yaml lacks %s", want)
		}
	}
}
