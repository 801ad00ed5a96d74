package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// version is a Teleport as the plugin meets it. Reminders of access lists by
// version are in package reminder, where a day takes no time.
type version struct {
	name     string
	rules    bool // has access monitoring rules
	longTerm bool // has requests for long-term access
	onBehalf bool // takes reviews from Slack
}

// refusing is the version of the double that takes no client as old as this one.
const refusing = "20"

var versions = []version{
	{name: "13"},
	{name: "15", rules: true},
	{name: "17", rules: true},
	{name: "18.2", rules: true, longTerm: true},
	{name: "18.11", rules: true, longTerm: true, onBehalf: true},
	{name: "19", rules: true, longTerm: true, onBehalf: true},
}

// TestVersionsAreThoseOfTheDouble is so that a version added there is tested here.
func TestVersionsAreThoseOfTheDouble(t *testing.T) {
	var got []string
	for _, v := range versions {
		got = append(got, v.name)
	}
	if want := teleporttest.Versions(); !slices.Equal(append(got, refusing), want) {
		t.Errorf("the scenarios run with %v, the double knows %v", got, want)
	}
}

// scenarios run one after another with each version of Teleport, in one world with
// one plugin, which is watching when each begins.
var scenarios = []struct {
	name string
	run  func(w *world, v version)
}{
	{"announce", announceScenario},
	{"review", reviewScenario},
	{"approve", approveScenario},
	{"deny", denyScenario},
	{"expire", expireScenario},
	{"rules", rulesScenario},
	{"long-term", longTermScenario},
	{"review from Slack", onBehalfScenario},
	{"Teleport restarts", teleportRestartScenario},
	{"the plugin restarts", pluginRestartScenario},
}

func TestEveryVersionOfTeleport(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			w := newReviewWorld(t, byTrait)
			w.must(w.teleport.SetServerVersion(v.name))
			w.startPlugin()
			for _, scenario := range scenarios {
				t.Run(scenario.name, func(t *testing.T) {
					w.t = t // of the scenario, so that a failure ends that one
					scenario.run(w, v)
				})
				w.t = t
			}
			w.stopPlugin()
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, "level=ERROR") {
					t.Errorf("error: %s", line)
				}
			}
		})
	}
}

var (
	twoOfThem = []types.AccessReviewThreshold{{Approve: 2, Deny: 2}}
	db1       = []types.ResourceID{{ClusterName: "example.com", Kind: types.KindNode, Name: "uuid-1"}}
)

func announceScenario(w *world, _ version) {
	id := w.request(teleporttest.Request{Reason: "deploy", SuggestedReviewers: []string{"carol@example.com"}})
	w.shows(id, []string{dev, bob, carol, alice}, "PENDING", "editor", "deploy")
	node := w.request(teleporttest.Request{Roles: []string{"editor"}, Resources: db1})
	w.shows(node, []string{dev, bob, alice}, "PENDING", "node/db-1.internal")
}

func reviewScenario(w *world, _ version) {
	id := w.request(teleporttest.Request{Thresholds: twoOfThem})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.review(id, "carol", approved, "fine by me")
	for _, place := range []string{dev, bob, alice} {
		w.eventually("the review is in the thread in "+place, func() bool {
			r := w.replies(place, id)
			return len(r) == 1 && strings.Contains(r[0], "fine by me")
		})
	}
	w.shows(id, []string{dev}, "PENDING")
}

func approveScenario(w *world, _ version) {
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.review(id, "carol", approved, "")
	w.shows(id, []string{dev, bob, alice}, "APPROVED", "carol")
	w.eventually("the record says so", func() bool { return w.teleport.PluginData(id)["resolution"] == "APPROVED" })
}

func denyScenario(w *world, _ version) {
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.must(w.teleport.SetState(id, denied, "not today"))
	w.shows(id, []string{dev, bob, alice}, "DENIED", "not today")
}

func expireScenario(w *world, _ version) {
	id := w.request(teleporttest.Request{})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.must(w.teleport.Expire(id))
	w.shows(id, []string{dev, bob, alice}, "EXPIRED")
}

func rulesScenario(w *world, v version) {
	w.rule("prod", prod, "security")
	defer func() { w.must(w.teleport.DeleteRule("prod")) }()
	if v.rules {
		w.inForce("1")
		w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), sec)
		return
	}
	w.notifies(w.request(teleporttest.Request{Roles: []string{"prod"}}), dev, bob)
	if n := w.log.count("access monitoring rules can't be read, using only static routes"); n != 1 {
		w.t.Errorf("%d warnings that this version has no rules, want one", n)
	}
}

