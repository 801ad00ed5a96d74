package notify

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func posted(to string) record.Copy {
	return record.Copy{To: to, At: access.MessageRef{Channel: to, TS: "17.1"}}
}

// planned returns the steps of all rounds, until Slack shows the request or a
// lost post has to be looked for.
func planned(s State) (all []Step) {
	for round := Plan(s); len(round) > 0 && len(all) < 100; round = Plan(s) {
		all = append(all, round...)
		for _, step := range round {
			if step.Op == Recover {
				return all
			}
			i := s.Record.IndexOf(step.Copy)
			s.Record = s.Record.With(i, step.Apply(s, s.Record.Copies[i], access.MessageRef{Channel: step.Copy, TS: "17.9"}))
		}
	}
	return all
}

// dueIn returns how long it is until something becomes due.
func dueIn(s State) time.Duration {
	at := NextDue(s)
	if at.IsZero() {
		return 0
	}
	return at.Sub(s.Now)
}

// TestPlan reads as: what Slack shows of a request, and what is missing.
func TestPlan(t *testing.T) {
	pending := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}
	reviewed := pending
	reviewed.Reviews = []access.Review{{Author: "bob", State: access.Approved}, {Author: "carol", State: access.Approved}}
	approved := reviewed
	approved.State = access.Approved
	expired := pending
	expired.State = access.Expired

	true_ := func(c record.Copy, req access.Request) record.Copy { // shows the request as it is
		c.Shown, c.State = Digest(req, c.For, access.Buttons{}), req.State
		return c
	}
	for _, tt := range []struct {
		name   string
		req    access.Request
		copies []record.Copy
		change func(*State)
		want   []Step
	}{
		{name: "nobody to tell", req: pending},
		{
			name: "nobody was told", req: pending,
			copies: []record.Copy{{To: "C1"}, {To: "U1", For: access.Requester}},
			want:   []Step{{Op: Post, Copy: "C1"}, {Op: Post, Copy: "U1"}},
		},
		{
			name: "everything is shown", req: pending,
			copies: []record.Copy{true_(posted("C1"), pending)},
		},
		{
			name: "first messages go before changes, changes before replies", req: reviewed,
			copies: []record.Copy{true_(posted("C1"), pending), {To: "C2"}},
			want: []Step{
				{Op: Post, Copy: "C2"}, {Op: Update, Copy: "C1"},
				{Op: Reply, Copy: "C1", Review: 0}, {Op: Reply, Copy: "C2", Review: 0}, {Op: Reply, Copy: "C1", Review: 1}, {Op: Reply, Copy: "C2", Review: 1},
			},
		},
		{
			name: "a reply that is there is not posted again", req: reviewed,
			copies: []record.Copy{func() record.Copy { c := true_(posted("C1"), reviewed); c.Replies = 1; return c }()},
			want:   []Step{{Op: Reply, Copy: "C1", Review: 1}},
		},
		{
			name: "approved: the message, the emoji, the replies, and the requester is told", req: approved,
			copies: []record.Copy{
				func() record.Copy { c := true_(posted("C1"), reviewed); c.Replies = 2; return c }(),
				func() record.Copy {
					c := posted("U1")
					c.For, c.Replies = access.Requester, 2
					return true_(c, reviewed)
				}(),
			},
			want: []Step{{Op: Update, Copy: "C1"}, {Op: Update, Copy: "U1"}, {Op: React, Copy: "C1"}, {Op: React, Copy: "U1"}, {Op: Final, Copy: "U1"}},
		},
		{
			name: "no emoji where the token may not", req: approved,
			copies: []record.Copy{func() record.Copy { c := true_(posted("C1"), approved); c.Replies = 2; return c }()},
			change: func(f *State) { f.CanReact = false },
		},
		{
			name: "expired has no emoji", req: expired,
			copies: []record.Copy{true_(posted("C1"), pending)},
			change: func(f *State) { f.Gone = true },
			want:   []Step{{Op: Update, Copy: "C1"}},
		},
		{
			name: "a request that is gone is not edited for what we forgot of it", req: approved,
			copies: []record.Copy{func() record.Copy {
				c := posted("C1")
				c.State, c.Shown, c.Replies, c.Reaction = access.Approved, "more than we remember", 2, "white_check_mark"
				return c
			}()},
			change: func(f *State) { f.Gone = true },
		},
		{
			name: "an unfinished post is looked for before anything else", req: approved,
			copies: []record.Copy{{To: "C1", Intent: &record.Intent{Part: "request"}}},
			want:   []Step{{Op: Recover, Copy: "C1"}},
		},
		{
			name: "who can't be reached is left alone until something changed", req: pending,
			copies: []record.Copy{
				{To: "C1", Failure: &record.Failure{Reason: "not_in_channel", At: noon}},
				{To: "C2", Failure: &record.Failure{Reason: "not_in_channel", At: noon.Add(-48 * time.Hour)}},
				{Name: "nobody@example.com", Failure: &record.Failure{Reason: "users_not_found", At: noon.Add(-48 * time.Hour)}},
			},
			want: []Step{{Op: Post, Copy: "C2"}},
		},
		{
			name: "where replies are refused the message is still updated, and that it can be is a reason to try replies again", req: approved,
			copies: []record.Copy{func() record.Copy {
				c := true_(posted("C1"), pending)
				c.Failure = &record.Failure{Reason: "thread_locked", At: noon}
				return c
			}()},
			want: []Step{{Op: Update, Copy: "C1"}, {Op: React, Copy: "C1"}, {Op: Reply, Copy: "C1", Review: 0}, {Op: Reply, Copy: "C1", Review: 1}},
		},
		{
			name: "who could not be reached is not told of what is decided", req: approved,
			copies: []record.Copy{{To: "C1", Failure: &record.Failure{Reason: "not_in_channel", At: noon.Add(-48 * time.Hour)}}},
		},
		{
			name: "a message of the published plugin that is true is left alone", req: approved,
			copies: []record.Copy{func() record.Copy { c := posted(""); c.State, c.Replies = access.Approved, 2; return c }()},
		},
		{
			name: "a message of the published plugin is brought to its end", req: approved,
			copies: []record.Copy{func() record.Copy { c := posted(""); c.Replies = 1; return c }()},
			want:   []Step{{Op: Update, Copy: "/17.1"}, {Op: React, Copy: "/17.1"}, {Op: Reply, Copy: "/17.1", Review: 1}},
		},
		{
			name: "what can't be edited is told in its thread", req: approved,
			copies: []record.Copy{func() record.Copy { c := posted("C1"); c.Locked, c.Shown, c.Replies = true, "old", 2; return c }()},
			want:   []Step{{Op: React, Copy: "C1"}, {Op: Final, Copy: "C1"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := State{Request: tt.req, Record: record.Record{Copies: tt.copies}, CanReact: true, RetryBefore: noon.Add(-recipient.RetryAfter)}
			if tt.change != nil {
				tt.change(&f)
			}
			if diff := cmp.Diff(tt.want, planned(f)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestAfterItsOwnStepsThePlanIsEmpty holds for any request and any state of
// its messages; on the way each message is posted once and each review told once.
func TestAfterItsOwnStepsThePlanIsEmpty(t *testing.T) {
	states := []access.State{access.Pending, access.Approved, access.Denied, access.Promoted, access.Expired}
	rapid.Check(t, func(t *rapid.T) {
		req := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}, State: rapid.SampledFrom(states).Draw(t, "state")}
		for i := range rapid.IntRange(0, 3).Draw(t, "reviews") {
			req.Reviews = append(req.Reviews, access.Review{Author: fmt.Sprint("reviewer-", i), State: access.Approved})
		}
		req.AccessExpires = rapid.SampledFrom([]time.Time{{}, noon.Add(-time.Hour), noon.Add(-time.Minute), noon.Add(time.Minute), noon.Add(time.Hour)}).Draw(t, "access expires")
		f := State{Now: noon, Ends: Ends{Notice: 5 * time.Minute, Ended: rapid.Bool().Draw(t, "tell ended")}, Request: req, Gone: rapid.Bool().Draw(t, "gone"), CanReact: rapid.Bool().Draw(t, "can react"), RetryBefore: noon,
			Buttons: access.Buttons{On: rapid.Bool().Draw(t, "buttons"), Confirm: rapid.Bool().Draw(t, "confirm")}}
		for i := range rapid.IntRange(0, 4).Draw(t, "copies") {
			c := record.Copy{To: fmt.Sprint("C", i), For: access.Audience(rapid.IntRange(0, 1).Draw(t, "for"))}
			if rapid.Bool().Draw(t, "posted") {
				c = posted(c.To)
				c.State = rapid.SampledFrom(states).Draw(t, "shows")
				c.Shown = rapid.SampledFrom([]string{"", "old", Digest(req, c.For, access.Buttons{})}).Draw(t, "shown")
				c.Replies = rapid.IntRange(0, 4).Draw(t, "replies")
				c.Reaction = rapid.SampledFrom([]string{"", "x", "white_check_mark"}).Draw(t, "reaction")
				c.ShowsEnded, c.NoticePosted, c.EndPosted = rapid.Bool().Draw(t, "over"), rapid.Bool().Draw(t, "ends told"), rapid.Bool().Draw(t, "ended told")
				c.Reminders, c.RemindedAt = rapid.IntRange(0, 3).Draw(t, "reminders told"), noon.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "reminded before"))*time.Minute)
				c.Final, c.Locked = rapid.Bool().Draw(t, "final"), rapid.Bool().Draw(t, "locked")
			}
			f.Record.Copies = append(f.Record.Copies, c)
		}
		f.Request.Created = noon.Add(-time.Duration(rapid.IntRange(0, 600).Draw(t, "age")) * time.Minute)
		f.Reminders = Reminders{
			After: time.Duration(rapid.IntRange(0, 3).Draw(t, "remind after")) * time.Hour, Max: rapid.IntRange(0, 3).Draw(t, "reminders"),
			Quiet: quiet.Hours{From: 60 * rapid.IntRange(0, 23).Draw(t, "quiet from"), To: 60 * rapid.IntRange(0, 23).Draw(t, "quiet to")},
		}
		req = f.Request
		start := f.Record
		did := map[Step]int{}
		for n := 0; ; n++ {
			steps := Plan(f)
			if len(steps) == 0 {
				break
			}
			if n > 100 {
				t.Fatalf("no end in sight: %v", steps)
			}
			for _, s := range steps {
				did[s]++
				i := f.Record.IndexOf(s.Copy)
				f.Record = f.Record.With(i, s.Apply(f, f.Record.Copies[i], access.MessageRef{Channel: s.Copy, TS: "17.9"}))
			}
		}
		for s, n := range did {
			if n > 1 {
				t.Errorf("%v was done %d times", s, n)
			}
			if s.Op == Remind && (len(req.Reviews) > 0 || req.State.Resolved() || start.Copies[start.IndexOf(s.Copy)].For != access.Reviewers) {
				t.Errorf("%v for %+v", s, req)
			}
			if s.Op == Post && !start.Copies[start.IndexOf(s.Copy)].At.IsZero() {
				t.Errorf("copy %s was posted again", s.Copy)
			}
		}
		for i, c := range f.Record.Copies {
			if c.At.IsZero() {
				t.Errorf("copy %d was not posted", i)
			}
			if c.Replies < len(req.Reviews) {
				t.Errorf("copy %d has %d replies for %d reviews", i, c.Replies, len(req.Reviews))
			}
			if !c.Locked && c.State != req.State {
				t.Errorf("copy %d shows %v, want %v", i, c.State, req.State)
			}
		}
	})
}

