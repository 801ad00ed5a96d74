package notify

import (
	"context"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Resync lists all requests and reconciles each that has changed since nothing
// was left to do for it. After a new connection it lists the records as well,
// because requests may have ended while nobody watched.
func (n *Notifier) Resync(ctx context.Context) error {
	full := n.full.Swap(false)
	listed := map[string]struct{}{}
	err := n.o.Requests.Requests(ctx, func(req access.Request) error {
		listed[req.ID] = struct{}{}
		if n.isSettled(req) {
			return nil
		}
		p := queue.Passing
		if !req.State.Resolved() {
			p = queue.Urgent
		}
		n.queue.Add(req.ID, p)
		return nil
	})
	if err == nil && full {
		err = n.o.Records.Records(ctx, func(id string, data map[string]string) error {
			if _, ok := listed[id]; !ok && !n.delivered(id, data) {
				n.queue.Add(id, queue.Passing)
			}
			return nil
		})
	}
	if err != nil {
		if full {
			n.full.Store(true)
		}
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, m := range n.requests {
		if _, ok := listed[id]; !ok && m.settled != (settled{}) {
			m.settled = settled{} // the event of its end was lost
			n.queue.Add(id, queue.Normal)
		}
	}
	return nil
}

// delivered reports whether the record of a request that is gone leaves nothing
// to do, now or later.
func (n *Notifier) delivered(id string, data map[string]string) bool {
	rec, _ := record.Decode(data)
	if !rec.Ended() {
		return false
	}
	s := State{Gone: true, Record: rec, Now: time.Now(), Ends: n.o.Ends}
	s.Request, _ = rec.Tombstone(id)
	return len(Plan(s)) == 0 && NextDue(s).IsZero()
}
