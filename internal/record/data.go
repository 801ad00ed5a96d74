package record

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// The published plugin's keys, and ours.
const (
	keyUser          = "user"
	keyRoles         = "roles"
	keyResources     = "resources"
	keyReason        = "request_reason"
	keyReviews       = "reviews_count"
	keyResolution    = "resolution"
	keyResolveReason = "resolve_reason"
	keyLogins        = "logins_by_role"
	keyAnnotations   = "system_annotations"
	keyMessages      = "messages"

	// A single message, as versions before lists of messages wrote it; read, never written.
	keyLegacyChannel = "channel_id"
	keyLegacyTS      = "timestamp"

	// Ours: one JSON object.
	keyOurs = "teleport_slack"
)

// publishedKeys are the keys that the published plugin expects to find
// unchanged when it writes; so do we.
var publishedKeys = [...]string{
	keyUser, keyRoles, keyResources, keyReason, keyReviews, keyResolution, keyResolveReason, keyMessages,
}

// states maps the published resolution tags.
var states = map[string]access.State{
	"PENDING": access.Pending, "": access.Pending,
	"APPROVED": access.Approved, "DENIED": access.Denied, "PROMOTED": access.Promoted, "EXPIRED": access.Expired,
}

// ours is the value of our key. Times are Unix milliseconds.
type ours struct {
	State         string      `json:"state"`
	Kind          access.Kind `json:"kind,omitempty"`
	Adopted       bool        `json:"adopted,omitempty"`
	Unseated      bool        `json:"unseated,omitempty"`
	Escalated     bool        `json:"escalated,omitempty"`
	By            string      `json:"by,omitempty"`
	Reviewers     []string    `json:"reviewers,omitempty"`
	Created       int64       `json:"created,omitempty"`
	AccessExpires int64       `json:"access_expires,omitempty"`
	Reviews       int         `json:"reviews,omitempty"`    // noted.Reviews
	Resolution    string      `json:"resolution,omitempty"` // noted.Resolution
	Copies        []ourCopy   `json:"copies,omitempty"`
}

type ourCopy struct {
	To         string          `json:"to,omitempty"`
	Name       string          `json:"name,omitempty"`
	For        access.Audience `json:"for,omitempty"`
	Channel    string          `json:"ch,omitempty"`
	TS         string          `json:"ts,omitempty"`
	Shown      string          `json:"shown,omitempty"`
	State      string          `json:"state,omitempty"`
	Replies    int             `json:"replies,omitempty"`
	Final      bool            `json:"final,omitempty"`
	Locked     bool            `json:"locked,omitempty"`
	Over       bool            `json:"over,omitempty"`
	EndsTold   bool            `json:"ends_told,omitempty"`
	EndedTold  bool            `json:"ended_told,omitempty"`
	Escalated  bool            `json:"escalated,omitempty"`
	Reminders  int             `json:"reminders,omitempty"`
	RemindedAt int64           `json:"reminded,omitempty"`
	Reaction   string          `json:"reaction,omitempty"`
	Intent     *ourIntent      `json:"intent,omitempty"`
	Failure    *ourFailure     `json:"failure,omitempty"`

	Mentions []string `json:"mentions,omitempty"`
}

type ourIntent struct {
	Part string `json:"part"`
	By   string `json:"by"`
	At   int64  `json:"at"`
	Try  int    `json:"try"`
}

type ourFailure struct {
	Reason string `json:"reason"`
	At     int64  `json:"at"`
}

