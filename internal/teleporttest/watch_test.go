package teleporttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var accessRequests = types.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessRequest}}}

// watch opens a watcher and reads its init event.
func watch(t *testing.T, c *client.Client, w types.Watch) types.Watcher {
	t.Helper()
	watcher, err := c.NewWatcher(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = watcher.Close() })
	if ev := next(t, watcher); ev.Type != types.OpInit {
		t.Fatalf("first event is %v", ev)
	}
	return watcher
}

func next(t *testing.T, w types.Watcher) types.Event {
	t.Helper()
	select {
	case ev := <-w.Events():
		return ev
	case <-w.Done():
		t.Fatalf("watcher ended: %v", w.Error())
	case <-time.After(patience):
		t.Fatal("no event came")
	}
	return types.Event{}
}

// ended drains the watcher until it ends and returns why, and how many events
// came before.
func ended(t *testing.T, w types.Watcher) (n int, err error) {
	t.Helper()
	for {
		select {
		case <-w.Events():
			n++
		case <-w.Done():
			// The client sets the error just after it is done.
			for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				if err := w.Error(); !errors.Is(err, context.Canceled) || time.Now().After(end) {
					return n, err
				}
			}
		case <-time.After(patience):
			t.Fatal("watcher did not end")
		}
	}
}

func wait(t *testing.T, s *teleporttest.Server, watchers int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.WaitForWatchers(ctx, watchers); err != nil {
		t.Fatal(err)
	}
}

func TestTwoWatchersSeeEverythingInOrder(t *testing.T) {
	s := start(t, teleporttest.Options{})
	watchers := []types.Watcher{
		watch(t, connect(t, s, teleporttest.Identity{}), accessRequests),
		watch(t, connect(t, s, teleporttest.Identity{}), accessRequests),
	}
	wait(t, s, 2)
	id := create(t, s, teleporttest.Request{Reason: "because"})
	if _, err := s.Review(id, "bob", approved, "fine"); err != nil {
		t.Fatal(err)
	}
	if err := s.Expire(id); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"put " + id + " PENDING because reviews=0",
		"put " + id + " APPROVED because reviews=1",
		"delete " + id + " access_request",
	}
	for _, w := range watchers {
		var got []string
		for range want {
			got = append(got, describe(next(t, w)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
}

func describe(ev types.Event) string {
	switch r := ev.Resource.(type) {
	case types.AccessRequest:
		return fmt.Sprintf("put %s %s %s reviews=%d", r.GetName(), r.GetState(), r.GetRequestReason(), len(r.GetReviews()))
	case *types.ResourceHeader:
		return fmt.Sprintf("delete %s %s", r.GetName(), r.GetKind())
	}
	return fmt.Sprintf("%v %T", ev.Type, ev.Resource)
}

func TestInitConfirmsKinds(t *testing.T) {
	lock := types.WatchKind{Kind: types.KindLock}
	request := types.WatchKind{Kind: types.KindAccessRequest}
	for _, tc := range []struct {
		name  string
		watch types.Watch
		deny  bool
		want  []string // nil for refused
	}{
		{"all known", types.Watch{Kinds: []types.WatchKind{request}}, false, []string{"access_request"}},
		{"one unknown fails all", types.Watch{Kinds: []types.WatchKind{request, lock}}, false, nil},
		{"partial success", types.Watch{Kinds: []types.WatchKind{request, lock}, AllowPartialSuccess: true}, false, []string{"access_request"}},
		{"nothing left", types.Watch{Kinds: []types.WatchKind{lock}, AllowPartialSuccess: true}, false, nil},
		{"no kinds", types.Watch{}, false, nil},
		{"denied", types.Watch{Kinds: []types.WatchKind{request}}, true, nil},
		{"unknown filter", types.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessRequest, Filter: map[string]string{"x": "y"}}}}, false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{})
			c := connect(t, s, teleporttest.Identity{})
			if tc.deny {
				s.Deny(types.KindAccessRequest, types.VerbRead)
			}
			w, err := c.NewWatcher(t.Context(), tc.watch)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if tc.want == nil {
				_, err := ended(t, w)
				if tc.deny && !trace.IsAccessDenied(err) || !tc.deny && !trace.IsBadParameter(err) {
					t.Errorf("ended with %v", err)
				}
				return
			}
			ev := next(t, w)
			status, ok := ev.Resource.(types.WatchStatus)
			if !ok {
				t.Fatalf("first event is %v", ev)
			}
			var got []string
			for _, k := range status.GetKinds() {
				got = append(got, k.Kind)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("kinds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWatcherFilters(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	bobs := watch(t, c, types.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessRequest, Filter: map[string]string{"user": "bob"}}}})
	second := watch(t, c, types.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessRequest, Name: "second"}}})
	create(t, s, teleporttest.Request{ID: "first", User: "alice"})
	create(t, s, teleporttest.Request{ID: "second", User: "alice"})
	create(t, s, teleporttest.Request{ID: "third", User: "bob"})
	if got := next(t, bobs).Resource.GetName(); got != "third" {
		t.Errorf("the watcher of bob's saw %s", got)
	}
	if got := next(t, second).Resource.GetName(); got != "second" {
		t.Errorf("the watcher of one saw %s", got)
	}
}

