package docs_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

var inTicks = regexp.MustCompile("`([^`]+)`")

// TestTheReferenceHasWhatTemplatesCanNameAndNothingElse asks the compiler: its
// hints list what there is.
func TestTheReferenceHasWhatTemplatesCanNameAndNothingElse(t *testing.T) {
	section := part(t, "## Templates")
	for _, tt := range []struct {
		what, wrong, hint, table string
	}{
		{"values", "{{.Nothing}}", "the fields are ", "| value |"},
		{"functions", "{{nothing}}", "the functions are ", "| function |"},
	} {
		_, err := message.CompileTemplate("title", tt.wrong)
		var e *template.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Do, tt.hint) {
			t.Fatalf("the hint is no list: %v", err)
		}
		want := strings.Split(strings.TrimPrefix(e.Do, tt.hint), ", ")

		_, table, _ := strings.Cut(section, tt.table)
		table, _, _ = strings.Cut(table, "\n\n")
		var has []string
		for line := range strings.Lines(table) {
			cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
			for _, m := range inTicks.FindAllStringSubmatch(cell, -1) {
				name, _, _ := strings.Cut(m[1], " ")
				if strings.HasPrefix(name, ".") {
					name = "." + strings.Split(name, ".")[1]
				}
				has = append(has, name)
			}
		}
		slices.Sort(want)
		slices.Sort(has)
		if diff := cmp.Diff(want, slices.Compact(has)); diff != "" {
			t.Errorf("%s that there are (-) and that reference.md explains (+):\n%s", tt.what, diff)
		}
	}
}
