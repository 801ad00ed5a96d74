package notify_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// watcher is an Observer that remembers.
type watcher struct {
	mu    sync.Mutex
	steps []notify.Stepped
	looks []notify.Reconciled
}

func (w *watcher) Stepped(s notify.Stepped) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps = append(w.steps, s)
}

func (w *watcher) Reconciled(r notify.Reconciled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks = append(w.looks, r)
}

// count returns how many steps there were, as "post" and "post not_in_channel".
func (w *watcher) count() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for _, s := range w.steps {
		name := s.Op.String()
		if f, ok := fault.As(s.Err); ok {
			name += " " + f.Reason
		}
		n[name]++
	}
	return n
}

// statuses returns how many deliveries ended in each way.
func (w *watcher) statuses() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for _, l := range w.looks {
		n[l.Status.String()]++
	}
	return n
}

// late returns the delays of a kind of step, those that were measured.
func (w *watcher) late(op notify.Op) (late []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.steps {
		if s.Op == op && s.Late > 0 {
			late = append(late, s.Late.Round(time.Second))
		}
	}
	return late
}

func (w *watcher) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps, w.looks = nil, nil
}

// observed runs a test in a universe with one replica.
func observed(t *testing.T, test func(t *testing.T, u *universe, w *watcher, r *replica, log *lockedBuffer)) {
	synctest.Test(t, func(t *testing.T) {
		log := &lockedBuffer{}
		u := newUniverse(t, history, log)
		defer u.close()
		w := &watcher{}
		u.observer = w
		if err := u.start("host"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		test(t, u, w, u.replicas[0], log)
	})
}

func (u *universe) askFor(t *testing.T, role string) string {
	t.Helper()
	r, err := u.teleport.CreateRequest(teleporttest.Request{User: "alice@example.com", Roles: []string{role}, TTL: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetName()
}

func (u *universe) decide(t *testing.T, id string, state types.RequestState) {
	t.Helper()
	if _, err := u.teleport.Review(id, "bob@example.com", state, "because"); err != nil {
		t.Fatal(err)
	}
}

// varying is what differs each time.
var varying = regexp.MustCompile(`time=\S+ level=INFO | replica=\S+| (request_id|message_ts|channel_id)=\S+`)

// told returns the lines about a request, without what differs each time.
func told(log *lockedBuffer, id string) []string {
	var lines []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "request_id="+id) {
			lines = append(lines, varying.ReplaceAllString(strings.TrimSpace(line), ""))
		}
	}
	return lines
}

func TestTheLogFollowsARequest(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, _ *watcher, _ *replica, log *lockedBuffer) {
		id := u.askFor(t, "dev")
		time.Sleep(time.Minute)
		u.decide(t, id, types.RequestState_APPROVED)
		time.Sleep(10 * time.Minute) // other looks add nothing
		want := []string{
			`msg="new access request" user=alice@example.com roles=[dev] request_state=PENDING recipients=2`,
			`msg="message posted" recipient=#dev request_state=PENDING`,
			`msg="message posted" recipient=alice@example.com request_state=PENDING`,
			`msg="access request is resolved" request_state=APPROVED reviewer=bob@example.com`,
			`msg="message updated" recipient=#dev request_state=APPROVED`,
			`msg="message updated" recipient=alice@example.com request_state=APPROVED`,
			`msg="reaction added" recipient=#dev emoji=white_check_mark`,
			`msg="reaction added" recipient=alice@example.com emoji=white_check_mark`,
			`msg="review posted" recipient=#dev review=0 reviewer=bob@example.com decision=APPROVED`,
			`msg="review posted" recipient=alice@example.com review=0 reviewer=bob@example.com decision=APPROVED`,
			`msg="outcome posted" recipient=alice@example.com request_state=APPROVED`,
			`msg="access request fully delivered" request_state=APPROVED`,
		}
		if diff := cmp.Diff(want, told(log, id)); diff != "" {
			t.Errorf("story (-want +got):\n%s", diff)
		}
	})
}

func TestAnOutageIsLoggedAndNothingIsPostedTwice(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, _ *replica, log *lockedBuffer) {
		end := u.slack.Inject(slacktest.Fault{Status: 503, Method: "chat.postMessage"})
		id := u.askFor(t, "dev")
		time.Sleep(5 * time.Minute)
		end()
		time.Sleep(5 * time.Minute)
		lines := told(log, id)
		for line, n := range map[string]int{
			`msg="new access request"`: 1, `level=WARN`: 2, `msg="message posted"`: 2, `msg="access request fully delivered"`: 0,
		} {
			got := 0
			for _, l := range lines {
				if strings.Contains(l, line) {
					got++
				}
			}
			if got != n {
				t.Errorf("%d × %s, want %d, in\n%s", got, line, n, strings.Join(lines, "\n"))
			}
		}
		if n := w.count(); n["post http_503"] < 4 || n["post"] != 2 {
			t.Errorf("steps: %v", n)
		}
		for _, late := range w.late(notify.Post) {
			if late < 5*time.Minute {
				t.Errorf("a message that came after five minutes is %v late", late)
			}
		}
	})
}

