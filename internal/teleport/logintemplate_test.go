package teleport

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

var loginTraits = map[string][]string{
	"logins": {"root", "alice"}, "email": {"alice@example.com", "no address"}, "team": {"web-team", "db-team", "sre"}, "odd name": {"x"},
}

func TestFillLogins(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"ubuntu", []string{"ubuntu"}},
		{"{{internal.logins}}", []string{"alice", "root"}},
		{`{{ external["odd name"] }}`, []string{"x"}},
		{"{{external.none}}", nil},
		{"{{email.local(external.email)}}-admin", []string{"alice-admin"}},
		{`db-{{regexp.replace(external.team, "^(.*)-team$", "$1")}}`, []string{"db-db", "db-web"}},
		{`{{regexp.replace(email.local(external.email), "^al", "x")}}`, []string{"xice"}},
		// What can't be read stays, and the message says that it comes from traits.
		{"{{future.function(external.x)}}", []string{"{{future.function(external.x)}}"}},
		{"{{internal.logins", []string{"{{internal.logins"}},
		{"{{internal.logins}}{{external.x}}", []string{"{{internal.logins}}{{external.x}}"}},
		{"{{internal.logins x}}", []string{"{{internal.logins x}}"}},
		{"{{internalx.logins}}", []string{"{{internalx.logins}}"}},
		{`{{regexp.replace(external.team, "(", "")}}`, []string{`{{regexp.replace(external.team, "(", "")}}`}},
		{`{{regexp.replace(external.team, 'x', "")}}`, []string{`{{regexp.replace(external.team, 'x', "")}}`}},
		{"{{" + strings.Repeat("email.local(", 9) + "external.email" + strings.Repeat(")", 9) + "}}",
			[]string{"{{" + strings.Repeat("email.local(", 9) + "external.email" + strings.Repeat(")", 9) + "}}"}},
	} {
		if got := fillLogins([]string{tt.in}, loginTraits); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
	many := map[string][]string{}
	for i := range 1000 {
		many["logins"] = append(many["logins"], fmt.Sprintf("u%d", i))
	}
	if n := len(fillLogins([]string{"{{internal.logins}}", "a", "b"}, many)); n != maxLogins {
		t.Errorf("%d logins", n)
	}
}

func FuzzFillLogins(f *testing.F) {
	f.Add("{{internal.logins}}", "root")
	f.Add(`a{{regexp.replace(external["x"], "^(.*)$", "$1$1")}}b`, "v")
	f.Add("{{email.local(external.x)}}", "a@b")
	f.Fuzz(func(t *testing.T, login, value string) {
		got := fillLogins([]string{login}, map[string][]string{"logins": {value}, "x": {value, value}})
		if len(got) > maxLogins {
			t.Errorf("%d logins", len(got))
		}
		for _, l := range got {
			if len(l) > maxLoginBytes && l != login {
				t.Errorf("a login of %d bytes", len(l))
			}
		}
	})
}

func TestLoginsFromTraits(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	addRole(t, s, "ssh", "{{internal.logins}}", "ubuntu")
	addRole(t, s, "admin", "{{email.local(external.email)}}-admin")
	addRole(t, s, "plain", "root")
	s.SetLoginState("alice", map[string][]string{"logins": {"alice"}, "email": {"alice@example.com"}})
	c, _ := connectedClient(t, s)
	all := access.Request{User: "alice", Roles: []string{"ssh", "admin", "plain"}}
	want := map[string][]string{"ssh": {"alice", "ubuntu"}, "admin": {"alice-admin"}, "plain": {"root"}}
	for range 2 {
		if diff := cmp.Diff(want, c.Details(t.Context(), all).Logins); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if n := s.Calls()["GetUserLoginState"]; n != 1 {
		t.Errorf("traits were read %d times", n)
	}
	c.Details(t.Context(), access.Request{User: "carol", Roles: []string{"plain"}})
	if n := s.Calls()["GetUserLoginState"]; n != 1 {
		t.Error("traits were read without a template")
	}

	// Without traits the templates stay, and they are not asked for again at once.
	s.Deny(types.KindUserLoginState, types.VerbRead)
	s.Deny(types.KindUser, types.VerbRead)
	want["ssh"], want["admin"] = []string{"ubuntu", "{{internal.logins}}"}, []string{"{{email.local(external.email)}}-admin"}
	all.User = "bob"
	calls := 0
	for i := range 3 {
		if diff := cmp.Diff(want, c.Details(t.Context(), all).Logins); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := s.Calls()["GetUserLoginState"] + s.Calls()["GetUser"]; i == 0 {
			calls = n
		} else if n != calls {
			t.Errorf("%d calls, want %d", n, calls)
		}
	}
}
