package message

import (
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// The identifiers of the buttons are the published plugin's, so that both
// plugins handle the buttons of each other's messages.
const (
	ButtonsBlock  = "review_block"
	ApproveButton = "approve_button"
	DenyButton    = "deny_button"
)

// buttonBlocks returns the block with the buttons to review the request, or none.
// Their value is the request's ID, and only a hint: the handler of a click looks
// up in the record which request the message is about.
func (r Renderer) buttonBlocks(p *phrases, req access.Request, a asked, to access.Audience) []slack.Block {
	if !r.Buttons.Offered(req, to) || !plainID(req.ID) {
		return nil
	}
	button := func(action string, d access.Decision, label, accessible string, style slack.Style) *slack.ButtonBlockElement {
		b := slack.NewButtonBlockElement(action, req.ID, &slack.TextBlockObject{Type: slack.PlainTextType, Text: label})
		b.Style, b.AccessibilityLabel = style, accessible
		// The window that asks for a reason is confirmation enough.
		if r.Buttons.Confirm && !r.Buttons.NeedsReason(d) {
			b.Confirm = r.confirm(p, req, a, d, label)
		}
		return b
	}
	return []slack.Block{slack.NewActionBlock(ButtonsBlock,
		button(ApproveButton, access.Approve, p.decisionLabel.of(access.Approve), p.decisionAccessible.of(access.Approve), slack.StylePrimary),
		button(DenyButton, access.Deny, p.decisionLabel.of(access.Deny), p.decisionAccessible.of(access.Deny), slack.StyleDanger),
	)}
}

// confirm returns the dialog that Slack shows before it sends the click.
func (r Renderer) confirm(p *phrases, req access.Request, a asked, d access.Decision, label string) *slack.ConfirmationBlockObject {
	c := slack.NewConfirmationBlockObject(unformatted(p.decisionTitle.of(d)), unformatted(r.text(p, req, a, access.Reviewers)), unformatted(label), unformatted(p.cancel))
	c.Style = slack.StylePrimary
	if d == access.Deny {
		c.Style = slack.StyleDanger
	}
	return c
}

// DescribeButtons describes the buttons of a message about the request; empty if
// it has none. When the description changes, the message has to be updated.
func DescribeButtons(b access.Buttons, req access.Request, to access.Audience) string {
	if !b.Offered(req, to) {
		return ""
	}
	buttons := "buttons"
	for _, d := range []access.Decision{access.Approve, access.Deny} {
		if b.Confirm && !b.NeedsReason(d) {
			buttons += "," + d.String() + " is confirmed"
		}
	}
	return buttons
}

// unformatted returns plain text in which colons make no emoji. It is for this
// package's texts, and for values where Slack takes nothing else.
func unformatted(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}
