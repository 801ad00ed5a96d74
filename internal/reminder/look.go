package reminder

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/outbox"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// intentLease is how long another replica's intent is left alone, and
// intentFresh how old the first intent of a batch may be when its post begins:
// a person may own many lists, and each has a record of its own.
const (
	intentLease = 2 * time.Minute
	intentFresh = time.Minute
)

// rightHint is what a role needs for all this.
const rightHint = "grant the role of these credentials list and read on access_list"

// look is one look at all lists.
type look struct {
	r      *Reminder
	now    time.Time
	dues   []*due
	people map[string]person // by username, so that all of a look agrees who is who
	again  time.Duration     // look again after this long; zero for the usual time
	failed bool              // something is due and could not be done
}

// person is who a username is in Slack, or why nobody knows.
type person struct {
	to  access.Recipient
	err error
}

// find finds a username in Slack, once a look.
func (l *look) find(ctx context.Context, username string) (access.Recipient, error) {
	p, known := l.people[username]
	if !known {
		p.to, p.err = people.Find(ctx, l.r.o.Emails, l.r.o.Directory, username)
		l.people[username] = p
	}
	return p.to, p.err
}

// due is one list that some owners are to be reminded of.
type due struct {
	list    access.AccessList
	since   time.Time // reminders before it don't count
	owners  []string
	notices record.Notices
	wanting []string // owners who are to be reminded
}

// group is everything that one person is to be reminded of, in the order of
// the lists' names.
type group struct {
	to    access.Recipient
	parts []part
}

// part is a list and the usernames by which the person owns it.
type part struct {
	*due
	names []string
}

// wait asks for another look after d, or sooner if something else is due.
func (l *look) wait(d time.Duration) {
	if l.again == 0 || d < l.again {
		l.again = max(d, time.Second)
	}
}

// trouble notes that an error keeps something from being done in this look.
func (l *look) trouble(err error) {
	if after := fault.After(err); after > 0 {
		l.wait(after)
		return
	}
	l.failed = true
}

// gather finds what is due. What was found before an error counts.
func (l *look) gather(ctx context.Context) {
	r := l.r
	err := r.o.Lists.AccessLists(ctx, func(list access.AccessList) error {
		if since, ok := window(list, l.now); ok && list.Name != "" {
			l.dues = append(l.dues, &due{list: list, since: since})
		}
		return nil
	})
	switch {
	case err == nil:
		if r.troubles.settle("lists") {
			r.o.Log.Info("access lists can be read")
		}
	case fault.Is(err, fault.Unsupported):
		if r.troubles.news("lists", "none") {
			r.o.Log.Info("this Teleport has no access lists, nobody is reminded of their reviews")
		}
	case fault.Is(err, fault.Denied):
		r.troubles.report("lists", "access lists can't be read, nobody is reminded of their reviews", denied(err))
	case ctx.Err() == nil:
		r.troubles.report("lists", "access lists could not be read, trying again", err)
		l.trouble(err)
	}
	slices.SortFunc(l.dues, func(a, b *due) int { return cmp.Compare(a.list.Name, b.list.Name) })
	seen := map[string]bool{}
	for _, d := range l.dues {
		if ctx.Err() != nil {
			return
		}
		seen[d.list.Name] = true
		l.inspect(ctx, d)
	}
	if err == nil { // of lists that are due no more nothing is to be recorded
		maps.DeleteFunc(r.unsaved, func(name string, _ map[string]time.Time) bool { return !seen[name] })
	}
}

// denied adds what to do about a missing right.
func denied(err error) error {
	if fault.Hint(err) != "" {
		return err
	}
	return &fault.Error{Class: fault.Denied, Reason: "access_denied", Err: err, Hint: rightHint}
}

// inspect finds out who is to be reminded of a list.
func (l *look) inspect(ctx context.Context, d *due) {
	subject := "list " + d.list.Name
	owners, err := l.r.o.Lists.AccessListOwners(ctx, d.list)
	if err == nil {
		d.owners = owners
		err = l.load(ctx, d)
	}
	switch {
	case err == nil:
		l.r.troubles.settle(subject)
		l.r.troubles.settle("list rights")
	case fault.Is(err, fault.NotFound), ctx.Err() != nil: // it is gone
		return
	case fault.Is(err, fault.Denied):
		l.r.troubles.report("list rights", "access lists can't be read, nobody is reminded of their reviews", denied(err))
		return
	default:
		l.r.troubles.report(subject, "an access list could not be read, trying again", err, slog.String(logkey.List, d.list.Name))
		l.trouble(err)
		return
	}
	if len(l.r.unsaved[d.list.Name]) > 0 {
		l.told(ctx, d, nil, l.now)
	}
	for _, owner := range d.owners {
		if l.wants(ctx, d, owner) {
			d.wanting = append(d.wanting, owner)
		}
	}
}

