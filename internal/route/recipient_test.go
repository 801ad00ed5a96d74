package route_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// input is a request with something for every field.
var input = route.Input{
	Request: access.Request{
		User: "alice@example.com", Roles: []string{"prod-db"},
		Resources:         []access.Resource{{Cluster: "main", Kind: "node", Name: "n-1"}, {Cluster: "leaf", Kind: "db", Name: "orders"}, {Cluster: "main", Kind: "node", Name: "n-2"}},
		SystemAnnotations: map[string][]string{"channel": {"annotated"}, "empty": {" ", ""}},
	},
	Traits: map[string][]string{
		"team": {"blue", "red", "blue", " "}, "manager": {"Bob@example.com"}, "https://idp.example.com/team id": {"7"},
		"spaces": {"Team Blue"}, "at": {"@here"}, "user": {"user:ceo"}, "mention": {"dev @here"}, "tag": {"<!here>"}, "control": {"a\x00b"}, "id": {"C0123456789"},
	},
}

func TestFormsOfRecipients(t *testing.T) {
	place := func(names ...string) []route.Want {
		var wants []route.Want
		for _, n := range names {
			wants = append(wants, route.Want{Name: n})
		}
		return wants
	}
	with := func(name string, mentions ...route.Mention) []route.Want {
		return []route.Want{{Name: name, Mentions: mentions}}
	}
	call := func(g string) route.Mention { return route.Mention{Group: g} }
	user := func(name string) []route.Want { return []route.Want{{Name: name, User: true}} }
	for _, tt := range []struct {
		text       string
		want       []route.Want
		unresolved []string
	}{
		// What the published plugin has.
		{"dev", place("dev"), nil},
		{"#dev", place("#dev"), nil},
		{"C0123456789", place("C0123456789"), nil},
		{"U0123456789", place("U0123456789"), nil},
		{"bob@example.com", place("bob@example.com"), nil},
		{" dev ", place("dev"), nil},
		{"no such channel", place("no such channel"), nil}, // Slack says that it is wrong, as ever
		{"@oncall", place("@oncall"), nil},
		{"SECURITY", place("SECURITY"), nil},
		{"a{b}", place("a{b}"), nil},

		// Mentions.
		{"#dev @oncall", with("#dev", call("@oncall")), nil},
		{"#dev @oncall  S0123456789", with("#dev", call("@oncall"), call("S0123456789")), nil},
		{"C0123456789 @sre-team.eu_1", with("C0123456789", call("@sre-team.eu_1")), nil},
		{"#dev @here @channel", with("#dev", call("@here"), call("@channel")), nil},
		{"silent:#dev @oncall", with("#dev", route.Mention{Group: "@oncall", Silent: true}), nil},
		{"silent: #dev @oncall", with("#dev", route.Mention{Group: "@oncall", Silent: true}), nil},
		{"silent:dev", place("dev"), nil},

		// Teleport usernames.
		{"user:alice", user("alice"), nil},
		{"user: alice", user("alice"), nil},
		{"silent:user:alice", user("alice"), nil},
		{"user:{{.User.Traits.manager}}", user("Bob@example.com"), nil},

		// Fields.
		{"{{.Role}}-approvers", place("prod-db-approvers"), nil},
		{"{{ .Role }}", place("prod-db"), nil},
		{"{{.User}}", place("alice@example.com"), nil},
		{"{{.User.Name}}", place("alice@example.com"), nil},
		{"team-{{.User.Traits.team}}", place("team-blue", "team-red"), nil},
		{"{{.User.Traits.manager}}", place("Bob@example.com"), nil},
		{"{{.User.Traits.id}}", place("C0123456789"), nil},
		{`t-{{index .User.Traits "https://idp.example.com/team id"}}`, place("t-7"), nil},
		{"#{{.Annotations.channel}}", place("#annotated"), nil},
		{"{{index .Annotations `channel`}}", place("annotated"), nil},
		{"{{.Resource.Cluster}}-{{.Resource.Kind}}", place("main-node", "main-db", "leaf-node", "leaf-db"), nil},
		{"r-{{.Resource.Name}}", place("r-n-1", "r-orders", "r-n-2"), nil},
		{"#dev @{{.User.Traits.team}}-oncall", with("#dev", call("@blue-oncall"), call("@red-oncall")), nil},

		{"{{.User.Traits.manager}} @oncall", place("Bob@example.com"), nil}, // in a direct message there is nobody to call

		// Missing values.
		{"{{.User.Traits.none}}", nil, []string{`the requester has no trait "none"`}},
		{"{{.Annotations.empty}}", nil, []string{`the request has no annotation "empty"`}},
		{"#dev @{{.User.Traits.none}}", place("#dev"), []string{`the requester has no trait "none" for a mention`}},

		// A value is a value: it has no forms of its own.
		{"{{.User.Traits.spaces}}", nil, []string{`"Team Blue" is not a channel, an ID or an email address`}},
		{"{{.User.Traits.at}}", nil, []string{`"@here" is not a channel, an ID or an email address`}},
		{"{{.User.Traits.user}}", nil, []string{`"user:ceo" is not a channel, an ID or an email address`}},
		{"{{.User.Traits.mention}}", nil, []string{`"dev @here" is not a channel, an ID or an email address`}},
		{"{{.User.Traits.tag}}", nil, []string{`"<!here>" is not a channel, an ID or an email address`}},
		{"user:{{.User.Traits.control}}", nil, []string{`"a\x00b" is not a username`}},
		{"#dev @{{.User.Traits.tag}}", place("#dev"), []string{`"@<!here>" is not the handle of a user group`}},
		{"#dev @{{.User.Traits.mention}}", place("#dev"), []string{`"@dev @here" is not the handle of a user group`}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			routes, err := route.Table{"*": {tt.text}}.Compile()
			if err != nil {
				t.Fatal(err)
			}
			got := routes.Recipients(input)
			for i := range got.Wants {
				if got.Wants[i].Role != "*" || got.Wants[i].Why != route.ByFallback {
					t.Errorf("why: %+v", got.Wants[i])
				}
				got.Wants[i].Role, got.Wants[i].Why = "", 0
			}
			if diff := cmp.Diff(tt.want, got.Wants); diff != "" {
				t.Errorf("wants (-want +got)\n%s", diff)
			}
			var unresolved []string
			for _, g := range got.Unresolved {
				if g.Recipient != tt.text || g.Role != "*" {
					t.Errorf("unresolved %+v lacks its recipient or key", g)
				}
				unresolved = append(unresolved, g.What)
			}
			if diff := cmp.Diff(tt.unresolved, unresolved); diff != "" {
				t.Errorf("unresolved (-want +got)\n%s", diff)
			}
		})
	}
}

func TestRecipientsThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "character 1: empty recipient",
		"silent:":                          "character 8: after silent: a recipient is expected",
		"silent:user: ":                    "character 13: after user: a recipient is expected",
		"user:":                            "character 6: after user: a recipient is expected",
		"user:a\x00b":                      "character 6: not a username",
		"user:alice @oncall":               "character 12: a direct message can't mention a user group",
		"bob@example.com @oncall":          "character 17: a direct message can't mention a user group",
		"U0123456789 @oncall":              "character 13: a direct message can't mention a user group",
		"#dev @on/call":                    `character 6: "@on/call" is not the handle of a user group`,
		"#dev @":                           `character 6: "@" is not the handle of a user group`,
		"#dev @oncall now":                 "character 14: a mention is expected, such as @oncall: a recipient is one place",
		"user:alice smith":                 "character 12: a mention is expected, such as @oncall: a recipient is one place",
		"팀 @{{.Role":                       "character 4: {{ without }}",
		"a}}":                              "character 2: }} without {{",
		"{{.Usr}}":                         `character 1: unknown field ".Usr"; the fields are .Role, .User, .User.Traits.name, .Annotations.name, .Resource.Cluster, .Resource.Kind and .Resource.Name`,
		"x-{{.User.Traits}}":               `character 3: after .User.Traits a name is expected, such as .User.Traits.team or index .User.Traits "team"`,
		"{{.User.Traits.a.b}}":             `character 1: after .User.Traits a name is expected, such as .User.Traits.team or index .User.Traits "team"`,
		`{{index .Annotations "a" "b"}}`:   "character 1: after index .Annotations a name in quotes is expected",
		"#dev" + strings.Repeat(" @a", 11): "character 36: more than 10 mentions",
	} {
		_, err := route.ParseRecipient(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	routes, err := route.Table{"*": {"dev", "{{.X}}"}, "/(/": {"ops"}, "a": {"user:"}}.Compile()
	for _, want := range []string{`key "*": recipient "{{.X}}": character 1`, `key "/(/": character 2: missing closing ): ` + "`(`", `key "a": recipient "user:"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %s: %v", want, err)
		}
	}
	if got := routes.Recipients(route.Input{Request: access.Request{Roles: []string{"a"}}}).Wants; len(got) != 1 || got[0].Name != "dev" {
		t.Errorf("what can be read is in force: %+v", got)
	}
}

func TestUserGroupsAloneAreNoRecipients(t *testing.T) {
	for text, want := range map[string]bool{
		"@oncall": true, "S0123456789": true, " @oncall ": true, "SECURITY": false, "#dev @oncall": false, "user:@oncall": false, "@{{.Role}}": false, "@a b": false, "dev": false,
	} {
		r, err := route.ParseRecipient(text)
		if err != nil {
			t.Fatal(err)
		}
		if r.IsGroup() != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestAPlaceThatIsNamedTwiceIsToldOnce(t *testing.T) {
	routes, err := route.Table{
		"a": {"silent:#dev @x @y"}, "b": {"#dev @x @z"}, "c": {"user:dev", "#dev"},
	}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	got := routes.Recipients(route.Input{Request: access.Request{Roles: []string{"a", "b", "c"}, SuggestedReviewers: []string{"dev"}}}).Wants
	want := []route.Want{
		{Name: "#dev", Role: "a", Mentions: []route.Mention{{Group: "@x"}, {Group: "@y", Silent: true}, {Group: "@z"}}},
		{Name: "dev", User: true, Role: "c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestKeys(t *testing.T) {
	table := route.Table{
		"prod-db":             {"exact"},
		"prod-*":              {"glob"},
		"prod-web-*":          {"longer-glob"},
		"/^prod-web-[0-9]+$/": {"regex"},
		"/^db-.+$/":           {"db"},
		"/admin/":             {"admins"},
		"/(?i)ADMIN/":         {"admins-too"},
		"?":                   {"one-letter"},
		"empty-*":             {},
		"traits-*":            {"{{.User.Traits.team}}"},
		"a.b*":                {"dot"},
		"odd*":                {"odd"},
		"*":                   {"rest"},
	}
	routes, err := table.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]string{
		"prod-db": "exact prod-db", "prod-x": "glob prod-*", "prod-": "glob prod-*",
		"prod-web-1": "longer-glob prod-web-*", // as long, and a glob is said more plainly
		"prod-web-":  "longer-glob prod-web-*",
		"db-1":       "db /^db-.+$/", "my-db-1": "rest *", "db-": "rest *",
		"my-admin":   "admins-too /(?i)ADMIN/", // nothing literal at the beginning, so by the text
		"prod-admin": "glob prod-*",
		"x":          "one-letter ?", "é": "one-letter ?",
		"empty-1":  "rest *",
		"traits-1": "rest *", // nobody has traits here
		"axbc":     "rest *", "a.bc": "dot a.b*",
		"odd*": "odd odd*",
		"":     "rest *",
	} {
		got := routes.Recipients(route.Input{Request: access.Request{Roles: []string{role}}}).Wants
		if len(got) != 1 || got[0].Name+" "+got[0].Role != want {
			t.Errorf("%q: %+v, want %s", role, got, want)
		}
	}
}

func TestTraitsAreNeededOnlyWhereSomebodyIsMadeFromThem(t *testing.T) {
	routes, err := route.Table{"*": {"#dev"}, "a-*": {"{{.User.Traits.team}}"}, "b": {"#dev @{{.User.Traits.team}}"}, "c": {"{{.Role}}-x"}, "a-2": {"#dev"}, "a-3": {}, "/^d/": {"x"}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for roles, want := range map[string]bool{"": false, "z": false, "c": false, "a-1": true, "b": true, "c b": true, "a-2": false, "a-3": true, "d": false, "c a-2": false} {
		if got := routes.NeedsTraits(access.Request{Roles: strings.Fields(roles)}); got != want {
			t.Errorf("%q: %v", roles, got)
		}
	}
}

func TestManyValuesAreBounded(t *testing.T) {
	var many []string
	for i := range 100 {
		many = append(many, strings.Repeat("x", i+1))
	}
	routes, err := route.Table{"*": {"{{.User.Traits.a}}-{{.User.Traits.a}} @{{.User.Traits.a}}"}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	got := routes.Recipients(route.Input{Request: access.Request{Roles: []string{"r"}}, Traits: map[string][]string{"a": many}}).Wants
	if len(got) != 50 || len(got[0].Mentions) != 10 {
		t.Errorf("%d recipients with %d mentions", len(got), len(got[0].Mentions))
	}
}

// For any configuration and request: the same result each time, each name once,
// and a value never becomes a prefix or a mention.
func TestRoutingIsDeterministic(t *testing.T) {
	text := rapid.SampledFrom([]string{
		"dev", "#dev", "#dev @a", "silent:#dev @a @b", "user:dev", "{{.Role}}-x", "{{.User.Traits.t}}", "#dev @{{.User.Traits.t}}", "user:{{.User}}", "{{.Annotations.t}}", "bob@example.com",
	})
	key := rapid.SampledFrom([]string{"*", "a", "ab", "a*", "*b", "?b", "/^a/", "/b$/", "/^ab/", "/./", "b?*"})
	rapid.Check(t, func(t *rapid.T) {
		table := route.Table(rapid.MapOfN(key, rapid.SliceOfN(text, 0, 3), 0, 6).Draw(t, "table"))
		value := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"x", "@here", "user:root", "a b"})), 0, 3)
		in := route.Input{
			Request: access.Request{
				User: rapid.String().Draw(t, "user"), Roles: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "abb", "", "c"}), 0, 3).Draw(t, "roles"),
				SuggestedReviewers: value.Draw(t, "reviewers"), SystemAnnotations: map[string][]string{"t": value.Draw(t, "annotation")},
			},
			Traits: map[string][]string{"t": value.Draw(t, "trait")},
		}
		routes, err := table.Compile()
		if err != nil {
			t.Fatal(err)
		}
		got := routes.Recipients(in)
		for range 3 {
			again, _ := table.Compile()
			if diff := cmp.Diff(got, again.Recipients(in)); diff != "" {
				t.Fatalf("not the same again\n%s", diff)
			}
		}
		for i, w := range got.Wants {
			if w.Name == "" || slices.ContainsFunc(got.Wants[:i], func(o route.Want) bool { return o.Name == w.Name && o.User == w.User }) {
				t.Errorf("empty or twice: %+v", got.Wants)
			}
			if !w.User && (w.Name[0] == '@' || strings.ContainsAny(w.Name, " :<")) {
				t.Errorf("a value has a form: %q", w.Name)
			}
			for _, m := range w.Mentions {
				if m.Group == "@here" && !slices.Contains(in.Traits["t"], "here") {
					t.Errorf("a value calls everybody: %+v", w)
				}
			}
		}
	})
}

func FuzzParseRecipient(f *testing.F) {
	for _, s := range []string{"dev", "#dev @oncall S0123456789", "silent:user:{{.User.Traits.x}}", `{{index .Annotations "a b"}}-{{.Role}} @x`, "{{", "}}", "팀 @", "silent:silent:", "\xff @a", "\r @a"} {
		f.Add(s, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		r, err := route.ParseRecipient(text)
		if err != nil {
			var se *route.SyntaxError
			ok := errors.As(err, &se)
			if !ok || se.At < 1 || se.At > utf8.RuneCountInString(text)+1 || se.What == "" {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		if r.Text != text {
			t.Errorf("text %q, want %q", r.Text, text)
		}
		list, err := route.ParseRecipients([]string{text})
		if err != nil || len(list) != 1 {
			t.Fatalf("%q is read once and not again: %v", text, err)
		}
		routes, err := route.Table{"*": {text}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		v := []string{value}
		got := routes.Recipients(route.Input{
			Request: access.Request{User: value, Roles: []string{value}, SystemAnnotations: map[string][]string{"x": v}},
			Traits:  map[string][]string{"x": v},
		})
		if len(got.Wants)+len(got.Unresolved) == 0 {
			t.Errorf("%q with %q gives neither a recipient nor a reason", text, value)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"dev", "*", "prod-*", "/^db-.+$/", "/(/", "//", "/", "a?b", "/(?i)^A/"} {
		f.Add(s, "prod-db")
	}
	f.Fuzz(func(t *testing.T, text, role string) {
		k, err := route.ParseKey(text)
		if err != nil {
			return
		}
		if !k.IsPattern() && text != "*" && !k.Matches(text) {
			t.Errorf("the name %q is not its own", text)
		}
		k.Matches(role)
	})
}

func TestPlainAndHandles(t *testing.T) {
	for text, want := range map[string]struct {
		name           string
		plain, handles bool
	}{
		"#dev":                         {"#dev", true, false},
		"user:alice":                   {"alice", true, false},
		"silent:#dev @oncall":          {"#dev", true, true},
		"#dev S0123456789 @here":       {"#dev", true, false},
		"{{.Role}}-approvers @channel": {"", false, false},
		"#dev @{{.Role}}-oncall":       {"", false, true},
	} {
		r, err := route.ParseRecipient(text)
		if err != nil {
			t.Fatal(err)
		}
		w, plain := r.Plain()
		if w.Name != want.name || plain != want.plain || r.NamesHandles() != want.handles {
			t.Errorf("%s: %q, plain %v, handles %v", text, w.Name, plain, r.NamesHandles())
		}
	}
}
