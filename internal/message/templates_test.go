package message

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// labelled is the tokens that templates may have beside allowedTokens: links with a text, and
// addresses that open Teleport Connect.
var labelled = regexp.MustCompile(`<(?:https?|teleport)://[^\s<>|]+(?:\|[^<>|` + "`" + `\n]+)?>`)

// ownTexts are templates that show all there is, in every way there is.
var ownTexts = map[string]string{
	"title":        `{{bold .User}} & {{italic .Reason}} <{{.Kind}}> {{.Status}} {{upper .User}}`,
	"fields":       "{{.Builtin}}\n*Ticket*: {{.Annotations.ticket}}\n{{range .Roles}}{{code .}} {{.}}\n{{end}}{{codeblock .Reason}}\n{{link .URL \"open | it\"}} {{link .Reason .User}} {{link (url \"https://x\" .User .Reason) .ID}}",
	"notification": "{{.User}}: {{.Reason}} {{codeblock .Reason}}",
	"review":       `{{.Review.Author}} {{.Review.Status}} {{.Review.Reason}} {{code .Review.Author}} {{date .Review.Created}}`,
	"outcome":      `{{.Builtin}} {{.User}} {{duration .Created .AccessExpires}} {{truncate 5 .Reason}} {{join .Roles "<!here>"}}`,
	"access_ends":  `{{.AccessExpires}} {{with .Resources}}{{.}}{{else}}{{.User}}{{end}} {{code .Roles}}`,
	"access_ended": `{{if has .Roles .User}}{{lower .User}}{{end}}{{.Logins.editor}}{{len .Roles}} ended`,
	"reminder":     `{{.Builtin}} {{.User}} {{bold .Reason}} {{.Expires}}`,
}

// fataler is a test of the standard kind or rapid's.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func everyTemplate(t fataler) map[string]template.Template {
	t.Helper()
	all := map[string]template.Template{}
	for name, source := range ownTexts {
		all[name] = mustTemplate(t, name, source)
	}
	return all
}

func mustTemplate(t fataler, name, source string) template.Template {
	t.Helper()
	tmpl, err := CompileTemplate(name, source)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tmpl
}

func mustLink(t fataler, source string) template.Template {
	t.Helper()
	tmpl, err := CompileLink(source)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return tmpl
}

func TestEveryTemplateHasAText(t *testing.T) {
	if diff := cmp.Diff(slices.Sorted(slices.Values(TemplateNames())), slices.Sorted(maps.Keys(ownTexts))); diff != "" {
		t.Errorf("templates that exist (-) and that are tested (+):\n%s", diff)
	}
}

