package teleporttest

import (
	"strings"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
)

// review adds one review and resolves the request where it meets a threshold.
func (rs *requests) review(id string, rev types.AccessReview) (*types.AccessRequestV3, error) {
	if err := (types.AccessReviewSubmission{RequestID: id, Review: rev}).Check(); err != nil {
		return nil, trace.Wrap(err)
	}
	if !rev.ProposedState.IsResolved() {
		return nil, trace.BadParameter("invalid review state %s", rev.ProposedState)
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	r, err := rs.getLocked(id)
	if err != nil {
		return nil, err
	}
	if r.GetState().IsResolved() {
		return nil, trace.AccessDenied("the access request has been already %s", strings.ToLower(r.GetState().String()))
	}
	if rev.Author == r.GetUser() {
		return nil, trace.AccessDenied("user %q cannot review a request of their own", rev.Author)
	}
	for _, other := range r.GetReviews() {
		if other.Author == rev.Author {
			return nil, trace.AlreadyExists("user %q has already reviewed this request", rev.Author)
		}
	}
	rev.Created = rs.clock().UTC()
	rev.ThresholdIndexes = make([]uint32, len(r.Spec.Thresholds))
	for i := range rev.ThresholdIndexes {
		rev.ThresholdIndexes[i] = uint32(i)
	}
	r.Spec.Reviews = append(r.Spec.Reviews, rev)
	if state := outcome(r); state.IsResolved() {
		if err := r.SetState(state); err != nil {
			return nil, trace.Wrap(err)
		}
		r.SetResolveReason(rev.Reason)
		r.SetResolveAnnotations(rev.Annotations)
		if rev.AssumeStartTime != nil {
			r.SetAssumeStartTime(*rev.AssumeStartTime)
		}
		if state.IsPromoted() {
			r.Spec.AccessList = rev.AccessList
		}
		rs.approvedExpiry(r)
	}
	rs.storeLocked(r)
	return clone(r), nil
}

// outcome is where the last review has brought the request: its proposed state
// if that many reviews propose it as some threshold asks for.
func outcome(r *types.AccessRequestV3) types.RequestState {
	last := r.Spec.Reviews[len(r.Spec.Reviews)-1].ProposedState
	var agree uint32
	for _, rev := range r.Spec.Reviews {
		if rev.ProposedState == last {
			agree++
		}
	}
	for _, t := range r.Spec.Thresholds {
		need := t.Approve
		if last.IsDenied() {
			need = t.Deny
		}
		if need > 0 && agree >= need {
			return last
		}
	}
	return types.RequestState_PENDING
}
