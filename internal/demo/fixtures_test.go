package demo

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/config"
)

// sayTagged posts what looks like the plugin's message about a request, as the
// plugin does.
func sayTagged(t *testing.T, env *environment, channel, request string) {
	t.Helper()
	form := url.Values{"channel": {channel}, "text": {"x"},
		"metadata": {`{"event_type":"teleport_access_request","event_payload":{"request_id":"` + request + `","part":"request"}}`}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, env.config.Slack.APIURL+"chat.postMessage", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+env.config.Slack.Token.Reveal())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, _ := io.ReadAll(resp.Body); !strings.Contains(string(b), `"ok":true`) {
		t.Fatalf("Slack says %s", b)
	}
}

func TestFixturesForAConfiguration(t *testing.T) {
	c, _, err := config.ParseOffline("f", []byte(`
[role_to_recipients]
"*" = "#Help"
dba = ["dbas @dba-oncall", "help", "lead.person@corp.example", "LEAD.person@corp.example", "C0123456789", "U0123456789"]
"db-*" = "team-{{.Role}}"
"/^ops-/" = "user:ceo"
[review]
enabled = true
slack_user_id_trait = "sid"
except_roles = ["prod-*"]
[reminders]
pending_after = "1h"
escalate_to = ["security"]
`))
	if err != nil {
		t.Fatal(err)
	}
	f := fixturesFor(c)
	var channels, people, roles []string
	for _, c := range f.channels {
		channels = append(channels, c.ID+" "+c.Name)
	}
	for _, p := range f.people {
		people = append(people, p.slack+" "+p.teleport+" "+p.name)
	}
	for _, r := range f.roles {
		roles = append(roles, r.name)
	}
	if diff := cmp.Diff([]string{"C0TEAMDBEX team-db-example", "C0DBAS0000 dbas", "C0HELP0000 help", "C0123456789 c0123456789", "C0SECURITY security"}, channels); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"U0ALICE000 alice@corp.example Alice", "U0BOB00000 bob@corp.example Bob", "U0CAROL000 carol@corp.example Carol",
		"U0CEO00000 ceo ceo", "U0LEADPERS lead.person@corp.example Lead Person", "U0123456789 u0123456789@corp.example U0123456789",
	}, people); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ops-example", "db-example", "dba", "prod-example", unlistedRole}, roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	if len(f.groups) != 1 || f.groups[0].Handle != "dba-oncall" {
		t.Errorf("groups are %+v", f.groups)
	}
	if f.trait != "sid" {
		t.Errorf("the trait is %q", f.trait)
	}
}

// Fixtures can be generated from any names, however odd.
func FuzzFixturesFor(f *testing.F) {
	f.Add("dba", "help", "lead@example.com")
	f.Add("", "#", "@")
	f.Add("*", "ünïcode", "a@b@c")
	f.Fuzz(func(t *testing.T, role, one, two string) {
		f := fixturesFor(config.Config{Recipients: map[string][]string{role: {one, two, one}, "*": {two}}})
		var ids []string
		for _, p := range f.people {
			ids = append(ids, p.slack)
		}
		for _, c := range f.channels {
			ids = append(ids, c.ID)
		}
		for i, id := range ids {
			if !idShape.MatchString(id) || slices.Index(ids, id) != i {
				t.Errorf("the IDs are %q", ids)
			}
		}
		newSlack(f, "xoxb-1", "xapp-1", nil).Close()
	})
}

// An operator's file: its routes and texts are used, its secrets are not.
func TestConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "teleport-slack.toml")
	err := os.WriteFile(path, []byte(`
[teleport]
addr = "teleport.invalid:443"
identity = "/no/such/identity"
[slack]
token = "/no/such/token"
[role_to_recipients]
"*" = "#ops"
[messages]
language = "ko"
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var log lockedBuffer
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Addr: "127.0.0.1:0", Config: path, Stdout: w, Stderr: &log})
		_ = w.Close()
	}()
	defer func() {
		cancel()
		_, _ = io.Copy(io.Discard, r)
		if err := <-done; err != nil {
			t.Errorf("it ended with %v", err)
		}
	}()
	lines := bufio.NewScanner(r)
	var base string
	for base == "" && lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "demo is at "); ok {
			base, _, _ = strings.Cut(rest, "/,")
		} else if !strings.Contains(lines.Text(), "tokens and its identity are not used") {
			t.Errorf("it says %q", lines.Text())
		}
	}
	if base == "" {
		t.Fatalf("no address; log:\n%s", log.String())
	}
	follow(t, base, func(event, data string) bool {
		switch event {
		case "snapshot":
			if status, answer := post(t, base, "/api/requests", `{"user":"bob@example.com","roles":["`+unlistedRole+`"]}`, nil); status != http.StatusOK {
				t.Errorf("%d %v", status, answer)
			}
		case "message":
			e := decode[messageEvent](t, data)
			if e.Conversation == "C0OPS00000" {
				if !strings.Contains(string(e.Message.Blocks), "대기 중") {
					t.Errorf("the message is not in the file's language: %s", e.Message.Blocks)
				}
				return true
			}
		}
		return false
	})
}
