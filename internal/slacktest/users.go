package slacktest

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) userJSON(u *User) body {
	profile := body{
		"real_name": u.RealName, "real_name_normalized": u.RealName,
		"display_name": u.Name, "display_name_normalized": u.Name, "team": u.TeamID,
	}
	if u.Email != "" && s.auth.has("users:read.email") {
		profile["email"] = u.Email
	}
	b := body{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"tz": u.TimeZone, "profile": profile, "is_bot": u.IsBot, "is_app_user": false,
		"is_restricted": u.IsRestricted || u.IsUltraRestricted, "is_ultra_restricted": u.IsUltraRestricted, "is_email_confirmed": !u.EmailUnconfirmed, "is_admin": false, "is_owner": false, "is_primary_owner": false,
	}
	if u.TeamID != s.opt.TeamID {
		b["is_stranger"] = u.IsStranger
	}
	return b
}

func (s *Server) userInfo(a args) (body, error) {
	if a["user"] == "" {
		return nil, missingField("user")
	}
	u := s.world.users[a["user"]]
	if u == nil {
		return nil, refuse("user_not_found")
	}
	return body{"user": s.userJSON(u)}, nil
}

func (s *Server) lookupByEmail(a args) (body, error) {
	if a["email"] == "" {
		return nil, missingField("email")
	}
	id, ok := s.world.byEmail[strings.ToLower(a["email"])]
	if !ok {
		return nil, refuse("users_not_found")
	}
	return body{"user": s.userJSON(s.world.users[id])}, nil
}

func (s *Server) listUsers(a args) (body, error) {
	ids, next, err := page(a, s.world.userOrder, len(s.world.userOrder))
	if err != nil {
		return nil, err
	}
	members := make([]body, 0, len(ids))
	for _, id := range ids {
		members = append(members, s.userJSON(s.world.users[id]))
	}
	return body{
		"members": members, "cache_ts": s.opt.Clock().Unix(),
		"response_metadata": map[string]any{"next_cursor": next},
	}, nil
}

func (s *Server) listGroups(a args) (body, error) {
	groups := []body{}
	for _, id := range slices.Sorted(maps.Keys(s.world.groups)) {
		g := s.world.groups[id]
		if g.Disabled && !a.flag("include_disabled") {
			continue
		}
		b := body{
			"id": g.ID, "team_id": s.opt.TeamID, "is_usergroup": true, "name": g.Name, "handle": g.Handle,
			"date_delete": 0,
		}
		if g.Disabled {
			b["date_delete"] = 1
		}
		if a.flag("include_count") {
			b["user_count"] = len(g.Users)
		}
		if a.flag("include_users") {
			b["users"] = append([]string{}, g.Users...)
		}
		groups = append(groups, b)
	}
	return body{"usergroups": groups}, nil
}

// maxPage is the most items on a page of a list.
const maxPage = 1000

// limitOf reads the limit argument; def is for none or 0.
func limitOf(a args, def int) (int, error) {
	if a["limit"] == "" {
		return def, nil
	}
	n, err := strconv.Atoi(a["limit"])
	if err != nil || n < 0 {
		return 0, refuse("invalid_limit")
	}
	if n == 0 {
		return def, nil
	}
	return min(n, maxPage), nil
}

// page returns the part of a list that limit and cursor ask for, and the
// cursor of the part after it, empty at the end.
func page[T any](a args, items []T, def int) (part []T, next string, err error) {
	limit, err := limitOf(a, def)
	if err != nil {
		return nil, "", err
	}
	from := 0
	if a["cursor"] != "" {
		v, ok := decodeCursor("offset", a["cursor"])
		if !ok || v > int64(len(items)) {
			return nil, "", refuse("invalid_cursor")
		}
		from = int(v)
	}
	to := min(len(items), from+limit)
	if to < len(items) {
		next = encodeCursor("offset", int64(to))
	}
	return items[from:to], next, nil
}

func encodeCursor(kind string, v int64) string {
	return base64.StdEncoding.EncodeToString([]byte(kind + ":" + strconv.FormatInt(v, 10)))
}

func decodeCursor(kind, cursor string) (int64, bool) {
	text, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(text), kind+":")
	v, err := strconv.ParseInt(digits, 10, 64)
	return v, ok && err == nil && v >= 0
}
