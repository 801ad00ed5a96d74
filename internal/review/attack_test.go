package review_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/review"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

type payload = slacktest.Payload

func action(p payload) payload    { return p["actions"].([]any)[0].(payload) }
func container(p payload) payload { return p["container"].(payload) }

// TestClicksThatMustNotCount: each check has a click that it refuses. None may
// leave a review, and each answer discloses only what the clicker may know.
func TestClicksThatMustNotCount(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(o *environment)            // the click
		user   string                          // who clicks; bob if empty
		forge  func(o *environment, p payload) // what is said instead of the truth
		after  func(o *environment)            // the click, before it arrives
		want   review.Outcome
		why    string
		told   string // empty: nothing
	}{
		{name: "a click of another workspace", forge: func(_ *environment, p payload) { p["team"].(payload)["id"] = "T0EVIL" },
			want: review.Refused, why: "foreign_team"},
		{name: "a click of no workspace", forge: func(_ *environment, p payload) { p["team"] = nil },
			want: review.Refused, why: "foreign_team"},
		{name: "a click for another app", forge: func(_ *environment, p payload) { p["api_app_id"] = "A0EVIL" },
			want: review.Refused, why: "foreign_app"},
		{name: "a click for no app", forge: func(_ *environment, p payload) { delete(p, "api_app_id") },
			want: review.Refused, why: "foreign_app"},
		{name: "a click for no app, where nobody told us which we are", before: func(o *environment) { o.settings.AppID = "" },
			forge: func(_ *environment, p payload) { delete(p, "api_app_id") },
			want:  review.Refused, why: "foreign_app"},
		{name: "somebody of a shared channel", forge: func(_ *environment, p payload) { p["user"].(payload)["team_id"] = "T0PARTNER" },
			want: review.Refused, why: "foreign_user", told: "Only full members"},
		{name: "somebody of a shared channel whose payload hides it",
			before: func(o *environment) {
				o.slack.AddUser(slacktest.User{ID: "U0PARTNER01", Name: "eve", Email: "bob@example.com", TeamID: "T0PARTNER"})
			},
			forge: func(_ *environment, p payload) { p["user"] = payload{"id": "U0PARTNER01", "team_id": "T0TEST"} },
			want:  review.Refused, why: "foreign_user"},
		{name: "a guest", before: func(o *environment) {
			o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", IsRestricted: true})
		}, want: review.Refused, why: "guest", told: "Only full members"},
		{name: "a guest of one channel", before: func(o *environment) {
			o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", IsUltraRestricted: true})
		}, want: review.Refused, why: "guest", told: "Only full members"},
		{name: "a bot", before: func(o *environment) {
			o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", IsBot: true})
		}, want: review.Refused, why: "bot", told: "Only full members"},
		{name: "an account that was deactivated", after: func(o *environment) {
			o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", Deleted: true})
		}, want: review.Refused, why: "deactivated"},
		{name: "an account that there is not", forge: func(_ *environment, p payload) { p["user"] = payload{"id": "U0NOBODY001", "team_id": "T0TEST"} },
			want: review.Refused, why: "unknown_slack_user"},

		{name: "a message of nobody's", forge: func(_ *environment, p payload) { container(p)["message_ts"] = "1700000000.000001" },
			want: review.Refused, why: "unknown_message", told: "not on record"},
		{name: "the message in another channel", forge: func(_ *environment, p payload) {
			container(p)["channel_id"], p["channel"] = "C0ELSEWHERE", payload{"id": "C0ELSEWHERE"}
		}, want: review.Refused, why: "unknown_message"},
		{name: "another request under the same message", forge: func(o *environment, p payload) {
			other := o.request(teleporttest.Request{})
			o.announce(other)
			action(p)["value"] = other
		}, want: review.Refused, why: "unknown_message", told: "not on record"},
		{name: "a request that there never was", forge: func(_ *environment, p payload) { action(p)["value"] = "00000000-0000-0000-0000-000000000000" },
			want: review.Refused, why: "gone", told: "expired or was deleted"},
		{name: "a message of our bot's that it never recorded", before: func(o *environment) {
			o.remember(o.id, map[string]string{"messages": ""})
		}, want: review.Refused, why: "unknown_message", told: "not on record"},
		{name: "the requester's own copy", before: func(o *environment) {
			o.remember(o.id, map[string]string{"messages": "", "teleport_slack": `{"state":"PENDING","copies":[{"to":"U0ALICE0001","for":1,"ch":"` +
				o.at.Channel + `","ts":"` + o.at.TS + `","state":"PENDING"}]}`})
		}, want: review.Refused, why: "unknown_message", told: "not on record"},

		{name: "a click of this morning", after: func(*environment) { time.Sleep(6 * time.Minute) },
			want: review.Refused, why: "late", told: "took too long"},
		{name: "a click of tomorrow", forge: func(_ *environment, p payload) { action(p)["action_ts"] = "4000000000.000000" },
			want: review.Refused, why: "late", told: "took too long"},
		{name: "a decided request", after: func(o *environment) { o.must(o.teleport.SetState(o.id, types.RequestState_DENIED, "")) },
			want: review.Refused, why: "decided", told: "already *DENIED*"},
		{name: "a deleted request", after: func(o *environment) { o.must(o.teleport.Delete(o.id)) },
			want: review.Refused, why: "gone", told: "expired or was deleted"},
		{name: "switched off meanwhile", after: func(o *environment) { o.settings.Buttons.On = false },
			want: review.Refused, why: "switched_off", told: "switched off"},
		{name: "a role that was excepted meanwhile", after: func(o *environment) { o.settings.Buttons.Except = []string{"edit*"} },
			want: review.Refused, why: "role_not_allowed", told: "Requests for these roles"},
		{name: "a request for access that lasts", before: func(o *environment) {
			o.id = o.request(teleporttest.Request{LongTerm: true})
			o.at = o.announce(o.id)
		}, want: review.Refused, why: "long_term", told: "Requests for long-term access"},
		{name: "a request with a part that can't be read", before: func(o *environment) {
			o.id = o.request(teleporttest.Request{SpecFields: []byte{0xd8, 0x01, 0x01}})
			o.at = o.announce(o.id)
		}, want: review.Refused, why: "unread_part", told: "can't read"},
		{name: "an expired request that Teleport has still to remove", before: func(o *environment) {
			o.lag.Store(int64(time.Hour))
			o.id = o.request(teleporttest.Request{TTL: time.Minute})
			o.at = o.announce(o.id)
		}, want: review.Refused, why: "gone", told: "expired or was deleted"},
		{name: "before we know who we are", before: func(o *environment) { o.settings.TeamID = "" },
			want: review.Refused, why: "not_ready", told: "Nothing was submitted"},
		{name: "without an app token", before: func(o *environment) { o.settings.Secret = "" },
			want: review.Refused, why: "not_ready", told: "Nothing was submitted"},

		{name: "a colleague who is nobody in Teleport", user: dave, want: review.Refused, why: "no_user", told: "No Teleport user"},
		{name: "a colleague with the right email, by trait alone", user: carol, want: review.Refused, why: "no_user", told: "No Teleport user"},
		{name: "two users with the same Slack account", before: func(o *environment) { o.user("mallory", "U0OTHER0001", bob) },
			want: review.Refused, why: "several_users", told: "More than one Teleport user"},
		{name: "a machine's user", before: func(o *environment) {
			u, err := types.NewUser("robot")
			o.must(err)
			u.SetTraits(map[string][]string{"slack_uid": {dave}})
			meta := u.GetMetadata()
			meta.Labels = map[string]string{types.BotLabel: "robot"}
			u.(*types.UserV2).Metadata = meta
			o.must(o.teleport.AddUser(u))
		}, user: dave, want: review.Refused, why: "bot_user", told: "No Teleport user"},
		{name: "a user with the email of another Slack account's", before: func(o *environment) {
			o.settings.EmailMatch = true
			o.user("carol@example.com", "U0CAROLOLD1")
		}, user: carol, want: review.Refused, why: "email_of_another", told: "belongs to another Slack account"},
		{name: "an email in other letters", before: func(o *environment) {
			o.settings.EmailMatch = true
			o.user("DAVE@example.com")
		}, user: dave, want: review.Refused, why: "no_user", told: "No Teleport user"},
		{name: "an email that nobody has confirmed", before: func(o *environment) {
			o.settings.EmailMatch = true
			o.slack.AddUser(slacktest.User{ID: carol, Name: "carol", Email: "carol@example.com", EmailUnconfirmed: true})
		}, user: carol, want: review.Refused, why: "email_not_confirmed", told: "No Teleport user"},
		{name: "an account without an email", before: func(o *environment) {
			o.settings.EmailMatch = true
			o.slack.AddUser(slacktest.User{ID: dave, Name: "dave"})
			o.user("dave")
		}, user: dave, want: review.Refused, why: "no_email", told: "No Teleport user"},

		{name: "the requester", user: alice, want: review.Refused, why: "own_request", told: "your own request"},
		{name: "the requester as another user", before: func(o *environment) {
			o.user("alice-admin", alice)
			o.user("alice")
			o.remember(o.id, map[string]string{"teleport_slack": `{"state":"PENDING","copies":[{"to":"` + alice + `","for":1,"ch":"D0ALICE0001","ts":"1.1"}]}`})
		}, user: alice, want: review.Refused, why: "own_request", told: "your own request"},
		{name: "a user who may not review it", before: func(o *environment) {
			u, err := types.NewUser("dave")
			o.must(err)
			u.SetTraits(map[string][]string{"slack_uid": {dave}})
			o.must(o.teleport.AddUser(u))
		}, user: dave, want: review.Refused, why: "teleport_refused", told: "Teleport doesn't let you"},
		{name: "a user for whom we may not submit", before: func(o *environment) {
			o.teleport.SubmitForUsers("access-plugin", []string{"carol@example.com"}, nil)
		}, want: review.Refused, why: "teleport_refused", told: "Teleport doesn't let you"},

		{name: "users can't be listed", before: func(o *environment) { o.teleport.Deny(types.KindUser, types.VerbList) },
			want: review.Failed, why: "teleport_user_not_allowed", told: "Nothing was submitted"},
		{name: "records can't be read", before: func(o *environment) {
			o.teleport.Inject(teleporttest.Fault{Method: "GetPluginData", Code: codes.Unavailable})
		}, want: review.Failed, why: "record_unanswered", told: "Nothing was submitted"},
		{name: "requests can't be read", before: func(o *environment) {
			o.teleport.Inject(teleporttest.Fault{Method: "ListAccessRequests", Code: codes.Unavailable})
		}, want: review.Failed, why: "request_unanswered", told: "Nothing was submitted"},
		{name: "Slack does not say who it is", before: func(o *environment) { o.slack.Inject(slacktest.Fault{Method: "users.info", Status: 503}) },
			want: review.Failed, why: "slack_user_unanswered", told: "Nothing was submitted"},
		{name: "Teleport goes away at the last moment", before: func(o *environment) {
			o.teleport.Inject(teleporttest.Fault{Method: "SubmitAccessReview", Code: codes.ResourceExhausted})
		}, want: review.Failed, why: "teleport_unanswered", told: "Nothing was submitted"},
		{name: "an answer that never came", before: func(o *environment) {
			o.teleport.Inject(teleporttest.Fault{Method: "SubmitAccessReview", Code: codes.Unavailable})
		}, want: review.Failed, why: "answer_lost", told: "Teleport's answer was lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inEnvironment(t, func(o *environment) {
				if tt.before != nil {
					tt.before(o)
				}
				user := tt.user
				if user == "" {
					user = bob
				}
				p := o.payload(user, "approve_button")
				if tt.forge != nil {
					tt.forge(o, p)
				}
				if tt.after != nil {
					tt.after(o)
				}
				got, answer := o.take(0, p)
				if want := (review.Result{Decision: "approve", Outcome: tt.want, Reason: tt.why}); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
				if answer != nil {
					t.Errorf("acknowledged with %s", answer)
				}
				if who := o.reviewers(o.id); len(who) != 0 {
					t.Errorf("reviewed by %v", who)
				}
				told := strings.Join(o.ephemerals(user), "\n")
				if tt.told == "" && told != "" && user == bob && tt.why != "unknown_message" || !strings.Contains(told, tt.told) {
					t.Errorf("told %q, want %q", told, tt.told)
				}
				if log := o.logged(); !strings.Contains(log, "event=review") || !strings.Contains(log, "reason="+tt.why) || strings.Contains(log, "xapp-") {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

// TestWhoCounts: the good cases, so that the bad ones are not bad by accident.
func TestWhoCounts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(o *environment)
		user   string
		want   string
	}{
		{"by trait", nil, bob, "bob approved"},
		{"by email, where that was asked for", func(o *environment) { o.settings.EmailMatch = true }, carol, "carol@example.com approved"},
		{"by email alone", func(o *environment) { o.settings.EmailMatch, o.settings.Trait = true, "" }, carol, "carol@example.com approved"},
		{"by trait, whatever the email", func(o *environment) {
			o.settings.EmailMatch = true
			o.user("bob@example.com")
		}, bob, "bob approved"},
		{"a message of the published plugin", func(o *environment) {
			o.remember(o.id, map[string]string{"messages": "C0OTHER/1.1," + o.at.Channel + "/" + o.at.TS})
		}, bob, "bob approved"},
		{"a message of its older versions", func(o *environment) {
			o.remember(o.id, map[string]string{"messages": "", "channel_id": o.at.Channel, "timestamp": o.at.TS})
		}, bob, "bob approved"},
		{"nobody told us which app we are", func(o *environment) { o.settings.AppID = "" }, bob, "bob approved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inEnvironment(t, func(o *environment) {
				if tt.before != nil {
					tt.before(o)
				}
				got, _ := o.take(0, o.payload(tt.user, "approve_button"))
				if who := o.reviewers(o.id); got.Outcome != review.Submitted || len(who) != 1 || who[0] != tt.want {
					t.Errorf("%+v, reviewed by %v", got, who)
				}
			})
		})
	}
}

