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

// The published plugin's keys, and extension.
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

	// The extension, which is ours: one JSON object.
	keyExtension = "teleport_slack"
)

// publishedKeys are the keys that the published plugin expects to find
// unchanged when it writes; so do we.
var publishedKeys = [...]string{
	keyUser, keyRoles, keyResources, keyReason, keyReviews, keyResolution, keyResolveReason, keyMessages,
}

// knownKeys are the keys whose meaning is known. All others stay as they are.
var knownKeys = map[string]bool{
	keyUser: true, keyRoles: true, keyResources: true, keyReason: true, keyReviews: true, keyResolution: true, keyResolveReason: true,
	keyLogins: true, keyAnnotations: true, keyMessages: true, keyLegacyChannel: true, keyLegacyTS: true, keyExtension: true,
}

// states maps the published resolution tags.
var states = map[string]access.State{
	"PENDING": access.Pending, "": access.Pending,
	"APPROVED": access.Approved, "DENIED": access.Denied, "PROMOTED": access.Promoted, "EXPIRED": access.Expired,
}

// extension is the value of our own key. Times are Unix milliseconds.
// Its fields are the keys, which stay.
type extension struct {
	State             string      `json:"state"`
	Kind              access.Kind `json:"kind,omitempty"`
	Adopted           bool        `json:"adopted,omitempty"`
	RecipientsPending bool        `json:"unseated,omitempty"`
	Assigned          string      `json:"assigned,omitempty"`
	Escalated         bool        `json:"escalated,omitempty"`
	By                string      `json:"by,omitempty"`
	Reviewers         []string    `json:"reviewers,omitempty"`
	Recommended       string      `json:"recommended,omitempty"`
	Principals        [][]string  `json:"principals,omitempty"` // of each of the published resources
	Created           int64       `json:"created,omitempty"`
	AccessExpires     int64       `json:"access_expires,omitempty"`
	Reviews           int         `json:"reviews,omitempty"`    // published.Reviews
	Resolution        string      `json:"resolution,omitempty"` // published.Resolution
	Copies            []copyJSON  `json:"copies,omitempty"`
}

// copyJSON is a Copy as it is stored.
// Its fields are the keys, which stay.
type copyJSON struct {
	To           string          `json:"to,omitempty"`
	Name         string          `json:"name,omitempty"`
	For          access.Audience `json:"for,omitempty"`
	Channel      string          `json:"ch,omitempty"`
	TS           string          `json:"ts,omitempty"`
	Shown        string          `json:"shown,omitempty"`
	State        string          `json:"state,omitempty"`
	Replies      int             `json:"replies,omitempty"`
	Final        bool            `json:"final,omitempty"`
	Locked       bool            `json:"locked,omitempty"`
	ShowsEnded   bool            `json:"over,omitempty"`
	NoticePosted bool            `json:"ends_told,omitempty"`
	EndPosted    bool            `json:"ended_told,omitempty"`
	Escalated    bool            `json:"escalated,omitempty"`
	Reminders    int             `json:"reminders,omitempty"`
	RemindedAt   int64           `json:"reminded,omitempty"`
	Reaction     string          `json:"reaction,omitempty"`
	Intent       *intentJSON     `json:"intent,omitempty"`
	Failure      *failureJSON    `json:"failure,omitempty"`

	Mentions []string `json:"mentions,omitempty"`
}

type intentJSON struct {
	Part string `json:"part"`
	By   string `json:"by"`
	At   int64  `json:"at"`
	Try  int    `json:"try"`
}

type failureJSON struct {
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
	rec.Snapshot = Snapshot{
		User: data[keyUser], Roles: splitNonEmpty(data[keyRoles]), Reason: data[keyReason],
		State: resolution, ResolveReason: data[keyResolveReason],
	}
	if v := data[keyResources]; v != "" {
		if err := json.Unmarshal([]byte(v), &rec.Snapshot.Resources); err != nil {
			bad(keyResources, err)
		}
	}
	if v := data[keyLogins]; v != "" {
		if err := json.Unmarshal([]byte(v), &rec.Snapshot.Logins); err != nil {
			bad(keyLogins, err)
		}
	}

	if v := data[keyAnnotations]; v != "" {
		if err := json.Unmarshal([]byte(v), &rec.Snapshot.Annotations); err != nil {
			bad(keyAnnotations, err)
		}
	}

	var own extension
	haveOwn := data[keyExtension] != ""
	if haveOwn {
		if err := json.Unmarshal([]byte(data[keyExtension]), &own); err != nil {
			bad(keyExtension, err)
			own, haveOwn = extension{}, false
		}
	}
	rec.Snapshot.Kind = publishedKind(data)
	if haveOwn {
		rec.merge(own, reviews, resolution, bad)
	}
	refs, err := publishedMessages(data)
	if err != nil {
		bad(keyMessages, err)
	}
	rec.adopt(refs, reviews, resolution)
	if !haveOwn && len(rec.Copies) > 0 {
		rec.Adopted = true
	}
	return rec, problems
}

