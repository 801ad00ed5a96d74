package teleporttest

import (
	"context"
	"sync"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
)

// hub hands events to watchers.
type hub struct {
	buffer int
	lag    time.Duration
	wake   chan struct{} // has room for one: the backlog is no longer empty

	mu       sync.Mutex
	watchers map[*watcher]struct{}
	backlog  []*proto.Event // what the next poll finds; only with a lag
	changed  chan struct{}  // closed when the number of watchers changes
}

func newHub(buffer int, lag time.Duration) *hub {
	return &hub{
		buffer:   buffer,
		lag:      lag,
		wake:     make(chan struct{}, 1),
		watchers: make(map[*watcher]struct{}),
		changed:  make(chan struct{}),
	}
}

// watcher is one open stream of events.
type watcher struct {
	kinds  []watchedKind
	events chan *proto.Event
	closed chan struct{}
	once   sync.Once
	err    error // why it was closed; read after closed
}

func (w *watcher) close(err error) {
	w.once.Do(func() {
		w.err = err
		close(w.closed)
	})
}

// emit is called with the lock of what changed, so that events keep its order.
func (h *hub) emit(ev *proto.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lag == 0 {
		h.deliverLocked(ev)
		return
	}
	h.backlog = append(h.backlog, ev)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *hub) deliverLocked(ev *proto.Event) {
	for w := range h.watchers {
		if !matchesAny(w.kinds, ev) {
			continue
		}
		select {
		case w.events <- ev:
		default:
			w.close(trace.BadParameter("buffer overflow"))
		}
	}
}

// poll delivers what has gathered, in bursts, until ctx ends.
func (h *hub) poll(ctx context.Context) {
	if h.lag == 0 {
		return
	}
	t := time.NewTimer(h.lag)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		t.Reset(h.lag)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		h.mu.Lock()
		for _, ev := range h.backlog {
			h.deliverLocked(ev)
		}
		h.backlog = nil
		h.mu.Unlock()
	}
}

func (h *hub) add(kinds []watchedKind) *watcher {
	w := &watcher{kinds: kinds, events: make(chan *proto.Event, h.buffer), closed: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[w] = struct{}{}
	h.changedLocked()
	return w
}

func (h *hub) remove(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(w)
}

func (h *hub) removeLocked(w *watcher) {
	delete(h.watchers, w)
	h.changedLocked()
}

func (h *hub) changedLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// reset drops the pending events.
func (h *hub) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.backlog = nil
}

// CloseWatchers ends every open event stream with err, which the client gets
// as a real server's error where it is one of package trace; nil ends them
// without an error. A full buffer is trace.BadParameter("buffer overflow").
func (s *Server) CloseWatchers(err error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for w := range s.hub.watchers {
		w.close(err)
	}
}

// Watchers returns how many event streams are open.
func (s *Server) Watchers() int {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return len(s.hub.watchers)
}

// WaitForWatchers waits until exactly n event streams are open.
func (s *Server) WaitForWatchers(ctx context.Context, n int) error {
	for {
		s.hub.mu.Lock()
		have, changed := len(s.hub.watchers), s.hub.changed
		s.hub.mu.Unlock()
		if have == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return trace.Wrap(ctx.Err(), "%d event streams are open, waiting for %d", have, n)
		}
	}
}

// watchedKind is one kind that a watcher asked for and may have.
type watchedKind struct {
	asked  types.WatchKind
	filter types.AccessRequestFilter
}

// confirm returns which of the kinds can be watched. As on a real server one
// bad kind fails all, unless partial success is enough for the caller.
func (s *Server) confirm(watch *proto.Watch) ([]watchedKind, error) {
	var confirmed []watchedKind
	var last error
	for _, kind := range watch.Kinds {
		k, err := s.confirmKind(kind)
		if err != nil {
			if !watch.AllowPartialSuccess {
				return nil, err
			}
			last = err
			continue
		}
		confirmed = append(confirmed, k)
	}
	if len(confirmed) == 0 {
		if last == nil {
			return nil, trace.BadParameter("watch request names no kinds")
		}
		return nil, trace.BadParameter("none of the requested kinds can be watched: %v", last)
	}
	return confirmed, nil
}

func (s *Server) confirmKind(kind types.WatchKind) (watchedKind, error) {
	known := kind.Kind == types.KindAccessRequest || kind.Kind == types.KindAccessMonitoringRule && s.version.hasRules()
	if !known {
		return watchedKind{}, trace.BadParameter("watcher on object kind %q is not supported", kind.Kind)
	}
	if err := s.rights.check(kind.Kind, types.VerbList, types.VerbRead); err != nil {
		return watchedKind{}, err
	}
	k := watchedKind{asked: kind}
	if kind.Kind == types.KindAccessRequest {
		if err := k.filter.FromMap(kind.Filter); err != nil {
			return watchedKind{}, trace.Wrap(err)
		}
	}
	return k, nil
}

func matchesAny(kinds []watchedKind, ev *proto.Event) bool {
	for _, k := range kinds {
		if k.matches(ev) {
			return true
		}
	}
	return false
}

func (k *watchedKind) matches(ev *proto.Event) bool {
	switch r := ev.Resource.(type) {
	case *proto.Event_AccessRequest:
		return k.asked.Kind == types.KindAccessRequest &&
			(k.asked.Name == "" || k.asked.Name == r.AccessRequest.GetName()) &&
			k.filter.Match(r.AccessRequest)
	case *proto.Event_AccessMonitoringRule:
		return k.asked.Kind == types.KindAccessMonitoringRule &&
			(k.asked.Name == "" || k.asked.Name == r.AccessMonitoringRule.GetMetadata().GetName())
	case *proto.Event_ResourceHeader:
		// A deleted resource has no content left that a filter could look at.
		return k.asked.Kind == r.ResourceHeader.Kind &&
			(k.asked.Name == "" || k.asked.Name == r.ResourceHeader.GetName())
	}
	return false
}

// WatchEvents streams what changes from now on, after an init event that says
// which kinds were accepted.
func (a *authService) WatchEvents(watch *proto.Watch, stream proto.AuthService_WatchEventsServer) error {
	kinds, err := a.s.confirm(watch)
	if err != nil {
		return err
	}
	w := a.s.hub.add(kinds)
	defer a.s.hub.remove(w)

	accepted := make([]types.WatchKind, len(kinds))
	for i, k := range kinds {
		accepted[i] = k.asked
	}
	status := types.NewWatchStatus(accepted)
	if err := stream.Send(&proto.Event{Type: proto.Operation_INIT, Resource: &proto.Event_WatchStatus{WatchStatus: status}}); err != nil {
		return err
	}
	for {
		select { // what was buffered before the end is lost, as on a real server
		case <-w.closed:
			return w.err
		default:
		}
		select {
		case <-stream.Context().Done():
			return trace.Wrap(stream.Context().Err())
		case <-w.closed:
			return w.err
		case ev := <-w.events:
			if err := stream.Send(a.s.version.sentEvent(ev)); err != nil {
				return err
			}
		}
	}
}
