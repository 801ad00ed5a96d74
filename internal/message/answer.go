package message

import (
	"fmt"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Answer is what became of a click.
type Answer uint8

// The answers.
const (
	AnswerDone        Answer = iota // the review is in
	AnswerDecided                   // somebody was faster
	AnswerReviewed                  // the clicker had reviewed it before
	AnswerGone                      // expired or deleted
	AnswerOwnRequest                // requesters don't decide
	AnswerRefused                   // Teleport does not let the clicker
	AnswerNobody                    // no Teleport user belongs to the clicker
	AnswerSeveral                   // more than one does
	AnswerMismatch                  // the one with the clicker's email belongs to another Slack account
	AnswerNoMember                  // guests, bots and people of other workspaces
	AnswerRole                      // these roles are not decided in Slack
	AnswerLongTerm                  // lasting access is not decided in Slack
	AnswerUnread                    // a part of the request can't be read
	AnswerStranger                  // not a message of ours
	AnswerLate                      // the click took too long to arrive
	AnswerBusy                      // an earlier click of the same person is still under way
	AnswerOff                       // deciding in Slack is switched off
	AnswerUnavailable               // nobody could be asked; nothing was submitted
	AnswerUnsure                    // submitted, and whether it counts is not known
	AnswerNoWindow                  // the window for the reason did not open
	answers                         // how many there are
)

// Answer returns what the clicker is told, in a message that only they see.
// The request may be one of which only the ID is known.
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
		// What was decided, as Teleport has it and whatever the message says.
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

// deciders returns whose reviews led where the request is, and which of them
// came from Slack; empty where nobody's did.
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
