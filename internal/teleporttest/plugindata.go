package teleporttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	apiutils "github.com/gravitational/teleport/api/utils"
	"github.com/gravitational/trace"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	// pluginDataGrace is how much longer plugin data lives than the access that
	// it is about could have lasted.
	pluginDataGrace = time.Hour
	// maxWrites is how many of the last writes are remembered.
	maxWrites = 10_000
)

type dataKey struct{ kind, resource string }

type pluginRecord struct {
	data    *types.PluginDataV3
	expires time.Time // zero for never
}

// PluginDataWrite is one UpdatePluginData that reached the server.
type PluginDataWrite struct {
	Kind, Resource, Plugin string
	Set, Expect            map[string]string
	Err                    error // why it was refused, or nil
}

// update applies Set where Expect holds. A missing value equals "", and setting
// "" deletes. Data can be created only for a request that exists, but be
// updated after it has gone.
func (rs *requests) update(p types.PluginDataUpdateParams) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	err := rs.updateLocked(p)
	rs.writes = append(rs.writes, PluginDataWrite{
		Kind: p.Kind, Resource: p.Resource, Plugin: p.Plugin,
		Set: maps.Clone(p.Set), Expect: maps.Clone(p.Expect), Err: err,
	})
	if len(rs.writes) > maxWrites {
		rs.writes = slices.Delete(rs.writes, 0, maxWrites/2)
	}
	return err
}

func (rs *requests) updateLocked(p types.PluginDataUpdateParams) error {
	if p.Resource == "" || p.Plugin == "" {
		return trace.BadParameter("plugin data needs a resource and a plugin")
	}
	key := dataKey{p.Kind, p.Resource}
	var next *types.PluginDataV3
	var expires time.Time
	if old, ok := rs.pluginData[key]; ok {
		next, expires = apiutils.CloneProtoMsg(old.data), old.expires
	} else {
		switch p.Kind {
		case types.KindAccessRequest:
			r, err := rs.getLocked(p.Resource)
			if err != nil {
				return err
			}
			expires = r.GetAccessExpiry().Add(pluginDataGrace)
		case types.KindAccessList:
		default:
			return trace.BadParameter("unsupported resource kind %q", p.Kind)
		}
		created, err := types.NewPluginData(p.Resource, p.Kind)
		if err != nil {
			return trace.Wrap(err)
		}
		next = created.(*types.PluginDataV3) // the only type there is
		if !expires.IsZero() {
			next.SetExpiry(expires)
		}
	}
	if err := next.Update(p); err != nil {
		return trace.Wrap(err)
	}
	rs.pluginData[key] = &pluginRecord{data: next, expires: expires}
	rs.expiresAtLocked(expires)
	return nil
}

func (rs *requests) find(f types.PluginDataFilter) []*types.PluginDataV3 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.sweepLocked()
	var out []*types.PluginDataV3
	if f.Kind != "" && f.Resource != "" { // one of many, which a restart asks for each
		if d, ok := rs.pluginData[dataKey{f.Kind, f.Resource}]; ok && f.Match(d.data) {
			out = append(out, d.data)
		}
		return out
	}
	for _, d := range rs.pluginData {
		if f.Match(d.data) {
			out = append(out, d.data) // replaced and never changed, like requests
		}
	}
	slices.SortFunc(out, func(a, b *types.PluginDataV3) int {
		return cmp.Or(cmp.Compare(a.GetSubKind(), b.GetSubKind()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return out
}

// GetPluginData returns the plugin data that matches the filter.
func (a *authService) GetPluginData(ctx context.Context, f *types.PluginDataFilter) (*proto.PluginDataSeq, error) {
	if a.s.rights.check(f.Kind, types.VerbList, types.VerbRead) != nil {
		if err := a.s.rights.check(types.KindAccessPluginData, types.VerbList, types.VerbRead); err != nil {
			return nil, err
		}
	}
	return &proto.PluginDataSeq{PluginData: a.s.requests.find(*f)}, nil
}

// UpdatePluginData changes the data of one plugin about one resource.
func (a *authService) UpdatePluginData(ctx context.Context, p *types.PluginDataUpdateParams) (*emptypb.Empty, error) {
	if err := a.s.rights.check(types.KindAccessPluginData, types.VerbUpdate); err != nil {
		return nil, err
	}
	if err := a.s.requests.update(*p); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// PluginData returns what Options.Plugin has stored about an access request;
// nil if nothing.
func (s *Server) PluginData(id string) map[string]string {
	return s.pluginData(types.KindAccessRequest, id)
}

// ListPluginData is PluginData about an access list.
func (s *Server) ListPluginData(name string) map[string]string {
	return s.pluginData(types.KindAccessList, name)
}

func (s *Server) pluginData(kind, name string) map[string]string {
	found := s.requests.find(types.PluginDataFilter{Kind: kind, Resource: name, Plugin: s.opts.Plugin})
	if len(found) == 0 {
		return nil
	}
	return maps.Clone(found[0].Spec.Entries[s.opts.Plugin].Data)
}

// SetPluginData stores values about an access request in the name of
// Options.Plugin, as another installation of it might have done; "" deletes. It
// does not count as a write.
func (s *Server) SetPluginData(id string, values map[string]string) error {
	return s.setPluginData(types.KindAccessRequest, id, values)
}

// SetListPluginData is SetPluginData about an access list.
func (s *Server) SetListPluginData(name string, values map[string]string) error {
	return s.setPluginData(types.KindAccessList, name, values)
}

func (s *Server) setPluginData(kind, name string, values map[string]string) error {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return s.requests.updateLocked(types.PluginDataUpdateParams{
		Kind: kind, Resource: name, Plugin: s.opts.Plugin, Set: values,
	})
}

// PluginDataWrites returns the last UpdatePluginData calls, oldest first, at
// least 5,000 of them.
func (s *Server) PluginDataWrites() []PluginDataWrite {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return slices.Clone(s.requests.writes)
}
