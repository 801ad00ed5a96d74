package record

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// keyNotices is the published key of an access list's plugin data: a JSON
// object, owner → when they were last reminded.
const keyNotices = "user_notifications"

// Notices is what we remember of the reminders about one access list. Like a
// Record it is immutable, and either plugin can carry on where the other
// stopped: who was reminded when stands in the published key, and what is
// under way in extension.
type Notices struct {
	// Reminded is when each owner was last reminded, by their Teleport name.
	Reminded map[string]time.Time
	// Intents are reminders that began and whose outcome is not recorded, by
	// owner. Part names the message: one message tells of several lists.
	Intents map[string]Intent

	stored map[string]string
}

// noticesJSON is the value of our key.
type noticesJSON struct {
	Intents map[string]intentJSON `json:"intents,omitempty"`
}

// DecodeNotices reads plugin data of an access list as either plugin wrote it.
// What does not parse is named in problems and treated as absent.
func DecodeNotices(data map[string]string) (n Notices, problems []string) {
	n.stored = maps.Clone(data)
	bad := func(key string, err error) {
		problems = append(problems, fmt.Sprintf("plugin data key %q does not parse: %v", key, err))
	}
	if v := data[keyNotices]; v != "" {
		var reminded map[string]json.RawMessage
		if err := json.Unmarshal([]byte(v), &reminded); err != nil {
			bad(keyNotices, err)
		}
		for _, owner := range slices.Sorted(maps.Keys(reminded)) {
			var at time.Time
			if err := json.Unmarshal(reminded[owner], &at); err != nil {
				bad(keyNotices, fmt.Errorf("%q: %w", owner, err))
				continue
			}
			if n.Reminded == nil {
				n.Reminded = map[string]time.Time{}
			}
			n.Reminded[owner] = at
		}
	}
	if v := data[keyExtension]; v != "" {
		var own noticesJSON
		if err := json.Unmarshal([]byte(v), &own); err != nil {
			bad(keyExtension, err)
		}
		for owner, i := range own.Intents {
			if n.Intents == nil {
				n.Intents = map[string]Intent{}
			}
			n.Intents[owner] = Intent{Part: i.Part, By: i.By, At: fromMilli(i.At), Try: i.Try}
		}
	}
	return n, problems
}

// Begin returns n with the intent to remind the owner.
func (n Notices) Begin(owner string, i Intent) Notices {
	n.Intents = clone(n.Intents)
	n.Intents[owner] = i
	return n
}

// Drop returns n without an intent for the owner.
func (n Notices) Drop(owner string) Notices {
	n.Intents = clone(n.Intents)
	delete(n.Intents, owner)
	return n
}

// WithReminder returns n once the owner was reminded; a later reminder counts.
func (n Notices) WithReminder(owner string, at time.Time) Notices {
	n = n.Drop(owner)
	if at.After(n.Reminded[owner]) {
		n.Reminded = clone(n.Reminded)
		n.Reminded[owner] = at.UTC()
	}
	return n
}

// Keep returns n without those who are no owners.
func (n Notices) Keep(owners []string) Notices {
	n.Reminded, n.Intents = clone(n.Reminded), clone(n.Intents)
	maps.DeleteFunc(n.Reminded, func(owner string, _ time.Time) bool { return !slices.Contains(owners, owner) })
	maps.DeleteFunc(n.Intents, func(owner string, _ Intent) bool { return !slices.Contains(owners, owner) })
	return n
}

func clone[V any](m map[string]V) map[string]V {
	c := make(map[string]V, len(m)+1)
	maps.Copy(c, m)
	return c
}

// Changes returns what to write so that n replaces what was read, and what the
// write must find unchanged. An empty set means that there is nothing to write.
func (n Notices) Changes() (set, expect map[string]string) {
	set, expect = map[string]string{}, map[string]string{}
	for k, v := range n.encode() {
		expect[k] = n.stored[k]
		if n.stored[k] != v {
			set[k] = v
		}
	}
	return set, expect
}

// Stored returns n as it is after its Changes were written.
func (n Notices) Stored() Notices {
	n.stored = maps.Clone(n.stored)
	if n.stored == nil {
		n.stored = map[string]string{}
	}
	maps.Copy(n.stored, n.encode())
	return n
}

func (n Notices) encode() map[string]string {
	data := map[string]string{keyNotices: "", keyExtension: ""}
	if len(n.Reminded) > 0 {
		data[keyNotices] = mustMarshalTimes(n.Reminded)
	}
	if len(n.Intents) > 0 {
		own := noticesJSON{Intents: map[string]intentJSON{}}
		for owner, i := range n.Intents {
			own.Intents[owner] = intentJSON{Part: i.Part, By: i.By, At: toMilli(i.At), Try: i.Try}
		}
		data[keyExtension] = mustMarshal(own)
	}
	return data
}

// mustMarshalTimes writes times as the published plugin does, in RFC 3339. A
// year beyond it can only come from a clock gone mad, and says nothing.
func mustMarshalTimes(reminded map[string]time.Time) string {
	valid := maps.Clone(reminded)
	maps.DeleteFunc(valid, func(_ string, at time.Time) bool { return at.Year() < 0 || at.Year() > 9999 })
	return mustMarshal(valid)
}