func TestStepsAndDelaysAreObserved(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, _ *replica, _ *lockedBuffer) {
		end := u.slack.Inject(slacktest.Fault{Latency: 2 * time.Second, Method: "chat.postMessage"})
		id := u.askFor(t, "dba")
		time.Sleep(time.Minute)
		end()
		want := map[string]int{"post": 3}
		if diff := cmp.Diff(want, w.count()); diff != "" {
			t.Errorf("steps of a request (-want +got):\n%s", diff)
		}
		if late := w.late(notify.Post); !slices.Equal(late, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}) {
			t.Errorf("messages are late by %v", late)
		}
		w.forget()

		// Decided while nobody watched, so that only the review tells when.
		u.stopTeleport()
		u.decide(t, id, types.RequestState_DENIED)
		time.Sleep(20 * time.Second)
		if err := u.startTeleport(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		want = map[string]int{"update": 3, "react": 3, "reply": 3, "final": 1}
		if diff := cmp.Diff(want, w.count()); diff != "" {
			t.Errorf("steps of a decision (-want +got):\n%s", diff)
		}
		for _, late := range w.late(notify.Update) {
			if late < 20*time.Second || late > time.Minute {
				t.Errorf("the decision of 20 s and a reconnect ago is shown after %v", late)
			}
		}
		if n := len(w.late(notify.Update)); n != 3 {
			t.Errorf("%d updates are timed", n)
		}
		if late := w.late(notify.Reply); late != nil {
			t.Errorf("replies are timed: %v", late)
		}

		// By an administrator: the event is all that tells when.
		id = u.askFor(t, "dev")
		time.Sleep(time.Minute)
		w.forget()
		end = u.slack.Inject(slacktest.Fault{Latency: 3 * time.Second, Method: "chat.update"})
		defer end()
		if err := u.teleport.SetState(id, types.RequestState_APPROVED, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if late := w.late(notify.Update); len(late) != 2 || late[0] != 3*time.Second {
			t.Errorf("updates are late by %v", late)
		}
		results := w.statuses()
		if results["settled"] == 0 || results["failed"] != 0 {
			t.Errorf("looks: %v", results)
		}
	})
}

func TestALaterRecipientIsNotLate(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, r *replica, _ *lockedBuffer) {
		u.askFor(t, "dev")
		time.Sleep(time.Hour)
		w.forget()
		r.notifier.SetRoutes(map[string][]string{"dev": {"#dev", "#ops"}})
		if err := r.notifier.Resync(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if late := w.late(notify.Post); len(late) != 0 && late[0] > time.Second || w.count()["post"] != 1 {
			t.Errorf("%v, late by %v", w.count(), late)
		}
	})
}

func TestFailingRecipientsAreCountedUntilTheyAreReached(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, r *replica, _ *lockedBuffer) {
		end := u.slack.Inject(slacktest.Fault{Error: "not_in_channel", Method: "chat.postMessage", Channel: dev})
		u.askFor(t, "dev")
		u.askFor(t, "dev")
		time.Sleep(time.Minute)
		if n := r.notifier.Failing(); n != 1 {
			t.Errorf("%d recipients fail, want 1", n)
		}
		if n := w.count()["post not_in_channel"]; n != 2 {
			t.Errorf("steps: %v", w.count())
		}
		end()
		u.askFor(t, "dev")
		time.Sleep(time.Minute)
		if n := r.notifier.Failing(); n != 0 {
			t.Errorf("%d recipients fail after one was reached", n)
		}

		// Who is in the configuration and unknown to Slack counts; whom
		// somebody suggests does not, or anybody could raise an alarm.
		r.notifier.SetRoutes(map[string][]string{"dev": {"nobody@example.com"}})
		if _, err := u.teleport.CreateRequest(teleporttest.Request{User: "alice@example.com", Roles: []string{"dev"}, SuggestedReviewers: []string{"ghost@example.com"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := r.notifier.Failing(); n != 1 {
			t.Errorf("%d recipients fail, want 1", n)
		}
		r.notifier.SetRoutes(map[string][]string{"dev": {"#dev"}})
		if n := r.notifier.Failing(); n != 0 {
			t.Errorf("%d recipients fail after the configuration changed", n)
		}
	})
}

// Somebody else writes the record while a message is posted. The result is
// carried over into what they wrote, which is no failure.
func TestAWriteThatSucceedsOnItsSecondTryIsNoFailure(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, _ *replica, log *lockedBuffer) {
		made := make(chan string, 1)
		var once sync.Once
		u.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Match: func(slacktest.Call) bool {
			once.Do(func() {
				if err := u.teleport.SetPluginData(<-made, map[string]string{"resolve_reason": "written by somebody else"}); err != nil {
					t.Error(err)
				}
			})
			return false
		}})
		made <- u.askFor(t, "dev")
		time.Sleep(time.Minute)
		results := w.statuses()
		if results["failed"] != 0 || results["settled"] == 0 {
			t.Errorf("looks: %v\n%s", results, log)
		}
		if n := w.count(); n["post"] != 2 {
			t.Errorf("steps: %v", n)
		}
	})
}

