// Package check implements the checks of the configuration, the connections and
// the permissions. A check is a value: a name, its dependencies, and a function.
// Package app puts the list together and connects it to Slack and Teleport.
//
// Invariants:
//
//   - Rights and scopes are tried, or read from a response, never inferred from
//     role names.
//   - Nothing is changed and nothing is posted, except the test message that
//     --send-test asks for.
//   - Independent checks run at the same time; the findings are in the order of
//     the list.
//   - A check that could not run is no success; its finding says why.
//   - No finding contains a token, or the user and password of a proxy.
//
// The package prints nothing, and imports neither adapter.
package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Status is the result of a check.
type Status uint8

// The statuses.
const (
	OK      Status = iota
	Warning        // works in part, or not for long
	Failure        // does not work
)

// String returns the status in a word.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	}
	return "failure"
}

// MarshalText writes the status in a word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one line of the result.
type Finding struct {
	Name   string `json:"name"` // of the check
	Status Status `json:"status"`
	Detail string `json:"detail"` // what was found
	Hint   string `json:"hint"`   // what a person can do; may be empty

	skipped bool // the check did not run
}

// Check is one entry of the list.
type Check struct {
	Name  string
	Needs []string // checks that have to succeed first; otherwise it does not run
	After []string // checks that have to end first, whatever their result
	Run   func(ctx context.Context) []Finding
}

// Run runs the checks, each as soon as its dependencies have ended, and returns
// the findings in the order of the list. A check can only depend on earlier ones.
// Checks end when ctx does.
func Run(ctx context.Context, checks []Check) []Finding {
	type entry struct {
		done     chan struct{}
		findings []Finding
	}
	entries := make([]entry, len(checks))
	position := map[string]int{}
	var running sync.WaitGroup
	for i, c := range checks {
		var waits []int // indexes of its dependencies, Needs first
		for _, name := range slices.Concat(c.Needs, c.After) {
			at, ok := position[name]
			if !ok {
				panic(fmt.Sprintf("check %q waits for %q, which is not before it", c.Name, name)) // a mistake in the list
			}
			waits = append(waits, at)
		}
		position[c.Name] = i
		entries[i].done = make(chan struct{})
		running.Go(func() {
			defer close(entries[i].done)
			for _, at := range waits {
				<-entries[at].done
			}
			for at, name := range c.Needs {
				if stands(entries[waits[at]].findings) {
					continue
				}
				entries[i].findings = []Finding{{
					Name: c.Name, Status: Warning, Detail: "not checked: needs the check of " + name, skipped: true,
				}}
				return
			}
			entries[i].findings = c.Run(ctx)
			for n := range entries[i].findings {
				entries[i].findings[n].Name = c.Name
			}
		})
	}
	running.Wait()
	var all []Finding
	for _, e := range entries {
		all = append(all, e.findings...)
	}
	return all
}

// stands reports whether the check ran and nothing failed.
func stands(findings []Finding) bool {
	for _, f := range findings {
		if f.Status == Failure || f.skipped {
			return false
		}
	}
	return true
}

// Count returns how many findings have the status.
func Count(findings []Finding, s Status) int {
	n := 0
	for _, f := range findings {
		if f.Status == s {
			n++
		}
	}
	return n
}

func good(format string, args ...any) Finding {
	return Finding{Status: OK, Detail: fmt.Sprintf(format, args...)}
}

func odd(hint, format string, args ...any) Finding {
	return Finding{Status: Warning, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

func bad(hint, format string, args ...any) Finding {
	return Finding{Status: Failure, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// failed is an error with its own hint.
func failed(err error) Finding { return bad(fault.Hint(err), "%v", err) }

// list joins items for display.
func list(items []string) string { return strings.Join(items, ", ") }
