package notify

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// errNobody is what is wrong with a request that nobody hears of.
var errNobody = &fault.Error{
	Class: fault.Permanent, Reason: "no_recipients",
	Hint: `name recipients for these roles, or for "*", in [role_to_recipients]`,
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

// seat returns rec with a copy for everyone who should hear of the request.
// The error is the first that makes it worth asking again later; whoever could
// be found is seated all the same.
func (n *Notifier) seat(ctx context.Context, req access.Request, rec record.Record, routes *routing) (record.Record, error) {
	var later error
	note := func(err error) {
		if later == nil {
			later = err
		}
	}
	before := len(rec.Copies)

	requester, err := n.person(ctx, req.User)
	switch {
	case err == nil:
	case temporary(err):
		note(err)
	case !n.o.NoRequester:
		n.complaints.report("requester "+req.User, "requester gets no message of their own", err,
			slog.String(keyUser, req.User))
	}

	wants := routes.table.Recipients(req)
	for _, w := range wants {
		if strings.EqualFold(w.Name, req.User) {
			continue // nobody reviews their own request
		}
		to, err := n.resolve(ctx, w)
		if err != nil {
			if temporary(err) {
				note(err)
				continue
			}
			n.complaints.report("recipient "+w.Name, "recipient can't be found in Slack", err,
				slog.String(keyRecipient, w.Name), slog.String(keyRequestID, req.ID))
			rec = unreachable(rec, w.Name, err)
			continue
		}
		n.complaints.settle("recipient " + w.Name)
		rec = drop(rec, w.Name)
		if to.Kind == access.Person && to.ID == requester.ID {
			continue
		}
		if rec.Index(to) < 0 && !seated(rec, w.Name) {
			rec = rec.Add(record.Copy{To: to.ID, Name: w.Name, For: access.Reviewers})
		}
	}
	if !n.o.NoRequester && requester.ID != "" && rec.Index(requester) < 0 {
		rec = rec.Add(record.Copy{To: requester.ID, Name: req.User, For: access.Requester})
	}
	if len(wants) == 0 && before == 0 {
		n.complaints.report("request "+req.ID, "no channel to post", errNobody,
			slog.String(keyRequestID, req.ID), slog.Any("roles", req.Roles))
	}
	rec.Unseated = later != nil
	return rec, later
}

// seated says that the configured name has a copy already, perhaps from when
// Slack's ID for it was not known yet.
func seated(rec record.Record, name string) bool {
	return slices.ContainsFunc(rec.Copies, func(c record.Copy) bool {
		return c.Name == name && c.To != "" && c.For == access.Reviewers
	})
}

// resolve finds who a wanted name is in Slack. Suggested reviewers are people:
// a name that is no email is a Teleport username, and never a channel.
func (n *Notifier) resolve(ctx context.Context, w route.Want) (access.Recipient, error) {
	if w.Why == route.BySuggest {
		return n.person(ctx, w.Name)
	}
	return n.o.Directory.Resolve(ctx, w.Name)
}

// person finds a Teleport user in Slack by their email.
func (n *Notifier) person(ctx context.Context, username string) (access.Recipient, error) {
	email := username
	if !strings.Contains(username, "@") {
		var err error
		if email, err = n.o.Describer.Email(ctx, username); err != nil {
			return access.Recipient{}, fault.Wrapf(err, "find the email of %q", username)
		}
	}
	to, err := n.o.Directory.Resolve(ctx, email)
	if err != nil {
		return access.Recipient{}, err
	}
	if to.Kind != access.Person {
		return access.Recipient{}, fault.New(fault.Permanent, "find "+email+" in Slack", "not_a_person")
	}
	return to, nil
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

// temporary says that asking again may give another answer.
func temporary(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Retry, fault.Unknown:
		return true
	case fault.Fatal:
		// A token may be replaced any minute; a scope takes a new installation.
		f, _ := fault.As(err)
		return f.Reason != "missing_scope"
	}
	return false
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
