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
	"github.com/teleport-slack/teleport-slack/internal/logonce"
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

// rightHint names the rights that a scan needs.
const rightHint = "grant the role of these credentials list and read on access_list"

// Kinds of problems.
const (
	listsProblem     logonce.Kind = "lists"     // listing them
	rightProblem     logonce.Kind = "right"     // reading each of them
	listProblem      logonce.Kind = "list"      // reading one
	recordProblem    logonce.Kind = "record"    // of a list
	directoryProblem logonce.Kind = "directory" // of people
	ownerProblem     logonce.Kind = "owner"
	postProblem      logonce.Kind = "post" // to a person
)

// scan is one check of all lists.
type scan struct {
	r      *Reminder
	now    time.Time
	due    []*dueList
	people map[string]person // by username; looked up once in a scan
	again  time.Duration     // when to scan again; zero for the usual time
	failed bool              // something is due and could not be done
}

// person is the Slack user of a username, or why there is none.
type person struct {
	to  access.Recipient
	err error
}

// find finds the Slack user of a username, once in a scan.
func (s *scan) find(ctx context.Context, username string) (access.Recipient, error) {
	p, known := s.people[username]
	if !known {
		p.to, p.err = people.Find(ctx, s.r.o.Emails, s.r.o.Directory, username)
		s.people[username] = p
	}
	return p.to, p.err
}

// dueList is a list whose review is due.
type dueList struct {
	list    access.AccessList
	since   time.Time // earlier reminders don't count
	owners  []string
	notices record.Notices
	remind  []string // owners to remind
}

// batch is everything that one person must be reminded of, sorted by the names of
// the lists.
type batch struct {
	to    access.Recipient
	parts []part
}

// part is a list and the usernames of the person that own it.
type part struct {
	*dueList
	names []string
}

// scanAfter makes the next scan begin after d, unless it is due earlier.
func (s *scan) scanAfter(d time.Duration) {
	if s.again == 0 || d < s.again {
		s.again = max(d, time.Second)
	}
}

// fail notes that something could not be done in this scan.
func (s *scan) fail(err error) {
	if after := fault.After(err); after > 0 {
		s.scanAfter(after)
		return
	}
	s.failed = true
}

// gather finds the due lists and the owners to remind. After an error it uses what
// it found before.
func (s *scan) gather(ctx context.Context) {
	r := s.r
	lists := logonce.Key{Kind: listsProblem}
	err := r.o.Lists.AccessLists(ctx, func(list access.AccessList) error {
		if since, ok := window(list, s.now); ok && list.Name != "" {
			s.due = append(s.due, &dueList{list: list, since: since})
		}
		return nil
	})
	switch {
	case err == nil:
		r.problems.Recovered(lists, "access lists can be read")
	case fault.Is(err, fault.Unsupported):
		if r.problems.Changed(lists, "unsupported") {
			r.o.Log.Info("this Teleport has no access lists, no reminders of their reviews")
		}
	case fault.Is(err, fault.Denied):
		r.problems.Problem(slog.LevelWarn, lists, "access lists can't be read, no reminders of their reviews", denied(err))
	case ctx.Err() == nil:
		r.problems.Problem(slog.LevelWarn, lists, "can't list access lists, trying again", err)
		s.fail(err)
	}
	slices.SortFunc(s.due, func(a, b *dueList) int { return cmp.Compare(a.list.Name, b.list.Name) })
	seen := map[string]bool{}
	for _, d := range s.due {
		if ctx.Err() != nil {
			return
		}
		seen[d.list.Name] = true
		s.inspect(ctx, d)
	}
	if err == nil { // lists that are no longer due need no record
		maps.DeleteFunc(r.unsaved, func(name string, _ map[string]time.Time) bool { return !seen[name] })
	}
}

// denied adds a hint to the error about a missing right.
func denied(err error) error {
	if fault.Hint(err) != "" {
		return err
	}
	return &fault.Error{Class: fault.Denied, Reason: "access_denied", Err: err, Hint: rightHint}
}

// inspect finds the owners to remind of a list.
func (s *scan) inspect(ctx context.Context, d *dueList) {
	key, right := logonce.Key{Kind: listProblem, Name: d.list.Name}, logonce.Key{Kind: rightProblem}
	owners, err := s.r.o.Lists.AccessListOwners(ctx, d.list)
	if err == nil {
		d.owners = owners
		err = s.load(ctx, d)
	}
	switch {
	case err == nil:
		s.r.problems.Clear(key)
		s.r.problems.Clear(right)
	case fault.Is(err, fault.NotFound), ctx.Err() != nil: // it is gone
		return
	case fault.Is(err, fault.Denied):
		s.r.problems.Problem(slog.LevelWarn, right, "access lists can't be read, no reminders of their reviews", denied(err))
		return
	default:
		s.r.problems.Problem(slog.LevelWarn, key, "can't read an access list, trying again", err, slog.String(logkey.List, d.list.Name))
		s.fail(err)
		return
	}
	if len(s.r.unsaved[d.list.Name]) > 0 {
		s.recordReminded(ctx, d, nil, s.now)
	}
	for _, owner := range d.owners {
		if s.mustRemind(ctx, d, owner) {
			d.remind = append(d.remind, owner)
		}
	}
}

