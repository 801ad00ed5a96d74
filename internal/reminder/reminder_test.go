package reminder_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// history are the scopes for finding posts whose answer was lost.
var history = append(slacktest.DefaultScopes(), "im:write", "im:history")

// TestReviewsOverWeeks is what owners hear of one list, from long before its
// date until after it, with one process and with two.
func TestReviewsOverWeeks(t *testing.T) {
	for _, replicas := range []int{1, 2} {
		t.Run(fmt.Sprint(replicas, " processes"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, teleporttest.Options{}, slacktest.DefaultScopes())
				defer w.close()
				began := time.Now()
				w.list("admins", 20*day+time.Hour, "alice@example.com", "carol", "mallory", "nobody@example.com")
				date := began.Add(20*day + time.Hour).UTC().Format(time.DateOnly)
				for i := range replicas {
					w.start(fmt.Sprint("host-", i))
				}
				time.Sleep(22*day + 12*time.Hour)
				w.list("admins", 180*day, "alice@example.com", "carol") // reviewed
				time.Sleep(30 * day)

				due := "Access List *List admins* is due for a review by " + date + ". Please review it soon!"
				want := []string{
					"day 6: " + due, "day 13: " + due, "day 20: " + due,
					"day 21: Access List *List admins* is 1 day(s) past due for a review! Please review it.",
					"day 22: Access List *List admins* is 2 day(s) past due for a review! Please review it.",
				}
				for _, who := range []string{alice, carol} {
					if diff := cmp.Diff(want, w.reminders(who, began)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", who, diff)
					}
				}
				if ms := w.slack.Messages("C0BOB000001"); len(ms) > 0 {
					t.Errorf("an owner's name was taken for a channel: %+v", ms)
				}
				// Each problem is logged once, in any number of scans.
				if n := w.count("access list owner not found in Slack"); n != 2*replicas {
					t.Errorf("%d lines about two owners who can't be found", n)
				}
				if !strings.Contains(string(w.slack.DirectMessages(alice)[0].Blocks), "https://proxy.example.com/web/accesslists/admins#review") {
					t.Errorf("no link in %s", w.slack.DirectMessages(alice)[0].Blocks)
				}
			})
		})
	}
}

// TestListsAreBatched: one message a person, whatever they own.
func TestListsAreBatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, teleporttest.Options{}, slacktest.DefaultScopes())
		defer w.close()
		began := time.Now()
		for i := range 250 { // more than a page
			w.list(fmt.Sprintf("l%03d", i), 10*day+time.Duration(i)*time.Minute, "alice@example.com")
		}
		w.list("mine", 3*day, "bob@example.com")
		w.list("later", 100*day, "bob@example.com")
		for i := range 2 {
			w.start(fmt.Sprint("host-", i))
		}
		time.Sleep(20 * time.Hour)
		want := map[string][]string{
			alice: {"day 0: 250 Access Lists are due for reviews, earliest of which is due by " + began.Add(10*day).UTC().Format(time.DateOnly) + ". Please review them soon!"},
			bob:   {"day 0: Access List *List mine* is due for a review by " + began.Add(3*day).UTC().Format(time.DateOnly) + ". Please review it soon!"},
		}
		if diff := cmp.Diff(want, map[string][]string{alice: w.reminders(alice, began), bob: w.reminders(bob, began)}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestTheSameMoment: two processes whose first scans are within seconds of each
// other, while Slack takes longer than that for an answer.
func TestTheSameMoment(t *testing.T) {
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, teleporttest.Options{}, slacktest.DefaultScopes())
			defer w.close()
			w.list("a", day, "alice@example.com", "carol")
			w.list("b", day, "alice@example.com")
			w.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Latency: 8 * time.Second})
			for i := range 2 {
				w.start(fmt.Sprint("host-", i))
			}
			time.Sleep(20 * time.Hour)
			for _, who := range []string{alice, carol} {
				if got := w.reminders(who, time.Now()); len(got) != 1 {
					t.Errorf("%s hears %q", who, got)
				}
			}
		})
	}
}

