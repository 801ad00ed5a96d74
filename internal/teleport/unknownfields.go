package teleport

import (
	"fmt"
	"maps"
	"slices"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/rule"
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

// Fields of accessmonitoringrules.v1.AccessMonitoringRuleSpec, and of the messages
// in them. Field 5 was removed from Teleport.
const (
	fieldAutomaticApproval protowire.Number = 5 // message, of old servers
	fieldAutomaticReview   protowire.Number = 6 // message: 1 integration, 2 decision
	fieldDesiredState      protowire.Number = 7 // string
	fieldSchedules         protowire.Number = 8 // map<string, Schedule>

	fieldReviewIntegration protowire.Number = 1 // string
	fieldMapKey            protowire.Number = 1
	fieldMapValue          protowire.Number = 2
	fieldScheduleTime      protowire.Number = 1 // TimeSchedule
	fieldTimeShifts        protowire.Number = 1 // repeated Shift
	fieldTimeZone          protowire.Number = 2 // string
	fieldShiftWeekday      protowire.Number = 1 // string
	fieldShiftStart        protowire.Number = 2 // string
	fieldShiftEnd          protowire.Number = 3 // string
)

// desiredReviewed is the only desired state that servers accept: Teleport itself
// reviews then.
const desiredReviewed = "reviewed"

// newerRuleFields reads what servers since 18 say in a rule beside what the api
// module knows: its schedules, and phrases for all else that we can't follow.
//
// Teleport itself reviews automatically, so automatic_review and desired_state don't
// concern notifications. Only a rule that asks this plugin for it is worth a phrase.
func newerRuleFields(r *rulespb.AccessMonitoringRule) (schedules []rule.Schedule, unread []string) {
	note := func(where string, b []byte, known ...protowire.Number) []field {
		fields, valid := fieldsOf(b)
		for _, f := range fields {
			if !slices.Contains(known, f.number) {
				unread = append(unread, fmt.Sprintf("%sfield %d can't be read", where, f.number))
			}
		}
		if !valid {
			unread = append(unread, where+"the end can't be read")
		}
		return fields
	}
	note("", r.ProtoReflect().GetUnknown())
	if n := r.GetSpec().GetNotification(); n != nil {
		note("spec.notification: ", n.ProtoReflect().GetUnknown())
	}
	byName := map[string]rule.Schedule{}
	for _, f := range note("spec: ", r.GetSpec().ProtoReflect().GetUnknown(), fieldAutomaticApproval, fieldAutomaticReview, fieldDesiredState, fieldSchedules) {
		switch f.number {
		case fieldAutomaticReview:
			fields, _ := fieldsOf(f.bytes)
			for _, f := range fields {
				if f.number == fieldReviewIntegration && string(f.bytes) == pluginName {
					unread = append(unread, fmt.Sprintf("automatic_review by %q: this program never reviews on its own", pluginName))
				}
			}
		case fieldDesiredState:
			if state := string(f.bytes); state != "" && state != desiredReviewed {
				unread = append(unread, fmt.Sprintf("desired_state %.40q is unknown", state))
			}
		case fieldSchedules:
			s := schedule(f.bytes)
			byName[s.Name] = s // the last one counts, as in every map
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		schedules = append(schedules, byName[name])
	}
	slices.Sort(unread)
	return schedules, slices.Compact(unread)
}

// schedule reads one entry of the map of schedules. What can't be read makes it a
// schedule that can't be followed.
func schedule(entry []byte) rule.Schedule {
	var s rule.Schedule
	read := func(b []byte, take map[protowire.Number]func([]byte)) {
		fields, valid := fieldsOf(b)
		for _, f := range fields {
			if known := take[f.number]; known != nil && f.bytes != nil {
				known(f.bytes)
			} else {
				s.Unread = fmt.Sprintf("field %d", f.number)
			}
		}
		if !valid {
			s.Unread = "a field"
		}
	}
	text := func(to *string) func([]byte) {
		return func(b []byte) { *to = string(b) }
	}
	readShift := func(b []byte) {
		var shift rule.Shift
		read(b, map[protowire.Number]func([]byte){
			fieldShiftWeekday: text(&shift.Weekday), fieldShiftStart: text(&shift.Start), fieldShiftEnd: text(&shift.End),
		})
		s.Shifts = append(s.Shifts, shift)
	}
	readTime := func(b []byte) {
		read(b, map[protowire.Number]func([]byte){fieldTimeShifts: readShift, fieldTimeZone: text(&s.Timezone)})
	}
	readSchedule := func(b []byte) {
		read(b, map[protowire.Number]func([]byte){fieldScheduleTime: readTime})
	}
	read(entry, map[protowire.Number]func([]byte){fieldMapKey: text(&s.Name), fieldMapValue: readSchedule})
	return s
}

// field is one encoded field.
type field struct {
	number protowire.Number
	bytes  []byte // of a text or a message; nil for anything else
}

// fieldsOf returns the encoded fields up to the first invalid one, and whether
// there was none.
func fieldsOf(b []byte) (fields []field, valid bool) {
	valid = eachField(b, func(n protowire.Number, _ uint64, text []byte) {
		fields = append(fields, field{number: n, bytes: text})
	})
	return fields, valid
}
