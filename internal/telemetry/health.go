package telemetry

import (
	"fmt"
	"net/http"
	"strings"
)

// Grade is how something is.
type Grade uint8

// The grades. Only Failed makes the program not ready.
const (
	OK      Grade = iota
	Warning       // it works, and somebody should look at it
	Failed        // it doesn't
)

var gradeNames = [...]string{"ok", "warning", "failed"}

// String returns the grade as /readyz spells it.
func (g Grade) String() string { return gradeNames[g] }

// Check is one thing that has to be right for the program to do its work.
type Check struct {
	Name string
	// Look says how it is, from what is known: it asks nobody and doesn't wait.
	Look func() (Grade, string)
}

// Health is everything that is looked at.
type Health struct {
	// Alive says why the program can't be trusted to go on, or nil. One that
	// hangs is what a supervisor should restart; nil for one that never does.
	Alive  func() error
	Checks []Check
}

// live answers /livez. Teleport or Slack being away is no reason to be
// restarted, so nothing of that is in here.
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

// ready answers /readyz: a line for each check, and 503 if one failed.
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

// maxReasonRunes keeps somebody else's words in their line.
const maxReasonRunes = 500

// oneLine makes whatever an error says fit into a line.
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
