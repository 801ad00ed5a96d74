package teleporttest

import (
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"
)

// NarrowedResource is a resource with what is asked for on it: of the lists one
// is filled.
type NarrowedResource struct {
	ID            types.ResourceID
	RoleARNs      []string // of an AWS console
	Logins        []string // of a node
	WindowsLogins []string // of a desktop
	// Constraints are encoded protobuf fields that are added to the constraints,
	// as a server of the future would.
	Constraints []byte
}

// Fields of types.AccessRequestSpecV3 that the api module that this is built
// with has no names for.
const (
	requestKindField protowire.Number = 24
	groupingField    protowire.Number = 25
	accessIDsField   protowire.Number = 26

	longTermValue = 2
)

// newerFields encodes what servers from 18 on add to a request's spec.
func (r Request) newerFields() []byte {
	var b []byte
	if r.LongTerm {
		b = protowire.AppendVarint(protowire.AppendTag(b, requestKindField, protowire.VarintType), longTermValue)
	}
	if r.RecommendedList != "" {
		b = appendMessage(b, groupingField, appendText(nil, 2, r.RecommendedList))
	}
	for _, n := range r.Narrowed {
		b = appendMessage(b, accessIDsField, n.encode())
	}
	return append(b, r.SpecFields...)
}

func (n NarrowedResource) encode() []byte {
	var id []byte
	for i, text := range []string{n.ID.ClusterName, n.ID.Kind, n.ID.Name, n.ID.SubResourceName} {
		if text != "" {
			id = appendText(id, protowire.Number(i+1), text)
		}
	}
	b := appendMessage(nil, 1, id)
	constraints := appendText(nil, 1, "v1")
	for field, principals := range map[protowire.Number][]string{10: n.RoleARNs, 11: n.Logins, 13: n.WindowsLogins} {
		if len(principals) == 0 {
			continue
		}
		var list []byte
		for _, p := range principals {
			list = appendText(list, 1, p)
		}
		constraints = appendMessage(constraints, field, list)
	}
	return appendMessage(b, 2, append(constraints, n.Constraints...))
}

func appendText(b []byte, n protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), text)
}

func appendMessage(b []byte, n protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), message)
}