// Decode reads plugin data as either plugin wrote it. It never fails: what
// does not parse is named in problems and treated as absent, so that one
// broken value does not cost a request its messages.
func Decode(data map[string]string) (rec Record, problems []string) {
	rec.stored = maps.Clone(data)
	bad := func(key string, err error) {
		problems = append(problems, fmt.Sprintf("plugin data key %q does not parse: %v", key, err))
	}

	resolution, ok := states[data[keyResolution]]
	if !ok {
		bad(keyResolution, fmt.Errorf("unknown state %q", data[keyResolution]))
	}
	reviews := 0
	if v := data[keyReviews]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			bad(keyReviews, fmt.Errorf("%q is no count", v))
		} else {
			reviews = n
		}
	}
	rec.About = About{
		User: data[keyUser], Roles: splitNonEmpty(data[keyRoles]), Reason: data[keyReason],
		State: resolution, ResolveReason: data[keyResolveReason],
	}
	if v := data[keyResources]; v != "" {
		if err := json.Unmarshal([]byte(v), &rec.About.Resources); err != nil {
			bad(keyResources, err)
		}
	}
	if v := data[keyLogins]; v != "" {
		if err := json.Unmarshal([]byte(v), &rec.About.Logins); err != nil {
			bad(keyLogins, err)
		}
	}

	if v := data[keyAnnotations]; v != "" {
		if err := json.Unmarshal([]byte(v), &rec.About.Annotations); err != nil {
			bad(keyAnnotations, err)
		}
	}

	var own ours
	haveOwn := data[keyOurs] != ""
	if haveOwn {
		if err := json.Unmarshal([]byte(data[keyOurs]), &own); err != nil {
			bad(keyOurs, err)
			own, haveOwn = ours{}, false
		}
	}
	if haveOwn {
		rec.merge(own, reviews, resolution)
	}
	rec.adopt(publishedMessages(data), reviews, resolution)
	if !haveOwn && len(rec.Copies) > 0 {
		rec.Adopted = true
	}
	return rec, problems
}

// merge brings in our own part, and what the published plugin did since.
func (r *Record) merge(own ours, reviews int, resolution access.State) {
	r.Adopted, r.Unseated, r.Escalated, r.By = own.Adopted, own.Unseated, own.Escalated, own.By
	r.noted = noted{Reviews: own.Reviews, Resolution: own.Resolution}
	r.About.Kind = own.Kind
	r.About.SuggestedReviewers = own.Reviewers
	r.About.Created = fromMilli(own.Created)
	r.About.AccessExpires = fromMilli(own.AccessExpires)
	resolvedSince := resolution.Resolved() && resolution.String() != own.Resolution
	if !resolvedSince {
		r.About.State = states[own.State]
	}
	for _, o := range own.Copies {
		c := Copy{
			To: o.To, Name: o.Name, For: o.For, At: refOf(o.Channel, o.TS),
			Shown: o.Shown, State: states[o.State], Replies: max(o.Replies, 0), Final: o.Final, Locked: o.Locked, Reaction: o.Reaction,
			Over: o.Over, EndsTold: o.EndsTold, EndedTold: o.EndedTold,
			Escalated: o.Escalated, Reminders: max(o.Reminders, 0), RemindedAt: fromMilli(o.RemindedAt),
		}
		c.Mentions = o.Mentions
		if o.Intent != nil {
			c.Intent = &Intent{Part: o.Intent.Part, By: o.Intent.By, At: fromMilli(o.Intent.At), Try: o.Intent.Try}
		}
		if o.Failure != nil {
			c.Failure = &Failure{Reason: o.Failure.Reason, At: fromMilli(o.Failure.At)}
		}
		if !c.At.IsZero() && reviews > own.Reviews {
			c.Replies = max(c.Replies, reviews)
		}
		if !c.At.IsZero() && resolvedSince {
			c.Shown, c.State, c.Final = "", resolution, true
		}
		r.Copies = append(r.Copies, c)
	}
}

// adopt makes copies of the messages that we have none for: the published plugin posted them.
func (r *Record) adopt(refs []access.MessageRef, reviews int, resolution access.State) {
	for _, ref := range refs {
		if slices.ContainsFunc(r.Copies, func(c Copy) bool { return c.At == ref }) {
			continue
		}
		r.Copies = append(r.Copies, Copy{At: ref, State: resolution, Replies: reviews})
	}
}

// publishedMessages reads where the published plugin says the messages are.
func publishedMessages(data map[string]string) []access.MessageRef {
	var refs []access.MessageRef
	add := func(channel, ts string) {
		if ref := refOf(channel, ts); !ref.IsZero() && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	add(data[keyLegacyChannel], data[keyLegacyTS])
	for _, part := range splitNonEmpty(data[keyMessages]) {
		if p := strings.Split(part, "/"); len(p) == 2 {
			add(p[0], p[1])
		}
	}
	return refs
}

// refOf returns where a message is, or nowhere if that can't be: Slack's IDs
// and timestamps are letters, digits and a dot.
func refOf(channel, ts string) access.MessageRef {
	foreign := func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '.')
	}
	if channel == "" || ts == "" || strings.ContainsFunc(channel+ts, foreign) {
		return access.MessageRef{}
	}
	return access.MessageRef{Channel: channel, TS: ts}
}

