package slacktest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// postTarget finds where chat.postMessage posts to: an ID, a channel's name
// with or without "#", or a user's ID for the direct message with that user.
func (s *Server) postTarget(channel string) (*conversation, error) {
	w := &s.world
	c := w.convs[channel]
	if c == nil {
		if isUserID(channel) {
			c, _, err := s.openDM(channel)
			if err != nil && err.Error() == "user_not_found" {
				err = refuse("channel_not_found")
			}
			return c, err
		}
		c = w.convs[w.byName[strings.TrimPrefix(channel, "#")]]
	}
	switch {
	case c == nil, c.Private && !c.BotIsMember:
		return nil, refuse("channel_not_found")
	case c.isDM():
		_, _, err := s.openDM(c.user) // the user may have been deactivated since
		return c, err
	case c.Archived:
		return nil, refuse("is_archived")
	case !c.BotIsMember && !s.auth.has("chat:write.public"):
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

func (s *Server) postMessage(a args) (body, error) {
	if a["channel"] == "" {
		return nil, missingField("channel")
	}
	c, err := s.postTarget(a["channel"])
	if err != nil {
		return nil, err
	}
	if err := s.rates.takePost(s.opt.Clock(), c.ID); err != nil {
		return nil, err
	}
	m, err := s.compose(a)
	if err != nil {
		return nil, err
	}
	parent, err := c.parent(a["thread_ts"])
	if err != nil {
		return nil, err
	}
	m.Broadcast = parent != nil && a.flag("reply_broadcast")
	s.put(c, parent, m)
	return body{"channel": c.ID, "ts": m.TS, "message": s.messageJSON(m, true)}, nil
}

// compose makes a new message of the bot's from arguments.
func (s *Server) compose(a args) (*message, error) {
	content, err := parseContent(a)
	if err != nil {
		return nil, err
	}
	if content.text != nil {
		cut := firstChars(*content.text, maxPostText)
		content.text = &cut
	}
	m := &message{Message: Message{User: s.opt.BotUserID, Flags: Flags{
		UnfurlLinks: a.optionalFlag("unfurl_links"), UnfurlMedia: a.optionalFlag("unfurl_media"),
		LinkNames: a.optionalFlag("link_names"), Mrkdwn: a.optionalFlag("mrkdwn"), Parse: a["parse"],
	}}}
	return m, content.apply(m)
}

func (s *Server) postEphemeral(a args) (body, error) {
	for _, field := range []string{"channel", "user"} {
		if a[field] == "" {
			return nil, missingField(field)
		}
	}
	c, err := s.postTarget(a["channel"])
	if err != nil {
		return nil, err
	}
	if err := s.rates.takePost(s.opt.Clock(), c.ID); err != nil {
		return nil, err
	}
	if !slices.Contains(s.members(c), a["user"]) {
		return nil, refuse("user_not_in_channel")
	}
	m, err := s.compose(a)
	if err != nil {
		return nil, err
	}
	s.stamp(c, m)
	m.ThreadTS, m.EphemeralTo = a["thread_ts"], a["user"]
	s.world.ephemeral = append(s.world.ephemeral, m.Message)
	s.tell(EphemeralPosted, c.ID, m)
	return body{"message_ts": m.TS}, nil
}

// own finds a message of the bot's for an edit or a deletion. Only IDs of
// conversations are taken, neither names nor users.
func (s *Server) own(a args, notOurs string) (*conversation, *message, error) {
	for _, field := range []string{"channel", "ts"} {
		if a[field] == "" {
			return nil, nil, missingField(field)
		}
	}
	c, err := s.world.visible(a["channel"])
	if err != nil {
		return nil, nil, err
	}
	m := c.byTS[a["ts"]]
	switch {
	case m == nil, m.Tombstone:
		return nil, nil, refuse("message_not_found")
	case m.User != s.opt.BotUserID:
		return nil, nil, refuse(notOurs)
	}
	return c, m, nil
}

func (s *Server) update(a args) (body, error) {
	c, m, err := s.own(a, "cant_update_message")
	if err != nil {
		return nil, err
	}
	now := s.opt.Clock()
	switch {
	case c.Archived:
		return nil, refuse("is_inactive")
	case s.opt.EditWindow > 0 && now.Sub(m.PostedAt) > s.opt.EditWindow:
		return nil, refuse("edit_window_closed")
	}
	content, err := parseContent(a)
	if err != nil {
		return nil, err
	}
	if content.text != nil && utf8.RuneCountInString(*content.text) > maxUpdateText {
		return nil, refuse("msg_too_long")
	}
	if content.text == nil && content.blocks == nil && content.attachments == nil && content.metadata == nil {
		return nil, refuse("no_text")
	}
	if err := content.apply(m); err != nil {
		return nil, err
	}
	m.Edited, m.Edits, m.editedTS = true, m.Edits+1, formatTS(now.UnixMicro())
	s.tell(Edited, c.ID, m)
	return body{"channel": c.ID, "ts": m.TS, "text": m.Text, "message": s.messageJSON(m, true)}, nil
}

func (s *Server) delete(a args) (body, error) {
	c, m, err := s.own(a, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	s.tell(Deleted, c.ID, m)
	same := func(other *message) bool { return other == m }
	switch {
	case len(m.replies) > 0: // its thread stays
		m.Message = Message{
			Channel: m.Channel, TS: m.TS, User: m.User, PostedAt: m.PostedAt,
			Text: "This message was deleted.", Tombstone: true,
		}
	case m.ThreadTS != "":
		parent := c.byTS[m.ThreadTS]
		parent.replies = slices.DeleteFunc(parent.replies, same)
		delete(c.byTS, m.TS)
	default:
		c.top = slices.DeleteFunc(c.top, same)
		delete(c.byTS, m.TS)
	}
	return body{"channel": c.ID, "ts": m.TS}, nil
}

func (s *Server) permalink(a args) (body, error) {
	for _, field := range []string{"channel", "message_ts"} {
		if a[field] == "" {
			return nil, missingField(field)
		}
	}
	c, err := s.world.visible(a["channel"])
	if err != nil {
		return nil, err
	}
	m := c.byTS[a["message_ts"]]
	if m == nil {
		return nil, refuse("message_not_found")
	}
	link := fmt.Sprintf("https://%s.slack.com/archives/%s/p%s", s.opt.TeamDomain, c.ID, strings.ReplaceAll(m.TS, ".", ""))
	if m.ThreadTS != "" {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + c.ID
	}
	return body{"channel": c.ID, "permalink": link}, nil
}
