package config

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
	"github.com/teleport-slack/teleport-slack/internal/quiet"
)

// sound is the shortest file without a problem or a warning.
const sound = `[teleport]
identity = "/id"
[slack]
token = "xoxb-real"
[role_to_recipients]
"*" = "general"
`

// sameZone compares time zones by name.
var sameZone = cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })

// files are the token files that the tests may name.
func files(path string) ([]byte, error) {
	switch path {
	case "/token":
		return []byte("\n  xoxb-from-file \n"), nil
	case "/empty":
		return []byte(" \n"), nil
	case "/two":
		return []byte("xoxb-one\nxoxb-two\n"), nil
	case "/long":
		return []byte("xoxb-" + strings.Repeat("a", 1995) + strings.Repeat("b", 100)), nil
	case "/app":
		return []byte("xapp-from-file"), nil
	case "/ca":
		return authority, nil
	case "/key":
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), nil
	case "/bundle":
		key, _ := files("/key")
		return slices.Concat([]byte("# ours\n"), authority, key, authority), nil
	case "/torn":
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), nil
	case "/locked":
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func lines(err error) []string {
	var ps Problems
	if err == nil || !errors.As(err, &ps) {
		return nil
	}
	return strings.Split(ps.Error(), "\n")
}

func words(ws []Warning) []string {
	var out []string
	for _, w := range ws {
		out = append(out, w.String())
	}
	return out
}

