package notify

import (
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// endedWithin is how long after access ended its messages are still brought to
// their end. Teleport keeps our record for an hour after that moment, when the
// request itself is gone already; and what is long over is nobody's news.
const endedWithin = 30 * time.Minute

// Ends is what requesters are told about the end of their access, in their
// thread. That it has ended, every message shows.
type Ends struct {
	Notice time.Duration // how long before the end; zero for not at all
	Ended  bool          // also when it has ended
}

// over says that the request's access has ended.
func over(req access.Request, now time.Time) bool {
	at := req.AccessEnds()
	return !at.IsZero() && !now.Before(at)
}

// ended says that the end of access is to be shown and told.
func (f Facts) ended() bool {
	return over(f.Request, f.Now) && f.Now.Sub(f.Request.AccessEnds()) < endedWithin
}

// ending says that it is time to tell of the end to come. Access that was given
// for less than two notices is not announced to end: the decision, which says
// until when, has only just been told.
func (f Facts) ending() bool {
	at := noticeAt(f)
	return !at.IsZero() && !f.Now.Before(at) && f.Now.Before(f.Request.AccessEnds())
}

// noticeAt returns when the notice is due, or zero if none is.
func noticeAt(f Facts) time.Time {
	ends := f.Request.AccessEnds()
	if ends.IsZero() || f.Ends.Notice <= 0 || f.Gone {
		return time.Time{}
	}
	began := f.Request.Created
	if f.Request.AssumeStart.After(began) {
		began = f.Request.AssumeStart
	}
	for _, v := range f.Request.Reviews {
		if v.Created.After(began) {
			began = v.Created
		}
	}
	at := ends.Add(-f.Ends.Notice)
	if at.Add(-f.Ends.Notice).Before(began) {
		return time.Time{}
	}
	return at
}

// endings returns what is left to tell a requester about the end of access.
func endings(f Facts, i int, c record.Copy) []Step {
	switch {
	case c.For != access.Requester:
	case f.ending() && !c.EndsTold:
		return []Step{{Op: TellEnds, Copy: i}}
	case f.ended() && f.Ends.Ended && !c.EndedTold:
		return []Step{{Op: TellEnded, Copy: i}}
	}
	return nil
}

// nextLook returns how long it is until the passing of time alone makes Plan
// say something else, or zero if it never will.
func nextLook(f Facts) time.Duration {
	looks := []time.Time{nextReminder(f)} // none once access may have begun
	if len(f.Record.Copies) > 0 {
		looks = append(looks, noticeAt(f), f.Request.AccessEnds())
	}
	for _, at := range looks {
		if at.After(f.Now) {
			return at.Sub(f.Now)
		}
	}
	return 0
}
