package teleport

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/defaults"
	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

const (
	detailsBudget = 3 * time.Second // a message doesn't wait longer for being nicer
	keepRole      = time.Minute
	askAgain      = time.Minute // after a refusal, for each kind
	namesAtOnce   = 50          // resources in one question
)

// Details looks up the logins that a request's roles allow and the display names
// of its resources. It never fails: it leaves out what can't be looked up, and
// logs a missing right once.
func (c *Client) Details(ctx context.Context, r access.Request) access.Details {
	conn := c.connected()
	if conn == nil {
		return access.Details{}
	}
	ctx, cancel := context.WithTimeout(ctx, detailsBudget)
	defer cancel()
	return access.Details{
		Logins:        c.logins(ctx, r.User, r.Roles),
		ResourceNames: c.resourceNames(ctx, conn.cluster.Name, r.Resources),
		ListTitle:     c.listTitle(ctx, r.RecommendedList),
	}
}

// logins returns the logins of each role, with those that the user's traits come
// to. Where the traits can't be read the templates stay.
func (c *Client) logins(ctx context.Context, user string, roles []string) map[string][]string {
	var logins map[string][]string
	traits, known := map[string][]string(nil), false
	asked := false
	for _, role := range roles {
		l, ok := c.roleLogins(ctx, role)
		if !ok {
			continue
		}
		if logins == nil {
			logins = make(map[string][]string, len(roles))
		}
		if slices.ContainsFunc(l, isLoginTemplate) {
			if !asked {
				traits, known = c.traitsForLogins(ctx, user)
				asked = true
			}
			if known {
				logins[role] = fillLogins(l, traits)
				continue
			}
		}
		logins[role] = slices.Clone(l)
	}
	return logins
}

// listTitle returns what people call an access list.
func (c *Client) listTitle(ctx context.Context, name string) string {
	const kind = types.KindAccessList
	if name == "" || !c.rights.ask(kind) {
		return ""
	}
	var list *listspb.AccessList
	err := c.call(ctx, "read access list "+name, reads, func(ctx context.Context, conn *connection) (err error) {
		list, err = conn.lists.GetAccessList(ctx, &listspb.GetAccessListRequest{Name: name})
		return err
	})
	if c.rights.failed(kind, "read", err) {
		return ""
	}
	return list.GetSpec().GetTitle()
}

// traitsForLogins returns the user's traits. After a failure it waits before it
// asks for those of the same user again: only a message is less precise without.
func (c *Client) traitsForLogins(ctx context.Context, user string) (map[string][]string, bool) {
	if _, failed := c.noTraits.get(user); failed {
		return nil, false
	}
	traits, err := c.Traits(ctx, user)
	if err != nil {
		c.noTraits.put(user, struct{}{}, askAgain)
		c.log.Debug("can't look up traits, so logins from traits aren't named", logkey.User, user, logkey.Error, err)
		return nil, false
	}
	return traits, true
}

func (c *Client) roleLogins(ctx context.Context, name string) ([]string, bool) {
	if l, ok := c.roles.get(name); ok {
		return l, true
	}
	const kind = types.KindRole
	if name == "" || !c.rights.ask(kind) {
		return nil, false
	}
	var role *types.RoleV6
	err := c.call(ctx, "read role "+name, reads, func(ctx context.Context, conn *connection) (err error) {
		role, err = conn.auth.GetRole(ctx, &proto.GetRoleRequest{Name: name})
		return err
	})
	if c.rights.failed(kind, "read", err) || role == nil {
		return nil, false
	}
	var logins []string
	for _, l := range role.GetLogins(types.Allow) {
		// Placeholders that Teleport puts in where nobody can log in.
		if !strings.HasPrefix(l, "-teleport-") {
			logins = append(logins, l)
		}
	}
	slices.Sort(logins)
	logins = slices.Compact(logins)
	c.roles.put(name, logins, keepRole)
	return logins, true
}

// named are the kinds that have a display name besides their ID, with the kind
// that they are listed as.
var named = map[string]string{
	types.KindNode:      types.KindNode,
	types.KindApp:       types.KindAppServer,
	types.KindUserGroup: types.KindUserGroup,

	types.KindIdentityCenterAccount:           types.KindIdentityCenterAccount,
	types.KindIdentityCenterAccountAssignment: types.KindIdentityCenterAccountAssignment,
	types.KindSAMLIdPServiceProvider:          types.KindSAMLIdPServiceProvider,
	types.KindGitServer:                       types.KindGitServer,
}

