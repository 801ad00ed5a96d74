package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"
	"go.uber.org/goleak"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	approved = types.RequestState_APPROVED
	denied   = types.RequestState_DENIED
)

func TestARequestBecomesTrueMessages(t *testing.T) {
	w := newWorld(t, `"editor" = ["#dev", "bob@example.com"]
"*" = "#security"`)
	w.startPlugin()

	id := w.request(teleporttest.Request{Reason: "deploy <3", SuggestedReviewers: []string{"carol", "bob@example.com", "nobody"}})
	everyone := []string{dev, bob, carol, alice}
	w.shows(id, everyone, "PENDING", "editor", "root", "deploy &lt;3")
	w.shows(id, []string{dev}, "https://proxy.example.com/web/requests/"+id)
	if ms := w.about(sec, id); len(ms) != 0 {
		t.Errorf("#security hears of a role that has recipients of its own: %+v", ms)
	}

	w.review(id, "bob@example.com", approved, "fine by me")
	w.shows(id, everyone, "APPROVED")
	for _, to := range everyone {
		w.eventually(to+" has the review and the reaction", func() bool {
			return len(w.replies(to, id)) > 0 && w.reaction(to, id) == "white_check_mark"
		})
		if got := w.replies(to, id); !strings.Contains(got[0], "bob@example.com") || !strings.Contains(got[0], "fine by me") {
			t.Errorf("%s: replies %q do not tell the review", to, got)
		}
	}
	w.eventually("alice is told the outcome", func() bool { return len(w.replies(alice, id)) == 2 })

	w.stopPlugin()
	if counts := w.slack.CallCounts(); counts["chat.postMessage"] != 4+4+1 {
		t.Errorf("%d posts, want 4 messages, 4 replies and alice's outcome", counts["chat.postMessage"])
	}
}

func TestADenialAndAnExpiry(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	no := w.request(teleporttest.Request{})
	late := w.request(teleporttest.Request{})
	w.shows(no, []string{dev, alice}, "PENDING")
	w.shows(late, []string{dev, alice}, "PENDING")
	w.must(w.teleport.SetState(no, denied, "not today"))
	w.must(w.teleport.Expire(late))
	w.shows(no, []string{dev, alice}, "DENIED", "not today")
	w.shows(late, []string{dev, alice}, "EXPIRED")
	w.eventually("the denied one has a reaction", func() bool { return w.reaction(dev, no) == "x" })
	if got := w.reaction(dev, late); got != "" {
		t.Errorf("the expired one has reaction %q", got)
	}
	for id, want := range map[string]string{no: "DENIED", late: "EXPIRED"} {
		w.eventually("the record has "+want, func() bool { return w.teleport.PluginData(id)["resolution"] == want })
	}
}

func TestWhatHappenedWhileThePluginWasDown(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	before := w.request(teleporttest.Request{})
	lapsed := w.request(teleporttest.Request{})
	w.shows(before, []string{dev, alice}, "PENDING")
	w.shows(lapsed, []string{dev, alice}, "PENDING")
	w.stopPlugin()

	while := w.request(teleporttest.Request{})
	both := w.request(teleporttest.Request{})
	w.review(before, "bob@example.com", denied, "no")
	w.must(w.teleport.SetState(both, approved, ""))
	w.must(w.teleport.Expire(lapsed))

	w.startPlugin()
	w.shows(while, []string{dev, alice}, "PENDING")
	w.shows(before, []string{dev, alice}, "DENIED")
	w.shows(both, []string{dev, alice}, "APPROVED")
	w.shows(lapsed, []string{dev, alice}, "EXPIRED")
	w.eventually("the review has its reply", func() bool { return len(w.replies(dev, before)) == 1 })
}

func TestOldHistoryIsNotAnnouncedAtTheFirstStart(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.clockBack(2 * time.Hour)
	old := w.request(teleporttest.Request{})
	w.must(w.teleport.SetState(old, approved, ""))
	w.clockBack(0)
	w.startPlugin()
	fresh := w.request(teleporttest.Request{})
	w.shows(fresh, []string{dev}, "PENDING")
	if ms := w.about(dev, old); len(ms) != 0 {
		t.Errorf("a request that was decided long ago is announced: %+v", ms)
	}
	if data := w.teleport.PluginData(old); len(data) != 0 {
		t.Errorf("and has a record: %v", data)
	}
}

