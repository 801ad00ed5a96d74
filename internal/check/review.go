package check

import (
	"context"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// SocketMode checks that Slack accepts the app-level token. Slack's API does not
// reveal whether Interactivity is on.
func SocketMode(probe func(context.Context) error) Check {
	return Check{Name: "socket mode", Run: func(ctx context.Context) []Finding {
		if err := probe(ctx); err != nil {
			return []Finding{failed(err)}
		}
		return []Finding{good("Slack accepts the app-level token; whether Interactivity is on can't be checked")}
	}}
}

// Reviews checks that the cluster accepts reviews from Slack. since is the first
// version that does.
func Reviews(cluster func() access.Cluster, since string) Check {
	return Check{Name: "reviews", Needs: []string{"teleport"}, Run: func(context.Context) []Finding {
		if c := cluster(); !c.OnBehalf {
			return []Finding{bad("upgrade Teleport to "+since+" or newer, or set review.enabled = false",
				"version %s does not accept reviews from Slack; buttons stay off", c.Version)}
		}
		return []Finding{good("this Teleport accepts reviews from Slack, for the users in the role's review_requests.submit_for_users")}
	}}
}
