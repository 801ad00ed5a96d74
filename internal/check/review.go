package check

import (
	"context"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// SocketMode asks Slack whether it would send us clicks. Whether the app has
// Interactivity, nothing tells.
func SocketMode(probe func(context.Context) error) Check {
	return Check{Name: "socket mode", Run: func(ctx context.Context) []Finding {
		if err := probe(ctx); err != nil {
			return []Finding{failed(err)}
		}
		return []Finding{good("Slack takes the app-level token; that Interactivity is on too, nothing tells")}
	}}
}

// Reviews looks whether the cluster takes decisions from Slack. since is the
// first version that does.
func Reviews(cluster func() access.Cluster, since string) Check {
	return Check{Name: "reviews", Needs: []string{"teleport"}, Run: func(context.Context) []Finding {
		if c := cluster(); !c.OnBehalf {
			return []Finding{bad("upgrade Teleport to "+since+" or newer, or set review.enabled = false",
				"version %s takes no reviews from Slack; buttons stay off", c.Version)}
		}
		return []Finding{good("this Teleport takes reviews from Slack, of those whom the role names in review_requests.submit_for_users")}
	}}
}