func TestOneBadRecipientHoldsNobodyUp(t *testing.T) {
	w := newWorld(t, `"*" = ["#gone", "nobody@example.com", "#security", "bob@example.com", "#archive"]`)
	w.slack.AddChannel(slacktest.Channel{Name: "archive", Archived: true, BotIsMember: true})
	w.startPlugin()
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{sec, bob, alice}, "PENDING")
	w.must(w.teleport.SetState(id, approved, ""))
	w.shows(id, []string{sec, bob, alice}, "APPROVED")
	again := w.request(teleporttest.Request{})
	w.shows(again, []string{sec, bob, alice}, "PENDING")
	w.stopPlugin()
	for what, want := range map[string]int{"channel_not_found": 1, "is_archived": 1, "nobody@example.com": 1} {
		lines := 0
		for _, line := range strings.Split(w.log.String(), "\n") {
			if strings.Contains(line, "level=WARN") && strings.Contains(line, what) {
				lines++
			}
		}
		if lines != want {
			t.Errorf("%d warnings about %s, want %d", lines, what, want)
		}
	}
}

func TestTheRequesterIsNeverAReviewer(t *testing.T) {
	w := newWorld(t, `"*" = ["alice@example.com", "bob@example.com"]`)
	w.startPlugin()
	id := w.request(teleporttest.Request{SuggestedReviewers: []string{"alice@example.com"}})
	w.shows(id, []string{bob, alice}, "PENDING")
	w.stopPlugin()
	if m := w.about(alice, id)[0]; strings.Contains(m.Text, "requests role") {
		t.Errorf("alice is asked to review her own request: %s", m.Text)
	}
}

func TestANameThatIsNoEmailIsNeverAChannel(t *testing.T) {
	w := newWorld(t, `"*" = "#security"`)
	w.slack.AddChannel(slacktest.Channel{Name: "mallory", BotIsMember: true})
	w.startPlugin()
	id := w.request(teleporttest.Request{User: "mallory", SuggestedReviewers: []string{"mallory", "dev"}})
	w.shows(id, []string{sec}, "PENDING", "mallory")
	w.stopPlugin()
	for _, ch := range []string{"mallory", "dev"} {
		if ms := w.slack.Messages(ch); len(ms) != 0 {
			t.Errorf("#%s got %+v", ch, ms)
		}
	}
}

func TestWithoutTheScopeForReactionsMessagesAreTrueAllTheSame(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.slack.SetScopes(slacktest.DefaultScopes()...)
	w.startPlugin()
	for range 3 {
		id := w.request(teleporttest.Request{})
		w.shows(id, []string{dev, alice}, "PENDING")
		w.must(w.teleport.SetState(id, approved, ""))
		w.shows(id, []string{dev, alice}, "APPROVED")
		w.eventually("the request is settled", func() bool { return w.teleport.PluginData(id)["resolution"] == "APPROVED" })
	}
	w.stopPlugin()
	if n := w.slack.CallCounts()["reactions.add"]; n > 2 {
		t.Errorf("%d attempts at reactions, want at most one for each message of the first request to learn that they are not allowed", n)
	}
	if n := w.log.count("reactions:write"); n == 0 {
		t.Error("nobody is told which scope is missing")
	}
}

func TestTeleportRestartsUnderIt(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	before := w.request(teleporttest.Request{})
	w.shows(before, []string{dev, alice}, "PENDING")
	w.teleport.Stop()
	w.eventually("the plugin notices", func() bool { return w.log.count("level=WARN") > 0 })
	while := w.request(teleporttest.Request{})
	w.must(w.teleport.SetState(before, approved, ""))
	w.must(w.teleport.Restart())
	w.shows(while, []string{dev, alice}, "PENDING")
	w.shows(before, []string{dev, alice}, "APPROVED")
	after := w.request(teleporttest.Request{})
	w.shows(after, []string{dev, alice}, "PENDING")
}

func TestSlackIsAwayForAWhile(t *testing.T) {
	w := newWorld(t, `"*" = ["dev", "bob@example.com"]`)
	w.startPlugin()
	outer := w.t
	for _, tt := range []struct {
		name  string
		fault slacktest.Fault
	}{
		{"refused", slacktest.Fault{Status: 503}},
		{"an HTML page", slacktest.Fault{HTML: true}},
		{"cut before", slacktest.Fault{CutBefore: true}},
		{"cut after", slacktest.Fault{CutAfter: true}},
		{"rate limited", slacktest.Fault{RetryAfter: time.Second}},
		{"fatal_error", slacktest.Fault{Error: "fatal_error", AfterEffect: true}},
		{"internal_error", slacktest.Fault{Error: "internal_error"}},
		{"answer cut off", slacktest.Fault{CutBody: true}},
		{"token at fault", slacktest.Fault{Error: "token_revoked"}},
		{"blocks refused", slacktest.Fault{Error: "invalid_blocks", Method: "chat.postMessage", Times: 1}},
		{"lookups refused", slacktest.Fault{Status: 500, Method: "users.lookupByEmail"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			defer func() { w.t = outer }()
			end := w.slack.Inject(tt.fault)
			id := w.request(teleporttest.Request{})
			seen := len(w.slack.Calls())
			w.eventually("Slack was called", func() bool { return len(w.slack.Calls()) > seen })
			w.must(w.teleport.SetState(id, approved, ""))
			end()
			w.shows(id, []string{dev, bob, alice}, "APPROVED")
			w.eventually("the request is settled", func() bool { return w.teleport.PluginData(id)["resolution"] == "APPROVED" })
			w.shows(id, []string{dev, bob, alice}, "APPROVED") // and still one message each
		})
	}
}

