package review

import (
	"context"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

const (
	// clickLasts is how old a click may be, and how far clocks may be apart.
	// Slack delivers within seconds; what comes later was meant for a
	// situation that is over.
	clickLasts = 5 * time.Minute

	// triggerLasts is for how long a click can open a window, see
	// https://docs.slack.dev/surfaces/modals; what is later fails there.
	triggerLasts = 3 * time.Second

	// A message can be clicked before the record says that it is there: the
	// record is written after the post.
	recordTries = 4
	recordPause = 500 * time.Millisecond
)

// result is what became of a click, and what it was about.
type result struct {
	in      interaction // with what the seal says, for windows
	req     access.Request
	details access.Details
	user    string // Teleport username; empty while it is not known
	outcome Outcome
	why     string
	answer  message.Answer
	silent  bool // no answer
	err     error
}

func refuse(in interaction, why string, answer message.Answer) result {
	return result{in: in, outcome: Refused, why: why, answer: answer}
}

// judge checks the click and acts on it. The order is that of cost, and of
// what strangers may learn: nothing about a request is told to anybody before
// they are known to be one of us.
func (r *Reviewer) judge(ctx context.Context, s Settings, in interaction) result {
	res := result{in: in, req: access.Request{ID: in.request}}
	end := func(n *no) result {
		res.outcome, res.why, res.answer, res.silent, res.err = n.outcome, n.why, n.answer, n.silent, n.err
		return res
	}
	if n := admissible(s, in); n != nil {
		return end(n)
	}
	if in.submission {
		about, ok := unseal(s.Secret, in.sealed)
		opened := time.Unix(about.Opened, 0)
		switch {
		case !ok:
			// It was not us who opened it; what it claims is not even logged.
			res.in.request, res.req.ID = "", ""
			return end(&no{outcome: Refused, why: "forged_window", silent: true})
		case about.User != in.user:
			return end(&no{outcome: Refused, why: "window_of_another", silent: true})
		}
		in.request, in.channel, in.ts, in.decision = about.Request, about.Channel, about.TS, about.Decision
		res.in, res.req.ID = in, in.request
		if late(in.arrived, opened, windowLasts) {
			return end(refused("late", message.AnswerLate))
		}
	}
	user, n := r.identify(ctx, s, in)
	if n != nil {
		return end(n)
	}
	res.user = user.Name
	req, rec, n := r.open(ctx, s, in, user)
	res.details = rec.Details(req)
	if req.ID != "" {
		res.req = req
	}
	if n != nil {
		return end(n)
	}
	if !in.submission && s.Buttons.NeedsReason(in.decision) {
		return end(r.ask(ctx, s, in, req, res.details))
	}
	req, n = r.submit(ctx, in, user, req)
	res.req = req
	if n.outcome != Submitted {
		r.people.forget(in.user)
	}
	return end(n)
}

// admissible checks what the click itself says.
func admissible(s Settings, in interaction) *no {
	switch {
	case s.TeamID == "" || s.Secret == "":
		return refused("not_ready", message.AnswerUnavailable)
	case in.team != s.TeamID:
		return &no{outcome: Refused, why: "foreign_team", silent: true}
	case in.app == "" || s.AppID != "" && in.app != s.AppID:
		return &no{outcome: Refused, why: "foreign_app", silent: true}
	case !s.Buttons.On:
		return refused("switched_off", message.AnswerOff)
	case !in.submission && late(in.arrived, in.at, clickLasts):
		return refused("late", message.AnswerLate)
	}
	return nil
}

func late(now, at time.Time, lasts time.Duration) bool {
	return now.Sub(at) > lasts || at.Sub(now) > clickLasts
}

// open returns the request, with its record, if it is open for this user's
// decision through this message. What was read is returned with a refusal too.
func (r *Reviewer) open(ctx context.Context, s Settings, in interaction, user access.User) (access.Request, record.Record, *no) {
	rec, found, err := r.record(ctx, in)
	if err != nil {
		return access.Request{}, rec, unanswered("record", err)
	}
	req, err := r.o.Requests.Request(ctx, in.request)
	switch {
	case fault.Is(err, fault.NotFound) && (found || !rec.Known()):
		return access.Request{}, rec, refused("gone", message.AnswerGone)
	case err != nil && !fault.Is(err, fault.NotFound):
		return access.Request{}, rec, unanswered("request", err)
	case !found:
		return access.Request{}, rec, refused("unknown_message", message.AnswerStranger)
	}
	return req, rec, mayDecide(s, in, user, req, rec)
}

// mayDecide says why the request is not this user's to decide here, or nil.
func mayDecide(s Settings, in interaction, user access.User, req access.Request, rec record.Record) *no {
	mine := user.Name == req.User || isRequester(rec, in.user)
	switch given, has := reviewBy(req, user.Name); {
	case mine:
		return refused("own_request", message.AnswerOwnRequest)
	case has && given.State == in.decision.State():
		// The same click through another replica, or a second thought that was the first.
		return &no{outcome: Repeated, why: "same_review", answer: message.AnswerDone}
	case req.State.Resolved():
		return refused("decided", message.AnswerDecided)
	case !req.Expires.IsZero() && !in.arrived.Before(req.Expires):
		return refused("gone", message.AnswerGone)
	case has:
		return refused("reviewed", message.AnswerReviewed)
	case req.Kind != access.ShortTerm:
		return refused("long_term", message.AnswerLongTerm)
	case len(req.Unread) > 0:
		return refused("unread_part", message.AnswerUnread)
	case !s.Buttons.Allows(req.Roles):
		return refused("role_not_allowed", message.AnswerRole)
	}
	return nil
}

// record returns the record of the request that the click claims, and whether
// the clicked message is in it as one for reviewers. Of a request whose posts
// are being recorded it waits for the result.
func (r *Reviewer) record(ctx context.Context, in interaction) (rec record.Record, found bool, err error) {
	for try := 1; ; try++ {
		data, err := r.o.Requests.Record(ctx, in.request)
		if err != nil {
			return record.Record{}, false, err
		}
		rec, _ = record.Decode(data)
		posting := false
		for _, c := range rec.Copies {
			if c.At.Channel == in.channel && c.At.TS == in.ts {
				return rec, c.For == access.Reviewers, nil
			}
			posting = posting || c.Intent != nil && c.At.IsZero()
		}
		if !posting || try == recordTries || !pause(ctx, recordPause) {
			return rec, false, nil
		}
	}
}

// isRequester says that the Slack user is who got the requester's message.
// Whatever Teleport user they turn out to be, they asked.
func isRequester(rec record.Record, userID string) bool {
	for _, c := range rec.Copies {
		if c.For == access.Requester && c.To == userID {
			return true
		}
	}
	return false
}

func reviewBy(req access.Request, user string) (access.Review, bool) {
	for _, v := range req.Reviews {
		if v.Author == user {
			return v, true
		}
	}
	return access.Review{}, false
}

// ask opens the window for the reason.
func (r *Reviewer) ask(ctx context.Context, s Settings, in interaction, req access.Request, d access.Details) *no {
	sealed := seal(s.Secret, subject{
		Request: in.request, Decision: in.decision, Channel: in.channel, TS: in.ts, User: in.user, Opened: in.arrived.Unix(),
	})
	ctx, cancel := context.WithDeadline(ctx, in.arrived.Add(triggerLasts))
	defer cancel()
	err := patient(ctx, func() error {
		return r.o.Slack.OpenView(ctx, in.trigger, r.renderer(s).Reason(req, d, in.decision, sealed))
	})
	if err != nil {
		return &no{outcome: Failed, why: "no_window", answer: message.AnswerNoWindow, err: err}
	}
	return &no{outcome: Asked, silent: true}
}

// submit submits the review and, where that fails, finds out what the clicker
// can be told for certain.
func (r *Reviewer) submit(ctx context.Context, in interaction, user access.User, req access.Request) (access.Request, *no) {
	now, err := r.o.Requests.SubmitReview(ctx, in.request, access.Review{Author: user.Name, State: in.decision.State(), Reason: in.reason})
	if err == nil {
		return now, &no{outcome: Submitted, answer: message.AnswerDone}
	}
	after, readErr := r.o.Requests.Request(ctx, in.request)
	if readErr == nil {
		req = after
	}
	given, has := reviewBy(req, user.Name)
	fail := func(outcome Outcome, why string, answer message.Answer) (access.Request, *no) {
		return req, &no{outcome: outcome, why: why, answer: answer, err: err}
	}
	switch {
	case readErr == nil && has && given.State == in.decision.State() && fault.Is(err, fault.Unknown):
		return req, &no{outcome: Submitted, answer: message.AnswerDone}
	case fault.Is(readErr, fault.NotFound):
		return fail(Refused, "gone", message.AnswerGone)
	case has && given.State == in.decision.State():
		return req, &no{outcome: Repeated, why: "same_review", answer: message.AnswerDone}
	case has:
		return fail(Refused, "reviewed", message.AnswerReviewed)
	case readErr == nil && req.State.Resolved():
		return fail(Refused, "decided", message.AnswerDecided)
	}
	switch fault.ClassOf(err) {
	case fault.Denied, fault.NotFound, fault.Conflict, fault.Bug, fault.Permanent:
		return fail(Refused, "teleport_refused", message.AnswerRefused)
	case fault.Unsupported:
		return fail(Failed, "teleport_too_old", message.AnswerOff)
	case fault.Unknown:
		return fail(Failed, "answer_lost", message.AnswerUnsure)
	}
	return fail(Failed, "teleport_unanswered", message.AnswerUnavailable)
}
