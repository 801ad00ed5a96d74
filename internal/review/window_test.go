package review_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/review"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// open clicks a button that asks for a reason and returns the window.
func (o *environment) open(user, button string) slacktest.View {
	o.t.Helper()
	if got, _ := o.take(0, o.payload(user, button)); got.Outcome != review.Asked {
		o.t.Fatalf("%+v, want a window", got)
	}
	vs := o.slack.Views(user)
	if len(vs) != 1 {
		o.t.Fatalf("%d windows", len(vs))
	}
	if told := o.ephemerals(user); len(told) != 0 {
		o.t.Errorf("told %q beside the window", told)
	}
	return vs[0]
}

// filled is what Slack sends when the window is submitted.
func (o *environment) filled(v slacktest.View, reason string) payload {
	o.t.Helper()
	p, err := o.slack.SubmitPayload(v.User, v.ID, map[string]string{"reason_block": reason})
	o.must(err)
	return p
}

func view(p payload) payload { return p["view"].(payload) }

// TestWindows: what a window brings back is checked as a click is, by any replica.
func TestWindows(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(o *environment)            // the window is sent in
		forge  func(o *environment, p payload) // what is sent in instead
		want   review.Outcome
		why    string
		told   string
	}{
		{name: "in order", want: review.Submitted, told: "Your denial is recorded. The request is now *DENIED*."},
		{name: "after half an hour", before: func(*environment) { time.Sleep(30 * time.Minute) }, want: review.Submitted, told: "recorded"},
		{name: "after two hours", before: func(*environment) { time.Sleep(2 * time.Hour) }, want: review.Refused, why: "late", told: "took too long"},
		{name: "of nobody", forge: func(_ *environment, p payload) { view(p)["private_metadata"] = "" }, want: review.Refused, why: "forged_window"},
		{name: "of whoever has the bot token", forge: func(o *environment, p payload) {
			// They know the target, but not the secret.
			_, target, _ := strings.Cut(view(p)["private_metadata"].(string), ".")
			view(p)["private_metadata"] = strings.Repeat("A", 43) + "." + target
		}, want: review.Refused, why: "forged_window"},
		{name: "of somebody else", forge: func(_ *environment, p payload) { p["user"].(payload)["id"] = alice }, want: review.Refused, why: "window_of_another"},
		{name: "of another workspace", forge: func(_ *environment, p payload) { p["team"].(payload)["id"] = "T0EVIL" }, want: review.Refused, why: "foreign_team"},
		{name: "of before the app token was replaced", before: func(o *environment) { o.settings.Secret = "xapp-other" }, want: review.Refused, why: "forged_window"},
		{name: "and somebody was faster", before: func(o *environment) { o.must(o.teleport.SetState(o.id, types.RequestState_APPROVED, "")) },
			want: review.Refused, why: "decided", told: "already *APPROVED*"},
		{name: "and the request expired", before: func(o *environment) { o.must(o.teleport.Expire(o.id)) }, want: review.Refused, why: "gone", told: "expired"},
		{name: "and he is no member any more", before: func(o *environment) {
			time.Sleep(time.Minute)
			o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", IsRestricted: true})
		}, want: review.Refused, why: "guest", told: "Only full members"},
		{name: "and the message is forgotten", before: func(o *environment) { o.remember(o.id, map[string]string{"messages": ""}) },
			want: review.Refused, why: "unknown_message", told: "not on record"},
		{name: "and it was switched off", before: func(o *environment) { o.settings.Buttons.On = false }, want: review.Refused, why: "switched_off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inEnvironment(t, func(o *environment) {
				o.settings.Buttons.Reason = access.ReasonToDeny
				v := o.open(bob, "deny_button")
				if tt.before != nil {
					tt.before(o)
				}
				p := o.filled(v, " because <!channel> ")
				if tt.forge != nil {
					tt.forge(o, p)
				}
				got, answer := o.take(1, p) // the other replica
				if got.Outcome != tt.want || got.Reason != tt.why || answer != nil {
					t.Errorf("%+v, acknowledged with %s", got, answer)
				}
				var want []string
				if tt.want == review.Submitted {
					want = []string{"bob denied"}
				}
				if diff := cmp.Diff(want, o.reviewers(o.id)); diff != "" {
					t.Errorf("reviews (-want +got):\n%s", diff)
				}
				if told := strings.Join(o.ephemerals(bob), "\n"); !strings.Contains(told, tt.told) || tt.told == "" && tt.why != "switched_off" && told != "" {
					t.Errorf("told %q, want %q", told, tt.told)
				}
				if tt.want == review.Submitted {
					r, err := o.teleport.Request(o.id)
					o.must(err)
					if reason := r.GetReviews()[0].Reason; reason != "because <!channel>" {
						t.Errorf("reason %q", reason)
					}
				}
				if strings.Contains(o.logged(), "because") {
					t.Error("the reason is in the log")
				}
			})
		})
	}
}

