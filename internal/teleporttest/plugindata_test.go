package teleporttest_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

type values = map[string]string

func TestPluginDataCompareAndSwap(t *testing.T) {
	for _, tc := range []struct {
		name        string
		before      values
		set, expect values
		want        values
		conflict    bool
	}{
		{"create", nil, values{"a": "1"}, nil, values{"a": "1"}, false},
		{"create expecting nothing", nil, values{"a": "1"}, values{"a": "", "b": ""}, values{"a": "1"}, false},
		{"create expecting something", nil, values{"a": "1"}, values{"a": "0"}, nil, true},
		{"change", values{"a": "1", "b": "2"}, values{"a": "3"}, values{"a": "1"}, values{"a": "3", "b": "2"}, false},
		{"lost race", values{"a": "1"}, values{"a": "3"}, values{"a": "2"}, values{"a": "1"}, true},
		{"missing is empty", values{"a": "1"}, values{"b": "2"}, values{"b": ""}, values{"a": "1", "b": "2"}, false},
		{"empty deletes", values{"a": "1", "b": "2"}, values{"a": ""}, nil, values{"b": "2"}, false},
		{"nothing left is no entry", values{"a": "1"}, values{"a": ""}, values{"a": "1"}, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, teleporttest.Options{})
			c := connect(t, s, teleporttest.Identity{})
			id := create(t, s, teleporttest.Request{})
			if tc.before != nil {
				if err := s.SetPluginData(id, tc.before); err != nil {
					t.Fatal(err)
				}
			}
			err := c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{
				Kind: types.KindAccessRequest, Resource: id, Plugin: "slack", Set: tc.set, Expect: tc.expect,
			})
			if tc.conflict != trace.IsCompareFailed(err) || !tc.conflict && err != nil {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(tc.want, s.PluginData(id)); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			var got values
			found, err := c.GetPluginData(t.Context(), types.PluginDataFilter{Kind: types.KindAccessRequest, Resource: id, Plugin: "slack"})
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 1 {
				got = found[0].Entries()["slack"].Data
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("data through the client (-want +got):\n%s", diff)
			}
			writes := s.PluginDataWrites()
			if len(writes) != 1 || (writes[0].Err != nil) != tc.conflict {
				t.Errorf("writes are %+v", writes)
			} else if diff := cmp.Diff(tc.set, writes[0].Set); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}

// Of many writers that saw the same value exactly one wins each round.
func TestPluginDataRace(t *testing.T) {
	const writers, rounds = 16, 20
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	id := create(t, s, teleporttest.Request{})
	for round := range rounds {
		var wins atomic.Int32
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				err := c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{
					Kind: types.KindAccessRequest, Resource: id, Plugin: "slack",
					Set:    values{"n": strconv.Itoa(round + 1)},
					Expect: values{"n": map[bool]string{true: "", false: strconv.Itoa(round)}[round == 0]},
				})
				switch {
				case err == nil:
					wins.Add(1)
				case !trace.IsCompareFailed(err):
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Fatalf("round %d has %d winners", round, wins.Load())
		}
	}
	if got := s.PluginData(id)["n"]; got != strconv.Itoa(rounds) {
		t.Errorf("n is %s", got)
	}
}

func TestPluginDataOutlivesItsRequest(t *testing.T) {
	clk := newClock()
	s := start(t, teleporttest.Options{Clock: clk.now})
	c := connect(t, s, teleporttest.Identity{})
	id := create(t, s, teleporttest.Request{TTL: time.Hour, AccessTTL: 3 * time.Hour})
	update := func(id string, set values) error {
		return c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{
			Kind: types.KindAccessRequest, Resource: id, Plugin: "slack", Set: set,
		})
	}
	if err := update(id, values{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	clk.advance(time.Hour)
	if n := len(s.Requests()); n != 0 {
		t.Fatalf("%d requests are left", n)
	}
	all, err := c.GetPluginData(t.Context(), types.PluginDataFilter{Kind: types.KindAccessRequest, Plugin: "slack"})
	if err != nil || len(all) != 1 || all[0].GetName() != id {
		t.Fatalf("got %v, %v", all, err)
	}
	if err := update(id, values{"a": "2"}); err != nil {
		t.Errorf("update of what is there: %v", err)
	}
	if err := update("nothing", values{"a": "1"}); !trace.IsNotFound(err) {
		t.Errorf("create for what never was: %v", err)
	}
	clk.advance(4 * time.Hour)
	if got := s.PluginData(id); got != nil {
		t.Errorf("%v is left for ever", got)
	}
}

func TestPluginDataFilters(t *testing.T) {
	s := start(t, teleporttest.Options{})
	c := connect(t, s, teleporttest.Identity{})
	for _, id := range []string{"b", "a"} {
		create(t, s, teleporttest.Request{ID: id})
	}
	for _, p := range []types.PluginDataUpdateParams{
		{Kind: types.KindAccessRequest, Resource: "b", Plugin: "slack", Set: values{"x": "1"}},
		{Kind: types.KindAccessRequest, Resource: "a", Plugin: "slack", Set: values{"x": "1"}},
		{Kind: types.KindAccessRequest, Resource: "a", Plugin: "jira", Set: values{"x": "1"}},
		{Kind: types.KindAccessList, Resource: "l", Plugin: "slack", Set: values{"x": "1"}},
	} {
		if err := c.UpdatePluginData(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		filter types.PluginDataFilter
		want   []string
	}{
		{types.PluginDataFilter{Kind: types.KindAccessRequest, Plugin: "slack"}, []string{"a", "b"}},
		{types.PluginDataFilter{Kind: types.KindAccessRequest, Plugin: "jira"}, []string{"a"}},
		{types.PluginDataFilter{Kind: types.KindAccessRequest, Resource: "b"}, []string{"b"}},
		{types.PluginDataFilter{Kind: types.KindAccessList}, []string{"l"}},
		{types.PluginDataFilter{Kind: types.KindAccessRequest, Plugin: "email"}, nil},
	} {
		found, err := c.GetPluginData(t.Context(), tc.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range found {
			got = append(got, d.GetName())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.filter, diff)
		}
	}
	err := c.UpdatePluginData(t.Context(), types.PluginDataUpdateParams{Kind: "node", Resource: "n", Plugin: "slack", Set: values{"x": "1"}})
	if !trace.IsBadParameter(err) {
		t.Errorf("plugin data of a node: %v", err)
	}
}
