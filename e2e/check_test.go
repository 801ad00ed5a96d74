//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// found is one line of "check".
type found struct{ Name, Status, Detail, Hint string }

// check runs "check" and returns what it found, by its status, and the exit
// code.
func (p *plugin) check(t *testing.T) (all []found, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), paths().plugin, "check", "--json", "-c", p.config)
	cmd.Env = append(os.Environ(), p.env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	return all, code
}

// has reports whether there is such a finding.
func has(all []found, name, status, words string) bool {
	return slices.ContainsFunc(all, func(f found) bool {
		return f.Name == name && f.Status == status && strings.Contains(f.Detail, words)
	})
}

// Trying a right means the same to a real Teleport as to its double: the rights
// of examples/rbac.yaml are all that is needed, and others are found missing.
func TestCheck_Rights(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, "channels:read", "groups:read")
	id := c.request(t, "for the check")
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	all, code := p.check(t)
	if code != 0 || slices.ContainsFunc(all, func(f found) bool { return f.Status == "failure" }) {
		t.Errorf("exit code %d: %+v", code, all)
	}
	rights := 0
	for _, f := range all {
		if f.Name == "teleport rights" {
			rights++
			if f.Status != "ok" {
				t.Errorf("with the rights of the example: %+v", f)
			}
		}
	}
	if rights < 9 || !has(all, "teleport", "ok", "(Auth Service)") || !has(all, "identity", "ok", "access-plugin") {
		t.Errorf("findings: %+v", all)
	}

	nobody := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, alice), slackURL: slack.URL()})
	all, code = nobody.check(t)
	for _, words := range []string{
		"access_request list, read: missing, required (reading access requests)",
		"access_plugin_data create, update: missing",
	} {
		if !has(all, "teleport rights", "failure", words) {
			t.Errorf("not found: %s", words)
		}
	}
	for _, words := range []string{"user read: missing", "role read: missing"} {
		if !has(all, "teleport rights", "warning", words) {
			t.Errorf("not found: %s", words)
		}
	}
	if code != 1 || t.Failed() {
		t.Errorf("exit code %d: %+v", code, all)
	}

	// Nothing was stored about the request, and nothing was posted.
	p.start(t)
	slack.announced(t, id)
	p.stop(t)
	slack.once(t, id)
}

// Through a Proxy Service there is a clock to compare with.
func TestCheck_Proxy(t *testing.T) {
	t.Parallel()
	c, slack := newClusterWithProxy(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.proxyAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL(),
		env: []string{"SSL_CERT_FILE=" + c.webCA}})
	all, code := p.check(t)
	for _, f := range []found{
		{"teleport", "ok", "(Proxy Service)", ""},
		{"clock", "ok", "within 30 seconds of Teleport's", ""},
		{"network", "ok", "SSL_CERT_FILE is " + c.webCA, ""},
	} {
		if !has(all, f.Name, f.Status, f.Detail) {
			t.Errorf("not found: %+v", f)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit code %d: %+v", code, all)
	}
}
