package record_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// data is one request's plugin data with compare-and-swap, as Teleport has it.
type data struct {
	values map[string]string
	before func() error // runs before a write, which it may fail
	writes int
}

func (d *data) Record(context.Context, string) (map[string]string, error) {
	return maps.Clone(d.values), nil
}

func (d *data) UpdateRecord(_ context.Context, _ string, set, expect map[string]string) error {
	if d.before != nil {
		if err := d.before(); err != nil {
			return err
		}
	}
	for k, v := range expect {
		if d.values[k] != v {
			return fault.New(fault.Conflict, "write", "compare_failed")
		}
	}
	if d.values == nil {
		d.values = map[string]string{}
	}
	maps.Copy(d.values, set)
	d.writes++
	return nil
}

func asIs(r record.Record) record.Record { return r }

// applyTo applies the result of a call that is made for a copy as it is now.
func applyTo(d *record.Draft, id string, result func(record.Copy) record.Copy) {
	was, _ := d.Copy(id)
	d.Apply(was, result)
}

// posted is the result of a post.
func posted(ts string) func(record.Copy) record.Copy {
	return func(c record.Copy) record.Copy {
		c.Intent, c.At = nil, access.MessageRef{Channel: c.To, TS: ts}
		return c
	}
}

// TestStore reads as: what others did while a draft was open, and what becomes
// of its results.
func TestStore(t *testing.T) {
	intent := &record.Intent{Part: "request", By: "us", Try: 1}
	for name, tt := range map[string]struct {
		others   func(d *data) func() error // before our write
		noResult bool                       // only the intent is to be saved
		fails    bool
		class    fault.Class
		unsaved  int
		want     []record.Copy // in Teleport afterwards
	}{
		"nobody else writes": {
			want: []record.Copy{{To: "C1", At: access.MessageRef{Channel: "C1", TS: "1.1"}}},
		},
		"another writer adds a recipient: both stand": {
			others: once(func(d *data) {
				other(t, d, func(r record.Record) record.Record { return r.Add(record.Copy{To: "C2"}) })
			}),
			want: []record.Copy{{To: "C1", At: access.MessageRef{Channel: "C1", TS: "1.1"}}, {To: "C2"}},
		},
		"another writer took over and posted anew: its message counts": {
			others: once(func(d *data) {
				other(t, d, func(r record.Record) record.Record { return r.With(0, posted("2.2")(r.Copies[0])) })
			}),
			want: []record.Copy{{To: "C1", At: access.MessageRef{Channel: "C1", TS: "2.2"}}},
		},
		"without a result there is nothing to carry over": {
			others: once(func(d *data) {
				other(t, d, func(r record.Record) record.Record { return r.Add(record.Copy{To: "C2"}) })
			}),
			noResult: true, fails: true, class: fault.Conflict,
			want: []record.Copy{{To: "C1", Intent: intent}, {To: "C2"}},
		},
		"Teleport is away: the result is kept": {
			others: func(*data) func() error {
				return func() error { return fault.New(fault.Retry, "write", "unavailable") }
			},
			fails: true, class: fault.Retry, unsaved: 1,
			want: []record.Copy{{To: "C1", Intent: intent}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &data{}
			store := record.NewStore(d, "us")
			first, _, err := store.Open(t.Context(), "r1", nil)
			if err != nil {
				t.Fatal(err)
			}
			first.Edit(record.Record{}.Add(record.Copy{To: "C1", Intent: intent}))
			if err := first.Save(t.Context(), asIs); err != nil {
				t.Fatal(err)
			}
			draft, _, err := store.Open(t.Context(), "r1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.others != nil {
				d.before = tt.others(d)
			}
			if tt.noResult {
				draft.Edit(draft.Record().Add(record.Copy{To: "C3"}))
			} else {
				applyTo(draft, "C1", posted("1.1"))
			}
			err = draft.Save(t.Context(), asIs)
			if (err != nil) != tt.fails || err != nil && !fault.Is(err, tt.class) {
				t.Errorf("save: %v", err)
			}
			if got := len(draft.Unsaved()); got != tt.unsaved {
				t.Errorf("%d results unsaved, want %d", got, tt.unsaved)
			}
			rec, _ := record.Decode(d.values)
			if diff := cmp.Diff(tt.want, rec.Copies, cmp.FilterPath(func(p cmp.Path) bool {
				return p.Last().String() == ".At" && p.Index(-2).Type().String() == "record.Intent"
			}, cmp.Ignore())); diff != "" {
				t.Errorf("in Teleport (-want +got):\n%s", diff)
			}
			if tt.unsaved == 0 {
				return
			}
			// The next draft has it, and saves it.
			d.before = nil
			next, _, err := store.Open(t.Context(), "r1", draft.Unsaved())
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := next.Copy("C1"); !ok || c.At.TS != "1.1" || !next.Dirty() {
				t.Errorf("the next draft begins with %+v", c)
			}
			if err := next.Save(t.Context(), asIs); err != nil || len(next.Unsaved()) != 0 {
				t.Errorf("%v, %d unsaved", err, len(next.Unsaved()))
			}
			if rec, _ := record.Decode(d.values); rec.Copies[0].At.TS != "1.1" {
				t.Errorf("in Teleport is %+v", rec.Copies[0])
			}
		})
	}
}

