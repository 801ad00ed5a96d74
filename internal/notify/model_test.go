package notify_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gravitational/teleport/api/types"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// action is one thing that happens in a story. Its numbers are drawn, and what
// they mean depends on what is there when it happens.
type action struct {
	Kind string
	N    int
	M    int
	Wait time.Duration // before it happens
}

func (a action) String() string { return fmt.Sprintf("%v %s(%d,%d)", a.Wait, a.Kind, a.N, a.M) }

var kinds = []string{
	"create", "create", "create", "create", "review", "review", "resolve", "expire",
	"crash", "doom", "doom", "doom", "start", "slack fault", "slack fault", "slack fault", "teleport fault", "teleport fault",
	"teleport stops", "teleport starts", "connections drop", "watchers end", "slack heals", "nothing",
}

var slackFaults = []slacktest.Fault{
	{Status: 503}, {HTML: true}, {CutBefore: true}, {CutAfter: true}, {CutBody: true}, {RetryAfter: 2 * time.Second},
	{Error: "fatal_error", AfterEffect: true}, {Error: "internal_error"}, {Status: 500, AfterEffect: true},
	{Latency: 15 * time.Second}, {Latency: 15 * time.Second, AfterEffect: true}, {Error: "token_revoked"},
}

var teleportFaults = []teleporttest.Fault{
	{Method: "UpdatePluginData", Code: codes.Unavailable}, {Method: "UpdatePluginData", Code: codes.Unavailable, AfterEffect: true},
	{Method: "UpdatePluginData", Cut: true, AfterEffect: true}, {Method: "GetPluginData", Code: codes.Unavailable},
	{Method: "UpdatePluginData", Latency: 20 * time.Second}, {Method: "ListAccessRequests", Code: codes.Unavailable}, {Cut: true},
}

func genActions() *rapid.Generator[[]action] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) action {
		return action{
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), N: rapid.IntRange(0, 11).Draw(t, "n"), M: rapid.IntRange(0, 5).Draw(t, "m"),
			Wait: rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 7 * time.Millisecond, 50 * time.Millisecond, time.Second, 9 * time.Second, 40 * time.Second}).Draw(t, "wait"),
		}
	}), 1, 25)
}

// history are the scopes with which lost answers can be looked up.
var history = append(slacktest.DefaultScopes(), "reactions:write", "im:write", "channels:read", "groups:read", "channels:history", "groups:history", "im:history")

// TestNothingIsLostAndNothingDoubled plays random stories of requests,
// reviews, crashes and faults and looks at the world once everything works
// again: with the history scopes everyone has exactly one true message a
// request and one reply a review, and the records say what Slack holds.
func TestNothingIsLostAndNothingDoubled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		actions := genActions().Draw(rt, "actions")
		replicas := rapid.IntRange(1, 2).Draw(rt, "replicas")
		judge(t, rt, actions, replicas, history)
	})
}

// TestWithoutHistoryNothingIsLost is the same with the guide's scopes: a lost
// answer may then cost a double, and nothing else may.
func TestWithoutHistoryNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		actions := genActions().Draw(rt, "actions")
		judge(t, rt, actions, 1, slacktest.DefaultScopes())
	})
}

// judge plays a story and fails with what went wrong and how it came to that.
func judge(t *testing.T, rt *rapid.T, actions []action, replicas int, scopes []string) {
	var log lockedBuffer
	if problems := play(t, actions, replicas, scopes, &log); len(problems) > 0 {
		rt.Fatalf("%s\nstory: %v\n%s", strings.Join(problems, "\n"), actions, log.String())
	}
}

// play tells a story and returns what is wrong with the world at its end.
func play(t *testing.T, actions []action, replicas int, scopes []string, log io.Writer) (problems []string) {
	synctest.Test(t, func(t *testing.T) {
		u := newUniverse(t, scopes, log)
		defer u.close()
		s := &story{t: t, u: u, began: time.Now()}
		for i := range replicas {
			s.start(i)
		}
		for _, a := range actions {
			time.Sleep(a.Wait)
			fmt.Fprintf(log, "---- %v %v\n", time.Since(s.began), a)
			s.act(a)
		}
		fmt.Fprintf(log, "---- %v the end\n", time.Since(s.began))
		s.heal()
		s.healed = time.Now()
		time.Sleep(max(30*time.Minute, time.Until(s.lastEnd().Add(10*time.Minute))))
		problems = s.check(slices.Contains(scopes, "channels:history"))
	})
	return problems
}

// story is what happened so far.
type story struct {
	t        *testing.T
	u        *universe
	began    time.Time
	healed   time.Time // since when everything works
	away     bool
	requests []*asked
	ends     []func() // of Slack's faults
}