// load reads what is remembered of a list, and adds what could not be recorded
// before.
func (l *look) load(ctx context.Context, d *due) error {
	data, err := l.r.o.Lists.ListRecord(ctx, d.list.Name)
	if err != nil {
		return err
	}
	var problems []string
	d.notices, problems = record.DecodeNotices(data)
	for _, what := range problems {
		l.r.troubles.report("record "+d.list.Name, "part of an access list's record can't be read and is ignored",
			fault.New(fault.Bug, "", what), slog.String(logkey.List, d.list.Name))
	}
	unsaved := l.r.unsaved[d.list.Name]
	for _, owner := range slices.Sorted(maps.Keys(unsaved)) {
		if d.notices.Told[owner].Before(unsaved[owner]) {
			d.notices = d.notices.Tell(owner, unsaved[owner])
		}
	}
	return nil
}

// wants says that the owner is to be reminded of the list now, and that nobody
// else is about to do it. An intent whose outcome nobody knows is looked into.
func (l *look) wants(ctx context.Context, d *due, owner string) bool {
	if !d.since.After(d.notices.Told[owner]) {
		return false
	}
	intent, begun := d.begun(d.notices, owner)
	if !begun {
		return true
	}
	if left := l.leased(d, owner, intent); left > 0 {
		l.wait(left)
		return false
	}
	return l.recover(ctx, d, owner, intent)
}

// begun returns the reminder of the owner that is under way. One from before
// this week or day does not count, whatever became of it.
func (d *due) begun(n record.Notices, owner string) (record.Intent, bool) {
	i, ok := n.Intents[owner]
	return i, ok && !i.At.Before(d.since)
}

// leased returns how long to leave another replica's intent alone.
func (l *look) leased(d *due, owner string, i record.Intent) time.Duration {
	return l.r.outbox.Leased(&l.r.leases, d.list.Name+" "+owner, i)
}

// recover finds out what became of an unfinished reminder, and returns whether
// it is still to be sent.
func (l *look) recover(ctx context.Context, d *due, owner string, i record.Intent) bool {
	to, err := l.find(ctx, owner)
	if err != nil {
		if people.Temporary(err) {
			l.trouble(err)
			return false
		}
		return true // they can't be found, so groups says
	}
	log := l.r.o.Log.With(slog.String(logkey.List, d.list.Name), slog.String(logkey.User, owner))
	_, found, err := l.r.outbox.Recover(ctx, log, outbox.Lost{
		Intent: i, Channel: to.ID, Tag: tag(to, i.Part), Scopes: "im:history and im:write",
	})
	switch {
	case err != nil:
		l.trouble(err)
		return false
	case !found:
		return true
	}
	l.told(ctx, d, []string{owner}, i.At)
	return false
}

// tag marks the message of a batch.
func tag(to access.Recipient, part string) message.Tag {
	return message.Tag{RequestID: message.AccessLists, Recipient: to.ID, Part: part}
}

// groups puts together what each person is to be reminded of, in the order of
// their IDs.
func (l *look) groups(ctx context.Context) []group {
	byID := map[string]*group{}
	for _, d := range l.dues {
		for _, owner := range d.wanting {
			to, err := l.find(ctx, owner)
			if err != nil {
				l.notFound(ctx, owner, err)
				continue
			}
			l.r.troubles.settle("owner " + owner)
			g := byID[to.ID]
			if g == nil {
				g = &group{to: to}
				byID[to.ID] = g
			}
			if n := len(g.parts); n > 0 && g.parts[n-1].due == d {
				g.parts[n-1].names = append(g.parts[n-1].names, owner)
			} else {
				g.parts = append(g.parts, part{due: d, names: []string{owner}})
			}
		}
	}
	groups := make([]group, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		groups = append(groups, *byID[id])
	}
	return groups
}

func (l *look) notFound(ctx context.Context, owner string, err error) {
	switch {
	case ctx.Err() != nil:
	case people.Temporary(err):
		l.r.troubles.report("directory", "some owners of access lists can't be looked up yet; they are asked for again", err)
		l.trouble(err)
	default:
		l.r.troubles.report("owner "+owner, "an owner of access lists can't be found in Slack", err, slog.String(logkey.User, owner))
	}
}
