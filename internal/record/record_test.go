package record_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

var created = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

// equalRecords compares what a record says, not where it was read from.
var equalRecords = cmp.Options{cmpopts.IgnoreUnexported(record.Record{}), cmpopts.EquateEmpty()}

func decode(t testing.TB, data map[string]string) record.Record {
	t.Helper()
	rec, problems := record.Decode(data)
	if len(problems) > 0 {
		t.Fatalf("problems: %q", problems)
	}
	return rec
}

// apply does to stored data what Teleport does, and fails where it would refuse.
func apply(t testing.TB, data, set, expect map[string]string) map[string]string {
	t.Helper()
	for k, v := range expect {
		if data[k] != v {
			t.Fatalf("expect %s = %q, stored is %q", k, v, data[k])
		}
	}
	next := maps.Clone(data)
	if next == nil {
		next = map[string]string{}
	}
	for k, v := range set {
		if v == "" {
			delete(next, k)
		} else {
			next[k] = v
		}
	}
	return next
}

// TestReadsPublishedRecords holds what the published plugin may have left behind.
func TestReadsPublishedRecords(t *testing.T) {
	ref := func(ch, ts string) access.MessageRef { return access.MessageRef{Channel: ch, TS: ts} }
	for _, tt := range []struct {
		name string
		data map[string]string
		want record.Record
	}{
		{
			name: "nothing",
			want: record.Record{},
		},
		{
			name: "crashed between record and post: nobody was told",
			data: map[string]string{"user": "alice", "roles": "editor,auditor", "request_reason": "because"},
			want: record.Record{Snapshot: record.Snapshot{User: "alice", Roles: []string{"editor", "auditor"}, Reason: "because"}},
		},
		{
			name: "pending with two messages and a review",
			data: map[string]string{
				"user": "alice", "roles": "editor", "reviews_count": "1", "messages": "C1/1700000000.000100,D2/1700000000.000200",
				"resources": `["node/db-1"]`, "logins_by_role": `{"editor":["root","ubuntu"]}`,
			},
			want: record.Record{
				Adopted: true,
				Snapshot: record.Snapshot{
					User: "alice", Roles: []string{"editor"}, Resources: []string{"node/db-1"},
					Logins: map[string][]string{"editor": {"root", "ubuntu"}},
				},
				Copies: []record.Copy{
					{At: ref("C1", "1700000000.000100"), Replies: 1},
					{At: ref("D2", "1700000000.000200"), Replies: 1},
				},
			},
		},
		{
			name: "the legacy single message comes first",
			data: map[string]string{"user": "bob", "channel_id": "C9", "timestamp": "1600000000.000100", "messages": "C1/1700000000.000100"},
			want: record.Record{
				Adopted: true, Snapshot: record.Snapshot{User: "bob"},
				Copies: []record.Copy{{At: ref("C9", "1600000000.000100")}, {At: ref("C1", "1700000000.000100")}},
			},
		},
		{
			name: "resolved",
			data: map[string]string{"user": "bob", "resolution": "DENIED", "resolve_reason": "no", "messages": "C1/1700000000.000100"},
			want: record.Record{
				Adopted: true, Snapshot: record.Snapshot{User: "bob", State: access.Denied, ResolveReason: "no"},
				Copies: []record.Copy{{At: ref("C1", "1700000000.000100"), State: access.Denied}},
			},
		},
		{
			name: "parts that are no message are skipped",
			data: map[string]string{"user": "bob", "messages": "C1/17.1/x,,C2,/17.2,C3/,C4/17.3"},
			want: record.Record{Adopted: true, Snapshot: record.Snapshot{User: "bob"}, Copies: []record.Copy{{At: ref("C4", "17.3")}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, decode(t, tt.data), equalRecords); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBrokenValuesAreNamedAndTheRestIsRead(t *testing.T) {
	rec, problems := record.Decode(map[string]string{
		"user": "alice", "reviews_count": "many", "resolution": "MAYBE", "resources": "[", "logins_by_role": "7",
		"teleport_slack": "{", "messages": "C1/17.1",
	})
	if len(problems) != 5 {
		t.Errorf("problems %q, want one for each of five keys", problems)
	}
	if rec.Snapshot.User != "alice" || len(rec.Copies) != 1 || !rec.Adopted {
		t.Errorf("the sound part was lost: %+v", rec)
	}
}

// TestWritesWhatThePublishedPluginReads decodes by the published rules.
func TestWritesWhatThePublishedPluginReads(t *testing.T) {
	rec := record.Record{}.WithRequest(access.Request{
		ID: "r1", User: "alice", Roles: []string{"editor", "auditor"}, Reason: "because", State: access.Denied, ResolveReason: "no",
		Resources: []access.Resource{{Cluster: "main", Kind: "node", Name: "uuid-1", Principals: []string{"postgres", "root"}}, {Cluster: "main", Kind: "db", Name: "pg"}},
		Created:   created, SystemAnnotations: map[string][]string{"ticket": {"OPS-1"}},
	}, access.Details{
		Logins:        map[string][]string{"editor": {"root"}},
		ResourceNames: map[string]string{"/main/node/uuid-1": "db-1"},
	})
	rec = rec.Add(record.Copy{To: "C1", At: access.MessageRef{Channel: "C1", TS: "17.1"}, State: access.Denied, Replies: 2, Shown: "d"})
	rec = rec.Add(record.Copy{To: "U1", At: access.MessageRef{Channel: "D1", TS: "17.2"}, State: access.Denied, Replies: 1, Shown: "d"})
	rec = rec.Add(record.Copy{To: "#gone", Failure: &record.Failure{Reason: "not_in_channel", At: created}})
	set, expect := rec.Changes()
	data := apply(t, nil, set, expect)
	delete(data, "teleport_slack")
	want := map[string]string{
		"user": "alice", "roles": "editor,auditor", "resources": `["node/db-1","/main/db/pg"]`, "request_reason": "because",
		"reviews_count": "1", "resolution": "DENIED", "resolve_reason": "no", "messages": "C1/17.1,D1/17.2",
		"logins_by_role": `{"editor":["root"]}`, "system_annotations": `{"ticket":["OPS-1"]}`,
	}
	if diff := cmp.Diff(want, data); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wantExpect := map[string]string{
		"user": "", "roles": "", "resources": "", "request_reason": "", "reviews_count": "", "resolution": "", "resolve_reason": "",
		"messages": "", "teleport_slack": "",
	}
	if diff := cmp.Diff(wantExpect, expect); diff != "" {
		t.Errorf("expected keys (-want +got)\n%s", diff)
	}
}

// TestResolutionIsWrittenLast keeps the published plugin able to finish what we began.
func TestResolutionIsWrittenLast(t *testing.T) {
	rec := record.Record{}.WithRequest(access.Request{User: "alice", State: access.Approved}, access.Details{})
	rec = rec.Add(record.Copy{To: "C1", At: access.MessageRef{Channel: "C1", TS: "17.1"}, State: access.Approved})
	rec = rec.Add(record.Copy{To: "C2", At: access.MessageRef{Channel: "C2", TS: "17.2"}, State: access.Pending})
	if set, _ := rec.Changes(); set["resolution"] != "" {
		t.Errorf("resolution %q is written while C2 still shows PENDING", set["resolution"])
	}
	c := rec.Copies[1]
	c.State = access.Approved
	if set, _ := rec.With(1, c).Changes(); set["resolution"] != "APPROVED" {
		t.Errorf("resolution %q, want APPROVED once every message shows it", set["resolution"])
	}
}

// TestThePublishedPluginWorkedInBetween is the way back: we wrote, it carried on, we read.
func TestThePublishedPluginWorkedInBetween(t *testing.T) {
	rec := record.Record{}.WithRequest(access.Request{User: "alice", Roles: []string{"editor"}}, access.Details{})
	rec = rec.Add(record.Copy{To: "C1", Name: "#dev", At: access.MessageRef{Channel: "C1", TS: "17.1"}, Shown: "digest", Replies: 1})
	set, expect := rec.Changes()
	data := apply(t, nil, set, expect)

	data["reviews_count"], data["resolution"], data["messages"] = "3", "APPROVED", data["messages"]+",D5/17.9"
	got := decode(t, data)
	want := []record.Copy{
		{To: "C1", Name: "#dev", At: access.MessageRef{Channel: "C1", TS: "17.1"}, State: access.Approved, Replies: 3, Final: true},
		{At: access.MessageRef{Channel: "D5", TS: "17.9"}, State: access.Approved, Replies: 3},
	}
	if diff := cmp.Diff(want, got.Copies); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Snapshot.State != access.Approved {
		t.Errorf("state %v, want APPROVED", got.Snapshot.State)
	}
}

func TestUnknownKeysSurvive(t *testing.T) {
	data := map[string]string{"user": "alice", "somebody_else": "1", "channel_id": "C1", "timestamp": "17.1"}
	rec := decode(t, data)
	set, expect := rec.Changes()
	next := apply(t, data, set, expect)
	if next["somebody_else"] != "1" {
		t.Error("a key that is not extension was changed")
	}
	if next["messages"] != "C1/17.1" || next["channel_id"] != "" {
		t.Errorf("the legacy message did not move: %v", next)
	}
	if _, ok := expect["somebody_else"]; ok {
		t.Error("a key that is not extension is expected")
	}
}

func TestATombstoneIsWhatWasSeen(t *testing.T) {
	req := access.Request{
		ID: "r1", User: "alice", Roles: []string{"editor"}, Reason: "why", Created: created, AccessExpires: created.Add(time.Hour),
		Resources:       []access.Resource{{Cluster: "main", Kind: "node", Name: "uuid-1"}, {Cluster: "main", Kind: "kube", Name: "k", SubResource: "ns/pod"}},
		RecommendedList: "list-1", SuggestedReviewers: []string{"bob"}, SystemAnnotations: map[string][]string{"ticket": {"OPS-1"}},
	}
	rec := record.Record{}.WithRequest(req, access.Details{ResourceNames: map[string]string{"/main/node/uuid-1": "db-1"}, ListTitle: "On-call"}).WithRequest(req, access.Details{})
	got, d := rec.Tombstone("r1")
	if got.State != access.Expired {
		t.Errorf("state %v, want EXPIRED for what nobody decided", got.State)
	}
	if got.User != "alice" || got.Reason != "why" || got.Resources[1].ID() != "/main/kube/k/ns/pod" {
		t.Errorf("tombstone %+v", got)
	}
	if got.RecommendedList != "On-call" {
		t.Errorf("recommended list %q, want the title that was known", got.RecommendedList)
	}
	if diff := cmp.Diff(req.Resources[0].Principals, got.Resources[0].Principals); diff != "" {
		t.Errorf("principals (-seen +ghost)\n%s", diff)
	}
	if diff := cmp.Diff(req.SystemAnnotations, got.SystemAnnotations); diff != "" {
		t.Errorf("annotations (-seen +tombstone)\n%s", diff)
	}
	if name := d.ResourceNames[got.Resources[0].ID()]; name != "db-1" {
		t.Errorf("friendly name %q, want db-1", name)
	}
	req.State = access.Approved
	if got, _ := rec.WithRequest(req, access.Details{}).Tombstone("r1"); got.State != access.Approved {
		t.Errorf("state %v, want APPROVED: access that ran out was approved", got.State)
	}
}

func genRecord() *rapid.Generator[record.Record] {
	text := rapid.StringMatching(`[a-zé世,/"\\ \n]{0,12}`)
	when := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return created.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(t, "seconds")) * time.Second)
	})
	state := rapid.SampledFrom([]access.State{access.Pending, access.Approved, access.Denied, access.Promoted, access.Expired})
	return rapid.Custom(func(t *rapid.T) record.Record {
		role := rapid.StringMatching(`[a-z-]{1,8}`)
		rec := record.Record{
			Adopted: rapid.Bool().Draw(t, "adopted"), RecipientsPending: rapid.Bool().Draw(t, "pending"), Assigned: rapid.SampledFrom([]string{"", "f1"}).Draw(t, "assigned"), Escalated: rapid.Bool().Draw(t, "escalated"), By: text.Draw(t, "replica"),
			Snapshot: record.Snapshot{
				User: text.Draw(t, "user"), Roles: rapid.SliceOfN(role, 0, 3).Draw(t, "roles"),
				Resources: rapid.SliceOfN(text, 0, 3).Draw(t, "resources"), Reason: text.Draw(t, "reason"),
				State: state.Draw(t, "state"), ResolveReason: text.Draw(t, "resolve reason"),
				SuggestedReviewers: rapid.SliceOfN(text, 0, 2).Draw(t, "reviewers"), Created: when.Draw(t, "created"), AccessExpires: when.Draw(t, "expires"),
			},
		}
		if rapid.Bool().Draw(t, "annotated") {
			rec.Snapshot.Annotations = map[string][]string{text.Draw(t, "annotation"): rapid.SliceOfN(text, 1, 2).Draw(t, "values")}
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "copies") {
			c := record.Copy{
				To: "C" + string(rune('A'+i)), Name: text.Draw(t, "name"), For: rapid.SampledFrom([]access.Audience{access.Reviewers, access.Requester}).Draw(t, "for"),
				Reaction: rapid.SampledFrom([]string{"", "x"}).Draw(t, "reaction"), Final: rapid.Bool().Draw(t, "final"), Locked: rapid.Bool().Draw(t, "locked"),
				ShowsEnded: rapid.Bool().Draw(t, "over"), NoticePosted: rapid.Bool().Draw(t, "ends told"), EndPosted: rapid.Bool().Draw(t, "ended told"),
				Escalated: rapid.Bool().Draw(t, "there by escalation"), Reminders: rapid.IntRange(0, 3).Draw(t, "reminders"),
				RemindedAt: rapid.SampledFrom([]time.Time{{}, time.UnixMilli(1795553345777).UTC()}).Draw(t, "reminded"),
			}
			if rapid.Bool().Draw(t, "mentions") {
				c.Mentions = rapid.SliceOfN(text, 1, 2).Draw(t, "mentioned")
			}
			if rapid.Bool().Draw(t, "posted") {
				c.At = access.MessageRef{Channel: c.To, TS: "17." + string(rune('1'+i))}
				c.State, c.Shown, c.Replies = state.Draw(t, "shown state"), "digest", rapid.IntRange(0, 5).Draw(t, "replies")
			}
			if rapid.Bool().Draw(t, "intent") {
				c.Intent = &record.Intent{Part: "request", By: text.Draw(t, "by"), At: when.Draw(t, "intent at"), Try: rapid.IntRange(0, 9).Draw(t, "try")}
			}
			if rapid.Bool().Draw(t, "failure") {
				c.Failure = &record.Failure{Reason: text.Draw(t, "why"), At: when.Draw(t, "failed at")}
			}
			rec.Copies = append(rec.Copies, c)
		}
		return rec
	})
}