// TestTemplates reads as: what a template makes of a request.
func TestTemplates(t *testing.T) {
	plain, hostile := roleRequest(), hostileRequest()
	hostile.SystemAnnotations = map[string][]string{"ticket": {"<!here>"}}
	at := "<!date^1772447400^{date_short_pretty} {time}|2 Mar 2026 10:30 UTC>"
	for _, tc := range []struct {
		name, source string
		req          access.Request
		want         string
	}{
		{"values", `{{.User}} wants {{.Roles}} in {{.Cluster}}`, plain, "alice wants access, editor in example.com"},
		{"values are escaped", `{{.User}}`, hostile, "mallory &lt;!channel&gt; ∗admin∗ ∗Status∗: ✅ APPROVED"},
		{"and can't complete a token", `<{{.User}}> <{{.Annotations.ticket}}>`, hostile,
			"&lt;mallory &lt;!channel&gt; ∗admin∗ ∗Status∗: ✅ APPROVED&gt; &lt;&lt;!here&gt;&gt;"},
		{"nor an entity", `&{{.Kind}}; & &lt; &amp;`, plain, "&amp;role; &amp; &lt; &amp;"},
		{"the operator's mentions and links stay", "<!subteam^S0123ABC> <@U0123ABC> <#C0123ABC> <!here> <https://wiki.example.com/a?b&c|the page>", plain,
			"<!subteam^S0123ABC> <@U0123ABC> <#C0123ABC> <!here> <https://wiki.example.com/a?b&amp;c|the page>"},
		{"quotes", "> {{.Kind}}", plain, "&gt; role"},
		{"marks", `{{bold .User}} {{italic .User}} {{code .User}} {{codeblock .Reason}}`, plain,
			"*alice* _alice_ `alice` ```\nInvestigate the failing nightly backup, see OPS-1432.```"},
		{"marks of nothing", `x{{bold .AccessList}}{{code .AccessList}}{{codeblock .AccessList}}{{date .AccessStarts}}{{code .Resources}}`, plain, "x"},
		{"dates and durations", `{{.Expires}} {{date .Expires}} {{duration .Created .Expires}} .`, plain, at + " " + at + " 1 hour ."},
		{"conditions", `{{if and .Expires (not .Resolved)}}open{{else}}closed{{end}} {{if eq .State "PENDING"}}p{{end}}`, plain, "open p"},
		{"links", `{{link .URL "Open"}} {{link "https://example.com/a&b"}} {{link "javascript:x" .User}}`, plain,
			"<https://teleport.example.com/web/requests/" + requestID + "|Open> <https://example.com/a&amp;b> alice"},
		{"addresses from values", `{{link (url "https://jira.example.com/browse/" "OPS 1/../2") "J"}} {{link (url "https://x/?q=" "a&b") "Q"}} {{link (url "https://x" "y") "H"}}`, plain,
			"<https://jira.example.com/browse/OPS%201%2F..%2F2|J> <https://x/?q=a%26b|Q> <https://x/y|H>"},
		{"a label can't end its link", `{{link .URL .Reason}}`, func() access.Request { r := plain; r.Reason = "a|b>c"; return r }(),
			"<https://teleport.example.com/web/requests/" + requestID + "|a∣b&gt;c>"},
		{"lists", `{{join .Roles " + "}} {{code .Roles}} {{len .Roles}} {{if has .Roles "editor"}}!{{end}}`, plain, "access + editor `access, editor` 2 !"},
		{"text functions", `{{upper .User}} {{lower "ABC"}} {{truncate 3 .Reason}}`, plain, "ALICE abc Inv…"},
		{"what is missing is nothing", `[{{.Annotations.nothing}}{{.Logins.nobody}}]`, plain, "[]"},
		{"comments and trims", "{{/* a comment */}}  {{- .Kind -}}  \n", plain, "role"},
		{"nothing leaves the built-in text", `{{if .ForRequester}}yours{{end}}`, plain, "You have a new Role Request:"},
		{"the built-in text", `{{.Builtin}} (trial)`, plain, "You have a new Role Request: (trial)"},
		{"variables and loops", `{{$n := len .Roles}}{{range $i, $r := .Roles}}{{if $i}}/{{end}}{{$r}}{{end}} {{$n}}`, plain, "access/editor 2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := renderer
			r.Templates = map[string]template.Template{"title": mustTemplate(t, "title", tc.source)}
			m := r.Request(tc.req, details, access.Reviewers)
			got := shown(Message{Blocks: m.Blocks[:1]})
			if diff := cmp.Diff(tc.want+"\n", got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(m.Failed) > 0 {
				t.Errorf("failed: %v", m.Failed[0])
			}
		})
	}
}

// TestTemplatesThatAreRefused says what is wrong, and where in the text.
func TestTemplatesThatAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name, source string
		at           string // the text from the place on
		what         string
	}{
		{"title", "ok\n  {{.Usr}}", ".Usr}}", "at <.Usr>: can't evaluate field Usr"},
		{"title", `{{if .Resolved}}{{else}}{{.Nope}}{{end}}`, ".Nope}}{{end}}", "at <.Nope>: can't evaluate field Nope"},
		{"title", strings.Repeat("x", 501), strings.Repeat("x", 501), "gives more than 500 characters"},
		{"title", `{{range 1000000000}}{{end}}x`, `1000000000}}{{end}}x`, "does too much: a loop over many values, or loops in loops"},
		{"title", `{{range 100}}{{range 100}}{{end}}{{end}}x`, `100}}{{end}}{{end}}x`, "does too much: a loop over many values, or loops in loops"},
		{"title", `{{if eq .State "NONE"}}x{{end}}`, `{{if eq .State "NONE"}}x{{end}}`, "gives nothing, whatever the request"},
		{"title", `{{index .Reviewers 0}}`, `index .Reviewers 0}}`, "error calling index: reflect: slice index out of range"},
		{"title", `{{.Review}}`, `.Review}}`, "can't show a struct"},
		{"title", `{{link "a" "b" "c"}}`, `link "a" "b" "c"}}`, "takes an address and a text"},
		{"fields", strings.Repeat("x", 3001), strings.Repeat("x", 3001), "gives a line of more than 3000 characters"},
		{"colour", "x", "x", "there is no such template"},
		{"link", "ftp://example.com", "ftp://example.com", "begins with no scheme that a link may have"},
		{"link", "https://", "https://", "begins with no scheme that a link may have"},
		{"link", "{{.Proxy}}", "{{.Proxy}}", "begins with no scheme that a link may have"},
		{"link", "https://{{.User}}/", ".User}}/", "at <.User>: can't evaluate field User"},
		{"link", "https://a b", "https://a b", `gives no address: "https://a b"`},
		{"link", "https://x/{{len .ID}}", "len .ID}}", "can't stand in an address"},
	} {
		t.Run(tc.name+" "+tc.source[:min(30, len(tc.source))], func(t *testing.T) {
			compile := func() error { _, err := CompileTemplate(tc.name, tc.source); return err }
			if tc.name == "link" {
				compile = func() error { _, err := CompileLink(tc.source); return err }
			}
			err := compile()
			var e *template.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a template.Error", err)
			}
			if !strings.Contains(e.What, tc.what) {
				t.Errorf("it says %q, want %q", e.What, tc.what)
			}
			if got := tc.source[e.Offset:]; got != tc.at {
				t.Errorf("the place is %.60q, want %.60q", got, tc.at)
			}
		})
	}
}

