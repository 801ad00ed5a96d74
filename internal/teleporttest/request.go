package teleporttest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gravitational/teleport/api/client/proto"
	apidefaults "github.com/gravitational/teleport/api/defaults"
	"github.com/gravitational/teleport/api/types"
	apiutils "github.com/gravitational/teleport/api/utils"
	"github.com/gravitational/trace"
)

const (
	// defaultRequestTTL is how long a request may stay undecided.
	defaultRequestTTL = time.Hour
	// defaultAccessTTL is how long approved access lasts, from the request on.
	defaultAccessTTL = 12 * time.Hour
)

// requests holds access requests and the plugin data about them, under one
// lock, because the one may not exist without the other at its creation.
type requests struct {
	clock func() time.Time
	hub   *hub
	dir   *directory

	mu         sync.Mutex
	byID       map[string]*types.AccessRequestV3 // never handed out, replaced and not changed
	sorted     []*types.AccessRequestV3          // byID in order; nil after a change
	nextExpiry time.Time                         // nothing expires earlier; zero if unknown
	pluginData map[dataKey]*pluginRecord
	writes     []PluginDataWrite
}

func newRequests(clock func() time.Time, h *hub, dir *directory) *requests {
	return &requests{
		clock:      clock,
		hub:        h,
		dir:        dir,
		byID:       make(map[string]*types.AccessRequestV3),
		pluginData: make(map[dataKey]*pluginRecord),
	}
}

// storeLocked keeps r, which belongs to the store from now on, and notifies the
// watchers.
func (rs *requests) storeLocked(r *types.AccessRequestV3) {
	r.Metadata.Revision = uuid.NewString()
	rs.byID[r.GetName()] = r
	rs.sorted = nil
	rs.expiresAtLocked(r.Expiry())
	// The stored value is never changed, so the event may share it.
	rs.hub.emit(&proto.Event{
		Type:     proto.Operation_PUT,
		Resource: &proto.Event_AccessRequest{AccessRequest: r},
	})
}

// deleteLocked deletes a request and sends the watchers its name, which is all
// that a real server sends.
func (rs *requests) deleteLocked(id string) {
	delete(rs.byID, id)
	rs.sorted = nil
	rs.hub.emit(&proto.Event{
		Type: proto.Operation_DELETE,
		Resource: &proto.Event_ResourceHeader{ResourceHeader: &types.ResourceHeader{
			Kind:     types.KindAccessRequest,
			Version:  types.V3,
			Metadata: types.Metadata{Name: id, Namespace: apidefaults.Namespace},
		}},
	})
}

func (rs *requests) expiresAtLocked(t time.Time) {
	if !t.IsZero() && (rs.nextExpiry.IsZero() || t.Before(rs.nextExpiry)) {
		rs.nextExpiry = t
	}
}

// sweep removes what has expired by the clock.
func (rs *requests) sweep() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
}

func (rs *requests) sweepLocked() {
	now := rs.clock()
	if rs.nextExpiry.IsZero() || now.Before(rs.nextExpiry) {
		return
	}
	rs.nextExpiry = time.Time{}
	var expired []string
	for id, r := range rs.byID {
		if now.Before(r.Expiry()) {
			rs.expiresAtLocked(r.Expiry())
			continue
		}
		expired = append(expired, id)
	}
	slices.Sort(expired)
	for _, id := range expired {
		rs.deleteLocked(id)
	}
	for key, d := range rs.pluginData {
		if d.expires.IsZero() || now.Before(d.expires) {
			rs.expiresAtLocked(d.expires)
			continue
		}
		delete(rs.pluginData, key)
	}
}

