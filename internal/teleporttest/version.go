package teleporttest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gravitational/teleport/api/client/proto"
	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"
	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	apimetadata "github.com/gravitational/teleport/api/metadata"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	goproto "google.golang.org/protobuf/proto"
)

// Versions returns servers that differ in what they know, oldest first, as
// Options.ServerVersion takes them:
//
//	13     no ListAccessRequests, users service, login states, access monitoring
//	       rules and access lists
//	15     has them; real servers got them one by one in 14 and 15
//	17     lists all owners of an access list
//	18.2   request kinds, long-term grouping, automatic reviews
//	18.11  reviews on behalf of others with their right submit_for_users,
//	       schedules of rules, requests narrowed to principals
//	19     the same, and refuses clients before 18
//	20     refuses clients before 19
//
// Since when servers know a field that the api module lacks is in fieldsSince.
func Versions() []string { return []string{"13", "15", "17", "18.2", "18.11", "19", "20"} }

// release is a version's major, minor and patch number.
type release [3]int

// The first releases that have something.
var (
	sinceList       = release{14}     // ListAccessRequests, users service, login states, rules, access lists
	sinceRefusal    = release{16}     // refusing old clients unless told otherwise; 13 to 15 had to be told to
	sinceListOwners = release{17}     // GetAccessListOwners
	sinceOnBehalf   = release{18, 11} // reviews on behalf of others, submit_for_users
)

// message is a protobuf message that has grown since the api module that this is
// built with.
type message int

const (
	messageRequestSpec    message = iota // types.AccessRequestSpecV3
	messageReview                        // types.AccessReview
	messageRuleSpec                      // AccessMonitoringRuleSpec
	messageAccessListSpec                // AccessListSpec
)

// fieldsSince holds the fields that the api module lacks, with the first release
// that knows them. An older server neither keeps nor sends them. A field that is
// not listed is one of a newer server than any here, and is sent by all.
var fieldsSince = map[message]map[protowire.Number]release{
	messageRequestSpec: {
		23: {18},     // DryRunEnrichment
		24: {18, 2},  // RequestKind
		25: {18, 2},  // LongTermGrouping
		26: {18, 11}, // RequestedResourceAccessIDs: some 18.7, which is not distinguished
	},
	messageReview: {
		submittedByField: sinceOnBehalf,
		onBehalfField:    sinceOnBehalf,
	},
	messageRuleSpec: {
		6: {18},       // automatic_review
		7: {18},       // desired_state
		8: {18, 2, 8}, // schedules
	},
	messageAccessListSpec: {
		12: {18}, // type
	},
}

// serverVersion is the version that the server claims, which an "upgrade" may
// change.
type serverVersion struct {
	v atomic.Pointer[parsedVersion]
}

type parsedVersion struct {
	text    string
	release release
}

func newServerVersion(text string) (*serverVersion, error) {
	var v serverVersion
	return &v, v.set(text)
}

func (v *serverVersion) set(text string) error {
	full := text
	if n := strings.Count(full, "."); n < 2 {
		full += strings.Repeat(".0", 2-n)
	}
	r, ok := parseRelease(full)
	if !ok {
		return fmt.Errorf("server version %q is not like 18.2.0 or 18", text)
	}
	v.v.Store(&parsedVersion{text: full, release: r})
	return nil
}

// parseRelease reads a version such as "18.2.0-rc.1"; a pre-release counts as its
// release.
func parseRelease(text string) (r release, ok bool) {
	text, _, _ = strings.Cut(text, "-")
	parts := strings.Split(text, ".")
	if len(parts) != len(r) {
		return r, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return r, false
		}
		r[i] = int(n)
	}
	return r, true
}

func (v *serverVersion) get() string { return v.v.Load().text }

func (v *serverVersion) atLeast(r release) bool {
	have := v.v.Load().release
	return slices.Compare(have[:], r[:]) >= 0
}

// hasOnBehalf reports whether reviews can be submitted on behalf of others.
func (v *serverVersion) hasOnBehalf() bool { return v.atLeast(sinceOnBehalf) }

func (v *serverVersion) hasList() bool { return v.atLeast(sinceList) }

// hasRules reports whether there are access monitoring rules and login states.
func (v *serverVersion) hasRules() bool { return v.hasList() }

func (v *serverVersion) hasListOwners() bool { return v.atLeast(sinceListOwners) }

