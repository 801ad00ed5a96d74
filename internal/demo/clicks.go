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

// ackPatience is over Slack's three seconds for an app to take a click, with
// its two further tries.
const ackPatience = 15 * time.Second

type newClick struct {
	User         string `json:"user"`         // Slack's ID
	Conversation string `json:"conversation"` // as the page calls it
	TS           string `json:"ts"`
	Action       string `json:"action"`
}

// click presses a button in a message. What comes of it comes with the stream.
func (p *page) click(r *http.Request, in newClick) (any, error) {
	channel := in.Conversation
	if dm, ok := p.stage.slack.DM(in.Conversation); ok {
		channel = dm
	}
	d, err := p.stage.slack.Click(in.User, channel, in.TS, in.Action)
	if err != nil {
		return nil, clickRefused(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), ackPatience)
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
		return trace.NotFound("this person does not see that button")
	case errors.Is(err, slacktest.ErrMayNotSubmit):
		return trace.BadParameter("Slack says: please fill this in")
	}
	return trace.BadParameter("%v", err)
}

type filledWindow struct {
	User   string `json:"user"`
	Reason string `json:"reason"`
}

// submitWindow sends a window in that asks for a reason.
func (p *page) submitWindow(r *http.Request, in filledWindow) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), ackPatience)
	defer cancel()
	response, err := p.stage.slack.SubmitView(ctx, in.User, r.PathValue("id"), map[string]string{message.ReasonBlock: in.Reason})
	if err != nil {
		return nil, clickRefused(err)
	}
	for _, what := range response.Errors { // there is one field
		return nil, trace.BadParameter("%s", what)
	}
	return struct{}{}, nil
}

func (p *page) closeWindow(r *http.Request, in filledWindow) (any, error) {
	if _, err := p.stage.slack.CloseView(in.User, r.PathValue("id")); err != nil {
		return nil, clickRefused(err)
	}
	return struct{}{}, nil
}

// whisperView is a message that one person sees.
type whisperView struct {
	Conversation string `json:"conversation"`
	Thread       string `json:"thread"`
	TS           string `json:"ts"`
	User         string `json:"user"`
	Text         string `json:"text"`
}

func (p *page) whisper(m slacktest.Message) whisperView {
	return whisperView{
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

// windows returns everybody's windows, in an order that stays.
func (p *page) windows() []windowView {
	out := []windowView{}
	for _, u := range p.stage.slack.Users() {
		for _, v := range p.stage.slack.Views(u.ID) {
			var content struct {
				Submit struct {
					Text string `json:"text"`
				} `json:"submit"`
				Blocks []json.RawMessage `json:"blocks"`
			}
			if json.Unmarshal(v.JSON, &content) != nil {
				continue // not one of ours
			}
			shown := content.Blocks[:0]
			for _, b := range content.Blocks {
				var of struct {
					Type string `json:"type"`
				}
				if json.Unmarshal(b, &of) == nil && of.Type != "input" { // the page has a field of its own
					shown = append(shown, b)
				}
			}
			blocks, err := json.Marshal(shown)
			if err != nil {
				continue // it was JSON a moment ago
			}
			out = append(out, windowView{ID: v.ID, User: v.User, Title: v.Title, Submit: content.Submit.Text, Blocks: blocks})
		}
	}
	slices.SortFunc(out, func(a, b windowView) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
