package teleporttest

import (
	"strconv"
	"testing"
)

// FuzzPredicate wants no panic, no matter what a client sends, and a name that
// is properly quoted to match itself and nothing else.
func FuzzPredicate(f *testing.F) {
	f.Add(`name == "6f1b" || labels["env"] == "prod"`)
	f.Add(`!(resource.metadata.name != "x")`)
	f.Add("name == `6f1b`")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePredicate(text); err == nil {
			_, _ = p.matches(node(t))
		}
		if len(text) > maxPredicateLen/8 {
			return
		}
		p, err := parsePredicate("resource.metadata.name == " + strconv.Quote(text))
		if err != nil {
			t.Fatalf("quoted name: %v", err)
		}
		got, err := p.matches(node(t))
		if err != nil || got != (text == "6f1b") {
			t.Fatalf("quoted name %q: %v, %v", text, got, err)
		}
	})
}