// TestDigestFollowsWhatIsTold: a change that people should see changes it, any other does not.
func TestDigestFollowsWhatIsTold(t *testing.T) {
	base := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}, Expires: noon, Created: noon}
	for _, tt := range []struct {
		name   string
		change func(*access.Request)
		same   bool
	}{
		{"a review", func(r *access.Request) { r.Reviews = []access.Review{{State: access.Denied}} }, false},
		{"the state", func(r *access.Request) { r.State = access.Denied }, false},
		{"fewer roles", func(r *access.Request) { r.Roles = nil }, false},
		{"the expiry", func(r *access.Request) { r.Expires = noon.Add(time.Hour) }, false},
		{"the list it leads to", func(r *access.Request) { r.AccessListTitle = "x" }, false},
		{"less than a second", func(r *access.Request) { r.Expires = noon.Add(time.Millisecond) }, true},
		{"another time zone", func(r *access.Request) { r.Expires = noon.In(time.FixedZone("", 3600)) }, true},
		{"annotations, which no message shows", func(r *access.Request) { r.SystemAnnotations = map[string][]string{"a": {"b"}} }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := base.Clone()
			tt.change(&r)
			if got := Digest(base, access.Reviewers, access.Buttons{}) == Digest(r, access.Reviewers, access.Buttons{}); got != tt.same {
				t.Errorf("same digest: %v, want %v", got, tt.same)
			}
		})
	}
	if Digest(base, access.Reviewers, access.Buttons{}) == Digest(base, access.Requester, access.Buttons{}) {
		t.Error("the requester's message has the digest of the reviewers'")
	}
}

