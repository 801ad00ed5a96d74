package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// byTrait is a configuration whose buttons need no window.
const byTrait = `"*" = ["dev", "bob@example.com"]
[review]
enabled = true
app_token = "xapp-test"
slack_user_id_trait = "slack_uid"
require_reason = "never"
`

// newReviewWorld is a world where bob, carol and dave may review, alice asks,
// and the plugin may submit for everybody.
func newReviewWorld(t *testing.T, config string) *world {
	t.Helper()
	w := newWorld(t, config)
	w.must(w.teleport.SetServerVersion("18.11.0"))
	role, err := types.NewRole("reviewer", types.RoleSpecV6{Allow: types.RoleConditions{
		ReviewRequests: &types.AccessReviewConditions{Roles: []string{"editor", "admin"}},
	}})
	w.must(err)
	w.must(w.teleport.AddRole(role))
	w.user("bob@example.com", bob)
	w.user("carol", carol)
	w.user("alice@example.com", alice)
	w.teleport.SubmitForUsers("access-plugin", []string{"*"}, nil)
	return w
}

// user adds a reviewer with these Slack IDs in their trait.
func (w *world) user(name string, slackIDs ...string) {
	w.t.Helper()
	u, err := types.NewUser(name)
	w.must(err)
	u.SetRoles([]string{"reviewer"})
	u.SetTraits(map[string][]string{"slack_uid": slackIDs})
	w.must(w.teleport.AddUser(u))
}

// startReviews runs the plugin and waits until it receives clicks.
func (w *world) startReviews() {
	w.t.Helper()
	w.startPlugin()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if !w.slack.AwaitSockets(ctx, 2) {
		w.t.Fatalf("%d connections for clicks", len(w.slack.Sockets()))
	}
}

// buttons reports whether the request's message in a channel has buttons.
func (w *world) buttons(to, id string) bool {
	ms := w.about(to, id)
	return len(ms) == 1 && strings.Contains(string(ms[0].Blocks), "review_block")
}

// hasButtons waits until it has, or has none.
func (w *world) hasButtons(to, id string, want bool) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%s has buttons: %v", to, want), func() bool { return w.buttons(to, id) == want && len(w.about(to, id)) == 1 })
}

// click presses a button of the request's message in #dev.
func (w *world) click(user, id, button string, forge ...func(slacktest.Payload)) {
	w.t.Helper()
	m := w.about(dev, id)[0]
	d, err := w.slack.Click(user, m.Channel, m.TS, button, forge...)
	w.must(err)
	w.acknowledged(d)
}

func (w *world) acknowledged(d *slacktest.Delivery) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	if err := d.Wait(ctx); err != nil {
		w.t.Fatalf("the click was not acknowledged: %v", err)
	}
}

