// Package check finds out whether the program can do its work where it is, and
// says what to do where it can't. A check is a value: a name, what it waits
// for, and what it does. Which checks there are, and of what they ask, is put
// together elsewhere, so another one is another entry in a list.
//
// What holds:
//
//   - Rights and scopes are tried or taken from what the other side answers,
//     never guessed from names of roles.
//   - Nothing is changed and nobody is written to, but for the test message
//     that somebody asked for.
//   - Independent checks run at the same time; the findings come in the order
//     of the list, the same for the same world.
//   - A check that could not be made is no success: it says what it lacked.
//   - No finding has a token, or the user and password of a proxy's address.
//
// It prints nothing, and knows neither adapter.
package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Status is what became of a check.
type Status uint8

// The statuses.
const (
	OK      Status = iota
	Warning        // it works, but not all of it, or not for long
	Failure        // it doesn't
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

	skipped bool // it was not made at all
}

// Check is one entry of the list.
type Check struct {
	Name  string
	Needs []string // checks that it can't do without: where one failed, it isn't made
	After []string // checks that it waits for, whatever became of them
	Run   func(ctx context.Context) []Finding
}

// Run makes the checks, each as soon as those that it waits for have ended,
// and returns what they found, in their order. A check waits only for those
// before it. Checks end when ctx does.
func Run(ctx context.Context, checks []Check) []Finding {
	type entry struct {
		done     chan struct{}
		findings []Finding
	}
	entries := make([]entry, len(checks))
	position := map[string]int{}
	var running sync.WaitGroup
	for i, c := range checks {
		var waits []int // those needed first
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
					Name: c.Name, Status: Warning, Detail: "not checked: it takes the check of " + name, skipped: true,
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

// stands says that nothing failed, and that something was checked.
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

// list joins what is to be read by people.
func list(items []string) string { return strings.Join(items, ", ") }