// create stores a new pending request and returns a copy.
func (rs *requests) create(in types.AccessRequest) (*types.AccessRequestV3, error) {
	r, ok := in.Copy().(*types.AccessRequestV3)
	if !ok {
		return nil, trace.BadParameter("unexpected access request type %T", in)
	}
	if err := r.CheckAndSetDefaults(); err != nil {
		return nil, trace.Wrap(err)
	}
	if !r.GetState().IsPending() {
		return nil, trace.BadParameter("access requests must be created pending, not %s", r.GetState())
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	now := rs.clock().UTC()
	if _, exists := rs.byID[r.GetName()]; exists {
		return nil, trace.AlreadyExists("access request %q already exists", r.GetName())
	}
	r.Spec.Created = now
	if r.Spec.Expires.IsZero() {
		r.Spec.Expires = now.Add(defaultAccessTTL)
	}
	if r.Expiry().IsZero() {
		r.SetExpiry(now.Add(defaultRequestTTL))
	}
	if r.Spec.SessionTTL.IsZero() {
		r.Spec.SessionTTL = r.Spec.Expires
	}
	if r.Spec.MaxDuration.IsZero() {
		r.Spec.MaxDuration = r.Spec.Expires
	}
	if !r.Expiry().After(now) || !r.Spec.Expires.After(now) {
		return nil, trace.BadParameter("access request expires in the past")
	}
	r.Spec.Reviews = nil
	if len(r.Spec.Thresholds) == 0 {
		r.Spec.Thresholds = rs.dir.thresholds(r.GetUser())
	}
	r.Spec.RoleThresholdMapping = thresholdMapping(r)
	if !r.GetDryRun() {
		rs.storeLocked(r)
	}
	return clone(r), nil
}

// thresholdMapping reports whether each role needs any one of the thresholds.
func thresholdMapping(r *types.AccessRequestV3) map[string]types.ThresholdIndexSets {
	m := make(map[string]types.ThresholdIndexSets, len(r.GetRoles()))
	for _, role := range r.GetRoles() {
		indexes := make([]uint32, len(r.Spec.Thresholds))
		for i := range indexes {
			indexes[i] = uint32(i)
		}
		m[role] = types.ThresholdIndexSets{Sets: []types.ThresholdIndexSet{{Indexes: indexes}}}
	}
	return m
}

func (rs *requests) getLocked(id string) (*types.AccessRequestV3, error) {
	r, ok := rs.byID[id]
	if !ok {
		return nil, trace.NotFound("access request %q is not found", id)
	}
	return clone(r), nil
}

// setState decides a request as an administrator does, without reviews.
func (rs *requests) setState(u types.AccessRequestUpdate) error {
	if err := u.Check(); err != nil {
		return trace.Wrap(err)
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	r, err := rs.getLocked(u.RequestID)
	if err != nil {
		return err
	}
	if err := r.SetState(u.State); err != nil {
		return trace.Wrap(err)
	}
	r.SetResolveReason(u.Reason)
	r.SetResolveAnnotations(u.Annotations)
	for _, role := range u.Roles {
		if !slices.Contains(r.GetRoles(), role) {
			return trace.BadParameter("role %q not in original request, cannot override", role)
		}
	}
	if len(u.Roles) > 0 {
		r.SetRoles(u.Roles)
	}
	if u.AssumeStartTime != nil {
		r.SetAssumeStartTime(*u.AssumeStartTime)
	}
	rs.approvedExpiry(r)
	if err := r.CheckAndSetDefaults(); err != nil {
		return trace.Wrap(err)
	}
	rs.storeLocked(r)
	return nil
}

// approvedExpiry makes an approved request last as long as its access.
func (rs *requests) approvedExpiry(r *types.AccessRequestV3) {
	if r.GetState().IsApproved() {
		r.SetExpiry(r.GetAccessExpiry())
	}
}

func (rs *requests) delete(id string) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	if _, ok := rs.byID[id]; !ok {
		return trace.NotFound("cannot delete access request %q (not found)", id)
	}
	rs.deleteLocked(id)
	return nil
}

// list returns the requests that match, sorted by ID. They are the stored ones,
// to be read and encoded, never changed; the slice is the caller's.
func (rs *requests) list(f types.AccessRequestFilter) []*types.AccessRequestV3 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	if f.ID != "" {
		if r, ok := rs.byID[f.ID]; ok && f.Match(r) {
			return []*types.AccessRequestV3{r}
		}
		return nil
	}
	if rs.sorted == nil {
		rs.sorted = slices.SortedFunc(maps.Values(rs.byID), func(a, b *types.AccessRequestV3) int {
			return cmp.Compare(a.GetName(), b.GetName())
		})
	}
	if f.User == "" && f.State.IsNone() && f.Scope == types.AccessRequestScope_DEFAULT && len(f.SearchKeywords) == 0 {
		return slices.Clone(rs.sorted) // a page walk asks for this again and again
	}
	var out []*types.AccessRequestV3
	for _, r := range rs.sorted {
		if f.Match(r) {
			out = append(out, r)
		}
	}
	return out
}

// clone copies a message that came from, or goes into, the store.
func clone(r *types.AccessRequestV3) *types.AccessRequestV3 {
	return apiutils.CloneProtoMsg(r)
}