// TestPublishedRecords: what the published plugin remembers counts here, and
// what we remember is what it would read.
func TestPublishedRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, teleporttest.Options{}, slacktest.DefaultScopes())
		defer w.close()
		began := time.Now()
		w.list("l", 10*day, "alice@example.com", "bob@example.com", "carol")
		w.must(w.teleport.SetListPluginData("l", map[string]string{"user_notifications": fmt.Sprintf(
			`{"alice@example.com":%q,"bob@example.com":"0001-01-01T00:00:00Z","dave":"2020-01-01T00:00:00Z"}`, began.Add(-time.Hour).UTC().Format(time.RFC3339Nano))}))
		w.start("host")
		time.Sleep(time.Hour)

		if got := w.reminders(alice, began); len(got) > 0 {
			t.Errorf("alice was reminded an hour ago, and hears %q", got)
		}
		if got := w.reminders(bob, began); len(got) != 1 {
			t.Errorf("bob was never reminded, and hears %q", got)
		}
		data := w.teleport.ListPluginData("l")
		var told map[string]time.Time
		w.must(json.Unmarshal([]byte(data["user_notifications"]), &told))
		if len(data) != 1 || len(told) != 3 || !told["alice@example.com"].Equal(began.Add(-time.Hour)) || told["bob@example.com"].Before(began) || told["carol"].Before(began) {
			t.Errorf("the record is %v", data)
		}
		for _, write := range w.teleport.PluginDataWrites() {
			if write.Err != nil || write.Kind != types.KindAccessList {
				t.Errorf("wrote %+v", write)
			}
		}
	})
}

// TestServersWithoutLists: one line, and nothing else.
func TestServersWithoutLists(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		o          teleporttest.Options
		deny       bool
	}{
		{"open source", `level=INFO msg="this Teleport has no access lists, no reminders of their reviews"`, teleporttest.Options{NoAccessLists: true}, false},
		{"too old", `level=INFO msg="this Teleport has no access lists, no reminders of their reviews"`, teleporttest.Options{ServerVersion: "13.3.8"}, false},
		{"without the right", `level=WARN msg="access lists can't be read, no reminders of their reviews"`, teleporttest.Options{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.o, slacktest.DefaultScopes())
				defer w.close()
				restore := func() {}
				if tt.deny {
					restore = w.teleport.Deny(types.KindAccessList, types.VerbList)
				}
				w.list("l", day, "alice@example.com")
				w.start("host")
				time.Sleep(7 * day)
				if n := w.count(tt.line); n != 1 {
					t.Errorf("said %d times in a week: %s", n, tt.line)
				}
				if n := w.count("level=WARN") + w.count("level=ERROR"); n > 1 || n == 1 && !tt.deny {
					t.Errorf("%d lines of noise", n)
				}
				if tt.deny && w.count("list and read on access_list") != 1 {
					t.Error("the missing right is not named")
				}
				restore()
				time.Sleep(4 * time.Hour)
				if got := w.reminders(alice, time.Now()); tt.deny && len(got) != 1 {
					t.Errorf("with the right, alice hears %q", got)
				}
			})
		})
	}
}

// TestQuietHours: what becomes due at night is posted in the morning.
func TestQuietHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, teleporttest.Options{}, slacktest.DefaultScopes())
		defer w.close()
		began := time.Now() // midnight, as bubbles begin
		minute := began.UTC().Hour()*60 + began.UTC().Minute()
		w.quiet = quiet.Hours{From: minute, To: (minute + 9*60) % (24 * 60)}
		w.list("l", -time.Hour, "alice@example.com")
		w.start("host")
		time.Sleep(9*time.Hour - time.Second)
		if got := w.reminders(alice, began); len(got) > 0 {
			t.Errorf("in the night: %q", got)
		}
		time.Sleep(time.Minute)
		if got := w.reminders(alice, began); len(got) != 1 {
			t.Errorf("in the morning: %q", got)
		}
	})
}

// event is one thing that goes wrong or happens in a story of reminders.
type event struct {
	Kind string
	N    int
	Wait time.Duration
}

func (e event) String() string { return fmt.Sprintf("%v %s(%d)", e.Wait, e.Kind, e.N) }

var slackFaults = []slacktest.Fault{
	{Status: 503}, {CutBefore: true}, {CutAfter: true}, {CutBody: true}, {RetryAfter: 2 * time.Second}, {Status: 500, AfterEffect: true},
	{Error: "fatal_error", AfterEffect: true}, {Latency: 15 * time.Second, AfterEffect: true}, {Error: "token_revoked"},
}

