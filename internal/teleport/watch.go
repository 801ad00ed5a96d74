package teleport

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const opWatch = "watch access requests"

// watching has the functions that a watch calls.
type watching struct {
	changed func(id string, req *access.Request) // may be nil
	rules   *ruleBook
	ready   func() // the watch began: no later change is missed
	resync  func() // everything needs a resync
}

// watch passes the IDs of changed requests, and the rules, until the stream ends:
// after an overflow, a restart, a broken connection or one that was replaced. The
// error is never nil.
func (c *Client) watch(ctx context.Context, conn *connection, h watching) error {
	conn.begin() // a replaced connection closes after this watch
	defer conn.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, rules, err := c.openWatch(ctx, conn, h.rules.publish != nil)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // it only cancels

	// Before any request, because rules decide about its recipients.
	c.beginRules(ctx, h.rules, conn, rules)
	h.ready()
	for {
		select {
		case e := <-w.Events():
			if id, ok := changedRequest(e); ok && h.changed != nil {
				h.changed(id, c.putRequest(e))
			}
			if rules && h.rules.changed(e) {
				h.resync()
			}
		case <-h.rules.again.C:
			if c.listRules(ctx, h.rules, conn) {
				h.resync()
			}
		case <-w.Done():
			return watchEnd(w)
		case <-conn.replaced:
			return fault.New(fault.Retry, opWatch, "connection replaced")
		}
	}
}

// openWatch begins a watch on requests and, if they are wanted and can be read,
// on rules.
func (c *Client) openWatch(ctx context.Context, conn *connection, wanted bool) (w types.Watcher, rules bool, err error) {
	if wanted && !conn.noRules.Load() {
		w, rules, err = c.openWatchOf(ctx, conn, types.KindAccessRequest, types.KindAccessMonitoringRule)
		if !fault.Is(err, fault.Denied) {
			return w, rules, err
		}
	}
	// Servers without partial success refuse the watch if one kind is denied.
	w, _, err = c.openWatchOf(ctx, conn, types.KindAccessRequest)
	if err == nil && wanted {
		conn.noRules.Store(true)
	}
	return w, false, err
}

func (c *Client) openWatchOf(ctx context.Context, conn *connection, kinds ...string) (_ types.Watcher, rules bool, _ error) {
	// With partial success a kind that we may not see is left out of the first
	// event instead of failing the whole watch.
	watch := types.Watch{AllowPartialSuccess: true}
	for _, kind := range kinds {
		watch.Kinds = append(watch.Kinds, types.WatchKind{Kind: kind})
	}
	w, err := conn.api.NewWatcher(ctx, watch)
	if err != nil {
		return nil, false, watchError(err)
	}
	first, err := c.firstEvent(w, conn)
	if err == nil {
		err = checkFirst(first)
	}
	if err != nil {
		_ = w.Close() // it only cancels
		return nil, false, err
	}
	return w, confirms(first, types.KindAccessMonitoringRule), nil
}

func (c *Client) firstEvent(w types.Watcher, conn *connection) (types.Event, error) {
	limit := time.NewTimer(c.timings.initEvent)
	defer limit.Stop()
	select {
	case e := <-w.Events():
		return e, nil
	case <-w.Done():
		return types.Event{}, watchEnd(w)
	case <-conn.replaced:
		return types.Event{}, fault.New(fault.Retry, opWatch, "connection replaced")
	case <-limit.C:
		return types.Event{}, fault.New(fault.Retry, opWatch, "no init event within "+c.timings.initEvent.String())
	}
}

// checkFirst returns an error unless the first event is an init event that
// confirms the watch on requests. Old servers don't confirm kinds, but refuse the
// watch.
func checkFirst(e types.Event) error {
	if e.Type != types.OpInit {
		return fault.New(fault.Retry, opWatch, fmt.Sprintf("began with %v instead of init", e.Type))
	}
	if status, ok := e.Resource.(types.WatchStatus); ok && len(status.GetKinds()) > 0 && !confirms(e, types.KindAccessRequest) {
		return fault.New(fault.Denied, opWatch, "access_denied")
	}
	return nil
}

// confirms reports whether the first event confirms the watch on a kind.
func confirms(first types.Event, kind string) bool {
	status, ok := first.Resource.(types.WatchStatus)
	return ok && slices.ContainsFunc(status.GetKinds(), func(k types.WatchKind) bool { return k.Kind == kind })
}

func changedRequest(e types.Event) (id string, ok bool) {
	if e.Resource == nil || e.Resource.GetKind() != types.KindAccessRequest {
		return "", false
	}
	switch e.Type {
	case types.OpPut, types.OpDelete:
		id = e.Resource.GetName()
	}
	return id, id != ""
}

// putRequest returns the request that an event puts; nil for other events.
func (c *Client) putRequest(e types.Event) *access.Request {
	r, ok := e.Resource.(*types.AccessRequestV3)
	if e.Type != types.OpPut || !ok {
		return nil
	}
	req := c.request(r)
	return &req
}

func watchEnd(w types.Watcher) error {
	err := w.Error()
	if err == nil {
		err = io.EOF
	}
	return watchError(err)
}

// watchError classifies why a watch failed or ended. A server that denies all
// kinds reports a bad parameter.
func watchError(err error) error {
	f := classify(opWatch, err, reads)
	if e, ok := fault.As(f); ok && e.Class == fault.Bug {
		e.Class, e.Reason = fault.Denied, "access_denied"
	}
	return f
}
