package recipient

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// assignment is who should hear of one request, as far as it is known.
type assignment struct {
	r                *Resolver
	in               Input
	rec              record.Record
	requester        access.Recipient
	requesterPending bool  // who the requester is, is not known yet
	pending          error // the first that makes it worth assigning again
	incomplete       bool  // something failed for good, which a restart tries again
	unresolved       []route.Unresolved
	outside          []string // rules, see Explanation
	unseen           []Unseen
	recipients       []Assigned
}

// errNobody is the problem with a request that nobody hears of.
var errNobody = &fault.Error{
	Class: fault.Permanent, Reason: "no_recipients",
	Hint: `name recipients for these roles, or for "*", in [role_to_recipients], or in an access monitoring rule`,
}

// assign assigns those whom rules name if that reaches anybody, else those of
// the static routes, and the requester.
func (r *Resolver) assign(ctx context.Context, in Input) *assignment {
	in.Memory.begin()
	defer in.Memory.end()
	a := &assignment{r: r, in: in, rec: in.Record}
	a.findRequester(ctx)

	inputs := &ruleInputs{r: r, in: in}
	byRule := r.matchRules(ctx, inputs)
	a.setPending(byRule.pending)
	a.incomplete = a.incomplete || byRule.failed || len(byRule.unseen) > 0
	a.outside = byRule.outside
	if byRule.pending == nil {
		a.reportUnresolved(byRule.Unresolved)
	}
	reached, waiting := a.add(ctx, byRule.Wants)

	wanted := len(byRule.Wants)
	a.unseen = byRule.unseen
	switch {
	case byRule.pending != nil:
	case len(byRule.unseen) > 0:
		wanted += a.addStatic(ctx, inputs)
	case reached || waiting:
	case byRule.failed && reviewersNotified(in.Record):
		// Rules reached somebody when they could be evaluated. That they can't
		// be now is no reason to notify others.
	default:
		wanted += a.addStatic(ctx, inputs)
	}
	if !r.o.NoRequester && a.requester.ID != "" && a.rec.Index(a.requester) < 0 {
		a.rec = a.rec.Add(record.Copy{To: a.requester.ID, Name: in.Request.User, For: access.Requester})
	}
	if wanted == 0 && byRule.pending == nil && a.pending == nil && len(in.Record.Copies) == 0 {
		a.reportNobody()
	}
	a.rec.RecipientsPending = a.pending != nil
	return a
}

// reportNobody logs once for the request that nobody hears of it.
func (a *assignment) reportNobody() {
	a.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutNobody, Name: a.in.Request.ID}, "no channel to post", errNobody,
		slog.String(logkey.RequestID, a.in.Request.ID), slog.Any(logkey.Roles, a.in.Request.Roles))
}

// addStatic adds the recipients of the static routes, and returns how many
// there should be.
func (a *assignment) addStatic(ctx context.Context, inputs *ruleInputs) int {
	table, input := a.in.Routing.table, route.Input{Request: a.in.Request}
	if table.NeedsTraits(a.in.Request) {
		var pending error
		if input.Traits, pending = inputs.traitsInTime(ctx, nil); pending != nil {
			a.setPending(pending) // whom the traits name is not known yet, nor whether "*" applies
			return 0
		}
	}
	static := table.Recipients(input)
	a.reportUnresolved(static.Unresolved)
	a.add(ctx, static.Wants)
	return len(static.Wants)
}

func (a *assignment) setPending(err error) {
	if a.pending == nil {
		a.pending = err
	}
}

func (a *assignment) findRequester(ctx context.Context) {
	a.in.progress()
	who, err := a.r.person(ctx, a.in.Request.User)
	switch {
	case err == nil:
		a.requester = who
	case fault.Temporary(err):
		a.requesterPending = true
		a.setPending(err)
	case !a.r.o.NoRequester:
		a.incomplete = true
		a.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutRequester, Name: a.in.Request.User},
			"requester gets no message of their own", err,
			slog.String(logkey.User, a.in.Request.User), slog.String(logkey.RequestID, a.in.Request.ID))
	}
}

// add assigns all who can be found. reached reports whether somebody could who
// is not the requester, waiting whether somebody may be found later.
func (a *assignment) add(ctx context.Context, wants []route.Want) (reached, waiting bool) {
	for _, w := range wants {
		if isRequester(w, a.in.Request) {
			a.recipients = append(a.recipients, Assigned{Want: w, IsRequester: true})
			continue
		}
		a.in.progress()
		to, err := a.r.resolve(ctx, w)
		one := Assigned{Want: w, To: to, Err: err}
		switch {
		case err != nil && fault.Temporary(err):
			waiting = true
			a.setPending(err)
		case err != nil:
			a.unreachable(w, err)
		default:
			a.r.problems.Clear(logonce.Key{Kind: aboutRecipient, Name: w.Name})
			a.rec = withoutUnknown(a.rec, w.Name)
			switch {
			case to.Kind == access.Person && to.ID == a.requester.ID:
				one.IsRequester = true
			case to.Kind == access.Person && a.requesterPending:
				waiting = true // it may be the requester by another name
			default:
				reached = true
				one.Mentions = a.assignTo(ctx, w, to)
			}
		}
		a.recipients = append(a.recipients, one)
	}
	return reached, waiting
}

// isRequester reports whether the name is the requester's: nobody reviews their
// own request.
func isRequester(w route.Want, req access.Request) bool { return strings.EqualFold(w.Name, req.User) }