func (c *Client) resourceNames(ctx context.Context, cluster string, resources []access.Resource) map[string]string {
	byKind := make(map[string][]access.Resource)
	for _, r := range resources {
		// Leaf clusters' resources aren't known to this one.
		if _, ok := named[r.Kind]; ok && r.Name != "" && r.Cluster == cluster {
			byKind[r.Kind] = append(byKind[r.Kind], r)
		}
	}
	var names map[string]string
	for kind, rs := range byKind {
		for some := range slices.Chunk(rs, namesAtOnce) {
			for name, friendly := range c.friendlyNames(ctx, kind, some) {
				for _, r := range some {
					if r.Name == name {
						if names == nil {
							names = make(map[string]string)
						}
						names[r.ID()] = friendly
					}
				}
			}
		}
	}
	return names
}

// friendlyNames returns name → friendly name of those that have one.
func (c *Client) friendlyNames(ctx context.Context, kind string, rs []access.Resource) map[string]string {
	listed := named[kind]
	if !c.rights.ask(kind) {
		return nil
	}
	clauses := make([]string, 0, len(rs))
	for _, r := range rs {
		clauses = append(clauses, "resource.metadata.name == "+strconv.Quote(r.Name))
	}
	var resp *proto.ListResourcesResponse
	err := c.call(ctx, "list resources of kind "+kind, reads, func(ctx context.Context, conn *connection) (err error) {
		resp, err = conn.auth.ListResources(ctx, &proto.ListResourcesRequest{
			ResourceType:        listed,
			Namespace:           defaults.Namespace,
			Limit:               int32(2 * namesAtOnce), // an app can have several servers
			PredicateExpression: strings.Join(clauses, " || "),
			UsePreviewAsRoles:   true,
		})
		return err
	})
	if c.rights.failed(kind, "list and read", err) {
		return nil
	}
	names := make(map[string]string, len(rs))
	for _, r := range resp.GetResources() {
		if name, friendly := friendlyName(r); friendly != "" && friendly != name {
			names[name] = friendly
		}
	}
	return names
}

// friendlyName reads one listed resource, any part of which may be missing.
func friendlyName(r *proto.PaginatedResource) (name, friendly string) {
	switch {
	case r.GetNode() != nil:
		n := r.GetNode()
		return n.GetName(), n.GetHostname()
	case r.GetAppServer() != nil && r.GetAppServer().Spec.App != nil:
		a := r.GetAppServer().Spec.App
		return a.GetName(), types.FriendlyName(a)
	case r.GetUserGroup() != nil:
		g := r.GetUserGroup()
		return g.GetName(), types.FriendlyName(g)
	case r.GetIdentityCenterAccountAssignment() != nil:
		a := r.GetIdentityCenterAccountAssignment()
		return a.Metadata.Name, a.DisplayName
	case r.GetSAMLIdPServiceProvider() != nil:
		p := r.GetSAMLIdPServiceProvider()
		return p.GetName(), types.FriendlyName(p)
	case r.GetGitServer() != nil:
		s := r.GetGitServer()
		if s.GetGitHub() != nil && s.GetGitHub().Organization != "" {
			return s.GetName(), s.GetGitHub().Organization
		}
		return s.GetName(), s.GetHostname()
	}
	return "", ""
}

// missingRights remembers which kinds we may not read, to log that once and not
// to try again for every message.
type missingRights struct {
	log *slog.Logger

	mu     sync.Mutex
	denied map[string]time.Time // kind → when to ask again
}

func newMissingRights(log *slog.Logger) *missingRights {
	return &missingRights{log: log, denied: make(map[string]time.Time)}
}

// ask reports whether to try the kind now.
func (m *missingRights) ask(kind string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().After(m.denied[kind])
}

// failed records the result of a call for the kind and reports whether it failed.
// Only refusals are logged as a warning: after other errors one message lacks a
// detail, and the next one tries again.
func (m *missingRights) failed(kind, verbs string, err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, was := m.denied[kind]
	switch {
	case fault.Is(err, fault.Denied):
		m.denied[kind] = time.Now().Add(askAgain)
		if !was {
			m.log.Warn("missing a Teleport right, messages show less detail", logkey.Kind, kind, logkey.Error, err,
				logkey.Hint, "grant the role of these credentials "+verbs+" on "+kind)
		}
	case fault.Is(err, fault.Unsupported):
		if !was {
			m.denied[kind] = time.Now().Add(askAgain) // this server can't list them
		}
	case err == nil && was:
		delete(m.denied, kind)
		m.log.Info("missing Teleport right was granted", logkey.Kind, kind)
	case err != nil:
		m.log.Debug("can't look up a detail", logkey.Kind, kind, logkey.Error, err)
	}
	return err != nil
}