// once returns something that happens before the first write.
func once(do func(d *data)) func(d *data) func() error {
	return func(d *data) func() error {
		done := false
		return func() error {
			if !done {
				done = true
				do(d)
			}
			return nil
		}
	}
}

// other writes a change as another replica does.
func other(t *testing.T, d *data, change func(record.Record) record.Record) {
	t.Helper()
	rec, _ := record.Decode(d.values)
	rec = change(rec)
	rec.By = "them"
	set, expect := rec.Changes()
	if d.values == nil {
		d.values = map[string]string{}
	}
	direct := &data{values: d.values}
	if err := direct.UpdateRecord(t.Context(), "r1", set, expect); err != nil {
		t.Fatal(err)
	}
}

// A result that could not be saved in time takes nothing from a replica that
// took over meanwhile and is in the middle of its own post.
func TestAResultLeavesAnothersIntentAlone(t *testing.T) {
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	theirs := &record.Intent{Part: "request", By: "them", At: began.Add(30 * time.Second), Try: 2}
	cancel := func(c record.Copy) record.Copy { c.Intent = nil; return c }
	for name, tt := range map[string]struct {
		was   *record.Intent // that the result is about
		apply func(record.Copy) record.Copy
	}{
		"ours is cancelled":          {&record.Intent{Part: "request", By: "us", At: began}, cancel},
		"a third replica's was lost": {&record.Intent{Part: "request", By: "dead", At: began}, cancel},
		"there was none":             {nil, func(c record.Copy) record.Copy { c.Intent, c.Failure = nil, &record.Failure{Reason: "x"}; return c }},
	} {
		d := &data{}
		store := record.NewStore(d, "us")
		draft, _ := store.Draft("r1", nil, nil)
		draft.Note(record.Record{}.Add(record.Copy{To: "C1", Intent: tt.was}))
		applyTo(draft, "C1", tt.apply)
		other(t, d, func(r record.Record) record.Record { return r.Add(record.Copy{To: "C1", Intent: theirs}) })
		for _, later := range []bool{false, true} { // in the same delivery, and in a later one
			if later {
				var err error
				if draft, _, err = store.Open(t.Context(), "r1", draft.Unsaved()); err != nil {
					t.Fatal(err)
				}
			} else if err := draft.Save(t.Context(), asIs); err != nil {
				t.Fatal(err)
			}
			if c, ok := draft.Copy("C1"); !ok || !c.Intent.Same(theirs) {
				t.Errorf("%s, later %v: their intent is %+v", name, later, c.Intent)
			}
		}
	}
}

// A cancelled intent brings no copy into another writer's record: it may have
// the same recipient by another ID, and would get a second message.
func TestACancelledIntentAddsNoCopy(t *testing.T) {
	d := &data{}
	draft, _ := record.NewStore(d, "us").Draft("r1", nil, nil)
	draft.Edit(record.Record{}.Add(record.Copy{To: "C1", Name: "#dev", Intent: &record.Intent{Part: "request", By: "us"}}))
	applyTo(draft, "C1", func(c record.Copy) record.Copy { c.Intent = nil; return c })
	other(t, d, func(r record.Record) record.Record {
		return r.Add(record.Copy{To: "#dev", Name: "#dev", Intent: &record.Intent{Part: "request", By: "them"}})
	})
	if err := draft.Save(t.Context(), asIs); err != nil {
		t.Fatal(err)
	}
	if rec, _ := record.Decode(d.values); len(rec.Copies) != 1 || rec.Copies[0].To != "#dev" {
		t.Errorf("in Teleport are %+v", rec.Copies)
	}
}

// Edits of a draft don't change a record that was handed out.
func TestADraftDoesNotChangeWhatItHandedOut(t *testing.T) {
	draft, _ := record.NewStore(&data{}, "us").Draft("r1", nil, nil)
	draft.Edit(record.Record{}.Add(record.Copy{To: "C1"}))
	before := draft.Record()
	applyTo(draft, "C1", posted("1.1"))
	if !before.Copies[0].At.IsZero() {
		t.Error("a record changed after it was handed out")
	}
	applyTo(draft, "C2", posted("1.1")) // not there: nothing happens
	if len(draft.Unsaved()) != 1 {
		t.Errorf("%d results", len(draft.Unsaved()))
	}
}
