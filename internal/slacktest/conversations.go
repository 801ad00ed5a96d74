package slacktest

import (
	"math"
	"slices"
	"strings"
)

func (s *Server) conversationJSON(c *conversation) body {
	b := body{
		"id": c.ID, "created": 1500000000, "is_archived": c.Archived, "is_im": c.isDM(), "is_mpim": false,
		"is_private": c.Private, "is_org_shared": false, "is_shared": false, "is_ext_shared": false,
		"context_team_id": s.opt.TeamID, "updated": 1500000000000,
	}
	if c.isDM() {
		b["user"], b["is_open"] = c.user, true
		b["is_user_deleted"] = s.world.users[c.user].Deleted
		return b
	}
	b["name"], b["name_normalized"] = c.Name, c.Name
	b["is_channel"], b["is_group"] = !c.Private, c.Private
	b["is_member"], b["is_general"] = c.BotIsMember, false
	b["topic"], b["purpose"] = body{"value": ""}, body{"value": ""}
	return b
}

// needKindScope wants the scope of a conversation's kind, such as im:history.
func (s *Server) needKindScope(c *conversation, suffix string) error {
	_, kind := c.kind()
	return s.needScope(kind + ":" + suffix)
}

func (s *Server) openConversation(a args) (body, error) {
	var c *conversation
	var opened bool
	switch {
	case a["channel"] != "":
		found, err := s.world.visible(a["channel"])
		if err != nil {
			return nil, err
		}
		if !found.isDM() {
			return nil, refuse("method_not_supported_for_channel_type")
		}
		c = found
	case a["users"] == "":
		return nil, refuse("users_list_not_supplied")
	case strings.Contains(a["users"], ","):
		return nil, refuse("method_not_supported_for_channel_type") // no group conversations here
	default:
		if err := s.needScope("im:write"); err != nil {
			return nil, err
		}
		var err error
		if c, opened, err = s.openDM(a["users"]); err != nil {
			return nil, err
		}
	}
	answer := body{"channel": body{"id": c.ID}}
	if !opened {
		answer["no_op"], answer["already_open"] = true, true
	}
	if a.flag("return_im") {
		answer["channel"] = s.conversationJSON(c)
	}
	return answer, nil
}

func (s *Server) joinConversation(a args) (body, error) {
	if a["channel"] == "" {
		return nil, missingField("channel")
	}
	c, err := s.world.visible(a["channel"])
	switch {
	case err != nil:
		return nil, err
	case c.isDM() || c.Private:
		return nil, refuse("method_not_supported_for_channel_type")
	case c.Archived:
		return nil, refuse("is_archived")
	}
	answer := body{}
	if c.BotIsMember {
		answer["warning"] = "already_in_channel"
		meta(answer)["warnings"] = []string{"already_in_channel"}
	}
	c.BotIsMember = true
	s.tell(WorldChanged, "", nil)
	answer["channel"] = s.conversationJSON(c)
	return answer, nil
}

func (s *Server) conversationInfo(a args) (body, error) {
	if a["channel"] == "" {
		return nil, missingField("channel")
	}
	c, err := s.world.visible(a["channel"])
	if err != nil {
		return nil, err
	}
	if err := s.needKindScope(c, "read"); err != nil {
		return nil, err
	}
	b := s.conversationJSON(c)
	if a.flag("include_num_members") && !c.isDM() {
		b["num_members"] = len(s.members(c))
	}
	return body{"channel": b}, nil
}

func (s *Server) listConversations(a args) (body, error) {
	types := a["types"]
	if types == "" {
		types = "public_channel"
	}
	wanted := strings.Split(strings.ReplaceAll(types, " ", ""), ",")
	for _, t := range wanted {
		scope, ok := map[string]string{
			"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read", "mpim": "mpim:read",
		}[t]
		if !ok {
			return nil, refuse("invalid_types")
		}
		if err := s.needScope(scope); err != nil {
			return nil, err
		}
	}
	var all []*conversation
	for _, id := range s.world.convOrder {
		c, err := s.world.visible(id)
		if err != nil || c.Archived && a.flag("exclude_archived") {
			continue
		}
		if kind, _ := c.kind(); slices.Contains(wanted, kind) {
			all = append(all, c)
		}
	}
	part, next, err := page(a, all, 100)
	if err != nil {
		return nil, err
	}
	channels := make([]body, 0, len(part))
	for _, c := range part {
		b := s.conversationJSON(c)
		if !c.isDM() {
			b["num_members"] = len(s.members(c))
		}
		channels = append(channels, b)
	}
	return body{"channels": channels, "response_metadata": map[string]any{"next_cursor": next}}, nil
}