// ephemerals returns the ephemeral messages to a person, oldest first.
func (w *world) ephemerals(user string) []string {
	var texts []string
	for _, m := range w.slack.EphemeralMessages() {
		if m.EphemeralTo == user {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// answered waits until the n-th answer to a person contains the words.
func (w *world) answered(user string, n int, words string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%s gets the answer %q", user, words), func() bool {
		texts := w.ephemerals(user)
		return len(texts) >= n && strings.Contains(texts[n-1], words)
	})
}

func (w *world) reviews(id string) []types.AccessReview {
	w.t.Helper()
	r, err := w.teleport.Request(id)
	w.must(err)
	return r.GetReviews()
}

func TestAClickDecides(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.startReviews()
	id := w.request(teleporttest.Request{Reason: "deploy"})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.hasButtons(dev, id, true)
	w.hasButtons(bob, id, true)
	if w.buttons(alice, id) {
		t.Error("the requester has buttons")
	}
	w.click(bob, id, "approve_button")
	w.answered(bob, 1, "Your approval is recorded. The request is now *APPROVED*.")
	w.shows(id, []string{dev, bob, alice}, "APPROVED", "*Decided by*: `bob@example.com` in Slack")
	for _, to := range []string{dev, bob, alice} {
		w.hasButtons(to, id, false)
	}
	rs := w.reviews(id)
	if len(rs) != 1 || rs[0].Author != "bob@example.com" || teleporttest.SubmittedBy(rs[0]) != "access-plugin" {
		t.Errorf("reviews: %+v", rs)
	}
	m := w.slack.EphemeralMessages()[0]
	if first := w.about(dev, id)[0]; m.Channel != dev || m.ThreadTS != first.TS {
		t.Errorf("answered in %s, thread %s, not in the thread %s", m.Channel, m.ThreadTS, first.TS)
	}
	w.eventually("the thread tells the review", func() bool {
		r := w.replies(dev, id)
		return len(r) == 1 && strings.Contains(r[0], "Resolution: ✅ APPROVED in Slack.")
	})
	w.stopPlugin()
	line := `event=review request_id=` + id + ` slack_user=` + bob + ` user=bob@example.com decision=approve outcome=submitted reason="" channel_id=` + dev
	if !w.log.has(line) {
		t.Errorf("the log lacks %q", line)
	}
}

func TestADenialNeedsAReason(t *testing.T) {
	w := newReviewWorld(t, strings.Replace(byTrait, `require_reason = "never"`, "", 1))
	w.startReviews()
	id := w.request(teleporttest.Request{Reason: "deploy"})
	w.hasButtons(dev, id, true)
	w.click(carol, id, "deny_button")
	w.eventually("a window opens", func() bool { return len(w.slack.Views(carol)) == 1 })
	v := w.slack.Views(carol)[0]
	if len(w.reviews(id)) != 0 {
		t.Error("the click alone denied")
	}
	blank, err := w.slack.SubmitView(t.Context(), carol, v.ID, map[string]string{"reason_block": " \n "})
	w.must(err)
	if blank.Action != "errors" || blank.Errors["reason_block"] != "Please give a reason." {
		t.Errorf("a blank reason: %+v", blank)
	}
	done, err := w.slack.SubmitView(t.Context(), carol, v.ID, map[string]string{"reason_block": "not on a <!channel> friday"})
	w.must(err)
	if done.Action != "" {
		t.Errorf("a reason: %+v", done)
	}
	w.answered(carol, 1, "Your denial is recorded. The request is now *DENIED*.")
	w.shows(id, []string{dev, bob, alice}, "DENIED", "friday", "`carol` in Slack")
	w.eventually("the thread has the reason, defused", func() bool {
		r := w.replies(dev, id)
		return len(r) == 1 && strings.Contains(r[0], "not on a &lt;!channel&gt; friday")
	})
	if rs := w.reviews(id); len(rs) != 1 || rs[0].Reason != "not on a <!channel> friday" || rs[0].Author != "carol" {
		t.Errorf("reviews: %+v", rs)
	}
}

func TestWhatAClickAfterTheDecisionIsTold(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.startReviews()
	two := []types.AccessReviewThreshold{{Approve: 2, Deny: 2}}
	id := w.request(teleporttest.Request{Thresholds: two})
	w.hasButtons(dev, id, true)
	m := w.about(dev, id)[0]
	stale, err := w.slack.ClickPayload(carol, m.Channel, m.TS, "deny_button")
	w.must(err)

	w.click(bob, id, "approve_button")
	w.answered(bob, 1, "Your approval is recorded. The request waits for more reviews.")
	w.click(bob, id, "approve_button") // once more
	w.answered(bob, 2, "Your approval is recorded. The request waits for more reviews.")
	w.click(bob, id, "deny_button") // changed his mind
	w.answered(bob, 3, "You have already reviewed this request.")
	if n := len(w.reviews(id)); n != 1 {
		t.Errorf("%d reviews of one person", n)
	}
	w.must(w.teleport.SetState(id, approved, ""))
	w.shows(id, []string{dev}, "APPROVED")
	d, err := w.slack.Interact(stale)
	w.must(err)
	w.acknowledged(d)
	w.answered(carol, 1, "This request is already *APPROVED*, by `bob@example.com` in Slack. Nothing was submitted.")

	gone := w.request(teleporttest.Request{})
	w.hasButtons(dev, gone, true)
	m = w.about(dev, gone)[0]
	late, err := w.slack.ClickPayload(carol, m.Channel, m.TS, "approve_button")
	w.must(err)
	w.must(w.teleport.Expire(gone))
	w.shows(gone, []string{dev}, "EXPIRED")
	d, err = w.slack.Interact(late)
	w.must(err)
	w.acknowledged(d)
	w.answered(carol, 2, "This request has expired or was deleted. Nothing was submitted.")
}

func TestButtonsOnlyWhereTheRolesAllow(t *testing.T) {
	w := newReviewWorld(t, byTrait+"except_roles = [\"adm*\"]\n")
	w.startReviews()
	yes := w.request(teleporttest.Request{})
	no := w.request(teleporttest.Request{Roles: []string{"editor", "admin"}})
	long := w.request(teleporttest.Request{LongTerm: true})
	w.hasButtons(dev, yes, true)
	for _, id := range []string{no, long} {
		w.shows(id, []string{dev, bob}, "PENDING")
		w.hasButtons(dev, id, false)
	}
	// A click on a button that was removed has no effect.
	for id, words := range map[string]string{no: "Requests for these roles are decided in Teleport", long: "Requests for long-term access are decided in Teleport"} {
		n := len(w.ephemerals(bob)) + 1
		m := w.about(dev, id)[0]
		w.click(bob, yes, "approve_button", func(p slacktest.Payload) {
			p["container"].(slacktest.Payload)["message_ts"] = m.TS
			p["actions"].([]any)[0].(slacktest.Payload)["value"] = id
		})
		w.answered(bob, n, words)
		if len(w.reviews(id)) != 0 {
			t.Errorf("%s was reviewed", id)
		}
	}
}

func TestAnOlderTeleportHasNoButtons(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.must(w.teleport.SetServerVersion("18.10.3"))
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev, bob}, "PENDING")
	w.hasButtons(dev, id, false)
	if n := w.log.count("this version of Teleport takes no reviews from Slack, buttons are off"); n != 1 || !w.log.has("upgrade Teleport to 18.11 or newer") {
		t.Errorf("said %d times", n)
	}
	if n := w.slack.SocketsOpened(); n != 0 {
		t.Errorf("%d connections for clicks", n)
	}
	// An upgrade is noticed.
	w.must(w.teleport.SetServerVersion("18.11.0"))
	w.must(w.teleport.Restart())
	w.hasButtons(dev, id, true)
	w.eventually("clicks are heard", func() bool { return len(w.slack.Sockets()) == 2 })
	w.click(bob, id, "approve_button")
	w.shows(id, []string{dev}, "APPROVED")
}