// asked is a request as the story knows it.
type asked struct {
	id      string
	hear    []string // who should hear of it
	asks    string   // who of them asked
	state   string
	gone    bool
	deleted bool // before its time
	reviews int
	created time.Time
	looked  time.Time // when somebody first reviewed, decided or deleted it
	given   time.Time // when access began
	ends    time.Time // when approved access ends
}

// ended says that the text tells how the request ended. One that was decided
// and then vanished while nobody watched can only be known to have ended.
func (r *asked) ended(text string) bool {
	return strings.Contains(text, r.state) || r.gone && strings.Contains(text, "EXPIRED")
}

func (s *story) act(a action) {
	switch a.Kind {
	case "create":
		s.create(a)
	case "review", "resolve", "expire":
		if len(s.requests) > 0 {
			s.change(a, s.requests[a.N%len(s.requests)])
		}
	case "crash":
		if n := len(s.u.replicas); n > 0 {
			s.u.crash(s.u.replicas[a.N%n])
		}
	case "doom":
		if n := len(s.u.replicas); n > 0 {
			s.u.replicas[a.M%n].fate.sentence(a.N, a.M%2 == 0)
		}
	case "start":
		s.reap()
		if len(s.u.replicas) < 2 {
			s.start(a.N)
		}
	case "slack fault":
		f := slackFaults[a.N%len(slackFaults)]
		f.Times = a.M
		s.ends = append(s.ends, s.u.slack.Inject(f))
	case "slack heals":
		s.healSlack()
	case "teleport fault":
		f := teleportFaults[a.N%len(teleportFaults)]
		f.Times = a.M + 1
		s.u.teleport.Inject(f)
	case "teleport stops":
		if !s.away {
			s.away = true
			s.u.stopTeleport()
		}
	case "teleport starts":
		s.startTeleport()
	case "connections drop":
		if !s.away {
			s.u.teleport.DropConnections()
		}
	case "watchers end":
		s.u.teleport.CloseWatchers(nil)
	}
}

func (s *story) create(a action) {
	if len(s.requests) >= 4 {
		return
	}
	r := teleporttest.Request{User: "alice@example.com", Reason: "because", TTL: 24 * time.Hour}
	who := &asked{state: "PENDING", hear: []string{alice}, asks: alice, given: time.Now(), created: time.Now()}
	if a.M == 0 {
		r.User, who.hear, who.asks = "carol", []string{carol}, carol
	}
	r.AccessTTL = lasting[(a.N+a.M)%len(lasting)]
	who.ends = time.Now().Add(r.AccessTTL)
	for i, role := range []string{"dev", "dba", "other"} {
		if (a.N+1)&(1<<i) != 0 {
			r.Roles = append(r.Roles, role)
			who.hear = append(who.hear, hears[role]...)
		}
	}
	if len(r.Roles) == 0 {
		r.Roles = []string{"other"}
		who.hear = append(who.hear, ops)
	}
	if a.M%2 == 0 {
		r.SuggestedReviewers = []string{"carol", "bob@example.com"}
		who.hear = append(who.hear, bob, carol)
	}
	slices.Sort(who.hear)
	who.hear = slices.Compact(who.hear)
	r.Thresholds = []types.AccessReviewThreshold{{Approve: 2, Deny: 1}}
	req, err := s.u.teleport.CreateRequest(r)
	if err != nil {
		s.t.Fatal(err)
	}
	who.id = req.GetName()
	s.requests = append(s.requests, who)
}

func (s *story) change(a action, r *asked) {
	if r.gone {
		return
	}
	if r.looked.IsZero() {
		r.looked = time.Now()
	}
	switch {
	case a.Kind == "expire":
		if s.u.teleport.Expire(r.id) == nil {
			r.gone, r.deleted = true, true
			if r.state == "PENDING" {
				r.state = "EXPIRED"
			}
		}
	case r.state != "PENDING":
	case a.Kind == "review":
		state, name := types.RequestState_APPROVED, "APPROVED"
		if a.M == 0 {
			state, name = types.RequestState_DENIED, "DENIED"
		}
		req, err := s.u.teleport.Review(r.id, fmt.Sprintf("reviewer-%d@example.com", r.reviews), state, "")
		if err != nil {
			s.t.Fatal(err)
		}
		r.reviews++
		r.given = time.Now()
		if req.GetState() != types.RequestState_PENDING {
			r.state = name
		}
	default:
		state := types.RequestState_APPROVED
		r.state = "APPROVED"
		if a.M%2 == 0 {
			state, r.state = types.RequestState_DENIED, "DENIED"
		}
		if err := s.u.teleport.SetState(r.id, state, "so be it"); err != nil {
			s.t.Fatal(err)
		}
	}
}

// start runs one more process; the hosts are two.
func (s *story) start(n int) {
	if err := s.u.start(fmt.Sprint("host-", n%2)); err != nil {
		s.t.Fatal(err)
	}
}

