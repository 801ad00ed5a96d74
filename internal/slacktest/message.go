package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is a message as people see it now.
// Its fields are those of Slack's message.
type Message struct {
	Channel     string          // the conversation's ID
	TS          string          // "seconds.microseconds": its ID in the conversation
	ThreadTS    string          // the parent's TS; empty for messages of their own
	User        string          // who wrote it: a user's ID
	Text        string          // as it was sent, cut at 40,000 characters
	Blocks      json.RawMessage // a JSON array as it was sent; nil if there are none
	Attachments json.RawMessage // a JSON array as it was sent; nil if there are none
	Metadata    *Metadata       // nil if there is none
	Edited      bool
	Edits       int        // how often it was edited
	Tombstone   bool       // it was deleted, but its replies remain
	Reactions   []Reaction // in the order in which the first of each was added
	Replies     []Message  // oldest first
	PostedAt    time.Time
	Broadcast   bool   // a reply that the channel shows too
	EphemeralTo string // the only user who sees it; only in EphemeralMessages
	Flags       Flags
}

// Flags are the arguments of chat.postMessage that change how Slack shows a
// message; nil is an argument that was not sent.
type Flags struct {
	UnfurlLinks, UnfurlMedia, LinkNames, Mrkdwn *bool
	Parse                                       string
}

// Metadata is what a program wrote on a message for programs.
type Metadata struct {
	EventType    string          `json:"event_type"`
	EventPayload json.RawMessage `json:"event_payload"` // a JSON object
}

// Reaction is an emoji on a message.
type Reaction struct {
	Name  string   // without colons
	Users []string // user IDs, in the order in which they reacted
}

// message is a message in the workspace.
type message struct {
	Message  // without Replies
	micros   int64
	editedTS string
	replies  []*message
}

// copyFlat returns the message without its replies. JSON is shared: it is
// replaced by an edit, never changed.
func (m *message) copyFlat() Message {
	c := m.Message
	c.Reactions = slices.Clone(c.Reactions)
	for i := range c.Reactions {
		c.Reactions[i].Users = slices.Clone(c.Reactions[i].Users)
	}
	if c.Metadata != nil {
		kept := *c.Metadata
		c.Metadata = &kept
	}
	return c
}

func (m *message) copy() Message {
	c := m.copyFlat()
	for _, r := range m.replies {
		c.Replies = append(c.Replies, r.copyFlat())
	}
	return c
}

func (c *conversation) copyAll() []Message {
	messages := make([]Message, 0, len(c.top))
	for _, m := range c.top {
		messages = append(messages, m.copy())
	}
	return messages
}

// Messages returns the messages of a conversation, oldest first, with replies
// inside their parents. The conversation is named by ID or as
// chat.postMessage takes it; nil if there is none.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.world.convs[s.world.idOf(channel)]
	if c == nil {
		return nil
	}
	return c.copyAll()
}

// DirectMessages returns the direct messages between the bot and a user.
func (s *Server) DirectMessages(userID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.world.convs[s.world.dms[userID]]
	if c == nil {
		return nil
	}
	return c.copyAll()
}

// AllMessages returns all messages of all conversations, in the order of
// their timestamps, with replies inside their parents.
func (s *Server) AllMessages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*message
	for _, c := range s.world.convs {
		all = append(all, c.top...)
	}
	slices.SortFunc(all, func(a, b *message) int { return strings.Compare(a.TS, b.TS) })
	messages := make([]Message, 0, len(all))
	for _, m := range all {
		messages = append(messages, m.copy())
	}
	return messages
}

// Message returns one message, also a reply.
func (s *Server) Message(channel, ts string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.world.convs[s.world.idOf(channel)]; c != nil && c.byTS[ts] != nil {
		return c.byTS[ts].copy(), true
	}
	return Message{}, false
}

// EphemeralMessages returns all messages that only one user saw.
func (s *Server) EphemeralMessages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.world.ephemeral)
}