// Changes returns what to write so that r replaces what was read, and what the
// write must find unchanged. An empty set means that there is nothing to write.
func (r Record) Changes() (set, expect map[string]string) {
	next := r.encode()
	set, expect = map[string]string{}, map[string]string{}
	for k, v := range next {
		if r.stored[k] != v {
			set[k] = v
		}
	}
	for _, k := range publishedKeys {
		expect[k] = r.stored[k]
	}
	expect[keyOurs] = r.stored[keyOurs]
	return set, expect
}

// Stored returns r as it is after its Changes were written.
func (r Record) Stored() Record {
	stored := maps.Clone(r.stored)
	if stored == nil {
		stored = map[string]string{}
	}
	for k, v := range r.encode() {
		if v == "" {
			delete(stored, k)
		} else {
			stored[k] = v
		}
	}
	r.noted = noted{Reviews: r.repliesEverywhere(), Resolution: r.resolutionEverywhere()}
	r.stored = stored
	return r
}

// encode returns every key that we write; an empty value deletes the key.
func (r Record) encode() map[string]string {
	a := r.About
	note := noted{Reviews: r.repliesEverywhere(), Resolution: r.resolutionEverywhere()}
	own := ours{
		State: a.State.String(), Kind: a.Kind, Adopted: r.Adopted, Unseated: r.Unseated, Escalated: r.Escalated, By: r.By, Reviewers: a.SuggestedReviewers,
		Created: toMilli(a.Created), AccessExpires: toMilli(a.AccessExpires),
		Reviews: note.Reviews, Resolution: note.Resolution,
	}
	var refs []string
	for _, c := range r.Copies {
		o := ourCopy{
			To: c.To, Name: c.Name, For: c.For, Channel: c.At.Channel, TS: c.At.TS,
			Shown: c.Shown, Replies: c.Replies, Final: c.Final, Locked: c.Locked, Reaction: c.Reaction,
			Over: c.Over, EndsTold: c.EndsTold, EndedTold: c.EndedTold,
			Escalated: c.Escalated, Reminders: c.Reminders, RemindedAt: toMilli(c.RemindedAt),
		}
		o.Mentions = c.Mentions
		if !c.At.IsZero() {
			o.State = c.State.String()
			refs = append(refs, c.At.Channel+"/"+c.At.TS)
		}
		if c.Intent != nil {
			o.Intent = &ourIntent{Part: c.Intent.Part, By: c.Intent.By, At: toMilli(c.Intent.At), Try: c.Intent.Try}
		}
		if c.Failure != nil {
			o.Failure = &ourFailure{Reason: c.Failure.Reason, At: toMilli(c.Failure.At)}
		}
		own.Copies = append(own.Copies, o)
	}
	data := map[string]string{
		keyUser:          a.User,
		keyRoles:         strings.Join(a.Roles, ","),
		keyResources:     marshalList(a.Resources),
		keyReason:        a.Reason,
		keyReviews:       "",
		keyResolution:    note.Resolution,
		keyResolveReason: a.ResolveReason,
		keyMessages:      strings.Join(refs, ","),
		keyOurs:          mustMarshal(own),
	}
	if note.Reviews > 0 {
		data[keyReviews] = strconv.Itoa(note.Reviews)
	}
	if len(a.Logins) > 0 {
		data[keyLogins] = mustMarshal(a.Logins)
	}
	if len(a.Annotations) > 0 {
		data[keyAnnotations] = mustMarshal(a.Annotations)
	}
	if r.stored[keyLegacyChannel] != "" {
		// The message is in keyMessages now.
		data[keyLegacyChannel], data[keyLegacyTS] = "", ""
	}
	return data
}

func marshalList(l []string) string {
	if len(l) == 0 {
		return ""
	}
	return mustMarshal(l)
}

func mustMarshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("record: strings, numbers and maps of them always marshal: " + err.Error())
	}
	return string(b)
}

func splitNonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func toMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
