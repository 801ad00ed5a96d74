package notify

import (
	"context"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// escalate returns rec with a copy for those who are told when nobody answers.
// The error is the first that makes it worth asking again later; until then the
// request is not escalated, and whoever could be found is seated all the same.
func (n *Notifier) escalate(ctx context.Context, req access.Request, rec record.Record) (record.Record, error) {
	s := seating{n: n, req: req, rec: rec}
	s.findRequester(ctx) // who is not told that nobody looked
	facts := route.Input{Request: req}
	if route.NeedTraits(n.escalation) {
		look := &inquiry{n: n, req: req}
		var later error
		if facts.Traits, later = look.traitsInTime(ctx, nil); later != nil {
			return rec, later
		}
	}
	others := route.Escalation(n.escalation, facts)
	s.regret(others.Unresolved)
	s.add(ctx, others.Wants)
	for i, c := range s.rec.Copies {
		if indexOf(rec, keyOf(c)) < 0 {
			c.Escalated = true
			s.rec = s.rec.With(i, c)
		}
	}
	s.rec.Escalated = s.later == nil
	return s.rec, s.later
}
