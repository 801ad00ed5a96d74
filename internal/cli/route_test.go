package cli

import (
	"strings"
	"testing"
)

// What comes from a request does not talk to the terminal.
func TestRouteKeepsEscapeSequencesFromTheTerminal(t *testing.T) {
	code, stdout, stderr := run(t, Options{Args: []string{
		"route", "-c", soundFile(t, ""), "--user", "alice\x1b[2J", "--reviewers", "bob\x1b]0;x\x07\tcarol", "--roles", "x\ny",
	}})
	if code != exitOK {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if strings.ContainsAny(stdout, "\x1b\x07\t\r") {
		t.Errorf("%q", stdout)
	}
	for _, want := range []string{"user bob�]0;x��carol", "user alice�[2J"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("lacks %q:\n%s", want, stdout)
		}
	}
}
