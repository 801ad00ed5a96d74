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

// recordSlackCall adds a call to Slack to the journal, with the access request
// that its metadata, or the message it names, belongs to.
func (env *environment) recordSlackCall(c slacktest.Call) {
	e := entry{At: c.At, From: fromSlack, Text: c.Method, Trouble: c.Outcome != "ok" && c.Outcome != "already_reacted"}
	e.Request = env.requestOf(c)
	for _, name := range []string{"channel", "ts", "timestamp", "thread_ts", "name", "user", "email", "users"} {
		if v := c.Args[name]; v != "" {
			e.Details = append(e.Details, detail{name, v})
		}
	}
	e.Details = append(e.Details, detail{"answer", c.Outcome})
	env.journal.add(e)
	env.counter.schedule()
}

func (env *environment) requestOf(c slacktest.Call) string {
	var m slacktest.Metadata
	if json.Unmarshal([]byte(c.Args["metadata"]), &m) == nil {
		if at := placeOf("", slacktest.Message{Metadata: &m}); at.request != "" {
			return at.request
		}
	}
	for _, name := range []string{"ts", "timestamp", "thread_ts"} {
		if ts := c.Args[name]; ts != "" {
			if m, ok := env.slack.Message(c.Args["channel"], ts); ok {
				if at := placeOf("", m); at.request != "" {
					return at.request
				}
			}
		}
	}
	return ""
}

// recordTeleportCall adds a call of the plugin to Teleport to the journal.
func (env *environment) recordTeleportCall(c teleporttest.Call) {
	if c.User != pluginUser {
		return // the page's own calls
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
		return // a health check of the connection
	}
	answer := "ok"
	if c.Code != codes.OK {
		answer = c.Code.String()
	}
	e.Details = append(e.Details, detail{"answer", answer})
	env.journal.add(e)
}
