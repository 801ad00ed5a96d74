package notify

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// errNobody is what is wrong with a request that nobody hears of.
var errNobody = &fault.Error{
	Class: fault.Permanent, Reason: "no_recipients",
	Hint: `name recipients for these roles, or for "*", in [role_to_recipients], or in an access monitoring rule`,
}

// announces says that recipients may still be added to the request: it is
// undecided, or it was decided so recently that we only just missed it. What
// the published plugin announced is announced.
func announces(f Facts, now time.Time) bool {
	req, rec := f.Request, f.Record
	switch {
	case rec.Adopted:
		return false
	case rec.Unseated:
		return true // begun, and not everyone could be found at the time
	case f.Gone:
		return false
	case !req.State.Resolved():
		return true
	case len(rec.Copies) > 0:
		return false
	}
	return !req.Created.IsZero() && now.Sub(req.Created) < announceResolvedWithin
}

// seating is who should hear of one request, as far as it is known.
type seating struct {
	n         *Notifier
	req       access.Request
	rec       record.Record
	requester access.Recipient
	unsure    bool  // who the requester is, is not known yet
	later     error // the first that makes it worth asking again
	gaps      []route.Unresolved
	told      []Told // what became of each want, for those who ask
}

// Told is one recipient of a request, and who that is in Slack.
type Told struct {
	Want     route.Want
	To       access.Recipient // zero if Err is why not
	Mentions []string         // as a record keeps them
	Self     bool             // it's the requester, who reviews nothing
	Err      error
}

// seat returns rec with a copy for everyone who should hear of the request:
// those whom access monitoring rules name if that reaches anybody, else those
// of the static routes. The error is the first that makes it worth asking
// again later; whoever could be found is seated all the same.
func (n *Notifier) seat(ctx context.Context, req access.Request, rec record.Record, routes *routing) (record.Record, error) {
	s := seating{n: n, req: req, rec: rec}
	s.fill(ctx, routes)
	return s.rec, s.later
}

func (s *seating) fill(ctx context.Context, routes *routing) {
	n, req, rec := s.n, s.req, s.rec
	before := len(rec.Copies)
	s.findRequester(ctx)

	look := &inquiry{n: n, req: req}
	v := n.judge(ctx, look, routes)
	if v.later != nil {
		s.note(v.later)
	}
	if v.later == nil {
		s.regret(v.Unresolved)
	}
	reached, waiting := s.add(ctx, v.Wants)
	nobody := false
	switch {
	case reached || waiting || v.later != nil:
	case v.failed && hasReviewers(rec):
		// Rules told somebody when they could be asked. Now that they can't,
		// nobody else is to hear of it by that.
	default:
		facts := route.Input{Request: req}
		var later error
		if routes.table.NeedsTraits(req) {
			facts.Traits, later = look.traitsInTime(ctx, nil)
		}
		if later != nil {
			s.note(later) // whom the traits name is not known yet, nor whether "*" is to step in
			break
		}
		static := routes.table.Recipients(facts)
		s.regret(static.Unresolved)
		nobody = len(static.Wants) == 0 && len(v.Wants) == 0
		s.add(ctx, static.Wants)
	}
	if !n.o.NoRequester && s.requester.ID != "" && s.rec.Index(s.requester) < 0 {
		s.rec = s.rec.Add(record.Copy{To: s.requester.ID, Name: req.User, For: access.Requester})
	}
	if nobody && before == 0 {
		n.complaints.report("request "+req.ID, "no channel to post", errNobody,
			slog.String(logkey.RequestID, req.ID), slog.Any(logkey.Roles, req.Roles))
	}
	s.rec.Unseated = s.later != nil
}

func (s *seating) note(err error) {
	if s.later == nil {
		s.later = err
	}
}

func (s *seating) findRequester(ctx context.Context) {
	who, err := s.n.person(ctx, s.req.User)
	switch {
	case err == nil:
		s.requester = who
	case people.Temporary(err):
		s.unsure = true
		s.note(err)
	case !s.n.o.NoRequester:
		s.n.complaints.report("requester "+s.req.User, "requester gets no message of their own", err,
			slog.String(logkey.User, s.req.User), slog.String(logkey.RequestID, s.req.ID))
	}
}