// known returns the encoded fields without those of a newer server. It returns
// the same slice if there are none.
func (v *serverVersion) known(m message, fields []byte) []byte {
	var kept []byte
	dropped := false
	for b := fields; len(b) > 0; {
		n, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			break
		}
		size := protowire.ConsumeFieldValue(n, typ, b[tag:])
		if size < 0 {
			break
		}
		since, listed := fieldsSince[m][n]
		if listed && !v.atLeast(since) {
			dropped = true
		} else {
			kept = append(kept, b[:tag+size]...)
		}
		b = b[tag+size:]
	}
	if !dropped {
		return fields
	}
	return kept
}

// sentRequest returns a request as this server sends it: itself, or a copy
// without the fields of newer servers.
func (v *serverVersion) sentRequest(r *types.AccessRequestV3) *types.AccessRequestV3 {
	newer := len(v.known(messageRequestSpec, r.Spec.XXX_unrecognized)) < len(r.Spec.XXX_unrecognized)
	for i := range r.Spec.Reviews {
		fields := r.Spec.Reviews[i].XXX_unrecognized
		newer = newer || len(v.known(messageReview, fields)) < len(fields)
	}
	if !newer {
		return r
	}
	r = clone(r)
	r.Spec.XXX_unrecognized = v.known(messageRequestSpec, r.Spec.XXX_unrecognized)
	for i := range r.Spec.Reviews {
		rev := &r.Spec.Reviews[i]
		rev.XXX_unrecognized = v.known(messageReview, rev.XXX_unrecognized)
	}
	return r
}

func (v *serverVersion) sentRequests(rs []*types.AccessRequestV3) []*types.AccessRequestV3 {
	for i, r := range rs {
		rs[i] = v.sentRequest(r)
	}
	return rs
}

// sentRule is sentRequest for access monitoring rules.
func (v *serverVersion) sentRule(r *rulespb.AccessMonitoringRule) *rulespb.AccessMonitoringRule {
	fields := r.GetSpec().ProtoReflect().GetUnknown()
	if len(v.known(messageRuleSpec, fields)) == len(fields) {
		return r
	}
	r = goproto.CloneOf(r)
	r.Spec.ProtoReflect().SetUnknown(v.known(messageRuleSpec, fields))
	return r
}

// sentList is sentRequest for access lists.
func (v *serverVersion) sentList(l *listspb.AccessList) *listspb.AccessList {
	fields := l.GetSpec().ProtoReflect().GetUnknown()
	if len(v.known(messageAccessListSpec, fields)) == len(fields) {
		return l
	}
	l = goproto.CloneOf(l)
	l.Spec.ProtoReflect().SetUnknown(v.known(messageAccessListSpec, fields))
	return l
}

// sentEvent is sentRequest for what happens to requests and rules.
func (v *serverVersion) sentEvent(ev *proto.Event) *proto.Event {
	switch r := ev.Resource.(type) {
	case *proto.Event_AccessRequest:
		if sent := v.sentRequest(r.AccessRequest); sent != r.AccessRequest {
			return &proto.Event{Type: ev.Type, Resource: &proto.Event_AccessRequest{AccessRequest: sent}}
		}
	case *proto.Event_AccessMonitoringRule:
		if sent := v.sentRule(r.AccessMonitoringRule); sent != r.AccessMonitoringRule {
			return &proto.Event{Type: ev.Type, Resource: &proto.Event_AccessMonitoringRule{AccessMonitoringRule: sent}}
		}
	}
	return ev
}

// SetServerVersion is an upgrade or downgrade of the server; the rules are
// those of Options.ServerVersion.
func (s *Server) SetServerVersion(version string) error {
	return s.version.set(version)
}

// refused reports whether a server refuses the client: its version is older than
// the server's previous major one, or not a version. Pre-releases of the
// previous one are fine, and so are clients that do not say.
func (s *Server) refused(ctx context.Context) bool {
	client, says := apimetadata.ClientVersionFromContext(ctx)
	if !says || s.opts.AllowOldClients || !s.version.atLeast(sinceRefusal) {
		return false
	}
	r, ok := parseRelease(client)
	return !ok || r[0] < s.version.v.Load().release[0]-1
}

// refuse closes the connection, as a real server does: the client sees its end
// instead of the answer.
func refuse(ctx context.Context) error {
	if info, ok := authInfoOf(ctx); ok {
		_ = info.raw.Close() // what the client is to see
	}
	return status.Error(codes.PermissionDenied, "client version is unsupported")
}

func (s *Server) unaryVersion(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if s.refused(ctx) {
		return nil, refuse(ctx)
	}
	return handler(ctx, req)
}

func (s *Server) streamVersion(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if s.refused(ss.Context()) {
		return refuse(ss.Context())
	}
	return handler(srv, ss)
}