func TestLinkTemplates(t *testing.T) {
	for _, tc := range []struct {
		source string
		r      Renderer
		id     string
		want   string
	}{
		{"teleport://{{.Cluster}}/web/request/{{.ID}}", renderer, requestID, "teleport://example.com/web/request/" + requestID},
		{"teleport://{{.Proxy}}/web/request/{{.ID}}", renderer, requestID, "teleport://teleport.example.com/web/request/" + requestID},
		{"https://jira.example.com/", offline, requestID, "https://jira.example.com/"},
		{"https://x/{{.ID}}?a=1&b=2", renderer, requestID, "https://x/" + requestID + "?a=1&b=2"},
		{"https://x/{{.ID}}", renderer, "../../evil", "https://teleport.example.com/web/requests"},
		{"https://x/{{.Cluster}}", Renderer{Cluster: access.Cluster{Name: "a/../b|<c>"}}, requestID, "https://x/a%2F..%2Fb%7C%3Cc%3E"},
	} {
		r := tc.r
		r.Link = mustLink(t, tc.source)
		req := roleRequest()
		req.ID = tc.id
		if got := r.address(req); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.source, got, tc.want)
		}
		if m := r.Request(req, details, access.Reviewers); !strings.Contains(shown(m), "*Link*: <"+strings.ReplaceAll(tc.want, "&", "&amp;")+">") {
			t.Errorf("%s: no link in\n%s", tc.source, shown(m))
		}
	}
	r := Renderer{Cluster: access.Cluster{Name: strings.Repeat("x", 1000), WebURL: "https://teleport.example.com"}}
	r.Link = mustLink(t, "https://x/{{.Cluster}}")
	m := r.Request(roleRequest(), details, access.Reviewers)
	if len(m.Failed) != 1 || m.Failed[0].Name != "link" || !strings.Contains(shown(m), "https://teleport.example.com/web/requests/"+requestID) {
		t.Errorf("a link that is too long: failed %v, shows\n%s", m.Failed, shown(m))
	}
}

// TestATemplateThatFailsLeavesTheBuiltInText: what no sample could show at
// load, a request can.
func TestATemplateThatFailsLeavesTheBuiltInText(t *testing.T) {
	req := in(access.Approved, roleRequest())
	req.User = strings.Repeat("x", 400)
	req.Roles = nil
	for i := range 6000 {
		req.Roles = append(req.Roles, strings.Repeat("r", i%50+1)+string(rune('a'+i%26)))
	}
	for name, source := range map[string]string{
		"title":        `{{range .Roles}}{{.}}{{end}}x`,
		"fields":       `{{range .Roles}}{{.}}{{end}}x`,
		"notification": `{{.User}}`,
		"review":       `{{range .Roles}}{{.}}{{end}}x`,
		"outcome":      `{{range .Roles}}{{range $.Roles}}{{end}}{{end}}x`,
		"access_ends":  `{{range .Roles}}{{.}}{{end}}x`,
		"access_ended": `{{range .Roles}}{{.}}{{end}}x`,
		"reminder":     `{{range .Roles}}{{.}}{{end}}x`,
	} {
		t.Run(name, func(t *testing.T) {
			render := func(r Renderer) Message {
				switch name {
				case "review":
					return r.Review(req, 0, access.Reviewers)
				case "outcome":
					return r.Final(req, access.Requester)
				case "access_ends":
					return r.AccessEnds(req, details)
				case "access_ended":
					return r.AccessEnded(req, details)
				case "reminder":
					return r.Reminder(req, false)
				}
				return r.Request(req, details, access.Reviewers)
			}
			r := renderer
			r.Templates = map[string]template.Template{name: mustTemplate(t, name, source)}
			got, want := render(r), render(renderer)
			if len(got.Failed) != 1 || got.Failed[0].Name != name {
				t.Fatalf("failed: %v", got.Failed)
			}
			got.Failed = nil
			if diff := cmp.Diff(want.Text+shown(want), got.Text+shown(got)); diff != "" {
				t.Errorf("(-built-in +got)\n%s", diff)
			}
		})
	}
}