func TestAWrongAppTokenCostsOnlyTheButtons(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.slack.FailAppToken("invalid_auth")
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.hasButtons(dev, id, false)
	w.eventually("it is said once", func() bool {
		return w.log.count("Slack refuses the Socket Mode connection, buttons are off and notifications continue") == 1
	})
	w.must(w.teleport.SetState(id, denied, ""))
	w.shows(id, []string{dev, bob, alice}, "DENIED")

	// Put right, and told so.
	w.slack.FailAppToken("")
	w.reload <- struct{}{}
	next := w.request(teleporttest.Request{})
	w.hasButtons(dev, next, true)
	w.eventually("clicks are heard", func() bool { return len(w.slack.Sockets()) == 2 })
	w.click(bob, next, "approve_button")
	w.shows(next, []string{dev}, "APPROVED")
	if w.log.has("xapp-test") {
		t.Error("the app token is in the log")
	}
}

func TestSocketModeIsSwitchedOff(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.startReviews()
	id := w.request(teleporttest.Request{})
	w.hasButtons(dev, id, true)
	w.slack.SetSocketMode(false)
	w.hasButtons(dev, id, false)
	w.must(w.teleport.SetState(id, approved, ""))
	w.shows(id, []string{dev, bob, alice}, "APPROVED")
}

