package demo

import (
	"encoding/json"
	"strings"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// sawSlack notes a call that Slack answered, with the request that it is about
// as far as the call itself or the message that it is about says so.
func (s *stage) sawSlack(c slacktest.Call) {
	e := entry{At: c.At, From: fromSlack, Text: c.Method, Trouble: c.Outcome != "ok" && c.Outcome != "already_reacted"}
	e.Request = s.requestOf(c)
	for _, name := range []string{"channel", "ts", "timestamp", "thread_ts", "name", "user", "email", "users"} {
		if v := c.Args[name]; v != "" {
			e.Details = append(e.Details, detail{name, v})
		}
	}
	e.Details = append(e.Details, detail{"answer", c.Outcome})
	s.journal.add(e)
	s.counts.kick()
}

func (s *stage) requestOf(c slacktest.Call) string {
	var m slacktest.Metadata
	if json.Unmarshal([]byte(c.Args["metadata"]), &m) == nil {
		if at := placeOf("", slacktest.Message{Metadata: &m}); at.request != "" {
			return at.request
		}
	}
	for _, name := range []string{"ts", "timestamp", "thread_ts"} {
		if ts := c.Args[name]; ts != "" {
			if m, ok := s.slack.Message(c.Args["channel"], ts); ok {
				if at := placeOf("", m); at.request != "" {
					return at.request
				}
			}
		}
	}
	return ""
}

// sawTeleport notes a call of the plugin that Teleport answered.
func (s *stage) sawTeleport(c teleporttest.Call) {
	if c.User != pluginUser {
		return // the page looks too
	}
	e := entry{At: c.At, From: fromTeleport, Text: c.Method, Trouble: c.Code != codes.OK && c.Code != codes.NotFound}
	switch r := c.Request.(type) {
	case *types.PluginDataUpdateParams:
		e.Request = r.Resource
		e.Details = append(e.Details, detail{"writes", strings.Join(sorted(r.Set), ", ")})
	case *types.PluginDataFilter:
		e.Request = r.Resource
	case *types.AccessRequestFilter:
		e.Request = r.ID
	case *proto.ListAccessRequestsRequest:
		if r.Filter != nil {
			e.Request = r.Filter.ID
		}
	case *types.AccessReviewSubmission:
		e.Request = r.RequestID
		e.Details = append(e.Details, detail{"author", r.Review.Author}, detail{"state", r.Review.ProposedState.String()})
	case *proto.PingRequest:
		return // the connection looks after itself
	}
	answer := "ok"
	if c.Code != codes.OK {
		answer = c.Code.String()
	}
	e.Details = append(e.Details, detail{"answer", answer})
	s.journal.add(e)
}
