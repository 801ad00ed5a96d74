package teleporttest

import (
	"cmp"
	"context"
	"slices"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	apiutils "github.com/gravitational/teleport/api/utils"
	"github.com/gravitational/trace"
)

// AddResource adds a resource or replaces it: a node, git server, app server,
// database server, Kubernetes server, Kubernetes cluster, user group or SAML
// application.
func (s *Server) AddResource(resource types.ResourceWithLabels) error {
	var p *proto.PaginatedResource
	switch r := resource.(type) {
	case *types.ServerV2:
		if r.GetKind() == types.KindGitServer {
			p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_GitServer{GitServer: apiutils.CloneProtoMsg(r)}}
			break
		}
		if r.GetKind() != types.KindNode {
			return trace.BadParameter("unexpected server kind %q", r.GetKind())
		}
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_Node{Node: apiutils.CloneProtoMsg(r)}}
	case *types.AppServerV3:
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_AppServer{AppServer: apiutils.CloneProtoMsg(r)}}
	case *types.DatabaseServerV3:
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_DatabaseServer{DatabaseServer: apiutils.CloneProtoMsg(r)}}
	case *types.KubernetesServerV3:
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_KubernetesServer{KubernetesServer: apiutils.CloneProtoMsg(r)}}
	case *types.KubernetesClusterV3:
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_KubeCluster{KubeCluster: apiutils.CloneProtoMsg(r)}}
	case *types.UserGroupV1:
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_UserGroup{UserGroup: apiutils.CloneProtoMsg(r)}}
	case *types.SAMLIdPServiceProviderV1:
		p = &proto.PaginatedResource{Resource: &proto.PaginatedResource_SAMLIdPServiceProvider{SAMLIdPServiceProvider: apiutils.CloneProtoMsg(r)}}
	default:
		return trace.BadParameter("unexpected resource type %T", resource)
	}
	s.addPaginated(p)
	return nil
}

// AddAccountAssignment adds an AWS account with a permission set, of AWS IAM
// Identity Center.
func (s *Server) AddAccountAssignment(name, display string) {
	s.addPaginated(&proto.PaginatedResource{Resource: &proto.PaginatedResource_IdentityCenterAccountAssignment{
		IdentityCenterAccountAssignment: &proto.IdentityCenterAccountAssignment{
			Kind: types.KindIdentityCenterAccountAssignment, Version: types.V1, Metadata: types.Metadata{Name: name}, DisplayName: display,
			Account: &proto.IdentityCenterAccount{}, PermissionSet: &proto.IdentityCenterPermissionSet{},
		},
	}})
}

// AddIdentityCenterAccount adds an AWS account of AWS IAM Identity Center, which
// is an application.
func (s *Server) AddIdentityCenterAccount(name, display string) error {
	app, err := types.NewAppV3(types.Metadata{Name: name, Description: display}, types.AppSpecV3{
		URI: "https://example.awsapps.com/start", PublicAddr: "example.awsapps.com", IdentityCenter: &types.AppIdentityCenter{AccountID: name},
	})
	if err != nil {
		return trace.Wrap(err)
	}
	srv, err := types.NewAppServerV3FromApp(app, "apps.example.com", "app-agent")
	if err != nil {
		return trace.Wrap(err)
	}
	return s.AddResource(srv)
}

func (s *Server) addPaginated(p *proto.PaginatedResource) {
	d := s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	i, found := slices.BinarySearchFunc(d.resources, p, func(a, b *proto.PaginatedResource) int {
		x, y := resourceOf(a), resourceOf(b)
		return cmp.Or(cmp.Compare(listedAs(x), listedAs(y)), cmp.Compare(x.GetName(), y.GetName()))
	})
	if found {
		d.resources[i] = p
	} else {
		d.resources = slices.Insert(d.resources, i, p)
	}
}

// listedAs returns the kind that the resource is listed as.
func listedAs(r types.ResourceWithLabels) string {
	if a, ok := r.(*types.AppServerV3); ok && a.Spec.App != nil && a.Spec.App.Spec.IdentityCenter != nil {
		return types.KindIdentityCenterAccount
	}
	return r.GetKind()
}

// AddNode adds an SSH server; its hostname is its friendly name.
func (s *Server) AddNode(name, hostname string, labels map[string]string) error {
	n, err := types.NewServerWithLabels(name, types.KindNode, types.ServerSpecV2{Hostname: hostname}, labels)
	if err != nil {
		return trace.Wrap(err)
	}
	return s.AddResource(n.(*types.ServerV2)) // the only type there is
}

// AddApp adds an application. With a friendly name it comes from Okta, because
// those are the applications that have one.
func (s *Server) AddApp(name, friendly string, labels map[string]string) error {
	app, err := types.NewAppV3(types.Metadata{Name: name, Labels: oktaLabels(labels, types.OktaAppNameLabel, friendly)},
		types.AppSpecV3{URI: "http://localhost:8080", PublicAddr: name + ".apps.example.com"})
	if err != nil {
		return trace.Wrap(err)
	}
	srv, err := types.NewAppServerV3FromApp(app, "apps.example.com", "app-agent")
	if err != nil {
		return trace.Wrap(err)
	}
	srv.Metadata.Labels = app.Metadata.Labels
	return s.AddResource(srv)
}

