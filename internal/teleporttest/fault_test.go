package teleporttest_test

import (
	"context"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"
	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestObserveTellsOfEveryCall(t *testing.T) {
	calls := make(chan teleporttest.Call, 100)
	s := start(t, teleporttest.Options{Observe: func(c teleporttest.Call) { calls <- c }})
	c := connect(t, s, teleporttest.Identity{User: "watched"})
	id := create(t, s, teleporttest.Request{})
	s.Inject(teleporttest.Fault{Method: "UpdatePluginData", Code: codes.Unavailable, Times: 1})
	for _, want := range []codes.Code{codes.Unavailable, codes.OK} {
		_ = c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{
			Kind: types.KindAccessRequest, Resource: id, Plugin: "slack", Set: values{"v": "1"},
		})
		for {
			got := <-calls
			if got.Method != "UpdatePluginData" {
				continue // the client introduces itself
			}
			if p, ok := got.Request.(*types.PluginDataUpdateParams); !ok || p.Resource != id || got.Code != want || got.User != "watched" {
				t.Errorf("it is told of %+v, want %s", got, want)
			}
			break
		}
	}
}

func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fault  teleporttest.Fault
		is     func(error) bool // nil for no error
		effect bool
	}{
		{"before the effect", teleporttest.Fault{Method: "UpdatePluginData", Code: codes.Unavailable, Message: "away"}, trace.IsConnectionProblem, false},
		{"after the effect", teleporttest.Fault{Method: "UpdatePluginData", Code: codes.Unavailable, AfterEffect: true}, trace.IsConnectionProblem, true},
		{"by its full name", teleporttest.Fault{Method: "/proto.AuthService/UpdatePluginData", Code: codes.ResourceExhausted}, trace.IsLimitExceeded, false},
		{"every method", teleporttest.Fault{Code: codes.PermissionDenied}, trace.IsAccessDenied, false},
		{"another method", teleporttest.Fault{Method: "Ping", Code: codes.Unavailable}, nil, true},
		{"latency alone", teleporttest.Fault{Latency: 30 * time.Millisecond}, nil, true},
		{"cut before", teleporttest.Fault{Method: "UpdatePluginData", Cut: true}, trace.IsConnectionProblem, false},
		{"cut after", teleporttest.Fault{Method: "UpdatePluginData", Cut: true, AfterEffect: true}, trace.IsConnectionProblem, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{})
			c := connect(t, s, teleporttest.Identity{})
			id := create(t, s, teleporttest.Request{})
			remove := s.Inject(tc.fault)
			update := func(v string) error {
				return c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{
					Kind: types.KindAccessRequest, Resource: id, Plugin: "slack", Set: values{"v": v},
				})
			}
			begin := time.Now()
			err := update("1")
			if d := time.Since(begin); d < tc.fault.Latency {
				t.Errorf("answered after %v", d)
			}
			if tc.is == nil && err != nil || tc.is != nil && !tc.is(err) {
				t.Errorf("got %v", err)
			}
			if effect := s.PluginData(id)["v"] == "1"; effect != tc.effect {
				t.Errorf("effect is %v, want %v", effect, tc.effect)
			}
			remove()
			remove()
			if err := update("2"); err != nil && !tc.fault.Cut {
				t.Errorf("after it was removed: %v", err)
			}
		})
	}
}

func TestFaultStrikesAsOftenAsAsked(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	s.Inject(teleporttest.Fault{Method: "GetRole", Times: 2, Code: codes.PermissionDenied})
	s.Inject(teleporttest.Fault{Method: "GetRole", Times: 1, Code: codes.InvalidArgument})
	for i, is := range []func(error) bool{trace.IsAccessDenied, trace.IsAccessDenied, trace.IsBadParameter, trace.IsNotFound} {
		if _, err := c.GetRole(t.Context(), "editor"); !is(err) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if n := s.Calls()["GetRole"]; n != 4 {
		t.Errorf("counted %d calls", n)
	}
}

func TestFaultStrikesStreams(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	s.Inject(teleporttest.Fault{Method: "WatchEvents", Times: 1, Code: codes.Unavailable, Message: "not now"})
	w, err := c.NewWatcher(t.Context(), accessRequests)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ended(t, w); !trace.IsConnectionProblem(err) {
		t.Errorf("ended with %v", err)
	}
	watch(t, c, accessRequests)
}

func TestLatencyEndsWithTheCallAndTheServer(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	s.Inject(teleporttest.Fault{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Ping(ctx); err == nil {
		t.Error("no timeout")
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.Ping(t.Context())
		done <- err
	}()
	for s.Calls()["Ping"] < 2 {
		time.Sleep(time.Millisecond)
	}
	s.Stop()
	select {
	case err := <-done:
		if err == nil {
			t.Error("answered by a stopped server")
		}
	case <-time.After(patience):
		t.Fatal("the call hangs")
	}
}
