package review

import (
	"context"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

const (
	// clickLasts is how old a click may be, and how far clocks may differ. Slack
	// delivers within seconds; an older click was meant for an older message.
	clickLasts = 5 * time.Minute

	// triggerLasts is for how long a click can open a window, see
	// https://docs.slack.dev/surfaces/modals.
	triggerLasts = 3 * time.Second

	// A message can be clicked before it is recorded, so the record is read
	// again a few times.
	recordTries = 4
	recordPause = 500 * time.Millisecond
)

// result is the result of a click, with the request that it was for.
type result struct {
	in      interaction // for windows with the values of the signed target
	req     access.Request
	details access.Details
	user    string // Teleport username; empty if unknown
	outcome Outcome
	why     string
	answer  message.Answer
	silent  bool // the clicker gets no answer
	err     error
}

func refuse(in interaction, why string, answer message.Answer) result {
	return result{in: in, outcome: Refused, why: why, answer: answer}
}

// process checks the click and acts on it. Cheap checks come first, and nothing
// about a request is disclosed before the clicker is known to be a member.
func (r *Reviewer) process(ctx context.Context, s Settings, in interaction) result {
	res := result{in: in, req: access.Request{ID: in.request}}
	reject := func(rej *rejection) result {
		res.outcome, res.why, res.answer, res.silent, res.err = rej.outcome, rej.why, rej.answer, rej.silent, rej.err
		return res
	}
	if rej := checkClick(s, in); rej != nil {
		return reject(rej)
	}
	if in.submission {
		t, ok := verify(s.Secret, in.signed)
		opened := time.Unix(t.Opened, 0)
		switch {
		case !ok:
			// We didn't open this window: even the request that it claims is not logged.
			res.in.request, res.req.ID = "", ""
			return reject(&rejection{outcome: Refused, why: "forged_window", silent: true})
		case t.User != in.user:
			return reject(&rejection{outcome: Refused, why: "window_of_another", silent: true})
		}
		in.request, in.channel, in.ts, in.decision = t.Request, t.Channel, t.TS, t.Decision
		res.in, res.req.ID = in, in.request
		if late(in.arrived, opened, windowLasts) {
			return reject(refused("late", message.AnswerLate))
		}
	}
	user, rej := r.identify(ctx, s, in)
	if rej != nil {
		return reject(rej)
	}
	res.user = user.Name
	req, rec, rej := r.load(ctx, s, in, user)
	res.details = rec.Details(req)
	if req.ID != "" {
		res.req = req
	}
	if rej != nil {
		return reject(rej)
	}
	if !in.submission && s.Buttons.NeedsReason(in.decision) {
		if rej := r.askReason(ctx, s, in, req, res.details); rej != nil {
			return reject(rej)
		}
		res.outcome, res.silent = Asked, true
		return res
	}
	res.req, rej = r.submit(ctx, in, user, req)
	if rej != nil {
		r.people.forget(in.user)
		return reject(rej)
	}
	res.outcome, res.answer = Submitted, message.AnswerDone
	return res
}

// checkClick checks the click by itself, without any lookup.
func checkClick(s Settings, in interaction) *rejection {
	switch {
	case s.TeamID == "" || s.Secret == "":
		return refused("not_ready", message.AnswerUnavailable)
	case in.team != s.TeamID:
		return &rejection{outcome: Refused, why: "foreign_team", silent: true}
	case in.app == "" || s.AppID != "" && in.app != s.AppID:
		return &rejection{outcome: Refused, why: "foreign_app", silent: true}
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

// load reads the request and its record and checks whether the user may decide it
// through this message. It returns what it read also with a rejection.
func (r *Reviewer) load(ctx context.Context, s Settings, in interaction, user access.User) (access.Request, record.Record, *rejection) {
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
	return req, rec, authorise(s, in, user, req, rec)
}

// authorise returns why this user may not decide the request here, or nil. Whether
// the user may review it at all is checked by Teleport.
func authorise(s Settings, in interaction, user access.User, req access.Request, rec record.Record) *rejection {
	mine := user.Name == req.User || isRequester(rec, in.user)
	switch given, has := reviewBy(req, user.Name); {
	case mine:
		return refused("own_request", message.AnswerOwnRequest)
	case has && given.State == in.decision.State():
		// The same click through another replica, or the same decision again.
		return &rejection{outcome: Repeated, why: "same_review", answer: message.AnswerDone}
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

// record returns the record of the claimed request, and whether the clicked message
// is in it as one for reviewers. While posts of the request are not recorded yet, it
// reads the record again a few times.
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
		if !posting || try == recordTries || !wait.Sleep(ctx, recordPause) {
			return rec, false, nil
		}
	}
}

// isRequester reports whether the Slack user got the requester's message: then
// they requested it, also if they match another Teleport user now.
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

// askReason opens the window for the reason.
func (r *Reviewer) askReason(ctx context.Context, s Settings, in interaction, req access.Request, d access.Details) *rejection {
	signed := sign(s.Secret, target{
		Request: in.request, Decision: in.decision, Channel: in.channel, TS: in.ts, User: in.user, Opened: in.arrived.Unix(),
	})
	ctx, cancel := context.WithDeadline(ctx, in.arrived.Add(triggerLasts))
	defer cancel()
	err := retryPaced(ctx, func() error {
		return r.o.Slack.OpenView(ctx, in.trigger, r.renderer(s).Reason(req, d, in.decision, signed))
	})
	if err != nil {
		return &rejection{outcome: Failed, why: "no_window", answer: message.AnswerNoWindow, err: err}
	}
	return nil
}

// submit submits the review. If that fails, it reads the request again to give
// the clicker a certain answer.
func (r *Reviewer) submit(ctx context.Context, in interaction, user access.User, req access.Request) (access.Request, *rejection) {
	now, err := r.o.Requests.SubmitReview(ctx, in.request, access.Review{Author: user.Name, State: in.decision.State(), Reason: in.reason})
	if err == nil {
		return now, nil
	}
	after, readErr := r.o.Requests.Request(ctx, in.request)
	if readErr == nil {
		req = after
	}
	given, has := reviewBy(req, user.Name)
	fail := func(outcome Outcome, why string, answer message.Answer) (access.Request, *rejection) {
		return req, &rejection{outcome: outcome, why: why, answer: answer, err: err}
	}
	switch {
	case readErr == nil && has && given.State == in.decision.State() && fault.Is(err, fault.Unknown):
		return req, nil // the answer was lost, but the review is in
	case fault.Is(readErr, fault.NotFound):
		return fail(Refused, "gone", message.AnswerGone)
	case has && given.State == in.decision.State():
		return req, &rejection{outcome: Repeated, why: "same_review", answer: message.AnswerDone}
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