// TestNoTemplateRunsLong gives the worst that is let through the largest request.
func TestNoTemplateRunsLong(t *testing.T) {
	req := in(access.Approved, hugeRequest("&"))
	for _, source := range []string{
		`{{range .Roles}}{{range $.Roles}}{{range $.Roles}}{{end}}{{end}}{{end}}x`,
		`{{range .Resources}}{{upper $.Reason}}{{lower $.Reason}}{{code $.Reason}}{{codeblock $.Reason}}{{join $.Resources $.Reason}}{{end}}x`,
	} {
		r := renderer
		r.Templates = map[string]template.Template{"outcome": mustTemplate(t, "outcome", source)}
		began := time.Now()
		if m := r.Final(req, access.Reviewers); len(m.Failed) != 1 {
			t.Errorf("%s was not stopped", source)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", source, took)
		}
	}
}

func TestTemplatesAreCompared(t *testing.T) {
	a, b := mustTemplate(t, "title", "a"), mustTemplate(t, "title", "b")
	if !a.Equal(mustTemplate(t, "title", "a")) || a.Equal(b) || a.Equal(template.Template{}) || !(template.Template{}).IsZero() || a.IsZero() {
		t.Error("templates are not told apart by their text")
	}
}

var mention = regexp.MustCompile(`<[@#!][^>]*>`)

// FuzzTemplate feeds texts that anyone may have written: what compiles gives
// messages that Slack takes, and every mention in them stood in the text.
func FuzzTemplate(f *testing.F) {
	for _, source := range ownTexts {
		f.Add(source, "<!channel>", "`<@U0ALICE0001>`")
	}
	f.Add("<!here> `a` ```b``` <https://x|y> &amp; {{with .User}}{{.}}{{end}}", "a.b", "@here")
	f.Add("{{link .URL .Reason}}{{code .Reason}}{{bold (code .User)}}", "`", "|>")
	f.Add("{{range $i, $x := .Roles}}{{$i}}{{break}}{{end}}`x`{{.Builtin}}", "x", "y")
	f.Fuzz(func(t *testing.T, source, user, reason string) {
		req := in(access.Approved, resourceRequest())
		req.User, req.Reason, req.Reviews[0].Author = user, reason, user
		req.SystemAnnotations = map[string][]string{reason: {user}}
		r := renderer
		r.Templates = map[string]template.Template{}
		for _, name := range TemplateNames() {
			if tmpl, err := CompileTemplate(name, source); err == nil {
				r.Templates[name] = tmpl
			} else if e := (*template.Error)(nil); !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(source) || e.What == "" {
				t.Fatalf("not a good error: %#v", err)
			}
		}
		if link, err := CompileLink(source); err == nil {
			r.Link = link
		}
		for _, m := range []Message{
			r.Request(req, details, access.Reviewers), r.Review(req, 0, access.Requester), r.Final(req, access.Reviewers), r.AccessEnds(req, details),
		} {
			if broken := brokenRules(m, false, labelled, mention); broken != nil {
				t.Fatalf("%q breaks rules:\n%s", source, strings.Join(broken, "\n"))
			}
			for _, found := range mention.FindAllString(m.Text+shown(m), -1) {
				if !strings.HasPrefix(found, "<!date^") && !strings.Contains(source, found) {
					t.Fatalf("%q: the mention %s came from a value", source, found)
				}
			}
		}
	})
}