func TestReviewsAreSwitchedOffAndOnByAReload(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.startReviews()
	id := w.request(teleporttest.Request{})
	w.hasButtons(dev, id, true)
	m := w.about(dev, id)[0]
	before, err := w.slack.ClickPayload(bob, m.Channel, m.TS, "approve_button")
	w.must(err)

	w.writeConfig(strings.Replace(byTrait, "enabled = true", "enabled = false", 1))
	w.reload <- struct{}{}
	w.hasButtons(dev, id, false)
	w.eventually("nobody hears clicks", func() bool { return len(w.slack.Sockets()) == 0 })

	w.writeConfig(byTrait + "confirm = true\n")
	w.reload <- struct{}{}
	w.hasButtons(dev, id, true)
	w.shows(id, []string{dev}, "Approve this request?")
	w.eventually("clicks are heard", func() bool { return len(w.slack.Sockets()) == 2 })
	d, err := w.slack.Interact(before)
	w.must(err)
	w.acknowledged(d)
	w.shows(id, []string{dev}, "APPROVED")
}

// Two replicas, and a Slack that delivers everything twice: each click counts once.
func TestTwoReplicasAndRedelivery(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.startReviews()
	first := w.stop
	defer func() { w.must(first()) }()
	w.launch()
	w.eventually("both hear clicks", func() bool { return len(w.slack.Sockets()) == 4 })
	w.slack.SetCopies(2)
	var ids []string
	for range 10 {
		ids = append(ids, w.request(teleporttest.Request{Thresholds: []types.AccessReviewThreshold{{Approve: 2, Deny: 2}}}))
	}
	for _, id := range ids {
		w.hasButtons(dev, id, true)
		w.click(bob, id, "approve_button")
		w.click(carol, id, "approve_button")
	}
	for _, id := range ids {
		w.shows(id, []string{dev, bob, alice}, "APPROVED", "bob@example.com", "carol")
		if n := len(w.reviews(id)); n != 2 {
			t.Errorf("%d reviews of two people", n)
		}
	}
}

// Payloads that Slack never sends don't reach a request.
func TestForgedClicksOverTheWire(t *testing.T) {
	w := newReviewWorld(t, byTrait)
	w.startReviews()
	id := w.request(teleporttest.Request{})
	other := w.request(teleporttest.Request{})
	w.hasButtons(dev, id, true)
	w.hasButtons(dev, other, true)
	for why, forge := range map[string]func(slacktest.Payload){
		"foreign_team":    func(p slacktest.Payload) { p["team"] = slacktest.Payload{"id": "T0EVIL"} },
		"foreign_app":     func(p slacktest.Payload) { p["api_app_id"] = "A0EVIL" },
		"foreign_user":    func(p slacktest.Payload) { p["user"].(slacktest.Payload)["team_id"] = "T0EVIL" },
		"unknown_message": func(p slacktest.Payload) { p["actions"].([]any)[0].(slacktest.Payload)["value"] = other },
		"late": func(p slacktest.Payload) {
			p["actions"].([]any)[0].(slacktest.Payload)["action_ts"] = "1500000000.000000"
		},
	} {
		w.click(bob, id, "approve_button", forge)
		w.eventually(why+" is in the log", func() bool { return w.log.has("outcome=refused reason=" + why) })
	}
	for _, raw := range []string{`{}`, `null`, `"x"`, `{"type":"block_actions","actions":"x"}`} {
		w.slack.Deliver(slacktest.Envelope{Type: "interactive", Payload: []byte(raw), Once: true})
	}
	w.click(alice, id, "approve_button")
	w.answered(alice, 1, "You can't review your own request.")
	if n := len(w.reviews(id)) + len(w.reviews(other)); n != 0 {
		t.Errorf("%d reviews", n)
	}
	w.click(bob, id, "approve_button") // and a true one still counts
	w.shows(id, []string{dev}, "APPROVED")
}
