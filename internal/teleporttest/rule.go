package teleporttest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/gravitational/teleport/api/client/proto"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	headerpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/header/v1"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	goproto "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// maxRulesPage is how many access monitoring rules a page has at most.
const maxRulesPage = 1000

// rules holds access monitoring rules. Stored values are replaced and never
// changed. Their conditions are not read: a real server refuses bad ones, and
// one that knows more functions takes what its plugins can't read.
type rules struct {
	hub *hub

	mu     sync.Mutex
	byName map[string]*rulespb.AccessMonitoringRule
}

func newRules(h *hub) *rules {
	return &rules{hub: h, byName: make(map[string]*rulespb.AccessMonitoringRule)}
}

// Rule is an access monitoring rule in short: one about access requests, whose
// notification is for Options.Plugin.
type Rule struct {
	Name       string
	Condition  string
	Recipients []string
	Schedules  map[string]Schedule // by name; none for a rule that is always in force

	ReviewIntegration string // whom the rule has review automatically, such as "builtin"
	ReviewDecision    string // "APPROVED" or "DENIED"
	DesiredState      string // "" or "reviewed"
	Unknown           []byte // encoded fields of the spec that are newer still
}

// PutRule creates a rule or replaces it, and notifies the watchers.
func (s *Server) PutRule(r Rule) error {
	if err := r.check(); err != nil {
		return err
	}
	return s.PutMonitoringRule(&rulespb.AccessMonitoringRule{
		Metadata: &headerpb.Metadata{Name: r.Name},
		Spec: withNewer(&rulespb.AccessMonitoringRuleSpec{
			Subjects:     []string{types.KindAccessRequest},
			Condition:    r.Condition,
			Notification: &rulespb.Notification{Name: s.opts.Plugin, Recipients: r.Recipients},
		}, r.newerFields()),
	})
}

// PutMonitoringRule is PutRule with everything that a rule can have.
func (s *Server) PutMonitoringRule(r *rulespb.AccessMonitoringRule) error {
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	_, err := s.rules.putLocked(r)
	return err
}

// DeleteRule deletes a rule and notifies the watchers.
func (s *Server) DeleteRule(name string) error {
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	return s.rules.deleteLocked(name)
}

func (rs *rules) putLocked(in *rulespb.AccessMonitoringRule) (*rulespb.AccessMonitoringRule, error) {
	if in.GetMetadata().GetName() == "" {
		return nil, trace.BadParameter("access monitoring rule has no name")
	}
	if len(in.GetSpec().GetSubjects()) == 0 {
		return nil, trace.BadParameter("access monitoring rule has no subjects")
	}
	r := goproto.Clone(in).(*rulespb.AccessMonitoringRule) // Clone keeps the type
	r.Kind, r.Version = types.KindAccessMonitoringRule, types.V1
	rs.byName[r.Metadata.Name] = r
	rs.hub.emit(&proto.Event{
		Type:     proto.Operation_PUT,
		Resource: &proto.Event_AccessMonitoringRule{AccessMonitoringRule: r},
	})
	return r, nil
}

func (rs *rules) deleteLocked(name string) error {
	if _, ok := rs.byName[name]; !ok {
		return trace.NotFound("access monitoring rule %q is not found", name)
	}
	delete(rs.byName, name)
	rs.hub.emit(&proto.Event{
		Type: proto.Operation_DELETE,
		Resource: &proto.Event_ResourceHeader{ResourceHeader: &types.ResourceHeader{
			Kind: types.KindAccessMonitoringRule, Metadata: types.Metadata{Name: name},
		}},
	})
	return nil
}

// rulesService is the service of access monitoring rules.
type rulesService struct {
	rulespb.UnimplementedAccessMonitoringRulesServiceServer
	s *Server
}

func (r *rulesService) allowed(verbs ...string) error {
	if !r.s.version.hasRules() {
		return status.Error(codes.Unimplemented, "unknown service teleport.accessmonitoringrules.v1.AccessMonitoringRulesService")
	}
	return r.s.rights.check(types.KindAccessMonitoringRule, verbs...)
}

// CreateAccessMonitoringRule creates a rule that is not there yet.
func (r *rulesService) CreateAccessMonitoringRule(_ context.Context, in *rulespb.CreateAccessMonitoringRuleRequest) (*rulespb.AccessMonitoringRule, error) {
	return r.write(in.GetRule(), types.VerbCreate)
}