func TestSlowWatcherOverflows(t *testing.T) {
	s := start(t, teleporttest.Options{WatcherBuffer: 20})
	w := watch(t, connect(t, s, teleporttest.Identity{}), accessRequests)
	// Nobody reads: gRPC's windows, which grow to 16 MiB, take some, then the
	// buffer fills.
	for range 300 {
		create(t, s, teleporttest.Request{Reason: strings.Repeat("x", 100_000)})
	}
	n, err := ended(t, w)
	if !trace.IsBadParameter(err) || !strings.Contains(err.Error(), "buffer overflow") {
		t.Errorf("ended with %v", err)
	}
	if n == 0 || n >= 300 {
		t.Errorf("%d events came before the overflow", n)
	}
}

func TestPollLagMakesBursts(t *testing.T) {
	const lag = 50 * time.Millisecond
	s := start(t, teleporttest.Options{PollLag: lag})
	w := watch(t, connect(t, s, teleporttest.Identity{}), accessRequests)
	begin := time.Now()
	create(t, s, teleporttest.Request{ID: "first"})
	create(t, s, teleporttest.Request{ID: "second"})
	for _, want := range []string{"first", "second"} {
		if got := next(t, w).Resource.GetName(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if d := time.Since(begin); d < lag {
		t.Errorf("they came after %v", d)
	}
	// And again, after the backlog was empty.
	create(t, s, teleporttest.Request{ID: "third"})
	if got := next(t, w).Resource.GetName(); got != "third" {
		t.Errorf("got %s", got)
	}
}

func TestBurstOverflowsAPolledWatcher(t *testing.T) {
	s := start(t, teleporttest.Options{PollLag: 100 * time.Millisecond, WatcherBuffer: 2})
	w := watch(t, connect(t, s, teleporttest.Identity{}), accessRequests)
	for range 300 {
		create(t, s, teleporttest.Request{})
	}
	if _, err := ended(t, w); err == nil || !strings.Contains(err.Error(), "buffer overflow") {
		t.Errorf("ended with %v", err)
	}
}

func TestCloseWatchers(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		is   func(error) bool
	}{
		{"without an error", nil, func(err error) bool { return errors.Is(err, io.EOF) }},
		{"access denied", trace.AccessDenied("locked"), trace.IsAccessDenied},
		{"connection problem", trace.ConnectionProblem(nil, "going away"), trace.IsConnectionProblem},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{})
			w := watch(t, connect(t, s, teleporttest.Identity{}), accessRequests)
			s.CloseWatchers(tc.err)
			if _, err := ended(t, w); !tc.is(err) {
				t.Errorf("ended with %v", err)
			}
			wait(t, s, 0)
		})
	}
}

func TestStateOutlivesARestart(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	w := watch(t, c, accessRequests)
	id := create(t, s, teleporttest.Request{})
	addr := s.Addr()

	s.Stop()
	if _, err := ended(t, w); err == nil {
		t.Error("watcher ended without an error")
	}
	if _, err := s.Review(id, "bob", denied, "while it was down"); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("address is %s, was %s", s.Addr(), addr)
	}
	// The same client comes back by itself.
	var got []types.AccessRequest
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var err error
		if got, err = c.GetAccessRequests(t.Context(), types.AccessRequestFilter{ID: id}); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if len(got) != 1 || got[0].GetState() != denied {
		t.Errorf("got %v", got)
	}
	watch(t, c, accessRequests)
}

func TestDropConnections(t *testing.T) {
	s := start(t, teleporttest.Options{})
	w := watch(t, connect(t, s, teleporttest.Identity{}), accessRequests)
	s.DropConnections()
	if _, err := ended(t, w); !trace.IsConnectionProblem(err) {
		t.Errorf("ended with %v", err)
	}
	wait(t, s, 0)
}

func TestServerLifeCycle(t *testing.T) {
	s, err := teleporttest.New(teleporttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != "" {
		t.Errorf("address before the start: %s", s.Addr())
	}
	if err := s.Restart(); err == nil {
		t.Error("restarted what was never started")
	}
	s.Stop()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err == nil {
		t.Error("started twice")
	}
	s.Close()
	s.Close()
	if err := s.Start(); err == nil {
		t.Error("started after the end")
	}
	for _, bad := range []teleporttest.Options{{WatcherBuffer: -1}, {PollLag: -1}, {ServerVersion: "new"}} {
		if _, err := teleporttest.New(bad); err == nil {
			t.Errorf("took %+v", bad)
		}
	}
}
