package teleporttest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/gravitational/teleport/api/client/proto"
	apidefaults "github.com/gravitational/teleport/api/defaults"
	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	userspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/users/v1"
	"github.com/gravitational/teleport/api/types"
	apiutils "github.com/gravitational/teleport/api/utils"
	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// directory holds what changes rarely: roles, users with their login states, and
// resources. Stored
// values are replaced and never changed.
type directory struct {
	mu        sync.Mutex
	roles     map[string]*types.RoleV6
	users     map[string]*types.UserV2
	logins    map[string]*loginpb.UserLoginState
	resources []*proto.PaginatedResource // sorted by kind and name
	submitFor map[string]submitFor       // by role
}

func newDirectory() *directory {
	return &directory{
		roles: make(map[string]*types.RoleV6), users: make(map[string]*types.UserV2),
		logins: make(map[string]*loginpb.UserLoginState), submitFor: make(map[string]submitFor),
	}
}

// AddRole adds a role or replaces it.
func (s *Server) AddRole(role types.Role) error {
	r, ok := role.(*types.RoleV6)
	if !ok {
		return trace.BadParameter("unexpected role type %T", role)
	}
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	s.directory.roles[r.GetName()] = apiutils.CloneProtoMsg(r)
	return nil
}

// AddUser adds a user or replaces it.
func (s *Server) AddUser(user types.User) error {
	u, ok := user.(*types.UserV2)
	if !ok {
		return trace.BadParameter("unexpected user type %T", user)
	}
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	s.directory.users[u.GetName()] = apiutils.CloneProtoMsg(u)
	return nil
}

func (d *directory) role(name string) (*types.RoleV6, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.roles[name]
	if !ok {
		return nil, trace.NotFound("role %v is not found", name)
	}
	return r, nil
}

func (d *directory) user(name string) (*types.UserV2, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, ok := d.users[name]
	if !ok {
		return nil, trace.NotFound("user %q not found", name)
	}
	return u, nil
}

// thresholds are those of the user's roles, or one approval or one denial.
func (d *directory) thresholds(user string) []types.AccessReviewThreshold {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []types.AccessReviewThreshold
	if u, ok := d.users[user]; ok {
		for _, name := range u.GetRoles() {
			r, ok := d.roles[name]
			if !ok || r.Spec.Allow.Request == nil {
				continue
			}
			out = append(out, r.Spec.Allow.Request.Thresholds...)
		}
	}
	if len(out) == 0 {
		out = []types.AccessReviewThreshold{{Name: "default", Approve: 1, Deny: 1}}
	}
	return out
}

// GetRole returns a role; every user may read their own roles.
func (a *authService) GetRole(ctx context.Context, in *proto.GetRoleRequest) (*types.RoleV6, error) {
	if !slices.Contains(callerOf(ctx).roles, in.Name) {
		if err := a.s.rights.check(types.KindRole, types.VerbRead); err != nil {
			return nil, err
		}
	}
	return a.s.directory.role(in.Name)
}

// ListRoles returns one page of roles by name.
func (a *authService) ListRoles(ctx context.Context, in *proto.ListRolesRequest) (*proto.ListRolesResponse, error) {
	if err := a.s.rights.check(types.KindRole, types.VerbList, types.VerbRead); err != nil {
		return nil, err
	}
	d := a.s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	names, next, err := pageOfNames(slices.Sorted(maps.Keys(d.roles)), in.StartKey, int(in.Limit))
	if err != nil {
		return nil, err
	}
	out := &proto.ListRolesResponse{NextKey: next}
	for _, name := range names {
		out.Roles = append(out.Roles, d.roles[name])
	}
	return out, nil
}

// pageOfNames returns up to limit names from start on, and where the next page
// begins.
func pageOfNames(sorted []string, start string, limit int) (names []string, next string, err error) {
	if limit < 0 {
		return nil, "", trace.BadParameter("negative page size")
	}
	if limit == 0 {
		limit = apidefaults.DefaultChunkSize
	}
	i, _ := slices.BinarySearch(sorted, start)
	rest := sorted[i:]
	if len(rest) <= limit {
		return rest, "", nil
	}
	return rest[:limit], rest[limit], nil
}

// currentUser is the caller, also if no user of that name was added.
func (s *Server) currentUser(ctx context.Context) (*types.UserV2, error) {
	c := callerOf(ctx)
	if u, err := s.directory.user(c.user); err == nil {
		return u, nil
	}
	u, err := types.NewUser(c.user)
	if err != nil {
		return nil, trace.Wrap(err)
	}
	u.SetRoles(c.roles)
	return u.(*types.UserV2), nil // the only type there is
}

func (s *Server) getUser(ctx context.Context, name string) (*types.UserV2, error) {
	if name == callerOf(ctx).user {
		return s.currentUser(ctx)
	}
	if err := s.rights.check(types.KindUser, types.VerbRead); err != nil {
		return nil, err
	}
	return s.directory.user(name)
}

// GetUser is the call that clients before 15 make.
func (a *authService) GetUser(ctx context.Context, in *proto.GetUserRequest) (*types.UserV2, error) {
	return a.s.getUser(ctx, in.Name)
}

// GetCurrentUser is the call that clients before 15 make.
func (a *authService) GetCurrentUser(ctx context.Context, _ *emptypb.Empty) (*types.UserV2, error) {
	return a.s.currentUser(ctx)
}

// GetCurrentUserRoles streams the caller's roles, as far as the server knows
// them.
func (a *authService) GetCurrentUserRoles(_ *emptypb.Empty, stream proto.AuthService_GetCurrentUserRolesServer) error {
	for _, name := range callerOf(stream.Context()).roles {
		r, err := a.s.directory.role(name)
		if trace.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := stream.Send(r); err != nil {
			return err
		}
	}
	return nil
}

// usersService is the service of users from version 14 on.
type usersService struct {
	userspb.UnimplementedUsersServiceServer
	s *Server
}

func (u *usersService) exists() error {
	if !u.s.version.hasList() {
		return status.Error(codes.Unimplemented, "unknown service teleport.users.v1.UsersService")
	}
	return nil
}

// GetUser returns a user by name, or the caller.
func (u *usersService) GetUser(ctx context.Context, in *userspb.GetUserRequest) (*userspb.GetUserResponse, error) {
	if err := u.exists(); err != nil {
		return nil, err
	}
	var user *types.UserV2
	var err error
	if in.CurrentUser {
		user, err = u.s.currentUser(ctx)
	} else {
		user, err = u.s.getUser(ctx, in.Name)
	}
	if err != nil {
		return nil, err
	}
	return &userspb.GetUserResponse{User: user}, nil
}

// ListUsers returns one page of the users that match, by name.
func (u *usersService) ListUsers(ctx context.Context, in *userspb.ListUsersRequest) (*userspb.ListUsersResponse, error) {
	if err := u.exists(); err != nil {
		return nil, err
	}
	if err := u.s.rights.check(types.KindUser, types.VerbList, types.VerbRead); err != nil {
		return nil, err
	}
	d := u.s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	var matching []string
	for name, user := range d.users {
		if in.Filter == nil || in.Filter.Match(user) {
			matching = append(matching, name)
		}
	}
	slices.Sort(matching)
	names, next, err := pageOfNames(matching, in.PageToken, int(in.PageSize))
	if err != nil {
		return nil, err
	}
	out := &userspb.ListUsersResponse{NextPageToken: next}
	for _, name := range names {
		out.Users = append(out.Users, d.users[name])
	}
	return out, nil
}
