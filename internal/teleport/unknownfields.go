package teleport

import (
	"fmt"
	"slices"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Newer servers use protobuf fields that our version of the api module doesn't
// define. The module keeps such fields when it decodes a message and sends them
// when it encodes one, so they are read and written here by number. A newer api
// module makes this file unnecessary.

// Fields of types.AccessReview.
const (
	fieldSubmittedBy protowire.Number = 11 // string: the plugin's user
	fieldOnBehalf    protowire.Number = 12 // bool: the caller is not the author
)

// onBehalf returns the encoded field that submits a review for another user:
// field 12, true. Servers before 18.11 ignore it and then refuse the review,
// since its author is not the caller.
func onBehalf() []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, fieldOnBehalf, protowire.VarintType), 1)
}

// submittedBy returns the plugin's user that submitted the review for its author,
// or "" if the author submitted it.
func submittedBy(unrecognized []byte) string {
	by, behalf := "", false
	eachField(unrecognized, func(n protowire.Number, number uint64, text []byte) {
		switch n {
		case fieldSubmittedBy:
			by = string(text)
		case fieldOnBehalf:
			behalf = number != 0
		}
	})
	if !behalf {
		return ""
	}
	return by
}

// Fields of types.AccessRequestSpecV3.
const (
	fieldDryRunEnrichment protowire.Number = 23 // only in answers to dry runs
	fieldRequestKind      protowire.Number = 24 // enum
	fieldGrouping         protowire.Number = 25 // LongTermResourceGrouping
	fieldAccessIDs        protowire.Number = 26 // repeated ResourceAccessID

	fieldRecommendedList protowire.Number = 2 // string, of LongTermResourceGrouping
)

// Values of the request kind.
const (
	kindUndefined uint64 = 0
	kindShortTerm uint64 = 1
	kindLongTerm  uint64 = 2
)

// Fields of types.ResourceAccessID, types.ResourceID and
// types.ResourceConstraints.
const (
	fieldID          protowire.Number = 1
	fieldConstraints protowire.Number = 2

	fieldCluster     protowire.Number = 1
	fieldKind        protowire.Number = 2
	fieldName        protowire.Number = 3
	fieldSubResource protowire.Number = 4

	fieldVersion        protowire.Number = 1
	fieldAWSConsole     protowire.Number = 10
	fieldSSH            protowire.Number = 11
	fieldWindowsDesktop protowire.Number = 13
	fieldPrincipals     protowire.Number = 1 // repeated string, of each of the three

	constraintsVersion = "v1"
)

// sentinel is the cluster and name of a resource that stands for none.
const sentinel = "__SENTINEL__"

// newerSpec is what newer servers add to a request's spec.
type newerSpec struct {
	kind      access.Kind
	list      string            // the recommended access list
	resources []access.Resource // those that come with constraints
	unread    []string          // what may change what is approved and can't be read
}

func (s *newerSpec) cannotRead(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if !slices.Contains(s.unread, what) && len(s.unread) < maxUnread {
		s.unread = append(s.unread, what)
	}
}

// maxUnread is how many different unread parts of a request are named.
const maxUnread = 5

// readNewerSpec reads the unknown fields of a request's spec.
func readNewerSpec(unrecognized []byte) newerSpec {
	var s newerSpec
	complete := eachField(unrecognized, func(n protowire.Number, number uint64, text []byte) {
		switch {
		case n == fieldRequestKind && text == nil:
			s.readKind(number)
		case n == fieldGrouping && text != nil:
			s.readGrouping(text)
		case n == fieldAccessIDs && text != nil:
			s.readAccessID(text)
		case n >= fieldDryRunEnrichment && n != fieldDryRunEnrichment:
			s.cannotRead("spec field %d", n)
		}
	})
	if !complete {
		s.cannotRead("spec")
	}
	return s
}

func (s *newerSpec) readKind(number uint64) {
	switch number {
	case kindUndefined, kindShortTerm:
		s.kind = access.ShortTerm
	case kindLongTerm:
		s.kind = access.LongTerm
	default:
		s.cannotRead("request kind %d", number)
	}
}

// readGrouping reads the recommendation. The rest of the message groups
// resources that the request has anyway.
func (s *newerSpec) readGrouping(b []byte) {
	eachField(b, func(n protowire.Number, _ uint64, text []byte) {
		if n == fieldRecommendedList {
			s.list = string(text)
		}
	})
}

func (s *newerSpec) readAccessID(b []byte) {
	var r access.Resource
	complete := eachField(b, func(n protowire.Number, _ uint64, text []byte) {
		switch {
		case n == fieldID && text != nil:
			s.readID(text, &r)
		case n == fieldConstraints && text != nil:
			s.readConstraints(text, &r)
		default:
			s.cannotRead("resource_access_ids field %d", n)
		}
	})
	switch {
	case r.Cluster == sentinel && r.Name == sentinel:
	case !complete, r.Kind == "" || r.Name == "":
		s.cannotRead("resource_access_ids")
	default:
		s.resources = append(s.resources, r)
	}
}

