package record

import (
	"context"
	"slices"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// maxMerges is how often one save carries results over into what others wrote.
const maxMerges = 5

// Backend keeps records: Teleport's plugin data. UpdateRecord is a
// compare-and-swap; its error is [fault.Conflict] if something in expect has
// changed. An empty value stands for an absent key.
type Backend interface {
	Record(ctx context.Context, id string) (map[string]string, error)
	UpdateRecord(ctx context.Context, id string, set, expect map[string]string) error
}

// Store reads and writes the records of requests in the name of one replica.
type Store struct {
	backend Backend
	replica string
}

// NewStore returns a Store that writes in the replica's name.
func NewStore(b Backend, replica string) *Store { return &Store{backend: b, replica: replica} }

// Result is what a call to Slack changed in a copy. It applies as long as the
// copy's message is where it was before the call: another replica that took
// over and posted anew has a newer message. It leaves an intent alone that is
// not the one of its call: another replica may be in the middle of that post.
type Result struct {
	CopyID string
	At     access.MessageRef // where the message was before the call; zero for a first post
	Intent *Intent           // the intent before the call; nil if there was none
	Apply  func(Copy) Copy
}

func (r Result) appliedTo(c Copy) Copy {
	other := c.Intent != nil && !c.Intent.Same(r.Intent)
	next := r.Apply(c)
	if other {
		next.Intent = c.Intent
	}
	return next
}

// Draft is a request's record while one delivery works on it. It belongs to
// one goroutine.
type Draft struct {
	store   *Store
	id      string
	read    Record // as Teleport had it
	rec     Record
	shared  bool     // rec's copies were handed out, so that they may not change any more
	results []Result // in rec, and not saved yet
	dirty   bool
	saved   bool
	merged  bool  // the last save carried results over into another writer's record
	err     error // of the last save
}

// Open reads a request's record and applies the results that an earlier
// delivery could not save. What does not parse is named in problems.
func (s *Store) Open(ctx context.Context, id string, unsaved []Result) (d *Draft, problems []string, err error) {
	data, err := s.backend.Record(ctx, id)
	if err != nil {
		return nil, nil, fault.Wrapf(err, "read the record of request %s", id)
	}
	d, problems = s.Draft(id, data, unsaved)
	return d, problems, nil
}

// Draft is Open for plugin data that was read already.
func (s *Store) Draft(id string, data map[string]string, unsaved []Result) (d *Draft, problems []string) {
	rec, problems := Decode(data)
	d = &Draft{store: s, id: id, read: rec, shared: true, results: unsaved, dirty: len(unsaved) > 0}
	d.rec = applied(rec, unsaved)
	return d, problems
}

// Read returns the record as Teleport had it when the draft was opened.
func (d *Draft) Read() Record { return d.read }

// Record returns the record as it is to be saved.
func (d *Draft) Record() Record {
	d.shared = true
	return d.rec
}

// Copy returns a copy of the record as it is to be saved.
func (d *Draft) Copy(id string) (c Copy, ok bool) {
	i := d.rec.IndexOf(id)
	if i < 0 {
		return Copy{}, false
	}
	return d.rec.Copies[i], true
}

// Edit replaces the record by an edited one, which is to be saved. An edit that
// meets another writer's is dropped; it is planned again from what they wrote.
func (d *Draft) Edit(rec Record) {
	d.Note(rec)
	d.dirty = true
}

// Note is Edit for what is not worth a write of its own: the next one saves it.
func (d *Draft) Note(rec Record) { d.rec, d.shared = rec, true }

// Apply applies the result of a call to Slack, which is kept until it is saved;
// was is the copy that the call was made for.
func (d *Draft) Apply(was Copy, apply func(Copy) Copy) {
	r := Result{CopyID: was.ID(), At: was.At, Intent: was.Intent, Apply: apply}
	i := d.rec.IndexOf(r.CopyID)
	if i < 0 || d.rec.Copies[i].At != r.At {
		return // another replica took the recipient off the record, or posted anew
	}
	if d.shared {
		d.rec.Copies, d.shared = slices.Clone(d.rec.Copies), false
	}
	d.results = append(d.results, r)
	d.rec.Copies[i], d.dirty = r.appliedTo(d.rec.Copies[i]), true
}

// Unsaved returns the results that are not saved yet.
func (d *Draft) Unsaved() []Result { return d.results }

// Dirty reports whether there is something to save.
func (d *Draft) Dirty() bool { return d.dirty }

// Saved reports whether something was written.
func (d *Draft) Saved() bool { return d.saved }

// Merged reports whether another writer was faster than the last save, so that
// only results were saved, and the rest has to be loaded and planned again.
func (d *Draft) Merged() bool { return d.merged }

// Err returns why the last save failed.
func (d *Draft) Err() error { return d.err }

// Save writes the record as it is now, with snapshot applied. When another
// writer was faster, only the results are carried over into what they wrote,
// and Record returns that: whatever else was edited, intents among it, has to
// be planned again. Without results there is nothing to carry over, and the
// conflict is returned.
func (d *Draft) Save(ctx context.Context, snapshot func(Record) Record) error {
	rec := snapshot(d.rec)
	rec.By = d.store.replica
	d.err = d.save(ctx, rec)
	return d.err
}

func (d *Draft) save(ctx context.Context, rec Record) error {
	for merges := 0; ; merges++ {
		next := rec.encode()
		set, expect := rec.changes(next)
		var err error
		if len(set) > 0 {
			err = d.store.backend.UpdateRecord(ctx, d.id, set, expect)
			d.saved = d.saved || err == nil
		}
		if err == nil {
			d.rec, d.results, d.dirty, d.shared, d.merged = rec.storedAs(next), nil, false, true, merges > 0
			return nil
		}
		if !fault.Is(err, fault.Conflict) || len(d.results) == 0 || merges == maxMerges {
			return fault.Wrapf(err, "write the record of request %s", d.id)
		}
		data, err := d.store.backend.Record(ctx, d.id)
		if err != nil {
			return fault.Wrapf(err, "read the record of request %s again", d.id)
		}
		theirs, _ := Decode(data)
		rec = d.mergedInto(theirs)
	}
}

// mergedInto returns the other writer's record with our results. A copy that it
// lacks is added if it has a message, and only then: the other writer may know
// its recipient by another ID.
func (d *Draft) mergedInto(theirs Record) Record {
	for _, r := range d.results {
		if c, ok := d.Copy(r.CopyID); ok && !c.At.IsZero() && theirs.IndexOf(r.CopyID) < 0 {
			theirs = theirs.Add(c)
		}
	}
	return applied(theirs, d.results)
}

// applied returns rec with the results.
func applied(rec Record, results []Result) Record {
	for _, r := range results {
		if i := rec.IndexOf(r.CopyID); i >= 0 && rec.Copies[i].At == r.At {
			rec = rec.With(i, r.appliedTo(rec.Copies[i]))
		}
	}
	return rec
}
