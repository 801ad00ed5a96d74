package telemetry

import (
	"fmt"
	"net/http"
	"strings"
)

// Grade is the result of a health check.
type Grade uint8

// The grades. Only Failed makes the program not ready.
const (
	OK      Grade = iota
	Warning       // it works, but needs attention
	Failed        // it does not work
)

var gradeNames = [...]string{"ok", "warning", "failed"}

// String returns the grade as /readyz spells it.
func (g Grade) String() string { return gradeNames[g] }

// Check is one condition for the program to work.
type Check struct {
	Name string
	// Look returns the current state. It makes no calls and doesn't wait.
	Look func() (Grade, string)
}

// Health is the set of all checks.
type Health struct {
	// Alive returns an error if the program should be restarted, because it
	// hangs. A nil function means always alive.
	Alive  func() error
	Checks []Check
}

// live handles /livez. An outage of Teleport or Slack is no reason for a restart, so
// it is not part of it.
func (h Health) live(w http.ResponseWriter, _ *http.Request) {
	if h.Alive != nil {
		if err := h.Alive(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "failed: %s\n", oneLine(err.Error()))
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

// ready handles /readyz: a line for each check, and 503 if one failed.
func (h Health) ready(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	var body strings.Builder
	for _, c := range h.Checks {
		grade, text := c.Look()
		if grade == Failed {
			status = http.StatusServiceUnavailable
		}
		fmt.Fprintf(&body, "%s %s: %s\n", grade, c.Name, oneLine(text))
	}
	w.WriteHeader(status)
	fmt.Fprint(w, body.String())
}

// maxReasonRunes bounds the length of an error in a line, in characters.
const maxReasonRunes = 500

// oneLine turns an error into one line.
func oneLine(s string) string {
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " "))
	if len(runes) > maxReasonRunes {
		runes = append(runes[:maxReasonRunes], '…')
	}
	for i, r := range runes {
		if r < ' ' || r == 0x7f {
			runes[i] = '?'
		}
	}
	return string(runes)
}