func TestAWindowWithoutAReasonStays(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.settings.Buttons.Reason = access.ReasonAlways
		v := o.open(bob, "approve_button")
		for _, blank := range []string{" ", "\n\t\u00a0", "\u2003"} {
			p := o.filled(v, blank)
			got, answer := o.take(0, p)
			var response struct {
				Action string            `json:"response_action"`
				Errors map[string]string `json:"errors"`
			}
			if err := json.Unmarshal(answer, &response); err != nil || response.Action != "errors" || response.Errors["reason_block"] == "" {
				t.Errorf("%q is answered with %s, %v", blank, answer, err)
			}
			if got != (review.Result{}) && got.Outcome != review.Asked {
				t.Errorf("%q came to %+v", blank, got)
			}
		}
		if got, _ := o.take(0, o.filled(v, "fine")); got.Outcome != review.Submitted {
			t.Errorf("a reason after all: %+v", got)
		}
	})
}

func TestAWindowThatDoesNotOpen(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.settings.Buttons.Reason = access.ReasonToDeny
		p := o.payload(bob, "deny_button")
		time.Sleep(4 * time.Second) // the trigger is good for three
		got, _ := o.take(0, p)
		if got.Outcome != review.Failed || got.Reason != "no_window" || len(o.slack.Views(bob)) != 0 {
			t.Errorf("%+v", got)
		}
		if told := o.ephemerals(bob); len(told) != 1 || !strings.Contains(told[0], "click again") {
			t.Errorf("told %q", told)
		}
	})
}

// TestReplays: the same click counts once, however often it is delivered.
func TestReplays(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.id = o.request(teleporttest.Request{Thresholds: []types.AccessReviewThreshold{{Approve: 9, Deny: 9}}})
		o.at = o.announce(o.id)
		p := o.payload(bob, "approve_button")
		if got, _ := o.deliver(0, "e1", p); got.Outcome != review.Submitted {
			t.Fatalf("%+v", got)
		}
		if got, _ := o.deliver(0, "e1", p); got.Outcome != review.Repeated || got.Reason != "replay" {
			t.Errorf("the same envelope: %+v", got)
		}
		if got, _ := o.deliver(0, "e2", p); got.Outcome != review.Repeated || got.Reason != "replay" {
			t.Errorf("the same click in another envelope: %+v", got)
		}
		if told := o.ephemerals(bob); len(told) != 1 {
			t.Errorf("told %q for one click", told)
		}
		// Another replica has not seen it; Teleport has.
		if got, _ := o.deliver(1, "e1", p); got.Outcome != review.Repeated || got.Reason != "same_review" {
			t.Errorf("through another replica: %+v", got)
		}
		if told := o.ephemerals(bob); len(told) != 2 || told[1] != told[0] {
			t.Errorf("told %q", told)
		}
		// Nor does it count for another button, once somebody changed their mind.
		deny := o.payload(bob, "deny_button")
		if got, _ := o.deliver(1, "e3", deny); got.Outcome != review.Refused || got.Reason != "reviewed" {
			t.Errorf("another decision: %+v", got)
		}
		if diff := cmp.Diff([]string{"bob approved"}, o.reviewers(o.id)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(time.Hour)
		if got, _ := o.deliver(0, "e9", p); got.Outcome != review.Repeated {
			t.Errorf("an hour later: %+v", got)
		}
	})
}

