package review

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Log attribute keys.
const (
	keyEvent     = "event" // always "review": what auditors look for
	keyRequestID = "request_id"
	keySlackUser = "slack_user"
	keyUser      = "user"
	keyDecision  = "decision"
	keyOutcome   = "outcome"
	keyReason    = "reason"
	keyChannelID = "channel_id"
	keyMessageTS = "message_ts"
	keyError     = "error"
	keyHint      = "hint"
)

// event is the value of keyEvent.
const event = "review"

// tell writes the line about a click, and counts it. Reasons that people give
// are not in it: they are Teleport's to keep.
func (r *Reviewer) tell(in interaction, res result) {
	if res.in.user == "" {
		res.in = in
	}
	in = res.in
	attrs := []slog.Attr{
		slog.String(keyEvent, event),
		slog.String(keyRequestID, cmp.Or(res.req.ID, in.request)),
		slog.String(keySlackUser, in.user),
		slog.String(keyUser, res.user),
		slog.String(keyDecision, in.decision.String()),
		slog.String(keyOutcome, string(res.outcome)),
		slog.String(keyReason, res.why),
		slog.String(keyChannelID, in.channel),
		slog.String(keyMessageTS, in.ts),
	}
	if res.err != nil {
		attrs = append(attrs, slog.String(keyError, res.err.Error()))
		if hint := fault.Hint(res.err); hint != "" {
			attrs = append(attrs, slog.String(keyHint, hint))
		}
	}
	ctx := context.Background()
	switch res.outcome {
	case Submitted:
		r.log.LogAttrs(ctx, slog.LevelInfo, "review submitted from Slack", attrs...)
	case Asked:
		r.log.LogAttrs(ctx, slog.LevelInfo, "reviewer is asked for a reason", attrs...)
	case Repeated:
		r.log.LogAttrs(ctx, slog.LevelInfo, "click repeats one that was dealt with", attrs...)
	case Refused:
		r.log.LogAttrs(ctx, slog.LevelWarn, "review from Slack refused", attrs...)
	case Failed:
		r.log.LogAttrs(ctx, slog.LevelError, "review from Slack failed", attrs...)
	}
	if r.o.Observer != nil {
		r.o.Observer.Reviewed(Result{Decision: in.decision.String(), Outcome: res.outcome, Reason: res.why})
	}
}