func longTermScenario(w *world, v version) {
	id := w.request(teleporttest.Request{LongTerm: true, Roles: []string{"editor"}, Resources: db1})
	w.shows(id, []string{dev, bob}, "PENDING")
	const words = "long-term access"
	if v.longTerm {
		w.shows(id, []string{dev, bob}, words)
		w.hasButtons(dev, id, false)
		return
	}
	if text := string(w.about(dev, id)[0].Blocks); strings.Contains(text, words) {
		w.t.Errorf("a version that knows no long-term requests sent one: %s", text)
	}
}

func onBehalfScenario(w *world, v version) {
	id := w.request(teleporttest.Request{Roles: []string{"editor"}})
	w.shows(id, []string{dev, bob, alice}, "PENDING")
	w.hasButtons(dev, id, v.onBehalf)
	const off = "this version of Teleport takes no reviews from Slack, buttons are off"
	if !v.onBehalf {
		if n := w.log.count(off); n != 1 {
			w.t.Errorf("%d warnings that the buttons are off, want one", n)
		}
		return
	}
	if w.log.has(off) {
		w.t.Error("the log says that the buttons are off")
	}
	w.awaitSockets()
	w.click(bob, id, "approve_button")
	w.answered(bob, 1, "Your approval is recorded. The request is now *APPROVED*.")
	w.shows(id, []string{dev, bob, alice}, "APPROVED", "`bob@example.com` in Slack")
	if rs := w.reviews(id); len(rs) != 1 || rs[0].Author != "bob@example.com" || teleporttest.SubmittedBy(rs[0]) != "access-plugin" {
		w.t.Errorf("reviews: %+v", rs)
	}
}

func teleportRestartScenario(w *world, _ version) {
	before := w.request(teleporttest.Request{})
	w.shows(before, []string{dev, bob, alice}, "PENDING")
	w.teleport.Stop()
	while := w.request(teleporttest.Request{})
	w.must(w.teleport.SetState(before, approved, ""))
	w.must(w.teleport.Restart())
	w.shows(while, []string{dev, bob, alice}, "PENDING")
	w.shows(before, []string{dev, bob, alice}, "APPROVED")
}

func pluginRestartScenario(w *world, _ version) {
	decided := w.request(teleporttest.Request{})
	lapsed := w.request(teleporttest.Request{})
	waiting := w.request(teleporttest.Request{})
	for _, id := range []string{decided, lapsed, waiting} {
		w.shows(id, []string{dev, bob, alice}, "PENDING")
	}
	w.stopPlugin()
	while := w.request(teleporttest.Request{})
	w.review(decided, "carol", denied, "no")
	w.must(w.teleport.Expire(lapsed))
	w.startPlugin()
	w.shows(while, []string{dev, bob, alice}, "PENDING")
	w.shows(decided, []string{dev, bob, alice}, "DENIED")
	w.shows(lapsed, []string{dev, bob, alice}, "EXPIRED")
	w.shows(waiting, []string{dev, bob, alice}, "PENDING")
}

// TestATeleportThatIsTooNew refuses this client at start, and after an upgrade
// under a running plugin.
func TestATeleportThatIsTooNew(t *testing.T) {
	const needsNewer = "Teleport 20 needs a newer teleport-slack"
	w := newWorld(t, listening)
	w.must(w.teleport.SetServerVersion(refusing))
	w.launch()
	select {
	case err := <-w.ended:
		if err == nil || !strings.Contains(err.Error(), needsNewer) {
			t.Errorf("it ended with: %v", err)
		}
		w.stop = nil
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}

	w.must(w.teleport.SetServerVersion("19"))
	w.startPlugin()
	before := w.request(teleporttest.Request{})
	w.shows(before, []string{dev}, "PENDING")
	w.must(w.teleport.SetServerVersion(refusing))
	w.must(w.teleport.Restart())
	w.ready(503, "failed teleport: ", needsNewer, "install a newer teleport-slack")
	while := w.request(teleporttest.Request{})
	if n := w.log.count(needsNewer); n != 1 {
		t.Errorf("the log says %d times what is wrong, want once", n)
	}
	w.must(w.teleport.SetServerVersion("19.1"))
	w.shows(while, []string{dev}, "PENDING")
	w.ready(200)
}
