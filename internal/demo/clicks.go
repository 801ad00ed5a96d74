package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// ackTimeout is longer than Slack waits for an app to acknowledge a click: three
// seconds, and two retries.
const ackTimeout = 15 * time.Second

type newClick struct {
	User         string `json:"user"`         // Slack's ID
	Conversation string `json:"conversation"` // conversationView.ID
	TS           string `json:"ts"`
	Action       string `json:"action"`
}

// click clicks a button in a message. Its effects arrive as events.
func (p *page) click(r *http.Request, in newClick) (any, error) {
	channel := in.Conversation
	if dm, ok := p.env.slack.DM(in.Conversation); ok {
		channel = dm
	}
	d, err := p.env.slack.Click(in.User, channel, in.TS, in.Action)
	if err != nil {
		return nil, clickRefused(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), ackTimeout)
	defer cancel()
	if err := d.Wait(ctx); err != nil {
		return nil, trace.BadParameter("Slack says: this app did not answer in time")
	}
	return struct{}{}, nil
}

func clickRefused(err error) error {
	switch {
	case errors.Is(err, slacktest.ErrNoInteractivity):
		return trace.BadParameter("Slack says: this app can't be interacted with")
	case errors.Is(err, slacktest.ErrNotThere):
		return trace.NotFound("this person can't see that button")
	case errors.Is(err, slacktest.ErrMayNotSubmit):
		return trace.BadParameter("Slack says: please fill this in")
	}
	return trace.BadParameter("%v", err)
}

type filledWindow struct {
	User   string `json:"user"`
	Reason string `json:"reason"`
}

// submitWindow submits a window that asks for a reason.
func (p *page) submitWindow(r *http.Request, in filledWindow) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), ackTimeout)
	defer cancel()
	response, err := p.env.slack.SubmitView(ctx, in.User, r.PathValue("id"), map[string]string{message.ReasonBlock: in.Reason})
	if err != nil {
		return nil, clickRefused(err)
	}
	for _, what := range response.Errors { // the window has one field
		return nil, trace.BadParameter("%s", what)
	}
	return struct{}{}, nil
}

func (p *page) closeWindow(r *http.Request, in filledWindow) (any, error) {
	if _, err := p.env.slack.CloseView(in.User, r.PathValue("id")); err != nil {
		return nil, clickRefused(err)
	}
	return struct{}{}, nil
}

// ephemeralView is a message that one person sees.
type ephemeralView struct {
	Conversation string `json:"conversation"`
	Thread       string `json:"thread"`
	TS           string `json:"ts"`
	User         string `json:"user"`
	Text         string `json:"text"`
}

func (p *page) ephemeral(m slacktest.Message) ephemeralView {
	return ephemeralView{
		Conversation: p.conversationID(m.Channel), Thread: m.ThreadTS, TS: m.TS, User: m.EphemeralTo, Text: m.Text,
	}
}

// windowView is a window that somebody has open.
type windowView struct {
	ID     string          `json:"id"`
	User   string          `json:"user"`
	Title  string          `json:"title"`
	Submit string          `json:"submit"`
	Blocks json.RawMessage `json:"blocks"`
}

// windows returns everybody's open windows, ordered by ID.
func (p *page) windows() []windowView {
	out := []windowView{}
	for _, u := range p.env.slack.Users() {
		for _, v := range p.env.slack.Views(u.ID) {
			var content struct {
				Submit struct {
					Text string `json:"text"`
				} `json:"submit"`
				Blocks []json.RawMessage `json:"blocks"`
			}
			if json.Unmarshal(v.JSON, &content) != nil {
				continue // not a window of the plugin
			}
			shown := content.Blocks[:0]
			for _, b := range content.Blocks {
				var of struct {
					Type string `json:"type"`
				}
				if json.Unmarshal(b, &of) == nil && of.Type != "input" { // the page draws the input field itself
					shown = append(shown, b)
				}
			}
			blocks, err := json.Marshal(shown)
			if err != nil {
				continue // cannot happen: it was decoded from JSON
			}
			out = append(out, windowView{ID: v.ID, User: v.User, Title: v.Title, Submit: content.Submit.Text, Blocks: blocks})
		}
	}
	slices.SortFunc(out, func(a, b windowView) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