// assignTo adds a copy for the recipient, unless there is one, and returns whom
// it mentions.
func (a *assignment) assignTo(ctx context.Context, w route.Want, to access.Recipient) []string {
	mentions, pending := a.mentions(ctx, w)
	if pending != nil {
		a.setPending(pending)
		return mentions // a message is posted once, and mentions nobody afterwards
	}
	i := a.rec.Index(to)
	switch {
	case i >= 0 && a.rec.Copies[i].At.IsZero() && a.rec.Copies[i].Intent == nil:
		c := a.rec.Copies[i]
		c.Mentions = union(c.Mentions, mentions)
		a.rec = a.rec.With(i, c)
	case i < 0 && !assignedByName(a.rec, w, to):
		a.rec = a.rec.Add(record.Copy{To: to.ID, Name: w.Name, For: access.Reviewers, Mentions: mentions})
	}
	return mentions
}

// unreachable reports a recipient that Slack doesn't know, and records it so
// that the next delivery does not look it up again.
func (a *assignment) unreachable(w route.Want, err error) {
	a.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutRecipient, Name: w.Name}, "recipient not found in Slack", err,
		slog.String(logkey.Recipient, w.Name), slog.String(logkey.RequestID, a.in.Request.ID))
	reason := "unknown_recipient"
	if f, ok := fault.As(err); ok && f.Reason != "" {
		reason = f.Reason
	}
	unknown := record.Copy{Name: w.Name, For: access.Reviewers, Failure: &record.Failure{Reason: reason, At: time.Now()}}
	if a.rec.IndexOf(unknown.ID()) < 0 {
		a.rec = a.rec.Add(unknown)
	}
	if w.Why != route.BySuggest { // whom a requester suggests is not the operator's to put right
		a.r.Failing.Add(w.Name)
	}
}

// withoutUnknown takes back what unreachable recorded.
func withoutUnknown(rec record.Record, name string) record.Record {
	if i := rec.IndexOf(record.Copy{Name: name}.ID()); i >= 0 {
		return rec.Without(i)
	}
	return rec
}

// reviewersNotified reports whether somebody who can decide has a message.
func reviewersNotified(rec record.Record) bool {
	return slices.ContainsFunc(rec.Copies, func(c record.Copy) bool { return c.For == access.Reviewers && !c.At.IsZero() })
}

// assignedByName reports whether the configured name has a copy already,
// perhaps from when Slack's ID for it was not known yet.
func assignedByName(rec record.Record, w route.Want, to access.Recipient) bool {
	return slices.ContainsFunc(rec.Copies, func(c record.Copy) bool {
		// A person may be called like a channel.
		return c.Name == w.Name && c.To != "" && c.For == access.Reviewers &&
			(to.Kind != access.Person || c.To[0] != '#' && c.To[0] != 'C' && c.To[0] != 'G')
	})
}

// resolve finds a wanted name in Slack. Users, suggested reviewers among them,
// are people and never a channel.
func (r *Resolver) resolve(ctx context.Context, w route.Want) (access.Recipient, error) {
	if w.User {
		return r.person(ctx, w.Name)
	}
	to, err := r.o.Directory.Resolve(ctx, w.Name)
	if err == nil && to.Kind == access.Group {
		return access.Recipient{}, errGroup(w.Name)
	}
	return to, err
}

// person finds a Teleport user in Slack.
func (r *Resolver) person(ctx context.Context, username string) (access.Recipient, error) {
	return people.Find(ctx, r.o.Users, r.o.Directory, username)
}

// reportUnresolved logs once for each configured recipient that it may come to
// nobody.
func (a *assignment) reportUnresolved(unresolved []route.Unresolved) {
	a.unresolved = append(a.unresolved, unresolved...)
	for _, u := range unresolved {
		attrs := []any{slog.String(logkey.Recipient, u.Recipient), slog.String(logkey.RequestID, a.in.Request.ID)}
		if u.Rule != "" {
			attrs = append(attrs, slog.String(logkey.Rule, u.Rule))
		}
		a.r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutUnresolved, Name: u.Rule + " " + u.Role + " " + u.Recipient},
			"recipient can't be made from this request, ignoring it",
			&fault.Error{Class: fault.Permanent, Reason: "no_value", Op: u.What}, attrs...)
	}
}

// errGroup is why a user group is no recipient.
func errGroup(name string) error {
	return &fault.Error{Op: "post to the user group " + name, Class: fault.Permanent, Reason: "user_group",
		Hint: fmt.Sprintf("Slack can mention a user group and not post to one: write a channel before it, such as %q", "#channel "+name)}
}

// mentions returns whom the message mentions, as a record keeps it: IDs of user
// groups that are notified, and handles of those that are only named, because
// they are not to be notified or can't be. pending is why it's better asked
// again.
func (a *assignment) mentions(ctx context.Context, w route.Want) (names []string, pending error) {
	for _, m := range w.Mentions {
		if m.Silent || m.Group == "@here" || m.Group == "@channel" {
			if m.Silent && (m.Group == "@here" || m.Group == "@channel") {
				continue // there is nobody to name
			}
			names = union(names, []string{m.Group})
			continue
		}
		limited, cancel := a.in.Memory.limit(ctx)
		to, err := a.r.o.Directory.Resolve(limited, m.Group)
		cancel()
		if err == nil && to.Kind != access.Group {
			err = fault.New(fault.Permanent, "look up the user group "+m.Group, "not_a_group")
		}
		key := logonce.Key{Kind: aboutMention, Name: m.Group}
		switch {
		case err == nil:
			a.r.problems.Clear(key)
			names = union(names, []string{to.ID})
		case fault.Temporary(err) && a.in.Memory.mayWait():
			return nil, err
		default:
			a.incomplete = true
			a.r.problems.Problem(slog.LevelWarn, key, "user group can't be mentioned, posting without the mention", err,
				slog.String(logkey.Recipient, w.Name), slog.String(logkey.RequestID, a.in.Request.ID))
			names = union(names, []string{m.Group})
		}
	}
	return names, nil
}

// union returns all names, each once.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
