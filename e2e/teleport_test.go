//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/client"
)

// The people of every cluster; examples/roles.yaml says what a requester may.
const (
	alice = "alice@example.com" // asks
	bob   = "bob@example.com"   // is told
)

// cluster is a Teleport cluster of one process.
type cluster struct {
	dir       string
	config    string // teleport.yaml
	authAddr  string // host:port of the Auth server
	proxyAddr string // host:port of the Proxy's web port; empty without one
	webCA     string // PEM file of the authority behind the Proxy's web port
	env       []string
	process   *process
	asAlice   *client.Client // for bursts; nil until the first
}

// newCluster starts an Auth server, creates what examples/ holds, and returns
// when it takes requests.
func newCluster(t testing.TB) *cluster { return startCluster(t, false) }

// newClusterWithProxy starts a Proxy as well, whose certificate comes from an
// authority that only those know who trust cluster.webCA.
func newClusterWithProxy(t testing.TB) *cluster { return startCluster(t, true) }

func startCluster(t testing.TB, proxy bool) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{
		dir:      dir,
		config:   filepath.Join(dir, "teleport.yaml"),
		authAddr: freeAddr(t, "127.0.0.1"),
		// Without this the server asks a cloud's metadata service where it runs.
		env: []string{"AWS_EC2_METADATA_DISABLED=true"},
	}
	conf := fmt.Sprintf(`version: v3
teleport:
  nodename: e2e
  data_dir: %[1]s/data
  log: {output: stderr, severity: INFO}
  storage: {type: sqlite}
auth_service:
  enabled: yes
  cluster_name: e2e.example.com
  listen_addr: %[2]s
  proxy_listener_mode: multiplex
  authentication: {type: local, second_factor: "off"}
ssh_service: {enabled: no}
`, dir, c.authAddr)
	if proxy {
		web := issueWebCertificate(t, dir)
		c.proxyAddr = freeAddr(t, "localhost")
		c.webCA = web.ca
		c.env = append(c.env, "SSL_CERT_FILE="+web.ca)
		conf += fmt.Sprintf(`proxy_service:
  enabled: yes
  listen_addr: %[1]s
  web_listen_addr: %[2]s
  public_addr: %[3]s
  https_keypairs: [{key_file: %[4]s, cert_file: %[5]s}]
`, freeAddr(t, "127.0.0.1"), strings.Replace(c.proxyAddr, "localhost", "127.0.0.1", 1), c.proxyAddr, web.key, web.cert)
	} else {
		conf += "proxy_service: {enabled: no}\n"
	}
	writeFile(t, c.config, conf)
	c.start(t)
	c.create(t, "roles.yaml")
	c.create(t, "rbac.yaml")
	c.create(t, "impersonator.yaml")
	users := filepath.Join(dir, "users.yaml")
	writeFile(t, users, fmt.Sprintf(`kind: user
version: v2
metadata: {name: %q}
spec: {roles: [requester]}
`, alice))
	c.tctl(t, "create", "-f", users)
	return c
}

// start runs the server and waits until it answers. After stop it starts the
// same cluster again, at the same address.
func (c *cluster) start(t testing.TB) {
	t.Helper()
	c.process = start(t, "teleport", c.dir, c.env, paths().teleport, "start", "-c", c.config)
	eventually(t, "teleport answers", func() (bool, string) {
		if !c.process.running() {
			t.Fatalf("teleport has ended")
		}
		out, err := c.tryTctl(t, "status")
		if err != nil {
			return false, lastLines(out, 3)
		}
		if c.proxyAddr == "" {
			return true, ""
		}
		conn, err := net.DialTimeout("tcp", c.proxyAddr, time.Second)
		if err != nil {
			return false, err.Error()
		}
		return true, fmt.Sprint(conn.Close())
	})
}

func (c *cluster) stop(t testing.TB) {
	t.Helper()
	c.process.stop(t)
}

// create creates the resources of a file in examples/, so that what the guide
// tells people to do is what is tested. The open-source edition refuses roles
// that review; everything before them in the file is there then.
func (c *cluster) create(t testing.TB, example string) {
	t.Helper()
	out, err := c.tryTctl(t, "create", "-f", filepath.Join(repository(t), "examples", example))
	if err != nil && !strings.Contains(out, "only available in enterprise") {
		t.Fatalf("create %s: %v\n%s", example, err, out)
	}
}

// signIdentity returns a new identity file of the plugin's user.
func (c *cluster) signIdentity(t testing.TB, user string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "identity")
	c.tctl(t, "auth", "sign", "--user="+user, "--out="+out, "--ttl=1h")
	return out
}

// request asks for access as alice and returns the request's ID.
func (c *cluster) request(t testing.TB, reason string) string {
	t.Helper()
	return strings.TrimSpace(c.tctl(t, "requests", "create", alice, "--roles=editor", "--reason="+reason))
}

func (c *cluster) approve(t testing.TB, id, reason string) {
	t.Helper()
	c.tctl(t, "requests", "approve", id, "--reason="+reason)
}

func (c *cluster) deny(t testing.TB, id, reason string) {
	t.Helper()
	c.tctl(t, "requests", "deny", id, "--reason="+reason)
}

// tctl runs a command that has to work and returns what it prints.
func (c *cluster) tctl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := c.tryTctl(t, args...)
	if err != nil {
		t.Fatalf("tctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryTctl returns what a command prints, and what it complains of as well if
// it fails.
func (c *cluster) tryTctl(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	cmd := exec.CommandContext(ctx, paths().tctl, append([]string{"-c", c.config}, args...)...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}

// bot makes a Machine ID bot that may act as the plugin's role, and runs tbot,
// which renews an identity of ttl every interval until the test ends. It
// returns the identity file. Teleport makes no certificate that lives less
// than a minute.
func (c *cluster) bot(t testing.TB, ttl, interval time.Duration) string {
	t.Helper()
	var bot struct {
		Token string `json:"token_id"`
	}
	out := c.tctl(t, "bots", "add", "slack", "--roles=access-plugin", "--format=json")
	if err := json.Unmarshal([]byte(out), &bot); err != nil {
		t.Fatalf("tctl bots add: %v\n%s", err, out)
	}
	conf := filepath.Join(c.dir, "tbot.yaml")
	// The format of this release of tbot; examples/tbot.yaml has that of today.
	writeFile(t, conf, fmt.Sprintf(`auth_server: %s
onboarding: {join_method: token, token: %s}
storage: {directory: {path: %[3]s/bot-data, symlinks: insecure, acls: off}}
certificate_ttl: %[4]s
renewal_interval: %[5]s
destinations:
- directory: {path: %[3]s/bot-out, symlinks: insecure, acls: off}
  roles: [access-plugin]
`, c.authAddr, bot.Token, c.dir, ttl, interval))
	identity := filepath.Join(c.dir, "bot-out", "identity")
	tbot := start(t, "tbot", c.dir, c.env, paths().tbot, "start", "-c", conf)
	eventually(t, "tbot writes an identity", func() (bool, string) {
		if !tbot.running() {
			t.Fatalf("tbot has ended")
		}
		info, err := os.Stat(identity)
		if err != nil {
			return false, err.Error()
		}
		return info.Size() > 0, "empty"
	})
	return identity
}

// repository returns the folder of the whole project.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddr returns host, which has to be this machine, with a port that nothing
// listens on. The ports lie below those that the system gives to outgoing
// connections, so that none of these takes one before its server has.
func freeAddr(t testing.TB, host string) string {
	t.Helper()
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(20_000)))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return strings.Replace(addr, "127.0.0.1", host, 1)
	}
	t.Fatal("no free port")
	return ""
}
