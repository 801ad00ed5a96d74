package teleporttest

import (
	"context"
	"maps"
	"slices"

	headerpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/header/v1"
	traitpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/trait/v1"
	loginpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/userloginstate/v1"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// SetLoginState sets the traits that the last login has given a user, on top of
// what the user has by itself; nil takes the login state away.
func (s *Server) SetLoginState(user string, traits map[string][]string) {
	d := s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	if traits == nil {
		delete(d.logins, user)
		return
	}
	state := &loginpb.UserLoginState{
		Header: &headerpb.ResourceHeader{
			Kind: types.KindUserLoginState, Version: types.V1, Metadata: &headerpb.Metadata{Name: user},
		},
		Spec: &loginpb.Spec{UserType: string(types.UserTypeSSO)},
	}
	for _, key := range slices.Sorted(maps.Keys(traits)) {
		state.Spec.Traits = append(state.Spec.Traits, &traitpb.Trait{Key: key, Values: slices.Clone(traits[key])})
	}
	d.logins[user] = state
}

// loginStateService is the service of login states from version 14 on; of its
// calls it knows the one that reads one.
type loginStateService struct {
	loginpb.UnimplementedUserLoginStateServiceServer
	s *Server
}

// GetUserLoginState returns a user's login state.
func (l *loginStateService) GetUserLoginState(_ context.Context, in *loginpb.GetUserLoginStateRequest) (*loginpb.UserLoginState, error) {
	if !l.s.version.hasRules() {
		return nil, status.Error(codes.Unimplemented, "unknown service teleport.userloginstate.v1.UserLoginStateService")
	}
	if err := l.s.rights.check(types.KindUserLoginState, types.VerbRead); err != nil {
		return nil, err
	}
	d := l.s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	state, ok := d.logins[in.GetName()]
	if !ok {
		return nil, trace.NotFound("user login state %q not found", in.GetName())
	}
	return state, nil
}