// TestWhatIsWrittenIsReadBack holds for records in any shape.
func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := genRecord().Draw(t, "record")
		set, _ := rec.Changes()
		data := map[string]string{}
		for k, v := range set {
			if v != "" {
				data[k] = v
			}
		}
		got, problems := record.Decode(data)
		if len(problems) > 0 {
			t.Fatalf("problems %q", problems)
		}
		if diff := cmp.Diff(rec, got, equalRecords); diff != "" {
			t.Fatalf("(-written +read)\n%s", diff)
		}
		if again, _ := got.Changes(); len(again) > 0 {
			t.Fatalf("reading and writing back changes %v", again)
		}
		if again, _ := rec.Stored().Changes(); len(again) > 0 {
			t.Fatalf("writing twice changes %v", again)
		}
	})
}

// What a message called things by, a window about the same request calls them by too.
func TestDetailsAreWhatWasLookedUp(t *testing.T) {
	req := access.Request{Resources: []access.Resource{
		{Cluster: "c", Kind: "node", Name: "uuid-1"}, {Cluster: "c", Kind: "db", Name: "orders"},
	}}
	looked := access.Details{Logins: map[string][]string{"a": {"root"}}, ResourceNames: map[string]string{"/c/node/uuid-1": "web-1"}}
	rec := record.Record{}.WithRequest(req, looked)
	if diff := cmp.Diff(looked, rec.Details(req)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	req.Resources = req.Resources[1:]
	if d := rec.Details(req); d.ResourceNames != nil {
		t.Errorf("another list of resources is called %v", d.ResourceNames)
	}
}

// A record that was damaged, or is newer, is read as far as that goes.
func TestDamagedCopiesAreNamedAndReadOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		copies string
		want   []record.Copy
	}{
		"an unknown audience":               {`{"to":"C1","for":7}`, []record.Copy{{To: "C1"}}},
		"one recipient twice, posted first": {`{"to":"C1","ch":"C1","ts":"17.1"},{"to":"C1"}`, []record.Copy{{To: "C1", At: access.MessageRef{Channel: "C1", TS: "17.1"}}}},
		"one recipient twice, posted last":  {`{"to":"C1"},{"to":"C1","ch":"C1","ts":"17.1"}`, []record.Copy{{To: "C1", At: access.MessageRef{Channel: "C1", TS: "17.1"}}}},
	} {
		rec, problems := record.Decode(map[string]string{"teleport_slack": `{"copies":[` + tt.copies + `]}`})
		if len(problems) != 1 {
			t.Errorf("%s: problems %q", name, problems)
		}
		if diff := cmp.Diff(tt.want, rec.Copies); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