// TestAWindowIsSentInTwice: what Slack delivers again counts once.
func TestAWindowIsSentInTwice(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.settings.Buttons.Reason = access.ReasonAlways
		v := o.open(bob, "approve_button")
		p := o.filled(v, "fine")
		first, _ := o.deliver(0, "e1", p)
		again, _ := o.deliver(0, "e2", p)
		other, _ := o.deliver(1, "e2", p)
		if first.Outcome != review.Submitted || again.Outcome != review.Repeated || other.Outcome != review.Repeated {
			t.Errorf("%+v, %+v, %+v", first, again, other)
		}
	})
}

// TestTwoAtOnce: of two who decide in the same moment through two replicas,
// one decides, and the other hears who did.
func TestTwoAtOnce(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.settings.EmailMatch = true
		clicks := map[string]string{bob: "approve_button", carol: "deny_button"}
		var both sync.WaitGroup
		for i, user := range []string{bob, carol} {
			b, err := json.Marshal(o.payload(user, clicks[user]))
			o.must(err)
			both.Go(func() { o.replicas[i].Take(user, b) })
		}
		both.Wait()
		time.Sleep(30 * time.Second)
		who := o.reviewers(o.id)
		if len(who) != 1 {
			t.Fatalf("reviewed by %v", who)
		}
		told := append(o.ephemerals(bob), o.ephemerals(carol)...)
		slices.Sort(told)
		if len(told) != 2 || !strings.HasPrefix(told[0], "This request is already *") || !strings.Contains(told[0], " in Slack") || !strings.HasPrefix(told[1], "Your ") {
			t.Errorf("told %q", told)
		}
	})
}

// TestADoubleClick: two clicks of one person in the same moment.
func TestADoubleClick(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.slack.Inject(slacktest.Fault{Method: "users.info", Latency: time.Second})
		for i := range 2 {
			b, err := json.Marshal(o.payload(bob, "approve_button"))
			o.must(err)
			o.replicas[0].Take(fmt.Sprint("e", i), b)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(30 * time.Second)
		if who := o.reviewers(o.id); len(who) != 1 {
			t.Errorf("reviewed by %v", who)
		}
		told := o.ephemerals(bob)
		if len(told) != 2 || !strings.Contains(told[0], "still being worked on") || !strings.Contains(told[1], "recorded") {
			t.Errorf("told %q", told)
		}
	})
}

// TestAThousandClicks: many people, many requests, each button several times,
// through two replicas. Everybody counts once for each request, everything is
// in the log, and nothing is left over.
func TestAThousandClicks(t *testing.T) {
	const people, requests, times = 50, 10, 2
	inEnvironment(t, func(o *environment) {
		for i := range people {
			id := fmt.Sprintf("U0PERSON%03d", i)
			o.slack.AddUser(slacktest.User{ID: id, Name: strings.ToLower(id), Email: id + "@example.com"})
			o.user("person-"+id, id)
		}
		var ids []string
		clicks := 0
		for range requests {
			o.id = o.request(teleporttest.Request{Thresholds: []types.AccessReviewThreshold{{Approve: 1000, Deny: 1000}}, TTL: 24 * time.Hour})
			o.at = o.announce(o.id)
			ids = append(ids, o.id)
			for i := range people {
				for range times {
					b, err := json.Marshal(o.payload(fmt.Sprintf("U0PERSON%03d", i), "approve_button"))
					o.must(err)
					o.replicas[clicks%2].Take(fmt.Sprint("e", clicks), b)
					clicks++
				}
			}
			time.Sleep(2 * time.Minute) // Slack says a hundred times a minute who somebody is
		}
		outcomes := map[review.Outcome]int{}
		for _, r := range o.all() {
			outcomes[r.Outcome]++
		}
		if clicks != 1000 || outcomes[review.Submitted] != people*requests || outcomes[review.Submitted]+outcomes[review.Repeated]+outcomes[review.Refused] != clicks {
			t.Errorf("of %d clicks came %v", clicks, outcomes)
		}
		for _, id := range ids {
			who := o.reviewers(id)
			slices.Sort(who)
			if len(slices.Compact(who)) != people {
				t.Errorf("%s has %d reviewers", id, len(who))
			}
		}
		if n := strings.Count(o.logged(), "event=review"); n < clicks {
			t.Errorf("%d lines about %d clicks", n, clicks)
		}
	})
}