// load reads the record of a list, and adds what could not be recorded before.
func (s *scan) load(ctx context.Context, d *dueList) error {
	data, err := s.r.o.Lists.ListRecord(ctx, d.list.Name)
	if err != nil {
		return err
	}
	var problems []string
	d.notices, problems = record.DecodeNotices(data)
	for _, what := range problems {
		s.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: recordProblem, Name: d.list.Name}, "part of an access list's record can't be read, ignoring it",
			fault.New(fault.Bug, "", what), slog.String(logkey.List, d.list.Name))
	}
	unsaved := s.r.unsaved[d.list.Name]
	for _, owner := range slices.Sorted(maps.Keys(unsaved)) {
		if d.notices.Reminded[owner].Before(unsaved[owner]) {
			d.notices = d.notices.WithReminder(owner, unsaved[owner])
		}
	}
	return nil
}

// mustRemind reports whether to remind the owner of the list now: a reminder is due
// and no other replica is posting it. It recovers an unfinished reminder first.
func (s *scan) mustRemind(ctx context.Context, d *dueList, owner string) bool {
	if !d.since.After(d.notices.Reminded[owner]) {
		return false
	}
	intent, begun := d.begun(d.notices, owner)
	if !begun {
		return true
	}
	if left := s.leased(d, owner, intent); left > 0 {
		s.scanAfter(left)
		return false
	}
	return s.recover(ctx, d, owner, intent)
}

// begun returns the unfinished reminder of the owner. One from before this week or
// day doesn't count.
func (d *dueList) begun(n record.Notices, owner string) (record.Intent, bool) {
	i, ok := n.Intents[owner]
	return i, ok && !i.At.Before(d.since)
}

// leased returns how long another replica's intent is still leased.
func (s *scan) leased(d *dueList, owner string, i record.Intent) time.Duration {
	return s.r.outbox.Leased(&s.r.leases, d.list.Name+" "+owner, i)
}

// recover checks whether an unfinished reminder was posted, and reports whether to
// post it again.
func (s *scan) recover(ctx context.Context, d *dueList, owner string, i record.Intent) bool {
	to, err := s.find(ctx, owner)
	if err != nil {
		if fault.Temporary(err) {
			s.fail(err)
			return false
		}
		return true // batches logs that they can't be found
	}
	log := s.r.o.Log.With(slog.String(logkey.List, d.list.Name), slog.String(logkey.User, owner))
	_, found, err := s.r.outbox.Recover(ctx, log, outbox.Lost{
		Intent: i, Channel: to.ID, Tag: tag(to, i.Part), Scopes: "im:history and im:write",
	})
	switch {
	case err != nil:
		s.fail(err)
		return false
	case !found:
		return true
	}
	s.recordReminded(ctx, d, []string{owner}, i.At)
	return false
}

// tag returns the metadata of a batch's message.
func tag(to access.Recipient, part string) message.Tag {
	return message.Tag{RequestID: message.AccessLists, Recipient: to.ID, Part: part}
}

// batches returns what to remind each person of, sorted by their Slack IDs.
func (s *scan) batches(ctx context.Context) []batch {
	byID := map[string]*batch{}
	for _, d := range s.due {
		for _, owner := range d.remind {
			to, err := s.find(ctx, owner)
			if err != nil {
				s.logNotFound(ctx, owner, err)
				continue
			}
			s.r.problems.Clear(logonce.Key{Kind: ownerProblem, Name: owner})
			g := byID[to.ID]
			if g == nil {
				g = &batch{to: to}
				byID[to.ID] = g
			}
			if n := len(g.parts); n > 0 && g.parts[n-1].dueList == d {
				g.parts[n-1].names = append(g.parts[n-1].names, owner)
			} else {
				g.parts = append(g.parts, part{dueList: d, names: []string{owner}})
			}
		}
	}
	batches := make([]batch, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		batches = append(batches, *byID[id])
	}
	return batches
}

func (s *scan) logNotFound(ctx context.Context, owner string, err error) {
	switch {
	case ctx.Err() != nil:
	case fault.Temporary(err):
		s.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: directoryProblem}, "can't look up owners of access lists, trying again", err)
		s.fail(err)
	default:
		s.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: ownerProblem, Name: owner}, "access list owner not found in Slack", err, slog.String(logkey.User, owner))
	}
}
