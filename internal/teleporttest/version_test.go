package teleporttest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client/proto"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	headerpb "github.com/gravitational/teleport/api/gen/proto/go/teleport/header/v1"
	apimetadata "github.com/gravitational/teleport/api/metadata"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// fields encodes a number for each of the fields.
func fields(numbers ...protowire.Number) (b []byte) {
	for _, n := range numbers {
		b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), 2)
	}
	return b
}

// numbers returns the numbers of encoded fields.
func numbers(t *testing.T, b []byte) (ns []protowire.Number) {
	t.Helper()
	for len(b) > 0 {
		n, _, size := protowire.ConsumeField(b)
		if size < 0 {
			t.Fatalf("bad field: %v", protowire.ParseError(size))
		}
		ns, b = append(ns, n), b[size:]
	}
	return ns
}

// TestFieldsOfEachVersion looks at the fields that the api module lacks, on every
// way that a request and a rule travel. 27 and 99 are of no version known here.
func TestFieldsOfEachVersion(t *testing.T) {
	type known struct{ spec, rule []protowire.Number }
	old := known{spec: []protowire.Number{27}, rule: []protowire.Number{99}}
	all := known{spec: []protowire.Number{23, 24, 25, 26, 27}, rule: []protowire.Number{6, 7, 8, 99}}
	want := map[string]known{
		"13": old, "15": old, "17": old,
		"18.2":  {spec: []protowire.Number{23, 24, 25, 27}, rule: []protowire.Number{6, 7, 99}},
		"18.11": all, "19": all, "20": all,
	}
	for _, version := range teleporttest.Versions() {
		t.Run(version, func(t *testing.T) {
			s := start(t, teleporttest.Options{ServerVersion: version, AllowOldClients: true})
			c := connect(t, s, teleporttest.Identity{User: "alice"})
			kinds := []types.WatchKind{{Kind: types.KindAccessRequest}}
			if version != "13" {
				kinds = append(kinds, types.WatchKind{Kind: types.KindAccessMonitoringRule})
			}
			w, err := c.NewWatcher(t.Context(), types.Watch{Kinds: kinds})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if ev := <-w.Events(); ev.Type != types.OpInit {
				t.Fatalf("first event %v", ev)
			}
			checkSpec := func(how string, r types.AccessRequest) {
				t.Helper()
				if diff := cmp.Diff(want[version].spec, numbers(t, r.(*types.AccessRequestV3).Spec.XXX_unrecognized)); diff != "" {
					t.Errorf("%s: fields of the spec (-want +got):\n%s", how, diff)
				}
			}

			in, err := types.NewAccessRequest("new", "alice", "editor")
			if err != nil {
				t.Fatal(err)
			}
			in.(*types.AccessRequestV3).Spec.XXX_unrecognized = fields(23, 24, 25, 26, 27)
			created, err := c.CreateAccessRequestV2(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			checkSpec("created", created)
			checkSpec("watched", (<-w.Events()).Resource.(types.AccessRequest))
			listed, err := c.GetAccessRequests(t.Context(), types.AccessRequestFilter{})
			if err != nil || len(listed) != 1 {
				t.Fatalf("%v, %v", listed, err)
			}
			checkSpec("listed", listed[0])

			rule := &rulespb.AccessMonitoringRule{
				Metadata: &headerpb.Metadata{Name: "r"},
				Spec:     &rulespb.AccessMonitoringRuleSpec{Subjects: []string{types.KindAccessRequest}},
			}
			rule.Spec.ProtoReflect().SetUnknown(fields(6, 7, 8, 99))
			if err := s.PutMonitoringRule(rule); err != nil {
				t.Fatal(err)
			}
			if version == "13" {
				return
			}
			rules := rulespb.NewAccessMonitoringRulesServiceClient(c.GetConnection())
			page, err := rules.ListAccessMonitoringRules(t.Context(), &rulespb.ListAccessMonitoringRulesRequest{})
			if err != nil {
				t.Fatal(err)
			}
			one, err := rules.GetAccessMonitoringRule(t.Context(), &rulespb.GetAccessMonitoringRuleRequest{Name: "r"})
			if err != nil {
				t.Fatal(err)
			}
			watched := (<-w.Events()).Resource.(types.Resource153Unwrapper).Unwrap().(*rulespb.AccessMonitoringRule)
			for how, r := range map[string]*rulespb.AccessMonitoringRule{"listed": page.Rules[0], "read": one, "watched": watched} {
				if diff := cmp.Diff(want[version].rule, numbers(t, r.Spec.ProtoReflect().GetUnknown())); diff != "" {
					t.Errorf("%s: fields of the rule (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

// TestAReviewIsSentAsTheVersionKnowsIt holds for one that was stored by a newer
// server before a downgrade.
func TestAReviewIsSentAsTheVersionKnowsIt(t *testing.T) {
	s := start(t, teleporttest.Options{ServerVersion: "18.11"})
	c := connect(t, s, teleporttest.Identity{User: "access-plugin", Roles: []string{"access-plugin"}})
	s.SubmitForUsers("access-plugin", []string{"*"}, nil)
	addReviewer(t, s, "bob", false)
	id := create(t, s, teleporttest.Request{})
	if _, err := c.SubmitAccessReview(t.Context(), types.AccessReviewSubmission{RequestID: id, Review: types.AccessReview{
		Author: "bob", ProposedState: approved, XXX_unrecognized: fields(12),
	}}); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string][]protowire.Number{"18.11": {11, 12}, "18.10": nil} {
		if err := s.SetServerVersion(version); err != nil {
			t.Fatal(err)
		}
		all, err := c.GetAccessRequests(t.Context(), types.AccessRequestFilter{ID: id})
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		if got := numbers(t, all[0].GetReviews()[0].XXX_unrecognized); !slices.Equal(got, want) {
			t.Errorf("%s sends the fields %v, want %v", version, got, want)
		}
	}
}

// TestOldClientsAreRefused is as on a real server: it ends the connection of a
// client that says a version before its own previous one.
func TestOldClientsAreRefused(t *testing.T) {
	silent := context.WithValue(t.Context(), apimetadata.DisableInterceptors{}, struct{}{})
	says := func(version string) context.Context {
		return apimetadata.AddMetadataToContext(silent, map[string]string{apimetadata.VersionKey: version})
	}
	for _, tt := range []struct {
		name, server string
		ctx          context.Context
		allow        bool
		refused      bool
	}{
		{"the api's own", "19", t.Context(), false, false},
		{"the api's own", "20", t.Context(), false, true},
		{"the api's own, allowed", "20", t.Context(), true, false},
		{"silent", "20", silent, false, false},
		{"a pre-release of the previous one", "20", says("19.0.0-alpha.1"), false, false},
		{"two back", "17", says("15.4.9"), false, true},
		{"two back, of a server that doesn't mind", "15", says("13.0.0"), false, false},
		{"newer", "17", says("25.0.0"), false, false},
		{"no version", "17", says("latest"), false, true},
	} {
		t.Run(tt.name+" at "+tt.server, func(t *testing.T) {
			s := start(t, teleporttest.Options{ServerVersion: tt.server, AllowOldClients: tt.allow})
			c := connect(t, s, teleporttest.Identity{})
			_, err := c.Ping(tt.ctx)
			if (err != nil) != tt.refused {
				t.Errorf("Ping: %v, want refused: %v", err, tt.refused)
			}
			stream, err := proto.NewAuthServiceClient(c.GetConnection()).WatchEvents(tt.ctx, &proto.Watch{Kinds: []types.WatchKind{{Kind: types.KindAccessRequest}}})
			if err == nil {
				_, err = stream.Recv()
			}
			if (err != nil) != tt.refused {
				t.Errorf("WatchEvents: %v, want refused: %v", err, tt.refused)
			}
		})
	}
}
