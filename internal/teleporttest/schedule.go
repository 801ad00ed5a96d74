package teleporttest

import (
	"maps"
	"slices"
	"time"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	"github.com/gravitational/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// Schedules and automatic reviews of access monitoring rules are newer than the
// api module that this is built with, which keeps these fields as they came.
const (
	automaticReviewField protowire.Number = 6 // message: 1 integration, 2 decision
	desiredStateField    protowire.Number = 7 // string
	schedulesField       protowire.Number = 8 // map: 1 name, 2 schedule
)

// Schedule is a part of the week in which a rule is in force.
type Schedule struct {
	Timezone string // of the IANA database; empty for UTC
	Shifts   []Shift
}

// Shift is a time of one day.
type Shift struct {
	Weekday    string // in English
	Start, End string // HH:MM
}

// newerFields encodes what the api module has no fields for.
func (r Rule) newerFields() []byte {
	text := func(b []byte, n protowire.Number, s string) []byte {
		if s == "" {
			return b
		}
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	message := func(b []byte, n protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), m)
	}
	var b []byte
	if r.ReviewIntegration != "" {
		b = message(b, automaticReviewField, text(text(nil, 1, r.ReviewIntegration), 2, r.ReviewDecision))
	}
	b = text(b, desiredStateField, r.DesiredState)
	for _, name := range slices.Sorted(maps.Keys(r.Schedules)) {
		s := r.Schedules[name]
		var shifts []byte
		for _, shift := range s.Shifts {
			shifts = message(shifts, 1, text(text(text(nil, 1, shift.Weekday), 2, shift.Start), 3, shift.End))
		}
		schedule := message(nil, 1, text(shifts, 2, s.Timezone))
		b = message(b, schedulesField, message(text(nil, 1, name), 2, schedule))
	}
	return append(b, r.Unknown...)
}

// check refuses what a real server refuses of the newer fields. It doesn't look
// into time zones, and neither does a real one.
func (r Rule) check() error {
	if r.DesiredState != "" && r.DesiredState != "reviewed" {
		return trace.BadParameter("access monitoring rule has the unknown desired state %q", r.DesiredState)
	}
	if r.ReviewIntegration != "" && r.ReviewDecision != "APPROVED" && r.ReviewDecision != "DENIED" {
		return trace.BadParameter("access monitoring rule has the unknown decision %q", r.ReviewDecision)
	}
	for name, s := range r.Schedules {
		if len(s.Shifts) == 0 {
			return trace.BadParameter("schedule %q has no shifts", name)
		}
		for _, shift := range s.Shifts {
			if _, err := time.Parse("Monday", shift.Weekday); err != nil {
				return trace.BadParameter("schedule %q: %v", name, err)
			}
			start, err := time.Parse("15:04", shift.Start)
			if err != nil {
				return trace.BadParameter("schedule %q: %v", name, err)
			}
			end, err := time.Parse("15:04", shift.End)
			if err != nil {
				return trace.BadParameter("schedule %q: %v", name, err)
			}
			if !start.Before(end) {
				return trace.BadParameter("schedule %q: a shift ends before it starts", name)
			}
		}
	}
	return nil
}

// withNewer adds the encoded newer fields to a spec.
func withNewer(spec *rulespb.AccessMonitoringRuleSpec, fields []byte) *rulespb.AccessMonitoringRuleSpec {
	spec.ProtoReflect().SetUnknown(fields)
	return spec
}