func (s *Server) conversationMembers(a args) (body, error) {
	if a["channel"] == "" {
		return nil, missingField("channel")
	}
	c, err := s.world.visible(a["channel"])
	if err != nil {
		return nil, err
	}
	if err := s.needKindScope(c, "read"); err != nil {
		return nil, err
	}
	part, next, err := page(a, s.members(c), 100)
	if err != nil {
		return nil, err
	}
	return body{"members": append([]string{}, part...), "response_metadata": map[string]any{"next_cursor": next}}, nil
}

// window is the range of time that history and replies are asked for.
type window struct {
	oldest, latest int64 // microseconds, both inclusive
	limit          int
}

func parseWindow(a args, defaultLimit int) (window, error) {
	w := window{oldest: 0, latest: math.MaxInt64}
	var err error
	if w.limit, err = limitOf(a, defaultLimit); err != nil {
		return w, err
	}
	excluded := int64(1)
	if a.flag("inclusive") {
		excluded = 0
	}
	if v := a["oldest"]; v != "" && v != "0" {
		t, ok := parseTS(v)
		if !ok {
			return w, refuse("invalid_ts_oldest")
		}
		w.oldest = t + excluded
	}
	if v := a["latest"]; v != "" && v != "now" {
		t, ok := parseTS(v)
		if !ok {
			return w, refuse("invalid_ts_latest")
		}
		w.latest = t - excluded
	}
	return w, nil
}

func (s *Server) readable(a args) (*conversation, error) {
	if a["channel"] == "" {
		return nil, missingField("channel")
	}
	c, err := s.world.joined(a["channel"])
	if err != nil {
		return nil, err
	}
	return c, s.needKindScope(c, "history")
}

// history goes from the newest message back.
func (s *Server) history(a args) (body, error) {
	c, err := s.readable(a)
	if err != nil {
		return nil, err
	}
	w, err := parseWindow(a, 100)
	if err != nil {
		return nil, err
	}
	if a["cursor"] != "" {
		next, ok := decodeCursor("next_ts", a["cursor"])
		if !ok {
			return nil, refuse("invalid_cursor")
		}
		w.latest = min(w.latest, next)
	}
	answer := body{"has_more": false, "pin_count": 0}
	shown := []body{}
	for i := len(c.top) - 1; i >= 0; i-- {
		m := c.top[i]
		if m.micros > w.latest {
			continue
		}
		if m.micros < w.oldest {
			break
		}
		if len(shown) == w.limit {
			answer["has_more"] = true
			meta(answer)["next_cursor"] = encodeCursor("next_ts", m.micros)
			break
		}
		shown = append(shown, s.messageJSON(m, a.flag("include_all_metadata")))
	}
	answer["messages"] = shown
	return answer, nil
}

// replies goes from the parent forward.
func (s *Server) replies(a args) (body, error) {
	c, err := s.readable(a)
	if err != nil {
		return nil, err
	}
	if a["ts"] == "" {
		return nil, missingField("ts")
	}
	w, err := parseWindow(a, maxPage)
	if err != nil {
		return nil, err
	}
	if a["cursor"] != "" {
		next, ok := decodeCursor("next_ts", a["cursor"])
		if !ok {
			return nil, refuse("invalid_cursor")
		}
		w.oldest = max(w.oldest, next)
	}
	parent := c.byTS[a["ts"]]
	if parent == nil {
		return nil, refuse("thread_not_found")
	}
	whole := a.flag("include_all_metadata")
	answer := body{"has_more": false}
	shown := []body{s.messageJSON(parent, whole)} // always there, and not counted
	for _, m := range parent.replies {
		if m.micros < w.oldest || m.micros > w.latest {
			continue
		}
		if len(shown)-1 == w.limit {
			answer["has_more"] = true
			meta(answer)["next_cursor"] = encodeCursor("next_ts", m.micros)
			break
		}
		shown = append(shown, s.messageJSON(m, whole))
	}
	answer["messages"] = shown
	return answer, nil
}
