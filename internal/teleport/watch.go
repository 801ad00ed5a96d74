package teleport

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const opWatch = "watch access requests"

// watch hands out the IDs of changed requests until the stream ends, which it
// does in the end: overflow, restart, a broken connection, a connection that
// was replaced. ready is called once nothing can be missed any more. The error
// is never nil.
func (c *Client) watch(ctx context.Context, conn *connection, changed func(id string), ready func()) error {
	conn.begin() // a replaced connection waits for us to let go
	defer conn.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := conn.api.NewWatcher(ctx, types.Watch{
		Kinds: []types.WatchKind{{Kind: types.KindAccessRequest}},
		// So that a kind that we may not see is reported in the first event
		// instead of failing the whole watch, as soon as there is a second kind.
		AllowPartialSuccess: true,
	})
	if err != nil {
		return watchError(err)
	}
	defer func() { _ = w.Close() }() // it only cancels

	first, err := c.firstEvent(w, conn)
	if err != nil {
		return err
	}
	if err := checkFirst(first); err != nil {
		return err
	}
	ready()
	for {
		select {
		case e := <-w.Events():
			if id, ok := changedRequest(e); ok && changed != nil {
				changed(id)
			}
		case <-w.Done():
			return watchEnd(w)
		case <-conn.replaced:
			return fault.New(fault.Retry, opWatch, "connection replaced")
		}
	}
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

// checkFirst says whether a watch began with the event it has to begin with,
// and whether we were let watch requests. Old servers don't say, but refuse.
func checkFirst(e types.Event) error {
	if e.Type != types.OpInit {
		return fault.New(fault.Retry, opWatch, fmt.Sprintf("began with %v instead of init", e.Type))
	}
	status, ok := e.Resource.(types.WatchStatus)
	if !ok || len(status.GetKinds()) == 0 {
		return nil
	}
	if !slices.ContainsFunc(status.GetKinds(), func(k types.WatchKind) bool { return k.Kind == types.KindAccessRequest }) {
		return fault.New(fault.Denied, opWatch, "access_denied")
	}
	return nil
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

func watchEnd(w types.Watcher) error {
	err := w.Error()
	if err == nil {
		err = io.EOF
	}
	return watchError(err)
}

// watchError classifies why a watch failed or ended. A server that may show us
// none of the kinds calls the question a bad one.
func watchError(err error) error {
	f := classify(opWatch, err, reads)
	if e, ok := fault.As(f); ok && e.Class == fault.Bug {
		e.Class, e.Reason = fault.Denied, "access_denied"
	}
	return f
}
