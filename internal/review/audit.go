package review

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// event is the value of logkey.Event.
const event = "review"

// audit logs and counts the result of a click. The reason that the reviewer gave
// is not logged: Teleport stores it.
func (r *Reviewer) audit(in interaction, res result) {
	if res.in.user == "" {
		res.in = in
	}
	in = res.in
	attrs := []slog.Attr{
		slog.String(logkey.Event, event),
		slog.String(logkey.RequestID, cmp.Or(res.req.ID, in.request)),
		slog.String(logkey.SlackUser, in.user),
		slog.String(logkey.User, res.user),
		slog.String(logkey.Decision, in.decision.String()),
		slog.String(logkey.Outcome, string(res.outcome)),
		slog.String(logkey.Reason, res.why),
		slog.String(logkey.ChannelID, in.channel),
		slog.String(logkey.MessageTS, in.ts),
	}
	if res.err != nil {
		attrs = append(attrs, slog.String(logkey.Error, res.err.Error()))
		if hint := fault.Hint(res.err); hint != "" {
			attrs = append(attrs, slog.String(logkey.Hint, hint))
		}
	}
	ctx := context.Background()
	switch res.outcome {
	case Submitted:
		r.log.LogAttrs(ctx, slog.LevelInfo, "review submitted from Slack", attrs...)
	case Asked:
		r.log.LogAttrs(ctx, slog.LevelInfo, "reviewer asked for a reason", attrs...)
	case Repeated:
		r.log.LogAttrs(ctx, slog.LevelInfo, "repeated click ignored", attrs...)
	case Refused:
		r.log.LogAttrs(ctx, slog.LevelWarn, "review from Slack refused", attrs...)
	case Failed:
		r.log.LogAttrs(ctx, slog.LevelError, "review from Slack failed", attrs...)
	}
	if r.o.Observer != nil {
		r.o.Observer.Reviewed(Result{Decision: in.decision.String(), Outcome: res.outcome, Reason: res.why})
	}
}