// AddUserGroup adds a user group; with a friendly name it comes from Okta.
func (s *Server) AddUserGroup(name, friendly string, labels map[string]string) error {
	g, err := types.NewUserGroup(types.Metadata{Name: name, Labels: oktaLabels(labels, types.OktaGroupNameLabel, friendly)},
		types.UserGroupSpecV1{})
	if err != nil {
		return trace.Wrap(err)
	}
	return s.AddResource(g.(*types.UserGroupV1)) // the only type there is
}

// AddDatabase adds a PostgreSQL database.
func (s *Server) AddDatabase(name string, labels map[string]string) error {
	db, err := types.NewDatabaseV3(types.Metadata{Name: name, Labels: labels},
		types.DatabaseSpecV3{Protocol: "postgres", URI: "localhost:5432"})
	if err != nil {
		return trace.Wrap(err)
	}
	srv, err := types.NewDatabaseServerV3(types.Metadata{Name: name, Labels: labels},
		types.DatabaseServerSpecV3{HostID: "db-agent", Hostname: "db.example.com", Database: db})
	if err != nil {
		return trace.Wrap(err)
	}
	return s.AddResource(srv)
}

// AddKubeCluster adds a Kubernetes cluster.
func (s *Server) AddKubeCluster(name string, labels map[string]string) error {
	kube, err := types.NewKubernetesClusterV3(types.Metadata{Name: name, Labels: labels}, types.KubernetesClusterSpecV3{})
	if err != nil {
		return trace.Wrap(err)
	}
	srv, err := types.NewKubernetesServerV3FromCluster(kube, "kube.example.com", "kube-agent")
	if err != nil {
		return trace.Wrap(err)
	}
	srv.Metadata.Labels = labels
	return s.AddResource(srv)
}

func oktaLabels(labels map[string]string, nameLabel, friendly string) map[string]string {
	if friendly == "" {
		return labels
	}
	out := map[string]string{types.OriginLabel: types.OriginOkta, nameLabel: friendly}
	for k, v := range labels {
		out[k] = v
	}
	return out
}

// resourceOf returns the one resource that p holds.
func resourceOf(p *proto.PaginatedResource) types.ResourceWithLabels {
	switch r := p.Resource.(type) {
	case *proto.PaginatedResource_Node:
		return r.Node
	case *proto.PaginatedResource_AppServer:
		return r.AppServer
	case *proto.PaginatedResource_DatabaseServer:
		return r.DatabaseServer
	case *proto.PaginatedResource_KubernetesServer:
		return r.KubernetesServer
	case *proto.PaginatedResource_KubeCluster:
		return r.KubeCluster
	case *proto.PaginatedResource_UserGroup:
		return r.UserGroup
	case *proto.PaginatedResource_GitServer:
		return r.GitServer
	case *proto.PaginatedResource_SAMLIdPServiceProvider:
		return r.SAMLIdPServiceProvider
	case *proto.PaginatedResource_IdentityCenterAccountAssignment:
		return proto.UnpackICAccountAssignment(r.IdentityCenterAccountAssignment)
	}
	panic("teleporttest: AddResource stores no other type")
}

// governedBy is the kind whose rights govern listing a resource type.
func governedBy(resourceType string) string {
	switch resourceType {
	case types.KindAppServer:
		return types.KindApp
	case types.KindDatabaseServer:
		return types.KindDatabase
	case types.KindKubeServer:
		return types.KindKubernetesCluster
	}
	return resourceType
}

// ListResources returns one page of the resources of one type that match.
func (a *authService) ListResources(ctx context.Context, in *proto.ListResourcesRequest) (*proto.ListResourcesResponse, error) {
	if err := in.CheckAndSetDefaults(); err != nil {
		return nil, trace.Wrap(err)
	}
	switch in.ResourceType {
	case types.KindNode, types.KindAppServer, types.KindDatabaseServer, types.KindKubeServer,
		types.KindKubernetesCluster, types.KindUserGroup,
		types.KindIdentityCenterAccount, types.KindIdentityCenterAccountAssignment, types.KindSAMLIdPServiceProvider:
	default:
		return nil, trace.NotImplemented("resource type %s does not support pagination", in.ResourceType)
	}
	if err := a.s.rights.check(governedBy(in.ResourceType), types.VerbList, types.VerbRead); err != nil {
		return nil, err
	}
	expr, err := parsePredicate(in.PredicateExpression)
	if err != nil {
		return nil, err
	}
	out := &proto.ListResourcesResponse{}
	if !a.s.opts.ResourcesForAll && !in.UseSearchAsRoles && !in.UsePreviewAsRoles {
		return out, nil
	}
	d := a.s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.resources {
		r := resourceOf(p)
		if listedAs(r) != in.ResourceType || !types.MatchLabels(r, in.Labels) || !r.MatchSearch(in.SearchKeywords) {
			continue
		}
		ok, err := expr.matches(r)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		out.TotalCount++
		switch {
		case r.GetName() < in.StartKey || out.NextKey != "":
		case len(out.Resources) == int(in.Limit):
			out.NextKey = r.GetName()
		default:
			out.Resources = append(out.Resources, p)
		}
	}
	return out, nil
}
