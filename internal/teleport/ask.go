package teleport

import (
	"cmp"
	"context"
	"slices"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"

	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Rules returns the access monitoring rules that name us, in the order of
// their names, for somebody who asks once. Serve follows them.
func (c *Client) Rules(ctx context.Context) ([]rule.Source, error) {
	var sources []rule.Source
	err := c.call(ctx, opRules, reads, func(ctx context.Context, conn *connection) error {
		sources = nil
		return c.eachRule(ctx, conn, func(r *rulespb.AccessMonitoringRule) {
			if src, ok := source(r); ok {
				sources = append(sources, src)
			}
		})
	})
	slices.SortFunc(sources, func(a, b rule.Source) int { return cmp.Compare(a.Name, b.Name) })
	return sources, err
}