var teleportFaults = []teleporttest.Fault{
	{Method: "UpdatePluginData", Code: codes.Unavailable}, {Method: "UpdatePluginData", Code: codes.Unavailable, AfterEffect: true},
	{Method: "UpdatePluginData", Cut: true, AfterEffect: true}, {Method: "GetPluginData", Code: codes.Unavailable},
	{Method: "ListAccessLists", Code: codes.Unavailable}, {Method: "GetAccessListOwners", Code: codes.Internal}, {Cut: true},
}

// TestNobodyIsRemindedTwice plays random stories over a month with one or two
// processes that die and faults of both servers: with the history scopes every
// owner hears of every week and day at most once, and once everything works, of
// what is due exactly once.
func TestNobodyIsRemindedTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event {
			return event{
				Kind: rapid.SampledFrom([]string{"kill", "start", "slack", "slack", "teleport", "drop", "nothing"}).Draw(t, "kind"),
				N:    rapid.IntRange(0, 20).Draw(t, "n"),
				Wait: rapid.SampledFrom([]time.Duration{time.Millisecond, 20 * time.Millisecond, 28 * time.Second, time.Minute, 3 * time.Hour, day, 3 * day}).Draw(t, "wait"),
			}
		}), 1, 12).Draw(rt, "events")
		replicas := rapid.IntRange(1, 2).Draw(rt, "replicas")
		var problems []string
		var log string
		synctest.Test(t, func(t *testing.T) { problems, log = tell(t, events, replicas) })
		if len(problems) > 0 {
			rt.Fatalf("%s\nstory: %v\n%s", strings.Join(problems, "\n"), events, log)
		}
	})
}

// tell plays a story and returns what is wrong at its end.
func tell(t *testing.T, events []event, replicas int) (problems []string, log string) {
	w := newWorld(t, teleporttest.Options{}, history)
	defer w.close()
	began := time.Now()
	w.list("a", 9*day, "alice@example.com", "carol")
	w.list("b", 9*day, "alice@example.com")
	hosts := map[int]func(){}
	for i := range replicas {
		hosts[i] = w.start(fmt.Sprint("host-", i))
	}
	var heal []func()
	for _, e := range events {
		time.Sleep(e.Wait)
		switch e.Kind {
		case "kill":
			if kill := hosts[e.N%2]; kill != nil {
				kill()
				delete(hosts, e.N%2)
			}
		case "start":
			if hosts[e.N%2] == nil {
				hosts[e.N%2] = w.start(fmt.Sprint("host-", e.N%2))
			}
		case "slack":
			f := slackFaults[e.N%len(slackFaults)]
			f.Times = e.N % 3
			heal = append(heal, w.slack.Inject(f))
		case "teleport":
			f := teleportFaults[e.N%len(teleportFaults)]
			f.Times = e.N%3 + 1
			w.teleport.Inject(f)
		case "drop":
			w.teleport.DropConnections()
		}
	}
	for _, end := range heal {
		end()
	}
	if len(hosts) == 0 {
		w.start("host-0")
	}
	time.Sleep(7 * time.Hour)
	first := began.Add(-5 * day) // when reminders began
	window := func(n int) int {
		if n < 14 {
			return n / 7 * 7
		}
		return n
	}
	now := window(int(time.Since(first) / day))
	for who, lists := range map[string][]string{alice: {"a", "b"}, carol: {"a"}} {
		for _, list := range lists {
			heard := map[int]int{} // by the day on which the window began
			for _, m := range w.reminders(who, first) {
				var n int
				if _, err := fmt.Sscanf(m, "day %d:", &n); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(m, "*List "+list+"*") || strings.Contains(m, "2 Access Lists") {
					heard[window(n)]++
				}
			}
			for n, times := range heard {
				if times > 1 {
					problems = append(problems, fmt.Sprintf("%s heard %d times of %s since day %d", who, times, list, n))
				}
			}
			// In the first hours of a window its reminder may be still to come.
			if heard[now] == 0 && time.Since(first)-time.Duration(now)*day > 4*time.Hour {
				problems = append(problems, fmt.Sprintf("%s did not hear of %s since day %d: %v", who, list, now, heard))
			}
		}
	}
	for _, name := range []string{"a", "b"} {
		if data := w.teleport.ListPluginData(name); data["teleport_slack"] != "" {
			problems = append(problems, fmt.Sprintf("the record of %s is left with %s", name, data["teleport_slack"]))
		}
	}
	slices.Sort(problems)
	return problems, w.log.String()
}
