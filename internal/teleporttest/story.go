package teleporttest

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
)

// Request is an access request to be made, in the words of a test.
// Its fields are those of an access request.
type Request struct {
	// ID is the request's ID; a new one if empty.
	ID string
	// User is the requester; required.
	User string
	// Roles and Resources are what is asked for; at least one of them.
	Roles     []string
	Resources []types.ResourceID
	// Narrowed are further resources, each with the principals that are asked
	// for on it, as servers from 18 on know them.
	Narrowed []NarrowedResource
	// Reason is why.
	Reason string
	// SuggestedReviewers are usernames or emails.
	SuggestedReviewers []string
	// Thresholds are how many reviews it takes; those of the requester's roles
	// if empty, or else one approval or one denial.
	Thresholds []types.AccessReviewThreshold
	// LongTerm asks for access that lasts, as servers from 18 on know it.
	LongTerm bool
	// RecommendedList is the access list that a long-term request should become.
	RecommendedList string
	// SpecFields are encoded protobuf fields that are added to the spec, as a
	// server of the future would.
	SpecFields []byte
	// DryRun makes a dry run, and unlike a real server keeps it.
	DryRun bool
	// Annotations are the system annotations.
	Annotations map[string][]string
	// TTL is how long it may stay undecided; 1 hour if zero.
	TTL time.Duration
	// AccessTTL is how long approved access lasts from now; 12 hours if zero.
	AccessTTL time.Duration
	// AssumeStart is when approved access begins, from now; at once if zero.
	AssumeStart time.Duration
}

// CreateRequest makes an access request, as its user would.
func (s *Server) CreateRequest(req Request) (types.AccessRequest, error) {
	id := req.ID
	if id == "" {
		v7, err := uuid.NewV7()
		if err != nil {
			return nil, trace.Wrap(err)
		}
		id = v7.String()
	}
	if len(req.Narrowed) > 0 && len(req.Roles)+len(req.Resources) == 0 {
		return nil, trace.BadParameter("a request for narrowed resources needs the roles that Teleport finds for them")
	}
	r, err := types.NewAccessRequestWithResources(id, req.User, req.Roles, req.Resources)
	if err != nil {
		return nil, trace.Wrap(err)
	}
	now := s.opts.Clock().UTC()
	if v3, ok := r.(*types.AccessRequestV3); ok {
		v3.Spec.XXX_unrecognized = req.newerFields()
	}
	r.SetRequestReason(req.Reason)
	r.SetSuggestedReviewers(req.SuggestedReviewers)
	r.SetThresholds(req.Thresholds)
	r.SetSystemAnnotations(req.Annotations)
	if req.TTL != 0 {
		r.SetExpiry(now.Add(req.TTL))
	}
	if req.AccessTTL != 0 {
		r.SetAccessExpiry(now.Add(req.AccessTTL))
	}
	if req.AssumeStart != 0 {
		r.SetAssumeStartTime(now.Add(req.AssumeStart))
	}
	created, err := s.requests.create(r)
	if err == nil && req.DryRun {
		created.SetDryRun(true)
		s.requests.mu.Lock()
		s.requests.storeLocked(clone(created))
		s.requests.mu.Unlock()
	}
	if err != nil {
		return nil, err // not the nil of another type
	}
	return created, nil
}

// Review adds author's review to a request.
func (s *Server) Review(id, author string, state types.RequestState, reason string) (types.AccessRequest, error) {
	r, err := s.requests.review(id, types.AccessReview{Author: author, ProposedState: state, Reason: reason})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Promote adds author's review that promotes a request to an access list.
func (s *Server) Promote(id, author, reason, listName, listTitle string) (types.AccessRequest, error) {
	r, err := s.requests.review(id, types.AccessReview{
		Author:        author,
		ProposedState: types.RequestState_PROMOTED,
		Reason:        reason,
		AccessList:    &types.PromotedAccessList{Name: listName, Title: listTitle},
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// SetState decides a request as `tctl requests approve` and deny do.
func (s *Server) SetState(id string, state types.RequestState, reason string) error {
	return s.requests.setState(types.AccessRequestUpdate{RequestID: id, State: state, Reason: reason})
}

// Delete removes a request as `tctl requests rm` does.
func (s *Server) Delete(id string) error { return s.requests.delete(id) }

// Expire lets a request expire now, whatever the clock says. To watchers that
// is the same as Delete.
func (s *Server) Expire(id string) error { return s.requests.delete(id) }

// Sweep removes at once what has expired by the clock. The server does the same
// a few times a second and before each call.
func (s *Server) Sweep() { s.requests.sweep() }

// Requests returns all requests, oldest first.
func (s *Server) Requests() []types.AccessRequest {
	all := s.requests.list(types.AccessRequestFilter{})
	slices.SortStableFunc(all, func(a, b *types.AccessRequestV3) int {
		return a.GetCreationTime().Compare(b.GetCreationTime())
	})
	out := make([]types.AccessRequest, len(all))
	for i, r := range all {
		out[i] = clone(r)
	}
	return out
}

// Request returns one request.
func (s *Server) Request(id string) (types.AccessRequest, error) {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.sweepLocked()
	r, err := s.requests.getLocked(id)
	if err != nil {
		return nil, err
	}
	return r, nil
}
