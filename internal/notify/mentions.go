package notify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// errGroup is why a user group is no recipient.
func errGroup(name string) error {
	return &fault.Error{Op: "post to the user group " + name, Class: fault.Permanent, Reason: "user_group",
		Hint: fmt.Sprintf("Slack can mention a user group and not post to one: write a channel before it, such as %q", "#channel "+name)}
}

// mentions returns whom the message names, as a record keeps it: IDs of user
// groups that are called, and handles of those that are only named, because
// they are not to be called or can't be. later is why it's better asked again.
func (s *seating) mentions(ctx context.Context, w route.Want) (names []string, later error) {
	n := s.n
	for _, m := range w.Mentions {
		if m.Silent || m.Group == "@here" || m.Group == "@channel" {
			name := m.Group
			if m.Silent && (name == "@here" || name == "@channel") {
				continue // there is nobody to name
			}
			names = joined(names, []string{name})
			continue
		}
		to, err := n.o.Directory.Resolve(ctx, m.Group)
		if err == nil && to.Kind != access.Group {
			err = fault.New(fault.Permanent, "look up the user group "+m.Group, "not_a_group")
		}
		subject := "mention " + m.Group
		switch {
		case err == nil:
			n.complaints.settle(subject)
			names = joined(names, []string{to.ID})
		case people.Temporary(err) && n.foreign.Left(s.req.ID+" mentions", "waiting", lookupPatience) > 0:
			return nil, err
		default:
			n.complaints.report(subject, "user group can't be mentioned; its channel is told without", err,
				slog.String(logkey.Recipient, w.Name), slog.String(logkey.RequestID, s.req.ID))
			names = joined(names, []string{m.Group})
		}
	}
	return names, nil
}

// joined returns all names, each once.
func joined(a, b []string) []string {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// regret says once of each recipient that it may come to nobody.
func (s *seating) regret(gaps []route.Unresolved) {
	s.gaps = append(s.gaps, gaps...)
	for _, g := range gaps {
		attrs := []any{slog.String(logkey.Recipient, g.Recipient), slog.String(logkey.RequestID, s.req.ID)}
		if g.Rule != "" {
			attrs = append(attrs, slog.String(logkey.Rule, g.Rule))
		}
		s.n.complaints.report("gap "+g.Rule+" "+g.Role+" "+g.Recipient, "recipient is left out where the request lacks what it is made from",
			&fault.Error{Class: fault.Permanent, Reason: "no_value", Op: g.What}, attrs...)
	}
}

// mentioning adds whom a copy names to the message about the request.
// Replies in its thread call nobody again.
func mentioning(s Step, c record.Copy, m message.Message) message.Message {
	if s.Op != Post && s.Op != Update {
		return m
	}
	return m.WithMentions(c.Mentions)
}
