package template_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// data is what the templates of these tests can name.
type data struct {
	User    string
	Reason  string
	Roles   []string
	Builtin template.Markup
	Created template.Instant
	Expires template.Instant
	Teams   map[string][]string
}

var slot = template.Slot{Name: "title", Data: data{}, Max: 500, Verbatim: true}

// words formats values in the plainest way that is safe.
type words struct{}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'", "\n", " ")

func (words) Line(s string, _ bool) string { return escaper.Replace(s) }
func (words) Code(s string) string         { return "`" + escaper.Replace(s) + "`" }
func (words) Names(list []string) string {
	return "`" + escaper.Replace(strings.Join(list, ", ")) + "`"
}
func (words) Block(s string) string           { return "```" + escaper.Replace(s) + "```" }
func (words) Date(t time.Time) string         { return t.UTC().Format(time.DateOnly) }
func (words) Duration(d time.Duration) string { return d.String() }

var created = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func example() data {
	return data{
		User: "mallory <!here>", Reason: "x", Roles: []string{"a", "b"}, Builtin: "*built in*",
		Created: template.InstantOf(created), Expires: template.InstantOf(created.Add(time.Hour)),
		Teams: map[string][]string{"eu": {"<@U1>"}},
	}
}

func TestRender(t *testing.T) {
	for source, want := range map[string]string{
		"{{.User}}":              "mallory &lt;!here&gt;",
		"<{{.User}}>":            "&lt;mallory &lt;!here&gt;&gt;",
		"<!here> <@U0ALICE> a&b": "<!here> <@U0ALICE> a&amp;b",
		"{{bold .User}}{{italic .Reason}}{{code .Roles}}{{codeblock .Reason}}":         "*mallory &lt;!here&gt;*_x_`a, b````x```",
		"{{.Builtin}} {{.Teams.eu}} {{.Teams.us}}":                                     "*built in* &lt;@U1&gt;",
		"{{.Created}} {{duration .Created .Expires}}":                                  "2026-03-02 1h0m0s",
		`{{link "https://x/a&b" "c|d"}} {{link "javascript:x" "no"}}`:                  "<https://x/a&amp;b|c∣d> no",
		`{{link (url "https://x" "../y") .User}}`:                                      "<https://x/..%2Fy|mallory &lt;!here&gt;>",
		`{{if has .Roles "a"}}{{len .Roles}}{{end}}{{range .Roles}}{{upper .}}{{end}}`: "2AB",
		"{{if .Expires}}{{truncate 3 .User}}{{end}}":                                   "mal…",
		"{{with .Teams.us}}x{{end}}":                                                   "",
	} {
		tmpl, err := template.Compile(slot, source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := tmpl.Render(words{}, example()); got != want || err != nil {
			t.Errorf("%s gives %q, want %q (%v)", source, got, want, err)
		}
	}
}

func TestRenderAddress(t *testing.T) {
	link := template.Slot{Name: "link", Data: data{}, Max: template.MaxURLChars, URL: true}
	tmpl, err := template.Compile(link, "https://{{.Builtin}}/{{.User}}")
	if err != nil {
		t.Fatal(err)
	}
	d := example()
	d.Builtin = "teleport.example.com:443"
	if got, err := tmpl.Render(words{}, d); got != "https://teleport.example.com:443/mallory%20%3C%21here%3E" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	d.User = strings.Repeat("x", template.MaxURLChars)
	if got, err := tmpl.Render(words{}, d); err == nil {
		t.Errorf("an address of %d characters is not refused", len(got))
	}
	for _, source := range []string{"ftp://example.com", "https://", "{{.Builtin}}"} {
		if _, err := template.Compile(link, source); err == nil || !strings.Contains(err.Error(), "no scheme") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestIsURL(t *testing.T) {
	for s, want := range map[string]bool{
		"https://x": true, "http://x/y?z=1&a": true, "teleport://c/web/request/1": true,
		"": false, "https://": false, "javascript:x": false, "https://a b": false, "https://a|b": false, "https://é": false,
		"https://" + strings.Repeat("x", template.MaxURLChars): false,
	} {
		if got := template.IsURL(s); got != want {
			t.Errorf("%.40q: %v", s, got)
		}
	}
}

// TestCompileRefuses checks what is wrong, and where in the text.
func TestCompileRefuses(t *testing.T) {
	for _, tc := range []struct {
		source string
		at     string // the text from the place on
		what   string
	}{
		{`{{.User}`, "{{.User}", `bad character U+007D '}'`},
		{`a {{printf "%1000000000d" 1}}`, `printf "%1000000000d" 1}}`, `function "printf" is not for templates`},
		{`a {{(html .User)}}`, `html .User)}}`, `function "html" is not for templates`},
		{`{{_show .User}}`, `_show .User}}`, `function "_show" is not for templates`},
		{`{{raw .User}}`, `{{raw .User}}`, `function "raw" not defined`},
		{`x{{define "a"}}{{end}}`, `define "a"}}{{end}}`, "defines another template, which none may"},
		{`x{{template "title"}}`, `"title"}}`, "uses another template, which none may"},
		{"see `{{.User}}`", "`{{.User}}`", "has a back-tick whose code does not end in the same piece of text"},
		{"a `` b", "`` b", "has a back-tick whose code does not end in the same piece of text"},
		{`go <https://x.example.com/{{.ID}}|there>`, `<https://x.example.com/{{.ID}}|there>`, "begins a link or a mention that is not whole"},
		{`hi <@{{.User}}>`, `<@{{.User}}>`, "begins a link or a mention that is not whole"},
		{"a\u202eb", "\u202eb", "has the invisible character U+202E"},
		{"a\x00b", "\x00b", "has the invisible character U+0000"},
		{"  \n", "  \n", "is empty"},
		{"\xff", "\xff", "is not UTF-8"},
		{strings.Repeat("x", 8<<10+1), "x", "is longer than 8192 bytes"},
	} {
		_, err := template.Compile(slot, tc.source)
		refused(t, tc.source, err, tc.at, tc.what)
	}
}

// TestRenderStops checks what only shows with a value.
func TestRenderStops(t *testing.T) {
	for _, tc := range []struct{ source, at, what string }{
		{"ok\n  {{.Usr}}", ".Usr}}", "at <.Usr>: can't evaluate field Usr"},
		{strings.Repeat("x", 501), strings.Repeat("x", 501), "gives more than 500 characters"},
		{`{{range 1000000000}}{{end}}x`, `1000000000}}{{end}}x`, "does too much"},
		{`{{range 100}}{{range 100}}{{end}}{{end}}x`, `100}}{{end}}{{end}}x`, "does too much"},
		{`{{index .Roles 2}}`, `index .Roles 2}}`, "error calling index: reflect: slice index out of range"},
		{`{{.Teams}}`, `.Teams}}`, "can't show a map"},
	} {
		tmpl, err := template.Compile(slot, tc.source)
		if err != nil {
			t.Errorf("%s: %v", tc.source, err)
			continue
		}
		_, err = tmpl.Render(words{}, example())
		refused(t, tc.source, err, tc.at, tc.what)
	}
}

func refused(t *testing.T, source string, err error, at, what string) {
	t.Helper()
	var e *template.Error
	if !errors.As(err, &e) {
		t.Errorf("%.60q: got %v, want a template.Error", source, err)
		return
	}
	if e.Name != "title" || !strings.Contains(e.What, what) {
		t.Errorf("%.60q: %q, want %q", source, e.What, what)
	}
	if got := source[e.Offset:]; got != at {
		t.Errorf("%.60q: the place is %.60q, want %.60q", source, got, at)
	}
}

func TestHints(t *testing.T) {
	for source, want := range map[string]string{
		"{{.Usr}}":   "the fields are .Builtin, .Created, .Expires, .Reason, .Roles, .Teams, .User",
		"{{raw 1}}":  "the functions are and, bold, code, codeblock, date, duration, eq, ",
		"{{html 1}}": "the functions are and, bold, code, codeblock, date, duration, eq, ",
	} {
		tmpl, err := template.Compile(slot, source)
		if err == nil {
			_, err = tmpl.Render(words{}, example())
		}
		var e *template.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Do, want) {
			t.Errorf("%s: %#v", source, err)
		}
	}
}

func TestEqual(t *testing.T) {
	compile := func(name, source string) template.Template {
		tmpl, err := template.Compile(template.Slot{Name: name, Data: data{}, Max: 10}, source)
		if err != nil {
			t.Fatal(err)
		}
		return tmpl
	}
	a := compile("title", "a")
	if !a.Equal(compile("title", "a")) || a.Equal(compile("title", "b")) || a.Equal(compile("review", "a")) || a.IsZero() || !(template.Template{}).IsZero() {
		t.Error("templates are not told apart by their slot and text")
	}
}

var token = regexp.MustCompile(`<[^>]*>`)

// FuzzCompile compiles texts that anyone may have written: what is refused has
// a place, and what compiles gives no mention and no open code of a value's.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"{{.User}} <!here>", "`a` {{code .Reason}}", "{{range .Roles}}{{bold .}}{{end}}", `{{link "https://x" .Reason}}`, "{{with .Teams}}{{.eu}}{{end}}", "{{$x := .User}}{{$x}}", "{{", "```"} {
		f.Add(s, "<!channel>`")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		tmpl, err := template.Compile(slot, source)
		if err != nil {
			var e *template.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(source) || e.What == "" {
				t.Fatalf("not a good error: %#v", err)
			}
			return
		}
		d := data{User: value, Reason: value, Roles: []string{value}, Teams: map[string][]string{"eu": {value}, value: {value}}}
		text, err := tmpl.Render(words{}, d)
		if err != nil {
			return
		}
		if _, closed := template.OutsideCode(text); !closed {
			t.Fatalf("%q with %q ends within code: %q", source, value, text)
		}
		for _, found := range token.FindAllString(text, -1) {
			if strings.ContainsAny(found[1:2], "@#!") && !strings.Contains(source, found) {
				t.Fatalf("%q: the mention %s came from the value %q", source, found, value)
			}
		}
	})
}