// reap takes away what has died by itself.
func (s *story) reap() {
	for _, r := range slices.Clone(s.u.replicas) {
		r.fate.mu.Lock()
		dead := r.fate.dead
		r.fate.mu.Unlock()
		if dead {
			s.u.crash(r)
		}
	}
}

func (s *story) startTeleport() {
	if s.away {
		s.away = false
		if err := s.u.startTeleport(); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *story) healSlack() {
	for _, end := range s.ends {
		end()
	}
	s.ends = nil
}

// heal makes everything work again, with at least one process.
func (s *story) heal() {
	s.healSlack()
	s.startTeleport()
	for _, r := range s.u.replicas {
		r.fate.sentence(-1, false)
	}
	time.Sleep(time.Minute) // who is in the middle of dying, dies
	s.reap()
	if len(s.u.replicas) == 0 {
		s.start(0)
	}
}

// check compares the world with what the story says it should be.
func (s *story) check(exactly bool) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	doubles := 0
	for _, r := range s.requests {
		rec, bad := record.Decode(s.u.teleport.PluginData(r.id))
		if len(bad) > 0 {
			wrong("record of %s: %v", r.id, bad)
		}
		if _, err := s.u.teleport.Request(r.id); err != nil {
			r.gone = true
		}
		announced := len(s.aboutAnywhere(r.id)) > 0
		if r.gone && !announced && len(rec.Copies) == 0 {
			continue // it came and went while nobody was there to see it
		}
		for _, to := range s.hearing(r) {
			ms := s.about(to, r.id)
			if len(ms) == 0 {
				wrong("%s never heard of %s (%s)", to, r.id, r.state)
				continue
			}
			doubles += len(ms) - 1
			recorded := 0
			for _, m := range ms {
				if !slices.ContainsFunc(rec.Copies, func(c record.Copy) bool { return c.At.Channel == m.Channel && c.At.TS == m.TS }) {
					continue // a double that nobody could know of
				}
				recorded++
				if !r.ended(string(m.Blocks) + m.Text) {
					wrong("%s shows %s not as %s: %s", to, r.id, r.state, m.Blocks)
				}
				replies := map[string]int{}
				for _, reply := range m.Replies {
					_, part := tagOf(reply)
					replies[part]++
				}
				for part, n := range replies {
					doubles += n - 1
					aboutEnd := strings.HasPrefix(part, "access-end") && to == r.asks
					if !strings.HasPrefix(part, "review-") && !strings.HasPrefix(part, "reminder-") && part != "final" && !aboutEnd {
						wrong("%s has a reply %q", to, part)
					}
				}
				for _, what := range append(s.checkEnd(r, to, m, replies), s.checkReminders(r, to, m, replies)...) {
					wrong("%s", what)
				}
				for i := range r.reviews {
					if replies[fmt.Sprint("review-", i)] == 0 && !r.gone {
						wrong("%s has no reply for review %d of %s", to, i, r.id)
					}
				}
			}
			if recorded != 1 {
				wrong("%d of %d messages of %s about %s are recorded", recorded, len(ms), to, r.id)
			}
		}
		for _, to := range s.aboutAnywhere(r.id) {
			if !slices.Contains(r.hear, to) {
				wrong("%s hears of %s and should not", to, r.id)
			}
		}
		for _, c := range rec.Copies {
			if c.Intent != nil || c.Failure != nil {
				wrong("record of %s is left with %+v", r.id, c)
			}
		}
		if got := s.u.teleport.PluginData(r.id)["resolution"]; got == "" && r.state != "PENDING" || got != "" && !r.ended(got) {
			wrong("record of %s says %q, want %q", r.id, got, r.state)
		}
	}
	if exactly && doubles > 0 {
		wrong("%d doubles", doubles)
	}
	if allowed := s.lostAnswers(); doubles > allowed {
		wrong("%d doubles for %d lost answers", doubles, allowed)
	}
	return problems
}

// lostAnswers is how many posts happened without a record of it: Slack's answer
// was lost, the process died before it wrote the results of a round, or it
// could write them only after another replica might have taken over.
func (s *story) lostAnswers() int {
	n := s.u.lost
	for _, r := range s.u.replicas {
		n += r.fate.lost()
	}
	for _, c := range s.u.slack.Calls() {
		if c.Method == "chat.postMessage" && c.Outcome != "ok" && c.Outcome != "ratelimited" {
			n++
		}
	}
	return n
}

func (s *story) about(to, id string) (ms []slacktest.Message) {
	all := s.u.slack.Messages(to)
	if to[0] == 'U' {
		all = s.u.slack.DirectMessages(to)
	}
	for _, m := range all {
		if got, part := tagOf(m); got == id && part == "request" {
			ms = append(ms, m)
		}
	}
	return ms
}

