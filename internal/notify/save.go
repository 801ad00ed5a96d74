package notify

import (
	"context"
	"log/slog"
	"slices"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// effect is the result of a step, to be recorded in the copy that it is about,
// if that is still the message that the step was about.
type effect struct {
	key   string
	at    access.MessageRef // where the message was before the step; zero for a first post
	apply func(record.Copy) record.Copy
}

// keyOf tells a request's copies apart, in whatever order a record has them.
func keyOf(c record.Copy) string {
	if c.To != "" {
		return c.To
	}
	return c.At.Channel + "/" + c.At.TS
}

func indexOf(rec record.Record, key string) int {
	return slices.IndexFunc(rec.Copies, func(c record.Copy) bool { return keyOf(c) == key })
}

// replay applies what earlier passes did and could not record. It stays
// remembered until this pass has recorded it, or has more to remember.
func (p *pass) replay(rec record.Record) record.Record {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	p.effects = slices.Clone(p.n.unsaved[p.id])
	return applied(rec, p.effects)
}

func applied(rec record.Record, effects []effect) record.Record {
	for _, e := range effects {
		// Where another replica took over and posted anew, its message counts.
		if i := indexOf(rec, e.key); i >= 0 && rec.Copies[i].At == e.at {
			rec = rec.With(i, e.apply(rec.Copies[i]))
		}
	}
	return rec
}

// save writes the record. When somebody else wrote first, what was done is
// carried over into what they wrote and the rest is planned anew.
func (p *pass) save(ctx context.Context) {
	rec := p.facts.Record.Saw(p.facts.Request, p.details)
	if p.facts.Gone {
		rec = p.facts.Record
		rec.About.State = p.facts.Request.State
	}
	rec.By = p.n.replica
	for try := 0; ; try++ {
		set, expect := rec.Changes()
		if len(set) == 0 {
			p.effects = nil
			return
		}
		err := p.n.o.Records.UpdateRecord(ctx, p.id, set, expect)
		if err == nil {
			p.facts.Record, p.effects, p.unwritten = rec.Stored(), nil, false
			return
		}
		p.lastSave = err
		if !fault.Is(err, fault.Conflict) || len(p.effects) == 0 || try == 5 {
			return
		}
		data, err := p.n.o.Records.Record(ctx, p.id)
		if err != nil {
			return
		}
		fresh, _ := record.Decode(data)
		for _, e := range p.effects {
			if i := indexOf(p.facts.Record, e.key); i >= 0 && indexOf(fresh, e.key) < 0 {
				fresh = fresh.Add(p.facts.Record.Copies[i])
			}
		}
		rec = applied(fresh, p.effects)
	}
}

// record notes the result of a step in the copy, to be saved.
func (p *pass) record(i int, apply func(record.Copy) record.Copy) {
	c := p.facts.Record.Copies[i]
	p.effects = append(p.effects, effect{key: keyOf(c), at: c.At, apply: apply})
	p.touched = true
	p.facts.Record = p.facts.Record.With(i, apply(c))
}

// finish saves what is not saved yet, and keeps what can't be for the next pass.
func (p *pass) finish(ctx context.Context) {
	for key := range p.armed {
		if p.unknown[key] {
			continue
		}
		// Written down and not begun.
		unarm := func(c record.Copy) record.Copy {
			if c.Intent != nil && c.Intent.By == p.n.replica {
				c.Intent = nil
			}
			return c
		}
		i := indexOf(p.facts.Record, key)
		switch {
		case i < 0:
		case p.lastSave != nil:
			p.effects = append(p.effects, effect{key: key, at: p.facts.Record.Copies[i].At, apply: unarm})
		case p.facts.Record.Copies[i].Intent != nil:
			p.record(i, unarm)
		}
	}
	if p.lastSave == nil && p.touched {
		p.save(ctx)
	}
	if p.lastSave != nil {
		p.out.failed = true
		if fault.Is(p.lastSave, fault.Conflict) {
			p.log.Debug("another replica works on this request")
		} else {
			p.n.complaints.report("record "+p.id, "record of a request can't be written yet", p.lastSave,
				slog.String(logkey.RequestID, p.id))
		}
	} else {
		p.n.complaints.settle("record " + p.id)
	}
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	if len(p.effects) > 0 {
		p.n.unsaved[p.id] = p.effects
	} else {
		delete(p.n.unsaved, p.id)
	}
}
