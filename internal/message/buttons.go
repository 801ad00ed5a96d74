package message

import (
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// The identifiers of the buttons are the published plugin's, so that the
// buttons of its messages work for us and the other way round.
const (
	ButtonsBlock  = "review_block"
	ApproveButton = "approve_button"
	DenyButton    = "deny_button"
)

// buttonBlocks returns the block with the buttons that decide the request, or
// none. What they carry is the request's ID, and that only as a hint: whoever
// acts on a click asks our record which request the message is about.
func (r Renderer) buttonBlocks(p *phrases, req access.Request, a asked, to access.Audience) []slack.Block {
	if !r.Buttons.Offered(req, to) || !plainID(req.ID) {
		return nil
	}
	button := func(action string, d access.Decision, label, accessible string, style slack.Style) *slack.ButtonBlockElement {
		b := slack.NewButtonBlockElement(action, req.ID, &slack.TextBlockObject{Type: slack.PlainTextType, Text: label})
		b.Style, b.AccessibilityLabel = style, accessible
		// Where a window asks for a reason, that is question enough.
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

// confirm is what Slack asks before it takes the click.
func (r Renderer) confirm(p *phrases, req access.Request, a asked, d access.Decision, label string) *slack.ConfirmationBlockObject {
	c := slack.NewConfirmationBlockObject(unformatted(p.decisionTitle.of(d)), unformatted(r.text(p, req, a, access.Reviewers)), unformatted(label), unformatted(p.cancel))
	c.Style = slack.StylePrimary
	if d == access.Deny {
		c.Style = slack.StyleDanger
	}
	return c
}

// Look identifies what the buttons on a message about the request look like;
// empty where it has none. It is part of what a message shows.
func Look(b access.Buttons, req access.Request, to access.Audience) string {
	if !b.Offered(req, to) {
		return ""
	}
	look := "buttons"
	for _, d := range []access.Decision{access.Approve, access.Deny} {
		if b.Confirm && !b.NeedsReason(d) {
			look += "," + d.String() + " is confirmed"
		}
	}
	return look
}

// unformatted is for our own words, and for those of others where nothing else
// is possible; colons make no emoji.
func unformatted(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}