func TestRecipientsAndTokenAreReloaded(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	w.startPlugin()
	first := w.request(teleporttest.Request{})
	w.shows(first, []string{dev, alice}, "PENDING")

	w.must(writeFile(w.config, "[slack"))
	w.reload <- struct{}{}
	w.eventually("the broken file is reported", func() bool { return w.log.has("configuration not reloaded") })
	second := w.request(teleporttest.Request{})
	w.shows(second, []string{dev}, "PENDING")

	w.writeConfig(`"*" = "#security"`)
	w.reload <- struct{}{}
	w.eventually("the reload is done", func() bool { return w.log.has("configuration reloaded") })
	third := w.request(teleporttest.Request{})
	w.shows(third, []string{sec, alice}, "PENDING")
	w.shows(first, []string{sec}, "PENDING") // whoever can decide now hears of what is undecided
	if ms := w.about(dev, third); len(ms) != 0 {
		t.Errorf("#dev still hears: %+v", ms)
	}
}

func TestAPublishedInstallationIsContinued(t *testing.T) {
	w := newWorld(t, `"*" = ["dev", "bob@example.com"]`)
	id := w.request(teleporttest.Request{})
	legacy := w.request(teleporttest.Request{})
	crashed := w.request(teleporttest.Request{})
	newer := w.request(teleporttest.Request{})
	post := func(to string) string {
		ts, err := w.slack.Say(slacktest.Message{Channel: to, User: "U0TELEPORT", Text: "You have a new Role Request: " + id + legacy + newer})
		w.must(err)
		return ts
	}
	devTS, legacyTS := post(dev), post(sec)
	w.must(w.teleport.SetPluginData(id, map[string]string{"user": "alice@example.com", "roles": "editor", "messages": dev + "/" + devTS}))
	w.must(w.teleport.SetPluginData(legacy, map[string]string{"user": "alice@example.com", "roles": "editor", "channel_id": sec, "timestamp": legacyTS}))
	w.must(w.teleport.SetPluginData(crashed, map[string]string{"user": "alice@example.com", "roles": "editor"}))
	newerTS := post(dev)
	of2026 := map[string]string{
		"user": "alice@example.com", "roles": "editor", "RequestKind": "SHORT_TERM", "max_duration": "2026-12-03T10:00:00Z", "of_2027": "{}",
		"messages": `[{"recipient":"#dev","channel_id":"` + dev + `","timestamp":"` + newerTS + `"}]`,
	}
	w.must(w.teleport.SetPluginData(newer, of2026))

	w.startPlugin()
	w.shows(crashed, []string{dev, bob, alice}, "PENDING") // its post was lost: nobody was told
	w.review(id, "bob@example.com", approved, "")
	w.must(w.teleport.SetState(legacy, denied, ""))
	w.must(w.teleport.SetState(newer, denied, ""))
	w.eventually("the old messages are brought to their end", func() bool {
		a, _ := w.slack.Message(dev, devTS)
		b, _ := w.slack.Message(sec, legacyTS)
		c, _ := w.slack.Message(dev, newerTS)
		return strings.Contains(string(a.Blocks), "APPROVED") && len(a.Replies) == 1 && strings.Contains(string(b.Blocks), "DENIED") && strings.Contains(string(c.Blocks), "DENIED")
	})
	w.eventually("the records say so", func() bool {
		return w.teleport.PluginData(id)["resolution"] == "APPROVED" && w.teleport.PluginData(legacy)["resolution"] == "DENIED" &&
			w.teleport.PluginData(newer)["resolution"] == "DENIED"
	})
	for key, want := range of2026 {
		if got := w.teleport.PluginData(newer)[key]; got != want {
			t.Errorf("%s is %q now, the published plugin wrote %q", key, got, want)
		}
	}
	w.stopPlugin()
	if n := len(w.about(bob, id)) + len(w.about(bob, legacy)) + len(w.about(bob, newer)) + len(w.about(alice, id)) + len(w.about(alice, newer)); n != 0 {
		t.Errorf("%d announcements of what the published plugin had announced", n)
	}
}
