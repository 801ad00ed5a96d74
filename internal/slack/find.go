package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

const (
	historyPageSize = 200 // what Slack recommends at most
	maxHistoryPages = 50
	// findMargin is how far before the intent's time a search begins: clocks
	// differ, and the intent is written before the post.
	findMargin = time.Minute
)

// historyScopes are the scopes that let a token read its conversations, by
// their first letter. Private channels made since 2021 begin with C, too.
var historyScopes = map[byte][]string{
	'C': {"channels:history", "groups:history"},
	'G': {"groups:history", "mpim:history"},
	'D': {"im:history"},
}

// foundMessage is the part of a message that Find looks at. Metadata stays raw
// because other apps' metadata can have any shape.
type foundMessage struct {
	TS       string          `json:"ts"`
	User     string          `json:"user"`
	BotID    string          `json:"bot_id"`
	Metadata json.RawMessage `json:"metadata"`
}

// Find looks for the message with this tag, in the thread if one is given,
// among what our own bot posted since the time (less a minute). It returns the
// newest. channel is what was posted to: for a person the direct message is
// searched. Denied means that the token may not read there.
func (c *Client) Find(ctx context.Context, channel, thread string, tag message.Tag, since time.Time) (access.MessageRef, bool, error) {
	me, err := c.ownWorkspace(ctx) // which also brings the scopes
	if err != nil {
		return access.MessageRef{}, false, err
	}
	id, err := c.conversation(ctx, channel)
	if err != nil {
		return access.MessageRef{}, false, err
	}
	if err := c.mayRead(channel, id); err != nil {
		return access.MessageRef{}, false, err
	}
	r := request{
		op:       "look for message in " + channel,
		method:   "conversations.history",
		channel:  channel,
		priority: firstPriority,
		form: url.Values{
			"channel":              {id},
			"oldest":               {timestamp(since.Add(-findMargin))},
			"inclusive":            {"true"},
			"limit":                {strconv.Itoa(historyPageSize)},
			"include_all_metadata": {"true"},
		},
	}
	if thread != "" {
		r.method = "conversations.replies"
		r.form.Set("ts", thread)
	}
	var found access.MessageRef
	for page := range maxHistoryPages {
		r.key = channel + " " + tag.RequestID + " " + tag.Recipient + " " + tag.Part + " " + strconv.Itoa(page)
		var answer struct {
			Messages []foundMessage `json:"messages"`
			Next     struct {
				Cursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := c.paced(ctx, r, &answer); err != nil {
			return access.MessageRef{}, false, optionalScope(err)
		}
		for _, m := range answer.Messages {
			if m.from(me) && m.has(tag) && isTimestamp(m.TS) && newer(m.TS, found.TS) {
				found = access.MessageRef{Channel: id, TS: m.TS}
			}
		}
		// History comes newest first, replies oldest first.
		if thread == "" && !found.IsZero() || answer.Next.Cursor == "" {
			return found, !found.IsZero(), nil
		}
		r.form.Set("cursor", answer.Next.Cursor)
	}
	// Reporting "not there" here could double the message.
	return found, !found.IsZero(), &fault.Error{
		Op: r.op, Reason: "history_too_long", Class: fault.Denied,
		Hint: "the channel had more than " + strconv.Itoa(maxHistoryPages*historyPageSize) + " messages since",
	}
}

func (c *Client) ownWorkspace(ctx context.Context) (Workspace, error) {
	if me := c.known(); me.BotUserID != "" {
		return me, nil
	}
	return c.Auth(ctx)
}

func (m foundMessage) from(me Workspace) bool {
	return m.BotID != "" && m.BotID == me.BotID || m.User != "" && m.User == me.BotUserID
}

func (m foundMessage) has(tag message.Tag) bool {
	var meta struct {
		EventType string `json:"event_type"`
		Payload   struct {
			RequestID string `json:"request_id"`
			Recipient string `json:"recipient"`
			Part      string `json:"part"`
		} `json:"event_payload"`
	}
	if json.Unmarshal(m.Metadata, &meta) != nil {
		return false
	}
	return meta.EventType == message.MetadataEvent && tag == message.Tag{
		RequestID: meta.Payload.RequestID, Recipient: meta.Payload.Recipient, Part: meta.Payload.Part,
	}
}

// newer compares timestamps, whose digits before the point are equally many
// for the next two centuries.
func newer(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// timestamp writes a time as Slack's history takes it.
func timestamp(t time.Time) string {
	return strconv.FormatInt(max(t.Unix(), 0), 10) + ".000000"
}

// mayRead returns the error of a channel whose history the token's scopes don't
// cover, without a call.
func (c *Client) mayRead(channel, id string) error {
	scopes := historyScopes[id[0]]
	for _, s := range scopes {
		if c.HasScope(s) {
			return nil
		}
	}
	if len(scopes) == 0 {
		return nil
	}
	return &fault.Error{
		Op: "look for message in " + channel, Reason: "missing_scope", Class: fault.Denied,
		Hint: "add the scope " + scopes[0] + " to let the app recognise messages whose answer was lost",
	}
}

// conversation returns the ID that history is read by.
func (c *Client) conversation(ctx context.Context, channel string) (string, error) {
	id := c.dir.channel(channel)
	switch {
	case isUserID(id):
		return c.openDM(ctx, id)
	case !isNamed(id):
		if isChannelID(id) {
			return id, nil
		}
	default:
		r, err := c.Resolve(ctx, channel)
		if err != nil {
			return "", err
		}
		if isNamed(r.ID) {
			if err := c.requireList(ctx); err != nil {
				return "", optionalScope(err)
			}
			r.ID = c.dir.channel(channel)
		}
		if !isNamed(r.ID) {
			return r.ID, nil
		}
	}
	return "", &fault.Error{
		Op: "look for message in " + channel, Reason: "channel_id_unknown", Class: fault.Denied,
		Hint: "name the channel by its ID, or add the scope channels:read",
	}
}

// openDM returns the direct message channel with a person.
func (c *Client) openDM(ctx context.Context, user string) (string, error) {
	r := request{
		op:      "open direct message with " + user,
		method:  "conversations.open",
		key:     user,
		channel: user,
		form:    url.Values{"users": {user}},
	}
	var answer struct {
		Channel struct {
			ID string `json:"id"`
		} `json:"channel"`
	}
	if err := c.paced(ctx, r, &answer); err != nil {
		return "", optionalScope(err)
	}
	if !isChannelID(answer.Channel.ID) {
		return "", unreadable(r, "no channel in the answer", nil)
	}
	c.Learn(user, access.MessageRef{Channel: answer.Channel.ID})
	return answer.Channel.ID, nil
}