// UpdateAccessMonitoringRule replaces a rule that is there.
func (r *rulesService) UpdateAccessMonitoringRule(_ context.Context, in *rulespb.UpdateAccessMonitoringRuleRequest) (*rulespb.AccessMonitoringRule, error) {
	return r.write(in.GetRule(), types.VerbUpdate)
}

// UpsertAccessMonitoringRule creates a rule or replaces it.
func (r *rulesService) UpsertAccessMonitoringRule(_ context.Context, in *rulespb.UpsertAccessMonitoringRuleRequest) (*rulespb.AccessMonitoringRule, error) {
	return r.write(in.GetRule(), types.VerbCreate, types.VerbUpdate)
}

// write stores a rule; with the one right of creating or updating, there must
// be none or one to begin with.
func (r *rulesService) write(rule *rulespb.AccessMonitoringRule, verbs ...string) (*rulespb.AccessMonitoringRule, error) {
	if err := r.allowed(verbs...); err != nil {
		return nil, err
	}
	rs := r.s.rules
	rs.mu.Lock()
	defer rs.mu.Unlock()
	name := rule.GetMetadata().GetName()
	_, there := rs.byName[name]
	switch {
	case len(verbs) > 1:
	case verbs[0] == types.VerbCreate && there:
		return nil, trace.AlreadyExists("access monitoring rule %q already exists", name)
	case verbs[0] == types.VerbUpdate && !there:
		return nil, trace.NotFound("access monitoring rule %q is not found", name)
	}
	return rs.putLocked(rule)
}

// GetAccessMonitoringRule returns a rule by name.
func (r *rulesService) GetAccessMonitoringRule(_ context.Context, in *rulespb.GetAccessMonitoringRuleRequest) (*rulespb.AccessMonitoringRule, error) {
	if err := r.allowed(types.VerbRead); err != nil {
		return nil, err
	}
	rs := r.s.rules
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rule, ok := rs.byName[in.GetName()]
	if !ok {
		return nil, trace.NotFound("access monitoring rule %q is not found", in.GetName())
	}
	return r.s.version.sentRule(rule), nil
}

// DeleteAccessMonitoringRule deletes a rule by name.
func (r *rulesService) DeleteAccessMonitoringRule(_ context.Context, in *rulespb.DeleteAccessMonitoringRuleRequest) (*emptypb.Empty, error) {
	if err := r.allowed(types.VerbDelete); err != nil {
		return nil, err
	}
	if err := r.s.DeleteRule(in.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// ListAccessMonitoringRules returns one page of the rules by name.
func (r *rulesService) ListAccessMonitoringRules(_ context.Context, in *rulespb.ListAccessMonitoringRulesRequest) (*rulespb.ListAccessMonitoringRulesResponse, error) {
	page, next, err := r.list(in.GetPageToken(), in.GetPageSize(), func(*rulespb.AccessMonitoringRuleSpec) bool { return true })
	return &rulespb.ListAccessMonitoringRulesResponse{Rules: page, NextPageToken: next}, err
}

// ListAccessMonitoringRulesWithFilter returns one page of the rules that have
// all of the subjects, and the notification name.
func (r *rulesService) ListAccessMonitoringRulesWithFilter(_ context.Context, in *rulespb.ListAccessMonitoringRulesWithFilterRequest) (*rulespb.ListAccessMonitoringRulesWithFilterResponse, error) {
	page, next, err := r.list(in.GetPageToken(), in.GetPageSize(), func(spec *rulespb.AccessMonitoringRuleSpec) bool {
		for _, subject := range in.GetSubjects() {
			if !slices.Contains(spec.GetSubjects(), subject) {
				return false
			}
		}
		return in.GetNotificationName() == "" || in.GetNotificationName() == spec.GetNotification().GetName()
	})
	return &rulespb.ListAccessMonitoringRulesWithFilterResponse{Rules: page, NextPageToken: next}, err
}

func (r *rulesService) list(token string, size int64, fits func(*rulespb.AccessMonitoringRuleSpec) bool) (page []*rulespb.AccessMonitoringRule, next string, err error) {
	if err := r.allowed(types.VerbList, types.VerbRead); err != nil {
		return nil, "", err
	}
	if size <= 0 || size > maxRulesPage {
		size = maxRulesPage
	}
	rs := r.s.rules
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(rs.byName)) {
		if fits(rs.byName[name].GetSpec()) {
			names = append(names, name)
		}
	}
	names, next, err = pageOfNames(names, token, int(size))
	for _, name := range names {
		page = append(page, r.s.version.sentRule(rs.byName[name]))
	}
	return page, next, err
}
