package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		name, section string // behind sound, from line 7 on
		want          []string
	}{
		{"language", "[messages]\nlanguage = 'de'", []string{`f:8:1: messages.language: is "de", expected "en" or "ko"`}},
		{"language of the requester", "[messages]\nrequester_language = 'x'", []string{`f:8:1: messages.requester_language: is "x", expected "en" or "ko"`}},
		{"notice off", "[messages]\naccess_ends_notice = '0'", nil},
		{"notice of a month", "[messages]\naccess_ends_notice = '720h'", []string{"f:8:1: messages.access_ends_notice: is 720h0m0s, expected at most 168 hours"}},
		{"flag", "[messages]\nrequester = 'no'", []string{`f:8:1: messages.requester: is the string "no", expected true or false`}},
		{"link", "[messages]\nlink = 'ftp://x'", []string{"f:8:9: messages.link: begins with no scheme that a link may have"}},
		{"a table in one line", "[messages]\ntemplates = 'x'", []string{"f:8:1: messages.templates: is a string, expected a table"}},
		{"unknown template", "[messages.templates]\ntitel = 'x'\n[messages]\nlanguage = 1", []string{
			"f:8:1: messages.templates.titel: unknown key", "f:10:1: messages.language: is the integer 1, expected a string"}},
		{"in single quotes", "[messages.templates]\ntitle = 'ab {{.Usr}}'", []string{"f:8:15: messages.templates.title: at <.Usr>: can't evaluate field Usr"}},
		{"behind escapes", `[messages.templates]` + "\n" + `title = "\"\t\u00e9 é\U0001F600{{.Usr}}"`, []string{
			"f:8:34: messages.templates.title: at <.Usr>: can't evaluate field Usr"}},
		{"on a further line", "[messages.templates]\ntitle = \"\"\"\na\n é {{.Usr}}\"\"\"", []string{
			"f:10:6: messages.templates.title: at <.Usr>: can't evaluate field Usr"}},
		{"behind a joined line", "[messages.templates]\ntitle = \"\"\"a\\\n\n   b {{.Usr}}\"\"\"", []string{
			"f:10:8: messages.templates.title: at <.Usr>: can't evaluate field Usr"}},
		{"several lines as they are", "[messages.templates]\ntitle = '''\n\\n {{.Usr}}'''", []string{
			"f:9:6: messages.templates.title: at <.Usr>: can't evaluate field Usr"}},
		{"two templates", "[messages.templates]\ntitle = '{{'\nfields = '{{x}}'", []string{
			"f:8:10: messages.templates.title: unclosed action", `f:9:11: messages.templates.fields: function "x" not defined`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Parse("f", []byte(sound+tt.section), files)
			if diff := cmp.Diff(tt.want, lines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// A hint has what can be named.
func TestMistakesInTemplatesAreToldWithWhatThereIs(t *testing.T) {
	_, _, err := Parse("f", []byte(sound+"[messages.templates]\ntitle = '{{.Usr}}'\nreview = '{{x}}'"), files)
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 2 || !strings.Contains(ps[0].Do, ", .User") || !strings.Contains(ps[1].Do, "codeblock,") {
		t.Errorf("hints of %+v", ps)
	}
}
