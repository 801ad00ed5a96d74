package teleport

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/defaults"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const (
	// keepLabels is how long labels are cached: each reconcile of a request reads
	// them.
	keepLabels = time.Minute

	// maxLabelled bounds how many resources' labels are looked up.
	maxLabelled = 1000

	// pagesOfLabels bounds the answer to one query: an application can have many
	// servers.
	pagesOfLabels = 50
)

// labelled are the kinds whose labels can be looked up, with the kind that
// they are listed as. What lies within a Kubernetes cluster has the cluster's; its
// kind is one of the older ones or begins with kubePrefix.
var labelled = map[string]string{
	types.KindNode:              types.KindNode,
	types.KindApp:               types.KindAppServer,
	types.KindDatabase:          types.KindDatabaseServer,
	types.KindKubernetesCluster: types.KindKubeServer,
	types.KindWindowsDesktop:    types.KindWindowsDesktop,
	types.KindUserGroup:         types.KindUserGroup,
}

// Labels returns the labels of each resource, in the same order. It returns an
// error unless it could read all of them: a condition over the labels of half of
// the resources would be wrong. The result is shared and must not be changed.
func (c *Client) Labels(ctx context.Context, resources []access.Resource) ([]map[string]string, error) {
	const op = "look up the labels of resources"
	if len(resources) > maxLabelled {
		return nil, fault.New(fault.Permanent, op, "too_many_resources")
	}
	conn := c.connected()
	if conn == nil {
		return nil, fault.New(fault.Retry, op, "not connected to Teleport")
	}
	wanted := make(map[string][]string) // kind → names that are not known yet
	for _, r := range resources {
		kind := labelKind(r)
		switch {
		case r.Cluster != conn.cluster.Name:
			return nil, &fault.Error{Op: op, Reason: "other_cluster", Class: fault.Permanent,
				Hint: "resources of leaf clusters can't be seen; write conditions on their roles instead"}
		case labelled[kind] == "" || r.Name == "":
			return nil, &fault.Error{Op: op, Reason: "unknown_kind", Class: fault.Permanent,
				Hint: "labels of this kind of resource can't be looked up; write conditions on its role instead"}
		}
		if _, ok := c.labels.get(kind + "/" + r.Name); !ok && !slices.Contains(wanted[kind], r.Name) {
			wanted[kind] = append(wanted[kind], r.Name)
		}
	}
	found := make(map[string]map[string]string)
	for kind, names := range wanted {
		for some := range slices.Chunk(names, namesAtOnce) {
			if err := c.listLabels(ctx, kind, some, found); err != nil {
				return nil, err
			}
		}
	}
	labels := make([]map[string]string, len(resources))
	for i, r := range resources {
		key := labelKind(r) + "/" + r.Name
		l, ok := found[key]
		if !ok {
			l, ok = c.labels.get(key)
		}
		if !ok {
			return nil, &fault.Error{Op: op, Reason: "resource_not_seen", Class: fault.NotFound,
				Hint: "let the role of these credentials preview the resources: review_requests.preview_as_roles with a role that may see them, such as list-access-request-resources"}
		}
		labels[i] = l
	}
	return labels, nil
}

// kubePrefix begins the kinds of newer servers for what lies within a Kubernetes
// cluster: kube:ns:pods, kube:cw:namespaces, kube:ns:deployments.apps.
const kubePrefix = "kube:"

// labelKind is the kind whose labels the resource has.
func labelKind(r access.Resource) string {
	if strings.HasPrefix(r.Kind, kubePrefix) || slices.Contains(types.KubernetesResourcesKinds, r.Kind) {
		return types.KindKubernetesCluster
	}
	return r.Kind
}

// listLabels adds the labels of the named resources of a kind to found.
func (c *Client) listLabels(ctx context.Context, kind string, names []string, found map[string]map[string]string) error {
	op := "list resources of kind " + kind
	clauses := make([]string, len(names))
	for i, name := range names {
		clauses[i] = "resource.metadata.name == " + strconv.Quote(name)
	}
	req := &proto.ListResourcesRequest{
		ResourceType: labelled[kind], Namespace: defaults.Namespace, Limit: int32(2 * namesAtOnce),
		PredicateExpression: strings.Join(clauses, " || "), UsePreviewAsRoles: true,
	}
	for range pagesOfLabels {
		var resp *proto.ListResourcesResponse
		err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) (err error) {
			resp, err = conn.auth.ListResources(ctx, req)
			return err
		})
		if fault.Is(err, fault.Denied) {
			return &fault.Error{Op: op, Reason: "access_denied", Class: fault.Denied, Err: err,
				Hint: "grant the role of these credentials list and read on " + kind}
		}
		if err != nil {
			return err
		}
		for _, p := range resp.GetResources() {
			if name, labels, ok := labelsOf(p); ok {
				key := kind + "/" + name
				found[key] = labels
				c.labels.put(key, labels, keepLabels)
			}
		}
		if resp.GetNextKey() == "" || resp.GetNextKey() == req.StartKey {
			break
		}
		req.StartKey = resp.GetNextKey()
	}
	return nil
}

// labelsOf reads one listed resource, any part of which may be missing.
func labelsOf(p *proto.PaginatedResource) (name string, labels map[string]string, ok bool) {
	var r types.ResourceWithLabels
	switch {
	case p.GetNode() != nil:
		r = p.GetNode()
	case p.GetAppServer() != nil && p.GetAppServer().GetApp() != nil:
		r = p.GetAppServer().GetApp()
	case p.GetDatabaseServer() != nil && p.GetDatabaseServer().GetDatabase() != nil:
		r = p.GetDatabaseServer().GetDatabase()
	case p.GetKubernetesServer() != nil && p.GetKubernetesServer().GetCluster() != nil:
		r = p.GetKubernetesServer().GetCluster()
	case p.GetWindowsDesktop() != nil:
		r = p.GetWindowsDesktop()
	case p.GetUserGroup() != nil:
		r = p.GetUserGroup()
	default:
		return "", nil, false
	}
	return r.GetName(), r.GetAllLabels(), true
}
