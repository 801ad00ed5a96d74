package rule

import (
	"os"
	"strings"
	"testing"
)

// The reference has every word of the language.
func TestTheReferenceHasEveryWord(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "### Conditions\n")
	if !ok {
		t.Fatal("the reference has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for name := range variables {
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("the reference lacks the variable %s", name)
		}
	}
	names := set{}
	for name := range functions {
		names[name] = struct{}{}
	}
	for name := range special {
		names[name] = struct{}{}
	}
	for name := range names {
		if !strings.Contains(section, "`"+name+"(") && !strings.Contains(section, "("+name+"(") {
			t.Errorf("the reference lacks the function %s", name)
		}
	}
}