// add seats everyone who can be found. reached says that somebody could who is
// not the requester, waiting that somebody may be found later.
func (s *seating) add(ctx context.Context, wants []route.Want) (reached, waiting bool) {
	n := s.n
	for _, w := range wants {
		n.pulse.beat(s.req.ID) // each may take a call of its own
		if strings.EqualFold(w.Name, s.req.User) {
			s.told = append(s.told, Told{Want: w, Self: true})
			continue // nobody reviews their own request
		}
		to, err := n.resolve(ctx, w)
		s.told = append(s.told, Told{Want: w, To: to, Err: err})
		if err != nil {
			if people.Temporary(err) {
				waiting = true
				s.note(err)
				continue
			}
			n.complaints.report("recipient "+w.Name, "recipient can't be found in Slack", err,
				slog.String(logkey.Recipient, w.Name), slog.String(logkey.RequestID, s.req.ID))
			s.rec = unreachable(s.rec, w.Name, err)
			if w.Why != route.BySuggest { // whom somebody suggests is not the operator's to put right
				n.fails(w.Name)
			}
			continue
		}
		n.complaints.settle("recipient " + w.Name)
		s.rec = drop(s.rec, w.Name)
		if to.Kind == access.Person && to.ID == s.requester.ID {
			s.told[len(s.told)-1].Self = true
			continue
		}
		if to.Kind == access.Person && s.unsure {
			waiting = true // it may be the requester by another name
			continue
		}
		reached = true
		mentions, later := s.mentions(ctx, w)
		s.told[len(s.told)-1].Mentions = mentions
		if later != nil {
			s.note(later)
			continue // a message is posted once, and mentions nobody afterwards
		}
		i := s.rec.Index(to)
		switch {
		case i >= 0 && s.rec.Copies[i].At.IsZero() && s.rec.Copies[i].Intent == nil:
			c := s.rec.Copies[i]
			c.Mentions = joined(c.Mentions, mentions)
			s.rec = s.rec.With(i, c)
		case i < 0 && !seated(s.rec, w, to):
			s.rec = s.rec.Add(record.Copy{To: to.ID, Name: w.Name, For: access.Reviewers, Mentions: mentions})
		}
	}
	return reached, waiting
}

// hasReviewers says that somebody who can decide has been told.
func hasReviewers(rec record.Record) bool {
	return slices.ContainsFunc(rec.Copies, func(c record.Copy) bool { return c.For == access.Reviewers && !c.At.IsZero() })
}

// seated says that the configured name has a copy already, perhaps from when
// Slack's ID for it was not known yet.
func seated(rec record.Record, w route.Want, to access.Recipient) bool {
	return slices.ContainsFunc(rec.Copies, func(c record.Copy) bool {
		// A person may be called like a channel.
		return c.Name == w.Name && c.To != "" && c.For == access.Reviewers &&
			(to.Kind != access.Person || c.To[0] != '#' && c.To[0] != 'C' && c.To[0] != 'G')
	})
}

// resolve finds who a wanted name is in Slack. Users, among them suggested
// reviewers, are people, and never a channel.
func (n *Notifier) resolve(ctx context.Context, w route.Want) (access.Recipient, error) {
	if w.User {
		return n.person(ctx, w.Name)
	}
	to, err := n.o.Directory.Resolve(ctx, w.Name)
	if err == nil && to.Kind == access.Group {
		return access.Recipient{}, errGroup(w.Name)
	}
	return to, err
}

// person finds a Teleport user in Slack.
func (n *Notifier) person(ctx context.Context, username string) (access.Recipient, error) {
	return people.Find(ctx, n.o.Describer, n.o.Directory, username)
}

// unreachable notes that the name can't be reached, so that the record says so
// and the next look does not ask again.
func unreachable(rec record.Record, name string, err error) record.Record {
	reason := "unknown_recipient"
	if f, ok := fault.As(err); ok && f.Reason != "" {
		reason = f.Reason
	}
	for _, c := range rec.Copies {
		if c.To == "" && c.At.IsZero() && c.Name == name {
			return rec
		}
	}
	return rec.Add(record.Copy{Name: name, For: access.Reviewers, Failure: &record.Failure{Reason: reason, At: time.Now()}})
}

// drop takes back unreachable.
func drop(rec record.Record, name string) record.Record {
	for i, c := range rec.Copies {
		if c.To == "" && c.At.IsZero() && c.Name == name {
			return rec.Without(i)
		}
	}
	return rec
}

// endedIn says that the record needs no further look once its request is gone.
func (n *Notifier) endedIn(id string, data map[string]string) bool {
	rec, _ := record.Decode(data)
	if !rec.Ended() {
		return false
	}
	f := Facts{Gone: true, Record: rec, Now: time.Now(), Ends: n.o.Ends}
	f.Request, _ = rec.Ghost(id)
	return len(Plan(f)) == 0 && nextLook(f) == 0
}
