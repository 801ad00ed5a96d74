package notify

import (
	"context"
	"log/slog"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// escalate returns rec with a copy for those who are told when nobody answers.
// The error is the first that makes it worth asking again later; until then the
// request is not escalated, and whoever could be found is seated all the same.
func (n *Notifier) escalate(ctx context.Context, req access.Request, rec record.Record) (record.Record, error) {
	var later error
	for _, name := range n.o.Reminders.EscalateTo {
		if strings.EqualFold(name, req.User) {
			continue // nobody reviews their own request
		}
		to, err := n.o.Directory.Resolve(ctx, name)
		switch {
		case err != nil && people.Temporary(err):
			later = err
		case err != nil:
			n.complaints.report("recipient "+name, "recipient can't be found in Slack", err,
				slog.String(logkey.Recipient, name), slog.String(logkey.RequestID, req.ID))
		case rec.Index(to) < 0: // else they have been told, or asked themselves
			rec = rec.Add(record.Copy{To: to.ID, Name: name, For: access.Reviewers, Escalated: true})
		}
	}
	rec.Escalated = later == nil
	return rec, later
}
