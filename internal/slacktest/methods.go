package slacktest

// methods is the API: one line a method, with any one of the scopes that it
// wants. Where the scope depends on the kind of conversation, the method
// looks again.
func methods() map[string]method {
	kinds := func(suffix string) []string {
		return []string{"channels:" + suffix, "groups:" + suffix, "im:" + suffix, "mpim:" + suffix}
	}
	write := []string{"chat:write"}
	return map[string]method{
		"api.test":  {open: true, takesJSON: true, run: apiTest},
		"auth.test": {takesJSON: true, run: (*Server).authTest},

		"chat.postMessage":   {scopes: write, takesJSON: true, run: (*Server).postMessage},
		"chat.update":        {scopes: write, takesJSON: true, run: (*Server).update},
		"chat.delete":        {scopes: write, takesJSON: true, run: (*Server).delete},
		"chat.postEphemeral": {scopes: write, takesJSON: true, run: (*Server).postEphemeral},
		"chat.getPermalink":  {run: (*Server).permalink},

		"reactions.add":    {scopes: []string{"reactions:write"}, takesJSON: true, run: (*Server).addReaction},
		"reactions.remove": {scopes: []string{"reactions:write"}, takesJSON: true, run: (*Server).removeReaction},
		"reactions.get":    {scopes: []string{"reactions:read"}, run: (*Server).getReactions},

		"users.info":          {scopes: []string{"users:read"}, run: (*Server).userInfo},
		"users.list":          {scopes: []string{"users:read"}, run: (*Server).listUsers},
		"users.lookupByEmail": {scopes: []string{"users:read.email"}, run: (*Server).lookupByEmail},
		"usergroups.list":     {scopes: []string{"usergroups:read"}, run: (*Server).listGroups},

		"conversations.open":    {scopes: []string{"im:write", "mpim:write"}, takesJSON: true, run: (*Server).openConversation},
		"conversations.join":    {scopes: []string{"channels:join"}, takesJSON: true, run: (*Server).joinConversation},
		"conversations.info":    {scopes: kinds("read"), run: (*Server).conversationInfo},
		"conversations.list":    {scopes: kinds("read"), run: (*Server).listConversations},
		"conversations.members": {scopes: kinds("read"), run: (*Server).conversationMembers},
		"conversations.history": {scopes: kinds("history"), run: (*Server).history},
		"conversations.replies": {scopes: kinds("history"), run: (*Server).replies},

		"views.open":   {takesJSON: true, run: (*Server).openView},
		"views.push":   {takesJSON: true, run: (*Server).pushView},
		"views.update": {takesJSON: true, run: (*Server).updateView},

		"apps.connections.open": {scopes: []string{"connections:write"}, appLevel: true, takesJSON: true},
	}
}

func apiTest(_ *Server, a args) (body, error) {
	answer := body{"args": a}
	if code := a["error"]; code != "" {
		return answer, refuse(code)
	}
	return answer, nil
}

func (s *Server) authTest(args) (body, error) {
	return body{
		"url":  "https://" + s.opt.TeamDomain + ".slack.com/",
		"team": s.opt.TeamName, "team_id": s.opt.TeamID,
		"user": s.opt.BotName, "user_id": s.opt.BotUserID, "bot_id": s.opt.BotID,
		"is_enterprise_install": false,
	}, nil
}