func TestDefaultsAreFilledIn(t *testing.T) {
	got, warnings, err := Parse("f", []byte(sound), files)
	if err != nil || warnings != nil {
		t.Fatalf("Parse: %v, warnings %v", err, warnings)
	}
	want := Config{
		Teleport: Teleport{Addr: "localhost:3025", Identity: "/id", RefreshIdentityInterval: time.Minute},
		Slack:    Slack{Token: NewSecret("xoxb-real"), APIURL: "https://slack.com/api/"},
		Recipients: map[string][]string{
			"*": {"general"},
		},
		Review:    Review{RequireReason: access.ReasonToDeny},
		Messages:  Messages{Style: message.Style{Language: "en", RequesterLanguage: "en"}, Requester: true},
		Reminders: Reminders{AccessLists: true, PendingMax: 3},
		Log:       Log{Output: "stderr", Severity: slog.LevelInfo},
		Path:      "f",
	}
	if diff := cmp.Diff(want, got, sameZone); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	got, warnings, err := Parse("f", []byte(`
[teleport]
addr = "[::1]:443"
identity = "rel/id"
refresh_identity = true
refresh_identity_interval = "1m30s"
[slack]
token = "/token"
api_url = "https://slack.example.com/api"
ca_file = "/ca"
[review]
enabled = false
app_token = "/app"
slack_user_id_trait = "slack_uid"
allow_email_username_match = true
roles = ["dev", "staging-*", "dev"]
except_roles = "prod"
require_reason = "Always"
confirm = true
[role_to_recipients]
dev = ["a", "b@example.com"]
"prod.admin" = "c"
Dev = []
[routing]
only_monitoring_rules = true
[messages]
language = "ko"
requester_language = "EN"
requester = false
access_ends_notice = "15m"
access_ended_notice = true
link = "teleport://{{.Proxy}}/web/request/{{.ID}}"
[messages.templates]
title = "{{.User}}"
review = ""
[reminders]
access_lists = false
pending_after = "30m"
pending_every = "1h30m"
pending_max = 0
escalate_to = "security-leads"
quiet_hours = "22:00-07:00"
time_zone = "Asia/Seoul"
[log]
output = "/var/log/x.log"
severity = "WARNING"
format = "JSON"
[http]
listen_addr = "127.0.0.1:8081"
pprof = true
`), files)
	if err != nil || warnings != nil {
		t.Fatalf("Parse: %v, warnings %v", err, warnings)
	}
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	link, _ := message.CompileLink("teleport://{{.Proxy}}/web/request/{{.ID}}")
	title, _ := message.CompileTemplate("title", "{{.User}}")
	want := Config{
		Teleport: Teleport{Addr: "[::1]:443", Identity: "rel/id", RefreshIdentity: true, RefreshIdentityInterval: 90 * time.Second},
		Slack:    Slack{Token: NewSecret("xoxb-from-file"), TokenPath: "/token", APIURL: "https://slack.example.com/api/", CAFile: "/ca", ExtraCAs: authority},
		Review: Review{AppToken: NewSecret("xapp-from-file"), AppTokenPath: "/app",
			SlackUserIDTrait: "slack_uid", AllowEmailUsernameMatch: true,
			Roles: []string{"dev", "staging-*"}, ExceptRoles: []string{"prod"}, RequireReason: access.ReasonAlways, Confirm: true},
		Recipients: map[string][]string{
			"dev": {"a", "b@example.com"}, "prod.admin": {"c"}, "Dev": {},
		},
		Routing: Routing{OnlyMonitoringRules: true},
		Messages: Messages{
			Style: message.Style{
				Language: "ko", RequesterLanguage: "en", Link: link,
				Templates: map[string]template.Template{"title": title},
			},
			AccessEndsNotice: 15 * time.Minute, AccessEndedNotice: true,
		},
		Reminders: Reminders{
			PendingAfter: 30 * time.Minute, PendingEvery: 90 * time.Minute, EscalateTo: []string{"security-leads"},
			Quiet: quiet.Hours{From: 22 * 60, To: 7 * 60, Zone: seoul},
		},
		Log:  Log{Output: "/var/log/x.log", Severity: slog.LevelWarn, Format: JSON},
		HTTP: HTTP{ListenAddr: "127.0.0.1:8081", Pprof: true},
		Path: "f",
	}
	if diff := cmp.Diff(want, got, sameZone); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestSpellingsThatThePublishedPluginTakes(t *testing.T) {
	for _, spelling := range []string{"APIURL", "apiurl", "aPIURL", "api_url", "API_URL"} {
		file := strings.Replace(sound, "[slack]", "[slack]\n"+spelling+` = "https://x.example/api/"`, 1)
		got, warnings, err := Parse("f", []byte(file), files)
		if err != nil || warnings != nil || got.Slack.APIURL != "https://x.example/api/" {
			t.Errorf("%s: %q, %v, %v", spelling, got.Slack.APIURL, warnings, err)
		}
	}
}

func TestNotationsOfTOMLMeanTheSame(t *testing.T) {
	want, _, err := Parse("f", []byte(sound), files)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"inline tables":  "teleport = { identity = '/id' }\nslack = { token = 'xoxb-real' }\nrole_to_recipients = { '*' = ['general'] }",
		"dotted keys":    "teleport.identity = '/id'\nslack.token = 'xoxb-real'\nrole_to_recipients.\"*\" = 'general'",
		"byte order":     "\xef\xbb\xbf" + sound,
		"Windows' lines": strings.ReplaceAll(sound, "\n", "\r\n"),
		"upper case":     "[TELEPORT]\nIDENTITY = '/id'\n[Slack]\nTOKEN = 'xoxb-real'\n[role_to_recipients]\n'*' = 'general'",
	} {
		got, _, err := Parse("f", []byte(file), files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got, sameZone); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryProblemIsToldAtOnceInTheFilesOrder(t *testing.T) {
	_, warnings, err := Parse("f", []byte(`tokn = 1
[teleport]
adr = "x"
addr = "proxy.example.com"
client_key = "/k"
refresh_identity = "yes"
refresh_identity_interval = "soon"
[slack]
token = "/nowhere"
APIURL = "slack.com"
[role_to_recipients]
dev = ["", "a", "a", 3]
a.b = "c"
[review]
enbled = true
[log]
severity = "loud"
format = 1
`), files)
	want := []string{
		`f:1:1: tokn: unknown key`,
		`f:3:1: teleport.adr: unknown key`,
		`f:4:1: teleport.addr: is "proxy.example.com", expected a port after the host`,
		"f:5:1: teleport.client_key: configuration setting(s) `client_key` are provided but setting(s) `client_crt`, `root_cas` are missing",
		`f:6:1: teleport.refresh_identity: is the string "yes", expected true or false`,
		`f:7:1: teleport.refresh_identity_interval: is "soon", expected a duration`,
		`f:9:1: slack.token: read token file: open /nowhere: file does not exist`,
		`f:10:1: slack.APIURL: is "slack.com", expected an address such as "https://slack.com/api/"`,
		`f:12:22: role_to_recipients.dev: unexpected type for a recipient: the integer 3, expected a string`,
		`f:13:1: role_to_recipients.a: is a table, expected a string or a list of strings`,
		`f:15:1: review.enbled: unknown key`,
		`f:17:1: log.severity: is "loud", expected debug, info, warn or error`,
		`f:18:1: log.format: is the integer 1, expected a string`,
		`f: role_to_recipients."*": missing required value`,
	}
	if diff := cmp.Diff(want, lines(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	wantWarnings := []string{
		`f:12:8: role_to_recipients.dev: has an empty recipient, which is left out`,
		`f:12:17: role_to_recipients.dev: names "a" twice`,
	}
	if diff := cmp.Diff(wantWarnings, words(warnings)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// Each row changes the sound file in one way: old is replaced by new.
func TestOneChangeToASoundFile(t *testing.T) {
	const id, token, star = `identity = "/id"`, `token = "xoxb-real"`, `"*" = "general"`
	tests := []struct {
		name, old, new     string
		problems, warnings []string
	}{
		{"no credentials", id, "", []string{"f: teleport.identity: no credentials configured"}, nil},
		{"two kinds of credentials", id, id + "\nclient_key = 'k'\nclient_crt = 'c'\nroot_cas = 'r'",
			[]string{"f:2:1: teleport.identity: `identity` is mutually exclusive with `client_key`, `client_crt` and `root_cas`"}, nil},
		{"key pair", id, "client_key = 'k'\nclient_crt = 'c'\nroot_cas = 'r'", nil, nil},
		{"refresh without identity", id, "client_key = 'k'\nclient_crt = 'c'\nroot_cas = 'r'\nrefresh_identity = true",
			[]string{"f:5:1: teleport.refresh_identity: `refresh_identity` requires that `identity` be set"}, nil},
		{"interval without refresh", id, id + "\nrefresh_identity_interval = '5s'", nil,
			[]string{"f:3:1: teleport.refresh_identity_interval: has no effect while the identity is not refreshed"}},
		{"interval zero is the default", id, id + "\nrefresh_identity_interval = '0s'", nil, nil},
		{"negative interval", id, id + "\nrefresh_identity_interval = '-5s'",
			[]string{"f:3:1: teleport.refresh_identity_interval: is -5s, expected a duration above zero"}, nil},
		{"interval without unit", id, id + "\nrefresh_identity_interval = 60",
			[]string{"f:3:1: teleport.refresh_identity_interval: is the integer 60, which counts nanoseconds, expected a duration"}, nil},
		{"auth_server", id, id + "\nauth_server = 'a:1'", nil,
			[]string{"f:3:1: teleport.auth_server: is deprecated"}},
		{"auth_server beside addr", id, id + "\nauth_server = 'a:1'\naddr = 'b:2'", nil,
			[]string{"f:3:1: teleport.auth_server: is deprecated, and not used because addr is set"}},
		{"scheme", id, id + "\naddr = 'https://proxy.example.com:443/'", nil,
			[]string{`f:3:1: teleport.addr: is "https://proxy.example.com:443/", taken as "proxy.example.com:443"`}},
		{"path in addr", id, id + "\naddr = 'https://proxy.example.com:443/web'",
			[]string{`f:3:1: teleport.addr: is "https://proxy.example.com:443/web", expected a port between 1 and 65535`}, nil},
		{"port out of range", id, id + "\naddr = 'a:70000'",
			[]string{`f:3:1: teleport.addr: is "a:70000", expected a port between 1 and 65535`}, nil},
		{"other scheme", id, id + "\naddr = 'ftp://a:1'", []string{`f:3:1: teleport.addr: is "ftp://a:1", expected host:port`}, nil},
		{"key given twice in two spellings", token, token + "\nTOKEN = 'xoxb-two'",
			[]string{"f:5:1: slack.TOKEN: is the same setting as slack.token, which is given as well"}, nil},
		{"no token", token, "", []string{"f: slack.token: missing required value"}, nil},
		{"empty token", token, "token = ''", []string{"f:4:1: slack.token: missing required value"}, nil},
		{"token of wrong type", token, "token = 12345", []string{"f:4:1: slack.token: is not a string"}, nil},
		{"app token as bot token", token, "token = 'xapp-1-A0'",
			[]string{"f:4:1: slack.token: is an app-level token (xapp-), which cannot post, expected a bot token (xoxb-)"}, nil},
		{"user token", token, "token = 'xoxp-22'", nil,
			[]string{"f:4:1: slack.token: is a user token (xoxp-): messages appear as that person's, expected a bot token (xoxb-)"}},
		{"rotated token", token, "token = 'xoxe.xoxb-1-22'", nil,
			[]string{"f:4:1: slack.token: is a rotating token, which expires after hours, expected a permanent one (xoxb-)"}},
		{"placeholder", token, "token = 'xoxb-11xx'", []string{"f:4:1: slack.token: is still the example's placeholder, expected a bot token"}, nil},
		{"placeholder in words", token, "token = 'xoxb-YOUR-TOKEN'", []string{"f:4:1: slack.token: is still the example's placeholder, expected a bot token"}, nil},
		{"short token", token, "token = 'xoxb-1'", nil, nil},
		{"something else", token, "token = './token'", nil, []string{"f:4:1: slack.token: does not look like a bot token (xoxb-)"}},
		{"token in two words", token, "token = 'xoxb-a b'",
			[]string{"f:4:1: slack.token: has white space or control characters in it, expected a token"}, nil},
		{"token file", token, "token = '/token'", nil, nil},
		{"long token file", token, "token = '/long'", nil, nil},
		{"empty token file", token, "token = '/empty'", []string{"f:4:1: slack.token: read token file: /empty is empty"}, nil},
		{"token file with two lines", token, "token = '/two'",
			[]string{"f:4:1: slack.token: read token file: /two contains more than a token (white space or control characters)"}, nil},
		{"locked token file", token, "token = '/locked'",
			[]string{"f:4:1: slack.token: read token file: open /locked: permission denied"}, nil},
		{"legacy recipients", token, token + "\nrecipients = ['x']", nil, []string{"f:5:1: slack.recipients: is accepted but not used"}},
		{"plain http", token, token + "\napi_url = 'http://slack.example.com/'", nil,
			[]string{"f:5:1: slack.api_url: sends the token unencrypted to slack.example.com"}},
		{"plain http at home", token, token + "\napi_url = 'http://127.0.0.1:1/'", nil, nil},
		{"unknown key", token, token + "\ntokens = 1", nil, []string{"f:5:1: slack.tokens: unknown key"}},
		{"unknown table", star, star + "\n[slak]\na = 1\nb = 2", nil, []string{"f:7:2: slak: unknown table"}},
		{"columns count characters", star, star + "\n[\"é\"]\n", nil, []string{"f:7:2: \"é\": unknown table"}},
		{"unknown key in review", star, star + "\n[review]\nenable = false", []string{"f:8:1: review.enable: unknown key"}, nil},
		{"unreadable app token while off", star, star + "\n[review]\napp_token = '/nowhere'", nil,
			[]string{"f:8:1: review.app_token: read token file: open /nowhere: file does not exist"}},
		{"review without its keys", star, star + "\n[review]\nenabled = true",
			[]string{"f: review.app_token: missing required value", "f: review.slack_user_id_trait: missing required value"}, nil},
		{"review by email", star, star + "\n[review]\nenabled = true\napp_token = 'xapp-22'\nallow_email_username_match = true", nil, nil},
		{"bot token as app token", star, star + "\n[review]\nenabled = true\napp_token = 'xoxb-22'\nslack_user_id_trait = 'u'",
			[]string{"f:9:1: review.app_token: is not an app-level token: it begins like a bot or user token, expected xapp-"}, nil},
		{"a slip in require_reason", star, star + "\n[review]\nrequire_reason = 'no'",
			[]string{`f:8:1: review.require_reason: is "no", expected "deny", "always" or "never"`}, nil},
		{"except_roles of wrong type", star, star + "\n[review]\nexcept_roles = true",
			[]string{"f:8:1: review.except_roles: is the boolean true, expected a string or a list of strings"}, nil},
		{"a number among except_roles", star, star + "\n[review]\nexcept_roles = ['a', 5]",
			[]string{"f:8:22: review.except_roles: has the integer 5 in it, expected a string"}, nil},
		{"a space in except_roles", star, star + "\n[review]\nexcept_roles = ['prod ']",
			[]string{`f:8:17: review.except_roles: has "prod " in it, which is not a role name`}, nil},
		{"no roles for buttons", star, star + "\n[review]\nroles = []", nil,
			[]string{"f:8:1: review.roles: is an empty list: requests for every role get buttons"}},
		{"spaces around the trait", star, star + "\n[review]\nenabled = true\napp_token = 'xapp-22'\nslack_user_id_trait = ' u'",
			[]string{"f:10:1: review.slack_user_id_trait: has spaces around it, which no trait has"}, nil},
		{"no roles", star, "", []string{"f:5:2: role_to_recipients: missing required value"}, nil},
		{"no table of roles", "[role_to_recipients]\n" + star, "", []string{"f: role_to_recipients: missing required value"}, nil},
		{"no fallback", star, "dev = 'x'", []string{`f: role_to_recipients."*": missing required value`}, nil},
		{"empty fallback", star, `"*" = ["", ""]`, []string{`f:6:1: role_to_recipients."*": missing required value`},
			[]string{`f:6:8: role_to_recipients."*": has an empty recipient, which is left out`,
				`f:6:12: role_to_recipients."*": has an empty recipient, which is left out`}},
		{"fallback of wrong type", star, `"*" = 5`,
			[]string{`f:6:1: role_to_recipients."*": unexpected type for recipients: the integer 5, expected a string or a list of strings`}, nil},
		{"monitoring rules only", "[role_to_recipients]\n" + star, "[routing]\nonly_monitoring_rules = true", nil, nil},
		{"spaces", star, star + "\n\" dev\" = 'x '", nil, []string{
			`f:7:1: role_to_recipients." dev": " dev" is an unlikely name for a role`,
			`f:7:10: role_to_recipients." dev": the recipient "x " has spaces around it`}},
		{"table as a value", "[slack]\n" + token, "slack = 1", []string{"f:3:1: teleport.slack: unknown key", "f: slack.token: missing required value"}, nil},
		{"array of tables", "[slack]", "[[slack]]", []string{"f:3:3: slack: is a list, expected a table"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := strings.Replace(sound, tt.old, tt.new, 1)
			_, warnings, err := Parse("f", []byte(file), files)
			if diff := cmp.Diff(tt.problems, lines(err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, words(warnings)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	for written, want := range map[string]string{
		"[teleport]\nidentiy = 1":           "did you mean teleport.identity?",
		"[teleport]\nrefresh-identity = 1":  "did you mean teleport.refresh_identity?",
		"[teleport]\nseverity = 1":          "did you mean severity, which belongs under [log]?",
		"[slakc]\n":                         "did you mean slack?",
		"[teleport]\nrole_to_recipient = 1": "role_to_recipients is a table of its own: [role_to_recipients]",
		"[log]\nrotate_every_day = 1":       "the keys of [log] are format, output, severity",
		"[recipients_of_roles]\n":           "the tables are http, log, messages, reminders, review, role_to_recipients, routing, slack, teleport",
	} {
		_, _, err := Parse("f", []byte(written), files)
		var ps Problems
		if !errors.As(err, &ps) {
			t.Fatalf("%q: %v", written, err)
		}
		if ps[0].Do != want {
			t.Errorf("%q: %q, want %q", written, ps[0].Do, want)
		}
	}
}

func TestSyntaxErrorsAreToldWithTheirLine(t *testing.T) {
	tests := []struct{ file, place, hint string }{
		{"[teleport]\naddr = foo.com:443\n", "f:2:8", "the line is: addr = foo.com:443"},
		{"[teleport\n", "f:1:10", "the line is: [teleport"},
		{"[a]\nx = 1\nx = 2\n", "f:3:1", "the line is: x = 2"},
		{"[a]\n[b]\n[a]\n", "f:3:2", "the line is: [a]"},
		{"é = 1\n", "f:1:1", ""},
		{"[slack]\ntoken = xoxb-1-secret\n", "f:2:9", "the line is: token = [secret]"},
		{"slack = { token = 'secret-sauce' x }\n", "f:1:34", "the line is: slack = { token = [secret]"},
		{"[slack]\nname = xoxb-1-secret\n", "f:2:8", "the line is: name = xoxb-[secret]"},
		{"x = \"\"\"\nsecret\x01\n\"\"\"\n", "f:2:7", ""},
	}
	for _, tt := range tests {
		_, _, err := Parse("f", []byte(tt.file), files)
		var ps Problems
		if !errors.As(err, &ps) || len(ps) != 1 {
			t.Errorf("%q: %v", tt.file, err)
			continue
		}
		if ps[0].Place != tt.place || ps[0].Do != tt.hint || !strings.HasPrefix(ps[0].What, "not TOML: ") {
			t.Errorf("%q:\n got %q %q %q\nwant %q %q", tt.file, ps[0].Place, ps[0].What, ps[0].Do, tt.place, tt.hint)
		}
	}
}

func TestATokenInTheWrongPlaceIsMasked(t *testing.T) {
	const token = "xoxb-123-verysecret"
	for _, file := range []string{
		sound + "xoxb-123-verysecret = 1\n",
		sound + "[xoxb-123-verysecret]\n",
		sound + "[log]\nseverity = '" + token + "'\n",
		"[teleport]\naddr = '" + token + "'\nauth_server = '" + token + "'\n",
		sound + "dev = ['" + token + "', '" + token + "', ' " + token + "']\n",
		"[slack]\ntoken = '/" + token + "'\n",
		"[slack]\napi_url = '" + token + "'\n",
		"[teleport]\nrefresh_identity = '" + token + "'\nrefresh_identity_interval = '" + token + "'\n",
		"token = '" + token + "'\ntoken = '" + token + "'\n",
		"'" + token + "' = 1\n'" + token + "' = 1\n",
	} {
		cfg, warnings, err := Parse("f", []byte(file), files)
		told := fmt.Sprintf("%+v %#v", err, err)
		for _, w := range warnings {
			told += fmt.Sprintf("%+v", w)
		}
		if err == nil && len(warnings) == 0 {
			t.Errorf("%q: nothing was told, so nothing was tested: %v", file, cfg.Path)
		}
		if strings.Contains(told, "verysecret") {
			t.Errorf("%q: token told: %s", file, told)
		}
	}
}

func TestProblemsAreErrors(t *testing.T) {
	_, _, err := Parse("f", nil, files)
	var p Problem
	if !errors.As(err, &p) || p.Key != "teleport.identity" || p.Hint() == "" {
		t.Errorf("first problem: %#v", p)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "teleport-slack.toml")
	tokenPath := filepath.Join(dir, "token")
	file := strings.Replace(sound, "xoxb-real", tokenPath, 1)
	_, _, err := Load(path)
	var ps Problems
	if !errors.As(err, &ps) || ps[0].Do != "create one with: teleport-slack configure > "+path {
		t.Errorf("missing file: %#v", err)
	}
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tokenPath, []byte("xoxb-"+strings.Repeat("a", 3000)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(cfg.Slack.Token.Reveal()); got != 2000 {
		t.Errorf("token of %d bytes, want the first 2000", got)
	}
	if cfg.Path != path || cfg.Slack.TokenPath != tokenPath {
		t.Errorf("paths: %q, %q", cfg.Path, cfg.Slack.TokenPath)
	}
}

func TestATokenAmongTheCredentialsOfSystemd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "teleport-slack.toml")
	for name, content := range map[string]string{
		path:                              strings.Replace(sound, "xoxb-real", "%d/slack-token", 1),
		filepath.Join(dir, "slack-token"): "xoxb-credential\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	cfg, _, err := Load(path)
	if err != nil || cfg.Slack.Token.Reveal() != "xoxb-credential" || cfg.Slack.TokenPath != "%d/slack-token" {
		t.Errorf("%+v, %v", cfg.Slack, err)
	}

	t.Setenv("CREDENTIALS_DIRECTORY", "")
	_, _, err = Load(path)
	var ps Problems
	if !errors.As(err, &ps) || !strings.Contains(ps[0].What, "CREDENTIALS_DIRECTORY is not set") || !strings.Contains(ps[0].Do, "LoadCredential") {
		t.Errorf("without systemd: %#v", err)
	}
}
