package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// postMethod is the one method that Slack limits by channel, too.
const postMethod = "chat.postMessage"

// Priorities of calls that have to wait for their rate: new requests go before
// their resolutions, and both before replies.
const (
	firstPriority = iota
	finalPriority
	reviewPriority
	otherPriority
)

func priorityOf(part string) int {
	switch {
	case part == "request":
		return firstPriority
	case part == "final":
		return finalPriority
	case strings.HasPrefix(part, "review"):
		return reviewPriority
	}
	return otherPriority
}

// Post sends a message and returns where it is. Unknown means that it may be
// there: Find tells. Retry with the reason "paced" means that nothing was sent
// because the channel's rate is used up; the slot for this tag comes after
// RetryAfter and is kept.
func (c *Client) Post(ctx context.Context, p message.Post) (access.MessageRef, error) {
	r, f := c.postRequest(p)
	if f != nil {
		return access.MessageRef{}, f
	}
	var answer struct {
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	}
	if err := c.paced(ctx, r, &answer); err != nil {
		return access.MessageRef{}, err
	}
	ref := access.MessageRef{Channel: answer.Channel, TS: answer.TS}
	if !isChannelID(ref.Channel) || !isTimestamp(ref.TS) {
		return access.MessageRef{}, unreadable(r, "no channel or timestamp in the answer", nil)
	}
	c.Learn(p.Channel, ref)
	return ref, nil
}

// Ready returns nil if Post would send now, and otherwise the "paced" error that
// Post would return. It sends nothing: a caller that stores its intent before
// posting can ask first.
func (c *Client) Ready(p message.Post) error {
	r, f := c.postRequest(p)
	if f != nil {
		return f
	}
	return c.limiter.Ready(r.limited())
}

func (c *Client) postRequest(p message.Post) (request, error) {
	r := request{
		op:       "post message to " + p.Channel,
		method:   postMethod,
		key:      p.Channel + " " + p.Tag.RequestID + " " + p.Tag.Recipient + " " + p.Tag.Part,
		priority: priorityOf(p.Tag.Part),
		channel:  p.Channel,
		write:    true,
		// A name that is known shares its rate with its ID.
		paceChannel: c.dir.channel(p.Channel),
		form: url.Values{
			"channel":      {p.Channel},
			"text":         {p.Text},
			"unfurl_links": {"false"},
			"unfurl_media": {"false"},
		},
	}
	if p.Thread != "" {
		r.form.Set("thread_ts", p.Thread)
	}
	if err := r.setJSON("blocks", p.Blocks, len(p.Blocks) > 0); err != nil {
		return r, err
	}
	err := r.setJSON("metadata", slackapi.SlackMetadata{
		EventType: message.MetadataEvent,
		EventPayload: map[string]any{
			"request_id": p.Tag.RequestID,
			"recipient":  p.Tag.Recipient,
			"part":       p.Tag.Part,
		},
	}, p.Tag != message.Tag{})
	return r, err
}

// Update replaces what a message shows. NotFound means that it can't be
// edited any more; the reason tells whether it is gone, too old or not ours.
func (c *Client) Update(ctx context.Context, ref access.MessageRef, m message.Message) error {
	r := request{
		op:       "update message in " + ref.Channel,
		method:   "chat.update",
		key:      ref.Channel + " " + ref.TS,
		priority: finalPriority,
		channel:  ref.Channel,
		write:    true,
		form:     url.Values{"channel": {ref.Channel}, "ts": {ref.TS}, "text": {m.Text}},
	}
	// Slack keeps the old blocks unless it gets new ones or an empty list.
	blocks := m.Blocks
	if blocks == nil {
		blocks = []slackapi.Block{}
	}
	if err := r.setJSON("blocks", blocks, true); err != nil {
		return err
	}
	return c.paced(ctx, r, nil)
}

// React adds a reaction such as "white_check_mark". A reaction that is already
// there is fine. Denied means that the token lacks reactions:write.
func (c *Client) React(ctx context.Context, ref access.MessageRef, emoji string) error {
	err := c.paced(ctx, request{
		op:       "react in " + ref.Channel,
		method:   "reactions.add",
		key:      ref.Channel + " " + ref.TS + " " + emoji,
		priority: finalPriority,
		channel:  ref.Channel,
		write:    true,
		form:     url.Values{"channel": {ref.Channel}, "timestamp": {ref.TS}, "name": {strings.Trim(emoji, ":")}},
	}, nil)
	if f, ok := fault.As(err); ok && f.Reason == "already_reacted" {
		return nil
	}
	return optionalScope(err)
}

// optionalScope turns "missing_scope" into Denied for calls that the program can
// do without.
func optionalScope(err error) error {
	f, ok := fault.As(err)
	if !ok || f.Reason != "missing_scope" {
		return err
	}
	d := *f
	d.Class = fault.Denied
	return &d
}

// setJSON adds a field if it is wanted.
func (r *request) setJSON(field string, v any, wanted bool) error {
	if !wanted {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return &fault.Error{Op: r.op, Reason: "invalid_" + field, Class: fault.Bug, Err: err}
	}
	r.form.Set(field, string(b))
	return nil
}

// The shapes of a reference to a message, which is stored and printed.
var (
	channelShape   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	timestampShape = regexp.MustCompile(`^[0-9]{1,20}\.[0-9]{1,20}$`)
)

func isChannelID(s string) bool { return channelShape.MatchString(s) }
func isTimestamp(s string) bool { return timestampShape.MatchString(s) }
