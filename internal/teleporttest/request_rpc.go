package teleporttest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/gravitational/teleport/api/client/proto"
	apidefaults "github.com/gravitational/teleport/api/defaults"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// authService is the Auth server's main service; what it does not implement is
// answered Unimplemented.
type authService struct {
	proto.UnimplementedAuthServiceServer
	s *Server
}

// Ping returns the server's version and features.
func (a *authService) Ping(context.Context, *proto.PingRequest) (*proto.PingResponse, error) {
	return &proto.PingResponse{
		ClusterName:     a.s.opts.ClusterName,
		ServerVersion:   a.s.version.get(),
		ProxyPublicAddr: a.s.opts.ProxyPublicAddr,
		ServerFeatures:  &proto.Features{AdvancedAccessWorkflows: a.s.opts.AdvancedAccessWorkflows},
	}, nil
}

// GetDomainName returns the cluster's name.
func (a *authService) GetDomainName(context.Context, *emptypb.Empty) (*proto.GetDomainNameResponse, error) {
	return &proto.GetDomainNameResponse{DomainName: a.s.opts.ClusterName}, nil
}

// CreateAccessRequestV2 stores a request under an ID that the server chooses.
func (a *authService) CreateAccessRequestV2(ctx context.Context, in *types.AccessRequestV3) (*types.AccessRequestV3, error) {
	if err := a.s.rights.check(types.KindAccessRequest, types.VerbCreate); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, trace.Wrap(err)
	}
	in.SetName(id.String())
	in.Spec.Thresholds = nil // those come from the requester's roles
	r, err := a.s.requests.create(in)
	if err != nil {
		return nil, err
	}
	return a.s.version.sentRequest(r), nil
}

// GetAccessRequestsV2 streams the requests that match the filter; none is not
// an error.
func (a *authService) GetAccessRequestsV2(f *types.AccessRequestFilter, stream proto.AuthService_GetAccessRequestsV2Server) error {
	if err := a.s.rights.check(types.KindAccessRequest, types.VerbList, types.VerbRead); err != nil {
		return err
	}
	f.Requester = callerOf(stream.Context()).user
	for _, r := range a.s.requests.list(*f) {
		if err := stream.Send(a.s.version.sentRequest(r)); err != nil {
			return err
		}
	}
	return nil
}

// ListAccessRequests returns one page. Limit is 1000 where none is given.
func (a *authService) ListAccessRequests(ctx context.Context, req *proto.ListAccessRequestsRequest) (*proto.ListAccessRequestsResponse, error) {
	if !a.s.version.hasList() {
		return nil, status.Error(codes.Unimplemented, "unknown method ListAccessRequests for service proto.AuthService")
	}
	if err := a.s.rights.check(types.KindAccessRequest, types.VerbList, types.VerbRead); err != nil {
		return nil, err
	}
	filter := types.AccessRequestFilter{}
	if req.Filter != nil {
		filter = *req.Filter
	}
	filter.Requester = callerOf(ctx).user
	pg, err := page(a.s.requests.list(filter), req)
	if err != nil {
		return nil, err
	}
	pg.AccessRequests = a.s.version.sentRequests(pg.AccessRequests)
	return pg, nil
}

// page cuts one page out of all, which are sorted by ID. The key of a page is the sort key of its first
// request, so a page begins where it should even if requests came or went.
func page(all []*types.AccessRequestV3, req *proto.ListAccessRequestsRequest) (*proto.ListAccessRequestsResponse, error) {
	key := func(r *types.AccessRequestV3) string { return r.GetName() }
	switch req.Sort {
	case proto.AccessRequestSort_DEFAULT:
	case proto.AccessRequestSort_CREATED:
		key = func(r *types.AccessRequestV3) string {
			return r.GetCreationTime().UTC().Format("2006-01-02T15:04:05.000000000") + "/" + r.GetName()
		}
	case proto.AccessRequestSort_STATE:
		key = func(r *types.AccessRequestV3) string { return r.GetState().String() + "/" + r.GetName() }
	default:
		return nil, trace.BadParameter("unsupported access request sort %s", req.Sort)
	}
	limit := int(req.Limit)
	if limit < 0 {
		return nil, trace.BadParameter("negative page size")
	}
	if limit == 0 {
		limit = apidefaults.DefaultChunkSize
	}
	if req.Sort != proto.AccessRequestSort_DEFAULT || req.Descending { // they come sorted by ID
		slices.SortFunc(all, func(a, b *types.AccessRequestV3) int {
			c := cmp.Compare(key(a), key(b))
			if req.Descending {
				return -c
			}
			return c
		})
	}
	start := 0
	if req.StartKey != "" {
		start, _ = slices.BinarySearchFunc(all, req.StartKey, func(r *types.AccessRequestV3, k string) int {
			c := strings.Compare(key(r), k)
			if req.Descending {
				return -c
			}
			return c
		})
	}
	rest := all[start:]
	if len(rest) <= limit {
		return &proto.ListAccessRequestsResponse{AccessRequests: rest}, nil
	}
	return &proto.ListAccessRequestsResponse{AccessRequests: rest[:limit], NextKey: key(rest[limit])}, nil
}

// SetAccessRequestState decides a request without a review.
func (a *authService) SetAccessRequestState(ctx context.Context, in *proto.RequestStateSetter) (*emptypb.Empty, error) {
	if err := a.s.rights.check(types.KindAccessRequest, types.VerbUpdate); err != nil {
		return nil, err
	}
	err := a.s.requests.setState(types.AccessRequestUpdate{
		RequestID:       in.ID,
		State:           in.State,
		Reason:          in.Reason,
		Annotations:     in.Annotations,
		Roles:           in.Roles,
		AssumeStartTime: in.AssumeStartTime,
	})
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// SubmitAccessReview adds a review in its author's name, who is the caller or,
// from 18.11 on, another user on whose behalf the caller may submit it.
func (a *authService) SubmitAccessReview(ctx context.Context, in *types.AccessReviewSubmission) (*types.AccessRequestV3, error) {
	if err := a.s.rights.check(types.KindAccessRequest, VerbReview); err != nil {
		return nil, err
	}
	review, err := a.s.authorize(callerOf(ctx), in.RequestID, in.Review)
	if err != nil {
		return nil, err
	}
	r, err := a.s.requests.review(in.RequestID, review)
	if err != nil {
		return nil, err
	}
	return a.s.version.sentRequest(r), nil
}

// DeleteAccessRequest removes a request.
func (a *authService) DeleteAccessRequest(ctx context.Context, in *proto.RequestID) (*emptypb.Empty, error) {
	if err := a.s.rights.check(types.KindAccessRequest, types.VerbDelete); err != nil {
		return nil, err
	}
	if err := a.s.requests.delete(in.ID); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