// merge brings in our own part, and what the published plugin did since.
func (r *Record) merge(own extension, reviews int, resolution access.State, bad func(key string, err error)) {
	r.Adopted, r.RecipientsPending, r.Assigned, r.Escalated, r.By = own.Adopted, own.RecipientsPending, own.Assigned, own.Escalated, own.By
	r.published = published{Reviews: own.Reviews, Resolution: own.Resolution}
	r.Snapshot.Kind = own.Kind
	r.Snapshot.SuggestedReviewers = own.Reviewers
	r.Snapshot.RecommendedList = own.Recommended
	if len(own.Principals) == len(r.Snapshot.Resources) { // else somebody else wrote the resources since
		r.Snapshot.Principals = own.Principals
	}
	r.Snapshot.Created = fromMilli(own.Created)
	r.Snapshot.AccessExpires = fromMilli(own.AccessExpires)
	resolvedSince := resolution.Resolved() && resolution.String() != own.Resolution
	if !resolvedSince {
		r.Snapshot.State = states[own.State]
	}
	for _, o := range own.Copies {
		c := Copy{
			To: o.To, Name: o.Name, For: o.For, At: refOf(o.Channel, o.TS),
			Shown: o.Shown, State: states[o.State], Replies: max(o.Replies, 0), Final: o.Final, Locked: o.Locked, Reaction: o.Reaction,
			ShowsEnded: o.ShowsEnded, NoticePosted: o.NoticePosted, EndPosted: o.EndPosted,
			Escalated: o.Escalated, Reminders: max(o.Reminders, 0), RemindedAt: fromMilli(o.RemindedAt),
		}
		c.Mentions = o.Mentions
		if o.Intent != nil {
			c.Intent = &Intent{Part: o.Intent.Part, By: o.Intent.By, At: fromMilli(o.Intent.At), Try: o.Intent.Try}
		}
		if o.Failure != nil {
			c.Failure = &Failure{Reason: o.Failure.Reason, At: fromMilli(o.Failure.At)}
		}
		if c.For > access.Requester {
			bad(keyExtension, fmt.Errorf("unknown audience %d of %q", c.For, c.ID()))
			c.For = access.Reviewers
		}
		if i := r.IndexOf(c.ID()); i >= 0 { // one recipient has one copy, the one with a message
			bad(keyExtension, fmt.Errorf("two copies of %q", c.ID()))
			if !r.Copies[i].At.IsZero() {
				continue
			}
			r.Copies = slices.Delete(r.Copies, i, i+1)
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
func publishedMessages(data map[string]string) (refs []access.MessageRef, err error) {
	refs = appendRef(refs, refOf(data[keyLegacyChannel], data[keyLegacyTS]))
	listed, err := parseMessages(data[keyMessages])
	for _, ref := range listed {
		refs = appendRef(refs, ref)
	}
	return refs, err
}

// publishedKind reads the request kind that the published plugin has stored since
// 2026. Under which key is not known, so any key of its own is taken that has one
// of the two values.
func publishedKind(data map[string]string) access.Kind {
	for key, value := range data {
		if value == "LONG_TERM" && !knownKeys[key] {
			return access.LongTerm
		}
	}
	return access.ShortTerm
}

// Changes returns what to write so that r replaces what was read, and what the
// write must find unchanged. An empty set means that there is nothing to write.
func (r Record) Changes() (set, expect map[string]string) {
	return r.changes(r.encode())
}

func (r Record) changes(next map[string]string) (set, expect map[string]string) {
	set, expect = map[string]string{}, map[string]string{}
	for k, v := range next {
		if r.stored[k] != v {
			set[k] = v
		}
	}
	for _, k := range publishedKeys {
		expect[k] = r.stored[k]
	}
	expect[keyExtension] = r.stored[keyExtension]
	return set, expect
}

// Stored returns r as it is after its Changes were written.
func (r Record) Stored() Record { return r.storedAs(r.encode()) }

func (r Record) storedAs(next map[string]string) Record {
	stored := maps.Clone(r.stored)
	if stored == nil {
		stored = map[string]string{}
	}
	for k, v := range next {
		if v == "" {
			delete(stored, k)
		} else {
			stored[k] = v
		}
	}
	r.published = published{Reviews: r.repliesEverywhere(), Resolution: r.resolutionEverywhere()}
	r.stored = stored
	return r
}

// encode returns every key that we write; an empty value deletes the key.
func (r Record) encode() map[string]string {
	a := r.Snapshot
	note := published{Reviews: r.repliesEverywhere(), Resolution: r.resolutionEverywhere()}
	own := extension{
		State: a.State.String(), Kind: a.Kind, Adopted: r.Adopted, RecipientsPending: r.RecipientsPending, Assigned: r.Assigned,
		Escalated: r.Escalated, By: r.By, Reviewers: a.SuggestedReviewers, Recommended: a.RecommendedList, Principals: a.Principals,
		Created: toMilli(a.Created), AccessExpires: toMilli(a.AccessExpires),
		Reviews: note.Reviews, Resolution: note.Resolution,
	}
	var refs []access.MessageRef
	for _, c := range r.Copies {
		o := copyJSON{
			To: c.To, Name: c.Name, For: c.For, Channel: c.At.Channel, TS: c.At.TS,
			Shown: c.Shown, Replies: c.Replies, Final: c.Final, Locked: c.Locked, Reaction: c.Reaction,
			ShowsEnded: c.ShowsEnded, NoticePosted: c.NoticePosted, EndPosted: c.EndPosted,
			Escalated: c.Escalated, Reminders: c.Reminders, RemindedAt: toMilli(c.RemindedAt),
		}
		o.Mentions = c.Mentions
		if !c.At.IsZero() {
			o.State = c.State.String()
			refs = append(refs, c.At)
		}
		if c.Intent != nil {
			o.Intent = &intentJSON{Part: c.Intent.Part, By: c.Intent.By, At: toMilli(c.Intent.At), Try: c.Intent.Try}
		}
		if c.Failure != nil {
			o.Failure = &failureJSON{Reason: c.Failure.Reason, At: toMilli(c.Failure.At)}
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
		keyMessages:      formatMessages(r.stored[keyMessages], refs),
		keyExtension:     mustMarshal(own),
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