func (s *story) aboutAnywhere(id string) (places []string) {
	for _, to := range []string{alice, bob, carol, dev, sec, ops} {
		if len(s.about(to, id)) > 0 {
			places = append(places, to)
		}
	}
	return places
}

// TestStories are stories that once ended badly, and the plainest ones.
func TestStories(t *testing.T) {
	for _, tt := range []struct {
		name     string
		replicas int
		actions  []action
	}{
		{"a request is approved", 1, []action{{Kind: "create", N: 2}, {Kind: "review", M: 1, Wait: time.Second}, {Kind: "review", M: 1, Wait: time.Second}}},
		{"the token is revoked while a lost post is looked for", 2, []action{
			{Kind: "create", N: 9}, {Kind: "doom", N: 8, Wait: 40 * time.Second}, {Kind: "create", N: 4, M: 1, Wait: time.Millisecond},
			{Kind: "create", M: 5}, {Kind: "create", N: 7}, {Kind: "slack fault", N: 11, M: 3, Wait: 9 * time.Second}, {Kind: "nothing", Wait: 40 * time.Second},
		}},
		{"a request ends while the watch is interrupted", 2, []action{
			{Kind: "create", N: 7, M: 5}, {Kind: "watchers end", Wait: 40 * time.Second}, {Kind: "expire", Wait: 7 * time.Millisecond},
		}},
		{"the answer to a post by name is lost while channels can't be listed", 1, []action{
			{Kind: "slack fault", N: 4}, {Kind: "create", N: 4, M: 5, Wait: 7 * time.Millisecond}, {Kind: "nothing", Wait: 9 * time.Second},
		}},
		{"who can't be looked up at first is told later", 1, []action{
			{Kind: "slack fault"}, {Kind: "create", N: 6}, {Kind: "resolve", M: 1, Wait: time.Millisecond},
		}},
		{"one process can't write down what it posted, and another takes over", 1, []action{
			{Kind: "create", M: 4, Wait: time.Second}, {Kind: "create", N: 11, M: 2, Wait: time.Second}, {Kind: "doom", N: 7, M: 4},
			{Kind: "review", N: 9, M: 2}, {Kind: "teleport fault", N: 11, M: 1, Wait: time.Millisecond}, {Kind: "start", M: 2},
		}},
		{"one recipient has to wait, and another replica begins at the same time", 2, []action{
			{Kind: "create", N: 3, Wait: 9 * time.Second}, {Kind: "slack fault", N: 5, M: 2, Wait: 7 * time.Millisecond},
			{Kind: "create", M: 5, Wait: time.Second}, {Kind: "create", N: 1, Wait: 50 * time.Millisecond},
		}},
		{"access ends after its notice", 1, []action{{Kind: "create", N: 1}, {Kind: "resolve", M: 1, Wait: time.Second}}},
		{"access ends between two replicas", 2, []action{{Kind: "create", N: 1}, {Kind: "resolve", M: 1, Wait: time.Second}}},
		{"access ends while nobody is there, and one comes soon after", 1, []action{
			{Kind: "create", N: 2}, {Kind: "resolve", M: 1, Wait: time.Second}, {Kind: "nothing", Wait: 2 * time.Minute}, {Kind: "crash"}, {Kind: "start", Wait: 4 * time.Minute},
		}},
		{"a process that begins before the notice tells of it", 1, []action{
			{Kind: "create", N: 1}, {Kind: "resolve", M: 1, Wait: time.Second}, {Kind: "crash", Wait: time.Minute}, {Kind: "start", Wait: 20 * time.Minute},
		}},
		{"nobody looks", 1, []action{{Kind: "create", N: 2}}},
		{"nobody looks, and there are two to notice", 2, []action{{Kind: "create", N: 2, M: 1}}},
		{"somebody looks after the first reminder", 2, []action{{Kind: "create", N: 2}, {Kind: "nothing", Wait: 5 * time.Minute}, {Kind: "review", M: 1}}},
		{"nobody is there to remind, and then somebody is", 1, []action{{Kind: "create", N: 4}, {Kind: "crash", Wait: time.Minute}, {Kind: "start", Wait: time.Hour}}},
		{"the answers to reminders are lost", 2, []action{{Kind: "create", N: 2}, {Kind: "slack fault", N: 3, M: 0, Wait: 3 * time.Minute}, {Kind: "slack heals", Wait: 3 * time.Minute}}},
		{"two replicas", 2, []action{{Kind: "create", N: 6}, {Kind: "review", M: 1, Wait: time.Second}, {Kind: "resolve", Wait: time.Minute}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log lockedBuffer
			if problems := play(t, tt.actions, tt.replicas, history, &log); len(problems) > 0 {
				t.Errorf("%s\n%s", strings.Join(problems, "\n"), log.String())
			}
		})
	}
}

// lockedBuffer collects the log of several replicas.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
