package message

import (
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// The identifiers of the window for a reason.
const (
	ReasonView  = "teleport_slack_reason"
	ReasonBlock = "reason_block"
	ReasonInput = "reason_input"
)

// MaxReasonChars is how long a reason given in Slack may be. Slack's own limit
// is 3000, see
// https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element;
// the message shows 400 of them, Teleport's audit log all.
const MaxReasonChars = 1000

// Reason returns the window for the reason of a decision. Slack sends metadata
// back with the submission and does not show it.
func (r Renderer) Reason(req access.Request, d access.Details, decision access.Decision, metadata string) slack.ModalViewRequest {
	p := r.words(access.Reviewers)
	a := asked{roles: sorted(req.Roles), resources: r.resourceNames(p, req.Resources, d)}
	input := slack.NewPlainTextInputBlockElement(nil, ReasonInput)
	input.Multiline, input.FocusOnLoad = true, true
	input.MinLength, input.MaxLength = 1, MaxReasonChars
	block := slack.NewInputBlock(ReasonBlock, unformatted(p.reason), unformatted(p.reasonHint), input)
	return slack.ModalViewRequest{
		Type:            slack.VTModal,
		Title:           unformatted(p.decisionTitle.of(decision)),
		Submit:          unformatted(p.decisionLabel.of(decision)),
		Close:           unformatted(p.cancel),
		CallbackID:      ReasonView,
		PrivateMetadata: metadata,
		Blocks:          slack.Blocks{BlockSet: []slack.Block{section(r.text(p, req, a, access.Reviewers)), block}},
	}
}

// ReasonMissing returns the error that the window shows for a blank reason.
func (r Renderer) ReasonMissing() string { return r.words(access.Reviewers).reasonMissing }
