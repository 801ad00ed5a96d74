package teleport

import (
	"fmt"
	"maps"
	"slices"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
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

// The request kind is an enum (0 undefined, 1 short-term, 2 long-term) in
// types.AccessRequestSpecV3. Its number is not known for certain; it is greater
// than the last one that the api defines.
const (
	lastKnownSpecField protowire.Number = 22
	longTermValue      uint64           = 2
)

// kind reads the request kind from the unknown fields of a request's spec. Any
// number there that could mean long-term is taken as such: if that is wrong, a
// request has no buttons; the opposite mistake would let a click grant lasting
// access.
func kind(unrecognized []byte) access.Kind {
	k := access.ShortTerm
	eachField(unrecognized, func(n protowire.Number, number uint64, _ []byte) {
		if n > lastKnownSpecField && number == longTermValue {
			k = access.LongTerm
		}
	})
	return k
}

// eachField calls f for each encoded field that is a number or a text, up to the
// first invalid field.
func eachField(b []byte, f func(n protowire.Number, number uint64, text []byte)) {
	for len(b) > 0 {
		n, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(n, typ, b[tag:])
		if size < 0 {
			return
		}
		value := b[tag : tag+size]
		b = b[tag+size:]
		switch typ {
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(value)
			f(n, v, nil)
		case protowire.BytesType:
			v, _ := protowire.ConsumeBytes(value)
			f(n, 0, v)
		}
	}
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
			if known := take[f.number]; known != nil && f.wire == protowire.BytesType {
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
	wire   protowire.Type
	bytes  []byte // of a text or a message
}

// fieldsOf returns the encoded fields up to the first invalid one, and whether
// there was none.
func fieldsOf(b []byte) (fields []field, valid bool) {
	for len(b) > 0 {
		number, wire, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return fields, false
		}
		size := protowire.ConsumeFieldValue(number, wire, b[tag:])
		if size < 0 {
			return fields, false
		}
		f := field{number: number, wire: wire}
		if wire == protowire.BytesType {
			f.bytes, _ = protowire.ConsumeBytes(b[tag:])
		}
		fields = append(fields, f)
		b = b[tag+size:]
	}
	return fields, true
}
