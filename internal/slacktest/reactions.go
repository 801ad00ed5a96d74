package slacktest

import (
	"regexp"
	"slices"
)

// Numbers of reactions: different ones on a message, and by one user on it.
const (
	maxReactions     = 50
	maxUserReactions = 23
)

// emojiName is the form of a reaction's name. Which emoji a workspace has is
// not checked.
var emojiName = regexp.MustCompile(`^[a-z0-9_'+-]{1,100}(::skin-tone-[2-6])?$`)

// reactionItem finds the message that a reaction call means.
func (s *Server) reactionItem(a args) (*conversation, *message, error) {
	if a["channel"] == "" || a["timestamp"] == "" {
		return nil, nil, refuse("no_item_specified")
	}
	if _, ok := parseTS(a["timestamp"]); !ok {
		return nil, nil, refuse("bad_timestamp")
	}
	c, err := s.world.joined(a["channel"])
	if err != nil {
		return nil, nil, err
	}
	m := c.byTS[a["timestamp"]]
	if m == nil || m.Tombstone {
		return nil, nil, refuse("message_not_found")
	}
	return c, m, nil
}

func (s *Server) addReaction(a args) (body, error) {
	if a["name"] == "" {
		return nil, missingField("name")
	}
	if !emojiName.MatchString(a["name"]) {
		return nil, refuse("invalid_name")
	}
	c, m, err := s.reactionItem(a)
	if err != nil {
		return nil, err
	}
	if c.Archived {
		return nil, refuse("is_archived")
	}
	bot := s.opt.BotUserID
	at, own := -1, 0
	for i, r := range m.Reactions {
		if r.Name == a["name"] {
			at = i
		}
		if slices.Contains(r.Users, bot) {
			own++
		}
	}
	switch {
	case at >= 0 && slices.Contains(m.Reactions[at].Users, bot):
		return nil, refuse("already_reacted")
	case own >= maxUserReactions:
		return nil, refuse("too_many_reactions")
	case at < 0 && len(m.Reactions) >= maxReactions:
		return nil, refuse("too_many_emoji")
	case at < 0:
		m.Reactions = append(m.Reactions, Reaction{Name: a["name"], Users: []string{bot}})
	default:
		m.Reactions[at].Users = append(m.Reactions[at].Users, bot)
	}
	s.tell(ReactionAdded, c.ID, m)
	return nil, nil
}

func (s *Server) removeReaction(a args) (body, error) {
	if a["name"] == "" {
		return nil, missingField("name")
	}
	c, m, err := s.reactionItem(a)
	if err != nil {
		return nil, err
	}
	for i, r := range m.Reactions {
		if r.Name != a["name"] {
			continue
		}
		if u := slices.Index(r.Users, s.opt.BotUserID); u >= 0 {
			if m.Reactions[i].Users = slices.Delete(r.Users, u, u+1); len(m.Reactions[i].Users) == 0 {
				m.Reactions = slices.Delete(m.Reactions, i, i+1)
			}
			s.tell(ReactionRemoved, c.ID, m)
			return nil, nil
		}
	}
	return nil, refuse("no_reaction")
}

func (s *Server) getReactions(a args) (body, error) {
	c, m, err := s.reactionItem(a)
	if err != nil {
		return nil, err
	}
	return body{"type": "message", "channel": c.ID, "message": s.messageJSON(m, false)}, nil
}
