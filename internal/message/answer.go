package message

import (
	"fmt"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Answer is the result of a click.
type Answer uint8

// The answers.
const (
	AnswerDone        Answer = iota // the review is in
	AnswerDecided                   // another review decided the request before
	AnswerReviewed                  // the clicker has reviewed it already
	AnswerGone                      // expired or deleted
	AnswerOwnRequest                // requesters can't review their own request
	AnswerRefused                   // Teleport rejected the review
	AnswerNobody                    // no Teleport user belongs to the clicker
	AnswerSeveral                   // more than one does
	AnswerMismatch                  // the one with the clicker's email belongs to another Slack account
	AnswerNoMember                  // guests, bots and people of other workspaces
	AnswerRole                      // these roles are not decided in Slack
	AnswerLongTerm                  // lasting access is not decided in Slack
	AnswerUnread                    // a part of the request can't be read
	AnswerStranger                  // the message is not this plugin's
	AnswerLate                      // the click took too long to arrive
	AnswerBusy                      // an earlier click of the same person is still under way
	AnswerOff                       // deciding in Slack is switched off
	AnswerUnavailable               // Teleport or Slack did not answer; nothing was submitted
	AnswerUnsure                    // submitted with an unknown result
	AnswerNoWindow                  // the window for the reason did not open
	answers                         // how many there are
)

// Answer returns the answer to a click, which only the clicker sees. Of the
// request maybe only the ID is known.
func (r Renderer) Answer(a Answer, req access.Request, details access.Details, d access.Decision) Message {
	p := r.words(access.Reviewers)
	text := p.answer[a]
	switch a {
	case AnswerDone:
		text = p.answerDone.of(d)
		if req.State.Resolved() {
			text += " " + fmt.Sprintf(p.answerNow, p.state.of(req.State))
		} else {
			text += " " + p.answerWaits
		}
		// What was reviewed, from Teleport and not from the clicked message.
		text += "\n" + r.text(p, req, asked{roles: sorted(req.Roles), resources: r.resourceNames(p, req.Resources, details)}, access.Reviewers)
	case AnswerDecided:
		text = fmt.Sprintf(p.answerDecided, p.state.of(req.State))
		if by := p.deciders(req); by != "" {
			text = fmt.Sprintf(p.answerDecidedBy, p.state.of(req.State), by)
		}
	case AnswerRole, AnswerLongTerm, AnswerUnread:
		if u := r.link(req); u != "" {
			text += " " + u
		}
	}
	return Message{Text: text}
}

// maxDeciders are listed by name.
const maxDeciders = 3

// deciders returns the authors of the reviews that decided the request, and which
// of them used Slack; empty if no review decided it.
func (p *phrases) deciders(req access.Request) string {
	var by []string
	left := 0
	for _, v := range req.Reviews {
		if !req.State.Resolved() || v.State != req.State || strings.TrimSpace(v.Author) == "" {
			continue
		}
		if len(by) == maxDeciders {
			left++
			continue
		}
		name := p.code(v.Author, deciderLimit)
		if v.Slack {
			name += p.inSlack
		}
		by = append(by, name)
	}
	text := strings.Join(slices.Compact(by), ", ")
	if left > 0 {
		text += fmt.Sprintf(p.more, left)
	}
	return text
}
