package teleporttest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"
	headerpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/header/v1"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// AccessList is an access list in the words of a test.
type AccessList struct {
	// Name is the list's own name, a UUID in Teleport; required.
	Name string
	// Title is what people call it.
	Title string
	// Owners are usernames.
	Owners []string
	// OwnerLists are the names of lists whose members own this one.
	OwnerLists []string
	// InheritedOwners are the usernames that OwnerLists come to.
	InheritedOwners []string
	// Type is "static" or "scim" for lists that nobody reviews, as servers from
	// 18 on have them; empty for others.
	Type string
	// NextAudit is until when it is to be reviewed; never if zero.
	NextAudit time.Time
	// NotifyBefore is how long before that owners are notified; if zero the server
	// does not say.
	NotifyBefore time.Duration
}

// lists are the access lists by name; stored values are replaced and never
// changed.
type lists struct {
	mu sync.Mutex
	m  map[string]listed
}

type listed struct {
	list   *listspb.AccessList
	owners []*listspb.AccessListOwner // with the inherited ones
}

func newLists() *lists { return &lists{m: make(map[string]listed)} }

// SetAccessList adds an access list or replaces it.
func (s *Server) SetAccessList(l AccessList) error {
	if l.Name == "" {
		return trace.BadParameter("an access list needs a name")
	}
	list := &listspb.AccessList{
		Header: &headerpb.ResourceHeader{
			Kind: types.KindAccessList, Version: types.V1, Metadata: &headerpb.Metadata{Name: l.Name},
		},
		Spec: &listspb.AccessListSpec{
			Title: l.Title, Audit: &listspb.AccessListAudit{},
			MembershipRequires: &listspb.AccessListRequires{}, OwnershipRequires: &listspb.AccessListRequires{}, Grants: &listspb.AccessListGrants{},
		},
	}
	if l.Type != "" {
		list.Spec.ProtoReflect().SetUnknown(appendText(nil, 12, l.Type))
	}
	if !l.NextAudit.IsZero() {
		list.Spec.Audit.NextAuditDate = timestamppb.New(l.NextAudit)
	}
	if l.NotifyBefore != 0 {
		list.Spec.Audit.Notifications = &listspb.Notifications{Start: durationpb.New(l.NotifyBefore)}
	}
	var all []*listspb.AccessListOwner
	for _, name := range l.Owners {
		owner := &listspb.AccessListOwner{Name: name, MembershipKind: listspb.MembershipKind_MEMBERSHIP_KIND_USER}
		list.Spec.Owners, all = append(list.Spec.Owners, owner), append(all, owner)
	}
	for _, name := range l.OwnerLists {
		list.Spec.Owners = append(list.Spec.Owners, &listspb.AccessListOwner{Name: name, MembershipKind: listspb.MembershipKind_MEMBERSHIP_KIND_LIST})
	}
	for _, name := range l.InheritedOwners {
		all = append(all, &listspb.AccessListOwner{Name: name, MembershipKind: listspb.MembershipKind_MEMBERSHIP_KIND_USER})
	}
	s.lists.mu.Lock()
	defer s.lists.mu.Unlock()
	s.lists.m[l.Name] = listed{list: list, owners: all}
	return nil
}

// DeleteAccessList removes an access list, with what plugins stored about it.
func (s *Server) DeleteAccessList(name string) {
	s.lists.mu.Lock()
	delete(s.lists.m, name)
	s.lists.mu.Unlock()
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	delete(s.requests.pluginData, dataKey{types.KindAccessList, name})
}

// listsService is the service of access lists from version 14 on; of its calls
// it knows those that read lists and owners.
type listsService struct {
	listspb.UnimplementedAccessListServiceServer
	s *Server
}

func (l *listsService) exists() error {
	if l.s.opts.NoAccessLists || !l.s.version.hasList() {
		return status.Error(codes.Unimplemented, "unknown service teleport.accesslist.v1.AccessListService")
	}
	return nil
}

// ListAccessLists returns one page of lists, by name.
func (l *listsService) ListAccessLists(_ context.Context, in *listspb.ListAccessListsRequest) (*listspb.ListAccessListsResponse, error) {
	if err := l.exists(); err != nil {
		return nil, err
	}
	if err := l.s.rights.check(types.KindAccessList, types.VerbList, types.VerbRead); err != nil {
		return nil, err
	}
	all := l.s.lists
	all.mu.Lock()
	defer all.mu.Unlock()
	names, next, err := pageOfNames(slices.Sorted(maps.Keys(all.m)), in.GetNextToken(), int(in.GetPageSize()))
	if err != nil {
		return nil, err
	}
	out := &listspb.ListAccessListsResponse{NextToken: next}
	for _, name := range names {
		out.AccessLists = append(out.AccessLists, proto.CloneOf(l.s.version.sentList(all.m[name].list)))
	}
	return out, nil
}

// GetAccessList returns one list.
func (l *listsService) GetAccessList(_ context.Context, in *listspb.GetAccessListRequest) (*listspb.AccessList, error) {
	if err := l.exists(); err != nil {
		return nil, err
	}
	if err := l.s.rights.check(types.KindAccessList, types.VerbRead); err != nil {
		return nil, err
	}
	all := l.s.lists
	all.mu.Lock()
	defer all.mu.Unlock()
	found, ok := all.m[in.GetName()]
	if !ok {
		return nil, trace.NotFound("access list %q not found", in.GetName())
	}
	return proto.CloneOf(found.list), nil
}

// GetAccessListOwners returns everybody who owns a list, by themselves or
// through another list.
func (l *listsService) GetAccessListOwners(_ context.Context, in *listspb.GetAccessListOwnersRequest) (*listspb.GetAccessListOwnersResponse, error) {
	if err := l.exists(); err != nil {
		return nil, err
	}
	if l.s.opts.NoListOwners || !l.s.version.hasListOwners() {
		return nil, status.Error(codes.Unimplemented, "method GetAccessListOwners not implemented")
	}
	if err := l.s.rights.check(types.KindAccessList, types.VerbRead); err != nil {
		return nil, err
	}
	all := l.s.lists
	all.mu.Lock()
	defer all.mu.Unlock()
	found, ok := all.m[in.GetAccessList()]
	if !ok {
		return nil, trace.NotFound("access list %q not found", in.GetAccessList())
	}
	return &listspb.GetAccessListOwnersResponse{Owners: found.owners}, nil
}
