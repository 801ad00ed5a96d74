package slack

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// groupShape is a user group's ID; some are shorter than those of channels.
var groupShape = regexp.MustCompile(`^S[A-Z0-9]{7,}$`)

// isGroupID requires a digit: SECURITY is a channel's name in capitals.
func isGroupID(s string) bool {
	return groupShape.MatchString(s) && strings.ContainsAny(s, "0123456789")
}

// groups are the workspace's user groups as Slack last listed them. Slack can't
// be asked for one, so one answer is used for every handle within unknownFor.
type groups struct {
	turn chan struct{}     // holds one token while a caller reads
	ids  map[string]string // handle → ID
	at   time.Time
}

// errNoGroups returns the error for handles that can't be looked up.
func errNoGroups(op string) error {
	return &fault.Error{Op: op, Reason: "missing_scope", Class: fault.Permanent,
		Hint: "add the scope usergroups:read and reinstall the app, or write the group's ID (S…) instead of its handle"}
}

// group returns the user group that has the handle.
func (c *Client) group(ctx context.Context, handle string) (access.Recipient, error) {
	return c.cached(ctx, "group "+handle, func() (access.Recipient, error) {
		op := "look up the user group @" + handle
		ids, err := c.groupIDs(ctx, op)
		if err != nil {
			return access.Recipient{}, err
		}
		id, ok := ids[handle]
		if !ok {
			return access.Recipient{}, &fault.Error{Op: op, Reason: "group_not_found", Class: fault.NotFound,
				Hint: "no user group of this workspace that is switched on has this handle"}
		}
		return access.Recipient{ID: id, Kind: access.Group}, nil
	})
}

// groupIDs returns the list. One caller reads it while the others wait.
func (c *Client) groupIDs(ctx context.Context, op string) (map[string]string, error) {
	g := &c.dir.groups
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, &fault.Error{Op: op, Reason: "canceled", Class: fault.Retry, Err: ctx.Err()}
	}
	if g.ids != nil && time.Since(g.at) < unknownFor {
		return g.ids, nil
	}
	if !c.HasScope("usergroups:read") {
		return nil, errNoGroups(op)
	}
	var answer struct {
		Groups []struct {
			ID     string `json:"id"`
			Handle string `json:"handle"`
		} `json:"usergroups"`
	}
	r := request{op: op, method: "usergroups.list", key: "usergroups", form: url.Values{}}
	if err := c.paced(ctx, r, &answer); err != nil {
		if f, ok := fault.As(err); ok && f.Reason == "missing_scope" {
			return nil, errNoGroups(op)
		}
		return nil, err
	}
	ids := make(map[string]string, len(answer.Groups))
	for _, group := range answer.Groups {
		if handle := strings.ToLower(group.Handle); handle != "" && groupShape.MatchString(group.ID) {
			ids[handle] = group.ID
		}
	}
	g.ids, g.at = ids, time.Now()
	return ids, nil
}
