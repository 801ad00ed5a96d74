package notify

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// TestPlanOfTheEnd reads as: when, what is told about the end of access. It
// began at noon and ends at eight; a quarter of an hour before is the notice.
func TestPlanOfTheEnd(t *testing.T) {
	given := access.Request{
		ID: "r1", User: "alice", Roles: []string{"editor"}, State: access.Approved,
		Created: noon, AccessExpires: noon.Add(8 * time.Hour),
	}
	shows := func(to string, who access.Audience, change ...func(*record.Copy)) record.Copy {
		c := posted(to)
		c.For, c.State, c.Final, c.Reaction = who, given.State, true, "white_check_mark"
		c.Shown = Digest(given, who, access.Buttons{})
		for _, f := range change {
			f(&c)
		}
		return c
	}
	over := func(c *record.Copy) { c.ShowsEnded = true }
	notice, both := Ends{Notice: 15 * time.Minute}, Ends{Notice: 15 * time.Minute, Ended: true}
	for _, tt := range []struct {
		name   string
		at     time.Duration // since noon
		ends   Ends
		change func(*State)
		copies []record.Copy
		want   []Step
		next   time.Duration
	}{
		{name: "long before", at: time.Hour, ends: notice, next: 6*time.Hour + 45*time.Minute},
		{name: "the notice is due", at: 7*time.Hour + 45*time.Minute, ends: notice,
			want: []Step{{Op: NotifyEnds, Copy: "U1"}}, next: 15 * time.Minute},
		{name: "no notice wanted", at: 7*time.Hour + 45*time.Minute, next: 15 * time.Minute},
		{name: "a notice that is late is still true", at: 8*time.Hour - time.Second, ends: notice,
			want: []Step{{Op: NotifyEnds, Copy: "U1"}}, next: time.Second},
		{name: "the end has come: every message says so", at: 8 * time.Hour, ends: notice,
			want: []Step{{Op: Update, Copy: "C1"}, {Op: Update, Copy: "U1"}}},
		{name: "and the requester is told, if that is wanted", at: 8 * time.Hour, ends: both,
			want: []Step{{Op: Update, Copy: "C1"}, {Op: Update, Copy: "U1"}, {Op: NotifyEnded, Copy: "U1"}}},
		{name: "the request is gone by then", at: 8*time.Hour + time.Second, ends: both,
			change: func(f *State) { f.Gone = true },
			want:   []Step{{Op: Update, Copy: "C1"}, {Op: Update, Copy: "U1"}, {Op: NotifyEnded, Copy: "U1"}}},
		{name: "a request that was deleted early ends when its access does", at: 7*time.Hour + 50*time.Minute, ends: both,
			change: func(f *State) { f.Gone = true }, next: 10 * time.Minute},
		{name: "what is shown and told is left alone", at: 8*time.Hour + time.Minute, ends: both,
			copies: []record.Copy{shows("C1", access.Reviewers, over), shows("U1", access.Requester, over, func(c *record.Copy) { c.EndPosted = true })}},
		{name: "a told notice is not told again", at: 7*time.Hour + 50*time.Minute, ends: notice, next: 10 * time.Minute,
			copies: []record.Copy{shows("U1", access.Requester, func(c *record.Copy) { c.NoticePosted = true })}},
		{name: "long over is nobody's news", at: 8*time.Hour + endedWithin, ends: both},
		{name: "access for less than two notices is not announced to end", at: 7*time.Hour + 50*time.Minute, ends: notice, next: 10 * time.Minute,
			change: func(f *State) {
				f.Request.Reviews = []access.Review{{State: access.Approved, Created: noon.Add(7*time.Hour + 31*time.Minute)}}
				for i := range f.Record.Copies {
					f.Record.Copies[i].Replies, f.Record.Copies[i].Shown = 1, Digest(f.Request, f.Record.Copies[i].For, access.Buttons{})
				}
			}},
		{name: "access that begins later counts from there", at: 7*time.Hour + 50*time.Minute, ends: notice, next: 10 * time.Minute,
			change: func(f *State) {
				f.Request.AssumeStart = noon.Add(7*time.Hour + 40*time.Minute)
				for i := range f.Record.Copies {
					f.Record.Copies[i].Shown = Digest(f.Request, f.Record.Copies[i].For, access.Buttons{})
				}
			}},
		{name: "access that lasts has no end", at: 8 * time.Hour, ends: both,
			change: func(f *State) {
				f.Request.Kind = access.LongTerm
				for i := range f.Record.Copies {
					f.Record.Copies[i].Shown = Digest(f.Request, f.Record.Copies[i].For, access.Buttons{})
				}
			}},
		{name: "the published plugin's messages stay as it left them", at: 8 * time.Hour, ends: both,
			copies: []record.Copy{func() record.Copy { c := posted(""); c.State = access.Approved; return c }()}},
		{name: "what can't be edited is not", at: 8 * time.Hour, ends: notice,
			copies: []record.Copy{shows("C1", access.Reviewers, func(c *record.Copy) { c.Locked = true })}},
		{name: "nobody has a message", at: time.Hour, ends: both, copies: []record.Copy{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := State{Request: given.Clone(), CanReact: true, Now: noon.Add(tt.at), Ends: tt.ends}
			f.Record.Copies = []record.Copy{shows("C1", access.Reviewers), shows("U1", access.Requester)}
			if tt.copies != nil {
				f.Record.Copies = tt.copies
			}
			if tt.change != nil {
				tt.change(&f)
			}
			if diff := cmp.Diff(tt.want, planned(f)); diff != "" {
				t.Errorf("steps (-want +got)\n%s", diff)
			}
			if got := dueIn(f); got != tt.next {
				t.Errorf("looked at again in %v, want %v", got, tt.next)
			}
		})
	}
}

// TestRecordsOfTheEnd: a record whose request is gone needs a further look as
// long as the end of access is to come, or is not shown and told yet.
func TestRecordsOfTheEnd(t *testing.T) {
	n := New(Options{Ends: Ends{Ended: true}, Host: "h", Recipients: recipient.New(recipient.Options{})})
	rec := record.Record{}.Add(func() record.Copy {
		c := posted("U1")
		c.For, c.State, c.Shown, c.Final = access.Requester, access.Approved, "x", true
		return c
	}())
	saw := func(ends time.Duration, change func(*record.Copy)) map[string]string {
		r := rec.WithRequest(access.Request{User: "alice", State: access.Approved, AccessExpires: time.Now().Add(ends)}, access.Details{})
		c := r.Copies[0]
		change(&c)
		set, _ := r.With(0, c).Changes()
		return set
	}
	for _, tt := range []struct {
		name string
		data map[string]string
		want bool
	}{
		{"access still lasts", saw(time.Hour, func(*record.Copy) {}), false},
		{"access has just ended", saw(-time.Minute, func(*record.Copy) {}), false},
		{"access has ended, and that is told", saw(-time.Minute, func(c *record.Copy) { c.ShowsEnded, c.EndPosted = true, true }), true},
		{"access ended long ago", saw(-2*endedWithin, func(*record.Copy) {}), true},
	} {
		if got := n.delivered("r1", tt.data); got != tt.want {
			t.Errorf("%s: delivered is %v, want %v", tt.name, got, tt.want)
		}
	}
}