// TestAFlood: one person can't take the room of the others.
func TestAFlood(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.slack.Inject(slacktest.Fault{Method: "users.info", Latency: 5 * time.Second})
		for i := range 500 {
			p := o.payload(dave, "approve_button")
			action(p)["action_ts"] = fmt.Sprintf("%d.%06d", time.Now().Unix(), i)
			action(p)["value"] = fmt.Sprint("request-", i) // so that none waits for another
			b, err := json.Marshal(p)
			o.must(err)
			o.replicas[0].Take(fmt.Sprint("e", i), b)
		}
		b, err := json.Marshal(o.payload(bob, "approve_button"))
		o.must(err)
		o.replicas[0].Take("bob", b)
		time.Sleep(time.Minute)
		if who := o.reviewers(o.id); len(who) != 1 {
			t.Errorf("reviewed by %v", who)
		}
		n := 0
		for _, r := range o.all() {
			if r.Reason == "too_many_clicks" {
				n++
			}
		}
		if n != 500-16 {
			t.Errorf("%d clicks of 500 were too many", n)
		}
	})
}

// TestASlowSlack: who waits for their turn is not turned away.
func TestASlowSlack(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.slack.Inject(slacktest.Fault{Method: "users.info", Latency: 2 * time.Second})
		o.slack.Inject(slacktest.Fault{Method: "users.info", RetryAfter: 3 * time.Second, Times: 1})
		o.id = o.request(teleporttest.Request{Thresholds: []types.AccessReviewThreshold{{Approve: 99, Deny: 99}}})
		o.at = o.announce(o.id)
		const people = 8
		for i := range people {
			id := fmt.Sprintf("U0PERSON%03d", i)
			o.slack.AddUser(slacktest.User{ID: id, Name: strings.ToLower(id), Email: id + "@example.com"})
			o.user("person-"+id, id)
			b, err := json.Marshal(o.payload(id, "approve_button"))
			o.must(err)
			o.replicas[0].Take(id, b)
		}
		time.Sleep(time.Minute)
		if who := o.reviewers(o.id); len(who) != people {
			t.Errorf("reviewed by %v: %v", who, o.all())
		}
	})
}

// TestAStopFinishesWhatWasTaken: a click that was acknowledged is not lost.
func TestAStopFinishesWhatWasTaken(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.slack.Inject(slacktest.Fault{Method: "users.info", Latency: 3 * time.Second})
		b, err := json.Marshal(o.payload(bob, "approve_button"))
		o.must(err)
		o.replicas[0].Take("e1", b)
		time.Sleep(time.Millisecond)
		o.replicas[0].stop()
		if who := o.reviewers(o.id); len(who) != 1 {
			t.Errorf("reviewed by %v", who)
		}
		if told := o.ephemerals(bob); len(told) != 1 {
			t.Errorf("told %q", told)
		}
	})
}

// TestNonsense: what can't be a click is one line and nothing else.
func TestNonsense(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		for _, raw := range []string{"", "null", "[]", `{"type":"block_actions"}`, `{"type":"view_submission"}`, `{"type":"shortcut"}`,
			`{"type":"block_actions","actions":[{"block_id":"review_block"}]}`, strings.Repeat("[", 100_000)} {
			if answer := o.replicas[0].Take("e"+raw, []byte(raw)); answer != nil {
				t.Errorf("%.40q is answered with %s", raw, answer)
			}
		}
		time.Sleep(time.Minute)
		if all := o.all(); len(all) != 0 {
			t.Errorf("came to %+v", all)
		}
		if n := strings.Count(o.logged(), "interaction can't be read, ignoring it"); n != 5 {
			t.Errorf("%d lines:\n%s", n, o.logged())
		}
	})
}