// A message can be clicked before the record of its post is written.
func TestAClickThatIsFasterThanTheRecord(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.remember(o.id, map[string]string{"messages": "", "teleport_slack": `{"state":"PENDING","copies":[{"to":"` + dev + `","intent":{"part":"request","by":"x","at":1,"try":1}}]}`})
		go func() {
			time.Sleep(700 * time.Millisecond)
			o.remember(o.id, map[string]string{"teleport_slack": `{"state":"PENDING","copies":[{"to":"` + dev + `","ch":"` + o.at.Channel + `","ts":"` + o.at.TS + `","state":"PENDING"}]}`})
		}()
		if got, _ := o.take(0, o.payload(bob, "approve_button")); got.Outcome != review.Submitted {
			t.Errorf("%+v", got)
		}
	})
}

// What was true a minute ago is asked again; what is not true is never kept.
func TestChangesCountWithinAMinute(t *testing.T) {
	two := []types.AccessReviewThreshold{{Approve: 9, Deny: 9}}
	inEnvironment(t, func(o *environment) {
		click := func() review.Result {
			o.id = o.request(teleporttest.Request{Thresholds: two})
			o.at = o.announce(o.id)
			got, _ := o.take(0, o.payload(bob, "deny_button"))
			return got
		}
		if got := click(); got.Outcome != review.Submitted {
			t.Fatalf("%+v", got)
		}
		o.user("bob", "U0SOMEBODY1") // the trait moves away
		time.Sleep(time.Minute)
		if got := click(); got.Reason != "no_user" {
			t.Errorf("a minute after the trait was changed: %+v", got)
		}
		o.user("bob", bob) // and back
		if got := click(); got.Outcome != review.Submitted {
			t.Errorf("right after it was changed back: %+v", got)
		}
		o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", Deleted: true})
		o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com", IsRestricted: true})
		time.Sleep(time.Minute)
		if got := click(); got.Reason != "guest" {
			t.Errorf("a minute after he became a guest: %+v", got)
		}
		o.slack.AddUser(slacktest.User{ID: bob, Name: "bob", Email: "bob@example.com"})
		if got := click(); got.Outcome != review.Submitted {
			t.Errorf("right after he became a member again: %+v", got)
		}
		// A refusal by Teleport ends what was known.
		o.teleport.SubmitForUsers("access-plugin", nil, nil)
		click()
		o.teleport.SubmitForUsers("access-plugin", []string{"*"}, nil)
		o.user("bob", "U0SOMEBODY1")
		if got := click(); got.Reason != "no_user" {
			t.Errorf("after a refusal: %+v", got)
		}
		// So does a click of theirs that does not add up.
		o.user("bob", bob)
		click()
		forged := o.payload(bob, "approve_button")
		forged["user"].(payload)["team_id"] = "T0EVIL"
		if got, _ := o.take(0, forged); got.Reason != "foreign_user" {
			t.Errorf("%+v", got)
		}
		o.user("bob", "U0SOMEBODY1")
		if got := click(); got.Reason != "no_user" {
			t.Errorf("after a click that did not add up: %+v", got)
		}
		// Another trait is another question.
		o.user("bob", bob)
		click()
		o.settings.Trait = "other"
		if got := click(); got.Reason != "no_user" {
			t.Errorf("with another trait: %+v", got)
		}
	})
}

// The answer was lost but the review is in: the clicker gets the right answer.
func TestALostAnswerIsLookedUp(t *testing.T) {
	inEnvironment(t, func(o *environment) {
		o.teleport.Inject(teleporttest.Fault{Method: "SubmitAccessReview", Code: codes.Unavailable, AfterEffect: true})
		got, _ := o.take(0, o.payload(bob, "approve_button"))
		if got.Outcome != review.Submitted || len(o.reviewers(o.id)) != 1 {
			t.Errorf("%+v, %v", got, o.reviewers(o.id))
		}
		if told := o.ephemerals(bob); len(told) != 1 || !strings.HasPrefix(told[0], "Your approval is recorded. The request is now *APPROVED*.\nApproved: alice requested role editor") {
			t.Errorf("told %q", told)
		}
	})
}
