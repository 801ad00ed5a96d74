package notify

import (
	"context"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// Answer is who would hear of a request.
type Answer struct {
	Request   access.Request
	Told      []Told             // in the order in which they are asked for
	Gaps      []route.Unresolved // recipients that came to nobody
	Requester access.Recipient   // who asks, in Slack; zero if they get no message
	Later     error              // why some of it could not be found out; nil if it could
}

// Who returns who would hear of the request if it were new. It posts nothing
// and remembers nothing; what is wrong with rules and recipients is logged as
// it would be for a request.
func (n *Notifier) Who(ctx context.Context, req access.Request) Answer {
	s := &seating{n: n, req: req, rec: record.Record{}}
	s.fill(ctx, n.routes.Load())
	a := Answer{Request: req, Told: s.told, Gaps: s.gaps, Later: s.later}
	if !n.o.NoRequester {
		a.Requester = s.requester
	}
	return a
}
