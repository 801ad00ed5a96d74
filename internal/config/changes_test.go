package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

func TestChangesAreNamedByTheirKeys(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     []string
	}{
		{`xoxb-real`, `xoxb-real`, nil},
		{`xoxb-real`, `xoxb-other`, []string{"slack.token"}},
		{`xoxb-real`, `/token`, []string{"slack.token"}},
		{`"general"`, `["general"]`, nil},
		{`"general"`, `["general", "other"]`, []string{"role_to_recipients"}},
		{"[slack]", "[slack]\nAPIURL = 'https://slack.com/api'", nil}, // the default
		{"[slack]", "[slack]\nAPIURL = 'https://slack-gov.com/api'", []string{"slack.api_url"}},
		{"[slack]", "[slack]\nca_file = '/ca'", []string{"slack.ca_file"}},
		{`identity = "/id"`, "client_key = '/k'\nclient_crt = '/c'\nroot_cas = '/r'",
			[]string{"teleport.client_crt", "teleport.client_key", "teleport.identity", "teleport.root_cas"}},
		{"[teleport]", "[log]\nseverity='warn'\nformat='json'\n[http]\nlisten_addr=':1'\n[routing]\nonly_monitoring_rules=true\n[teleport]",
			[]string{"http.listen_addr", "log.format", "log.severity", "routing.only_monitoring_rules"}},
		{"[teleport]", "[messages]\nlanguage='ko'\nlink='https://example.com/{{.ID}}'\n[messages.templates]\ntitle='{{.User}}'\n[teleport]",
			[]string{"messages.language", "messages.link", "messages.requester_language", "messages.templates"}}, // whose default is language
		{"[teleport]", "[review]\napp_token='/app'\nslack_user_id_trait='x'\nallow_email_username_match=true\n[teleport]",
			[]string{"review.allow_email_username_match", "review.app_token", "review.slack_user_id_trait"}},
	} {
		parse := func(file string) Config {
			c, _, err := Parse("f", []byte(file), files)
			if err != nil {
				t.Fatalf("%s: %v", tt.to, err)
			}
			return c
		}
		got := Changes(parse(sound), parse(strings.Replace(sound, tt.from, tt.to, 1)))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s → %s (-want +got):\n%s", tt.from, tt.to, diff)
		}
	}
}

// Every name that Changes can say is a key of the file. A new field whose name
// isn't its key's needs a tag.
func TestChangesSaysNothingButKeys(t *testing.T) {
	keys := Keys()
	for i := range reflect.TypeFor[Config]().NumField() {
		field := reflect.TypeFor[Config]().Field(i)
		if field.Tag.Get("key") == "-" {
			continue
		}
		was := Config{}
		is := Config{}
		fill(reflect.ValueOf(&is).Elem().Field(i))
		names := Changes(was, is)
		if len(names) == 0 {
			t.Errorf("a change of %s is not seen", field.Name)
		}
		for _, name := range names {
			isTable := slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, name+".") })
			if !slices.Contains(keys, name) && !isTable {
				t.Errorf("%s: %s is no key", field.Name, name)
			}
		}
	}
}

// fill gives everything in a value something that is not its zero.
func fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[Secret]() {
		v.Set(reflect.ValueOf(NewSecret("x")))
		return
	}
	if v.Type() == reflect.TypeFor[template.Template]() {
		x, _ := message.CompileTemplate("title", "x")
		v.Set(reflect.ValueOf(x))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		x := reflect.New(v.Type().Elem()).Elem()
		fill(x)
		v.SetMapIndex(reflect.ValueOf("x"), x)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	}
}

func TestABotTokenIsReadAgainOnlyIfItCanBeOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for content, want := range map[string]string{
		"xoxb-1-real\n": "",
		"xapp-1-real":   "contains an app-level token (xapp-), expected a bot token (xoxb-)",
		"xoxb-11xx":     "contains a placeholder, expected a bot token (xoxb-)",
		" ":             "is empty",
		"xoxb-a xoxb-b": "contains more than a token (white space or control characters)",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		token, err := LoadBotToken(path)
		if want == "" {
			if err != nil || token.Reveal() != strings.TrimSpace(content) {
				t.Errorf("%q: %q, %v", content, token.Reveal(), err)
			}
			continue
		}
		if err == nil || err.Error() != "read token file: "+path+" "+want || !token.IsZero() {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	if _, err := LoadBotToken(path + "-not"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without a file: %v", err)
	}
}