// Say posts a message as another user would in the Slack client, and
// returns its TS. Channel (an ID or a name) and User must exist; ThreadTS,
// Text, Blocks, Attachments and Metadata are taken, the rest is not looked at,
// and no rule of the API is applied.
func (s *Server) Say(m Message) (ts string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.world.convs[s.world.idOf(m.Channel)]
	if c == nil {
		return "", fmt.Errorf("say in %q: %w", m.Channel, refuse("channel_not_found"))
	}
	if s.world.users[m.User] == nil {
		return "", fmt.Errorf("say as %q: %w", m.User, refuse("user_not_found"))
	}
	parent, err := c.parent(m.ThreadTS)
	if err != nil {
		return "", fmt.Errorf("say in thread %q: %w", m.ThreadTS, err)
	}
	said := &message{Message: Message{
		User: m.User, Text: m.Text, Blocks: m.Blocks, Attachments: m.Attachments, Metadata: m.Metadata,
	}}
	s.put(c, parent, said)
	return said.TS, nil
}

// parent returns the message that a thread_ts means; nil without one.
func (c *conversation) parent(threadTS string) (*message, error) {
	if threadTS == "" {
		return nil, nil
	}
	m := c.byTS[threadTS]
	if m == nil {
		return nil, refuse("thread_not_found")
	}
	if m.ThreadTS != "" { // a reply to a reply has the same parent
		m = c.byTS[m.ThreadTS]
	}
	return m, nil
}

// put gives a message its place and time.
func (s *Server) put(c *conversation, parent, m *message) {
	s.stamp(c, m)
	c.byTS[m.TS] = m
	if parent == nil {
		c.top = append(c.top, m)
	} else {
		m.ThreadTS = parent.TS
		parent.replies = append(parent.replies, m)
	}
	s.tell(Posted, c.ID, m)
}

// stamp gives a message its timestamp, which nothing else in the workspace has.
func (s *Server) stamp(c *conversation, m *message) {
	m.PostedAt = s.opt.Clock()
	s.world.clock = max(s.world.clock+1, m.PostedAt.UnixMicro())
	m.micros = s.world.clock
	m.Channel, m.TS = c.ID, formatTS(m.micros)
}

func formatTS(micros int64) string {
	return fmt.Sprintf("%010d.%06d", micros/1e6, micros%1e6)
}

// parseTS reads a timestamp with up to six digits after its point, or none,
// into microseconds.
func parseTS(ts string) (micros int64, ok bool) {
	whole, frac, _ := strings.Cut(ts, ".")
	if whole == "" || len(whole) > 12 || len(frac) > 6 {
		return 0, false
	}
	frac += "000000"[len(frac):]
	for _, r := range whole + frac {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	micros, err := strconv.ParseInt(whole+frac, 10, 64)
	return micros, err == nil
}

// json returns the message as the API shows it. Metadata is whole or, as
// without include_all_metadata, only its type.
func (s *Server) messageJSON(m *message, wholeMetadata bool) body {
	b := body{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS, "team": s.opt.TeamID}
	if m.Tombstone {
		b["subtype"], b["hidden"] = "tombstone", true
	}
	if m.User == s.opt.BotUserID {
		b["bot_id"], b["app_id"] = s.opt.BotID, s.opt.AppID
	}
	if m.Blocks != nil {
		b["blocks"] = m.Blocks
	}
	if m.Attachments != nil {
		b["attachments"] = m.Attachments
	}
	if m.editedTS != "" {
		b["edited"] = body{"user": m.User, "ts": m.editedTS}
	}
	if m.Metadata != nil {
		if wholeMetadata {
			b["metadata"] = *m.Metadata
		} else {
			b["metadata"] = body{"event_type": m.Metadata.EventType}
		}
	}
	if m.ThreadTS != "" {
		b["thread_ts"] = m.ThreadTS
	}
	if n := len(m.replies); n > 0 {
		var users []string
		for _, r := range m.replies {
			if !slices.Contains(users, r.User) {
				users = append(users, r.User)
			}
		}
		b["thread_ts"], b["reply_count"], b["reply_users"], b["reply_users_count"] = m.TS, n, users, len(users)
		b["latest_reply"] = m.replies[n-1].TS
	}
	if len(m.Reactions) > 0 {
		b["reactions"] = reactionsJSON(m)
	}
	return b
}

func reactionsJSON(m *message) []body {
	reactions := make([]body, 0, len(m.Reactions))
	for _, r := range m.Reactions {
		reactions = append(reactions, body{"name": r.Name, "users": slices.Clone(r.Users), "count": len(r.Users)})
	}
	return reactions
}