// TestDigestsOfMessagesWithoutButtons: those that went out before there were
// buttons are not edited because there are some now.
func TestDigestsOfMessagesWithoutButtons(t *testing.T) {
	req := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}, Expires: noon, Created: noon, State: access.Approved}
	const before = "3173dbd66f18"
	if got := Digest(req, access.Reviewers, access.Buttons{On: true, Confirm: true}); got != before {
		t.Errorf("digest %s, was %s before there were buttons", got, before)
	}
}

// TestButtonsComeAndGo: a copy is edited exactly when its buttons change.
func TestButtonsComeAndGo(t *testing.T) {
	req := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}
	on := access.Buttons{On: true}
	for _, tt := range []struct {
		name     string
		was, now access.Buttons
		to       access.Audience
		edited   bool
	}{
		{"as before", on, on, access.Reviewers, false},
		{"switched on", access.Buttons{}, on, access.Reviewers, true},
		{"switched off", on, access.Buttons{}, access.Reviewers, true},
		{"switched on, the requester's copy", access.Buttons{}, on, access.Requester, false},
		{"the role is excepted now", on, access.Buttons{On: true, Except: []string{"editor"}}, access.Reviewers, true},
		{"another role is excepted now", on, access.Buttons{On: true, Except: []string{"admin"}}, access.Reviewers, false},
		{"confirmed now", on, access.Buttons{On: true, Confirm: true}, access.Reviewers, true},
		{"with a reason now", on, access.Buttons{On: true, Reason: access.ReasonAlways}, access.Reviewers, false},
		{"with a reason, which needs no confirmation", access.Buttons{On: true, Confirm: true}, access.Buttons{On: true, Confirm: true, Reason: access.ReasonAlways}, access.Reviewers, true},
	} {
		c := posted("C1")
		c.For, c.Shown, c.State = tt.to, Digest(req, tt.to, tt.was), req.State
		steps := Plan(State{Request: req, Record: record.Record{Copies: []record.Copy{c}}, Buttons: tt.now})
		var want []Step
		if tt.edited {
			want = []Step{{Op: Update, Copy: "C1"}}
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	req := access.Request{ID: "r1", User: "alice", Roles: []string{"editor"}}
	f := State{Request: req, CanReact: true}
	for i := range 3 {
		c := posted(fmt.Sprint("C", i))
		c.Shown = Digest(req, c.For, access.Buttons{})
		f.Record.Copies = append(f.Record.Copies, c)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(Plan(f)) != 0 {
			b.Fatal("something to do")
		}
	}
}