func (s *newerSpec) readID(b []byte, r *access.Resource) {
	complete := eachField(b, func(n protowire.Number, _ uint64, text []byte) {
		switch {
		case n == fieldCluster && text != nil:
			r.Cluster = string(text)
		case n == fieldKind && text != nil:
			r.Kind = string(text)
		case n == fieldName && text != nil:
			r.Name = string(text)
		case n == fieldSubResource && text != nil:
			r.SubResource = string(text)
		default:
			s.cannotRead("resource id field %d", n)
		}
	})
	if !complete {
		s.cannotRead("resource id")
	}
}

func (s *newerSpec) readConstraints(b []byte, r *access.Resource) {
	kinds := 0
	complete := eachField(b, func(n protowire.Number, _ uint64, text []byte) {
		switch {
		case n == fieldVersion && text != nil:
			if string(text) != constraintsVersion {
				s.cannotRead("constraints version %.20q", text)
			}
		case (n == fieldAWSConsole || n == fieldSSH || n == fieldWindowsDesktop) && text != nil:
			kinds++
			s.readPrincipals(n, text, r)
		default:
			kinds++
			s.cannotRead("constraint %d", n)
		}
	})
	if !complete || kinds != 1 {
		s.cannotRead("constraints")
	}
}

func (s *newerSpec) readPrincipals(constraint protowire.Number, b []byte, r *access.Resource) {
	complete := eachField(b, func(n protowire.Number, _ uint64, text []byte) {
		if n == fieldPrincipals && text != nil {
			r.Principals = append(r.Principals, string(text))
			return
		}
		s.cannotRead("constraint %d field %d", constraint, n)
	})
	if !complete || len(r.Principals) == 0 {
		s.cannotRead("constraint %d", constraint)
	}
}

// lastKnownReviewField is the last field of types.AccessReview that is known
// here.
const lastKnownReviewField = fieldOnBehalf

// unreadOfReview returns what can't be read of a review.
func unreadOfReview(unrecognized []byte) []string {
	var s newerSpec
	eachField(unrecognized, func(n protowire.Number, _ uint64, _ []byte) {
		if n > lastKnownReviewField {
			s.cannotRead("review field %d", n)
		}
	})
	return s.unread
}

// withPlain returns all resources of the request: those that come with
// constraints, which newer servers keep only there, and those of the older field
// that are not among them.
func (s *newerSpec) withPlain(ids []types.ResourceID) []access.Resource {
	all := s.resources
	known := make(map[string]bool, len(all))
	for _, r := range all {
		known[r.ID()] = true
	}
	for _, id := range ids {
		r := access.Resource{Cluster: id.ClusterName, Kind: id.Kind, Name: id.Name, SubResource: id.SubResourceName}
		eachField(id.XXX_unrecognized, func(n protowire.Number, _ uint64, _ []byte) { s.cannotRead("resource id field %d", n) })
		if !known[r.ID()] && (r.Cluster != sentinel || r.Name != sentinel) {
			all = append(all, r)
		}
	}
	return all
}

// Field of accesslist.v1.AccessListSpec, and the types whose lists nobody
// reviews: they are kept by Terraform or an identity provider.
const (
	fieldListType protowire.Number = 12 // string

	listStatic  = "static"
	listSCIM    = "scim"
	listDynamic = "dynamic" // an older word for the usual type, which is ""
)

func knownListType(typ string) bool {
	return typ == "" || typ == listDynamic || typ == listStatic || typ == listSCIM
}

// listType reads an access list's type from the unknown fields of its spec.
func listType(unrecognized []byte) (typ string) {
	eachField(unrecognized, func(n protowire.Number, _ uint64, text []byte) {
		if n == fieldListType {
			typ = string(text)
		}
	})
	return typ
}

// eachField calls f for each encoded field, up to the first invalid one, and
// reports whether there is none. text is nil for a field that is not a text or a
// message; number is 0 for one that is not a varint.
func eachField(b []byte, f func(n protowire.Number, number uint64, text []byte)) bool {
	for len(b) > 0 {
		n, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return false
		}
		size := protowire.ConsumeFieldValue(n, typ, b[tag:])
		if size < 0 {
			return false
		}
		value := b[tag : tag+size]
		b = b[tag+size:]
		switch typ {
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			f(n, v, nil)
		case protowire.BytesType:
			v, _ := protowire.ConsumeBytes(value)
			f(n, 0, append([]byte{}, v...))
		default:
			f(n, 0, nil)
		}
	}
	return true
}
