package notify

import (
	"log/slog"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// A request's story in the log, at info, each line with its request_id: that
// it is there, each step of its messages (do.go), what became of it, and that
// everybody has it. What is tried again is not told again.

// begin tells what is new about the request.
func (p *pass) begin() {
	req, was := p.facts.Request, p.was
	switch {
	case len(was.Copies) == 0:
		n := 0
		for _, c := range p.facts.Record.Copies {
			if c.To != "" {
				n++
			}
		}
		if n > 0 && p.n.complaints.news("story "+p.id, req.State.String()) {
			p.log.Info("new access request", slog.String(logkey.User, req.User), slog.Any(logkey.Roles, req.Roles),
				slog.String(logkey.RequestState, req.State.String()), slog.Int(logkey.Recipients, n))
		}
	case was.About.State != req.State && p.n.complaints.news("story "+p.id, req.State.String()):
		log := p.log.With(slog.String(logkey.RequestState, req.State.String()))
		if r, ok := decisive(req); ok {
			log = log.With(slog.String(logkey.Reviewer, r.Author))
		}
		log.Info("access request is resolved")
	}
}

// end tells that nothing is left to do, if that is news.
func (p *pass) end() {
	p.n.complaints.settle("story " + p.id)
	if p.touched && p.facts.Request.State.Resolved() {
		p.log.Info("nothing is left to tell of the access request", slog.String(logkey.RequestState, p.facts.Request.State.String()))
	}
}

// told tells of a step that Slack has taken.
func (p *pass) told(s Step, c record.Copy, ref access.MessageRef) {
	req := p.facts.Request
	log := p.log.With(slog.String(logkey.Recipient, c.Name), slog.String(logkey.ChannelID, ref.Channel), slog.String(logkey.MessageTS, ref.TS))
	switch s.Op {
	case Post:
		log.Info("posted message", slog.String(logkey.RequestState, req.State.String()))
	case Update:
		log.Info("updated message", slog.String(logkey.RequestState, req.State.String()))
	case React:
		log.Info("put reaction", slog.String(logkey.Emoji, reaction(req.State)))
	case Reply:
		r := req.Reviews[s.Review]
		log.Info("posted review", slog.Int(logkey.Review, s.Review), slog.String(logkey.Reviewer, r.Author), slog.String(logkey.Decision, r.State.String()))
	case Final:
		log.Info("told outcome", slog.String(logkey.RequestState, req.State.String()))
	case Remind:
		log.Info("reminded of request", slog.Int(logkey.Reminder, s.Reminder))
	case TellEnds:
		log.Info("told that access ends", slog.Time(logkey.AccessExpires, req.AccessExpires))
	case TellEnded:
		log.Info("told that access has ended", slog.Time(logkey.AccessExpires, req.AccessExpires))
	case Recover: // tells by itself
	}
}

// decisive returns the review that decided the request. One that an
// administrator decided without a review has none.
func decisive(req access.Request) (access.Review, bool) {
	for i := len(req.Reviews) - 1; i >= 0; i-- {
		if r := req.Reviews[i]; r.State == req.State {
			return r, true
		}
	}
	return access.Review{}, false
}