// A process that starts compares the listed requests with the listed records,
// and reads only those of which something is left to do.
func TestARestartReadsOnlyWhatIsLeftToDo(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, r *replica, log *lockedBuffer) {
		var ids []string
		for range 20 {
			ids = append(ids, u.askFor(t, "dev"))
		}
		time.Sleep(time.Minute)
		u.decide(t, ids[0], types.RequestState_APPROVED)
		time.Sleep(2 * time.Hour) // young ones are reconciled in any case
		u.crash(r)
		u.decide(t, ids[1], types.RequestState_DENIED) // while nobody is there
		before := u.teleport.Calls()["GetPluginData"]
		w.forget()
		if err := u.start("host"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := u.teleport.Calls()["GetPluginData"] - before; n != 2 {
			t.Errorf("%d reads of records, want the listing and the one request that was decided\n%s", n, log)
		}
		want := map[string]int{"update": 3, "react": 3, "reply": 3, "final": 1} // #dev, alice, and #oncall by escalation
		if diff := cmp.Diff(want, w.count()); diff != "" {
			t.Errorf("steps after the restart (-want +got):\n%s", diff)
		}
		// What was settled from a record is reconciled when it changes, also
		// if its event is lost.
		u.teleport.CloseWatchers(nil)
		u.decide(t, ids[2], types.RequestState_APPROVED)
		time.Sleep(10 * time.Minute)
		if n := w.count()["update"]; n != 6 {
			t.Errorf("%d updates, want three more", n)
		}
	})
}

// To announce a request takes three calls to Teleport: its record is read, its
// intents and its results are written. The request came with the event.
func TestAnAnnouncementTakesThreeCallsToTeleport(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, _ *replica, log *lockedBuffer) {
		u.askFor(t, "dba")
		time.Sleep(time.Minute) // who is who is known then
		before := u.teleport.Calls()
		u.askFor(t, "dba")
		time.Sleep(time.Minute)
		got := map[string]int{}
		for method, n := range u.teleport.Calls() {
			if n -= before[method]; n > 0 && method != "CreateAccessRequestV2" {
				got[method] = n
			}
		}
		want := map[string]int{"GetPluginData": 1, "UpdatePluginData": 2}
		delete(got, "GetRole") // what a role is, is remembered for a while; see package teleport
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if n := w.count()["post"]; n != 6 {
			t.Errorf("%d messages", n)
		}
	})
}

// A decision that takes only edits meets another writer: the record has the
// decision in the end, so that the messages keep it when the request is gone.
func TestADecisionIsRecordedAlthoughSomebodyElseWrites(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, _ *replica, log *lockedBuffer) {
		id := u.askFor(t, "dev")
		time.Sleep(time.Minute)
		var once sync.Once
		u.slack.Inject(slacktest.Fault{Method: "chat.update", Match: func(slacktest.Call) bool {
			once.Do(func() {
				if err := u.teleport.SetPluginData(id, map[string]string{"request_reason": "written by somebody else"}); err != nil {
					t.Error(err)
				}
			})
			return false
		}})
		if err := u.teleport.SetState(id, types.RequestState_APPROVED, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		data := u.teleport.PluginData(id)
		if rec, _ := record.Decode(data); data["resolution"] != "APPROVED" || rec.Snapshot.State != access.Approved {
			t.Errorf("the record has resolution %q and state %v\n%s", data["resolution"], rec.Snapshot.State, log)
		}
		if n := w.statuses(); n["failed"] != 0 {
			t.Errorf("deliveries: %v", n)
		}
	})
}

// A requester whom Slack did not know is looked up again after a restart.
func TestARestartLooksUpAgainWhatFailed(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, r *replica, log *lockedBuffer) {
		if _, err := u.teleport.CreateRequest(teleporttest.Request{User: "dora@example.com", Roles: []string{"dev"}, TTL: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		u.crash(r)
		u.slack.AddUser(slacktest.User{ID: "U0DORA00001", Name: "dora", Email: "dora@example.com"})
		if err := u.start("host"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second)
		if n := len(u.slack.DirectMessages("U0DORA00001")); n != 1 {
			t.Errorf("dora has %d messages\n%s", n, log)
		}
	})
}

// Other routes make the next process read each request once, and not the one
// after it.
func TestOtherRoutesAreReadForOnce(t *testing.T) {
	observed(t, func(t *testing.T, u *universe, w *watcher, r *replica, log *lockedBuffer) {
		u.askFor(t, "dev")
		time.Sleep(2 * time.Hour)
		r.notifier.SetRoutes(map[string][]string{"dev": {"#dev"}, "*": {"#ops"}, "new": {"#ops"}})
		if err := r.notifier.Resync(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for i, want := range []int{2, 1} { // the listing, and the request once
			u.crash(u.replicas[0])
			before := u.teleport.Calls()["GetPluginData"]
			if err := u.start("host"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if n := u.teleport.Calls()["GetPluginData"] - before; n != want {
				t.Errorf("start %d: %d reads of records, want %d", i, n, want)
			}
		}
	})
}
