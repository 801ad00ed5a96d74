package teleporttest_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/constants"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestCallerIsWhoTheCertificateSays(t *testing.T) {
	s := start(t, teleporttest.Options{})
	id := teleporttest.Identity{User: "bot-slack", Roles: []string{"access-plugin", "auditor"}}
	pair, err := s.WriteKeyPair(t.TempDir(), id)
	if err != nil {
		t.Fatal(err)
	}
	content, err := s.EncodeIdentity(id)
	if err != nil {
		t.Fatal(err)
	}
	for name, creds := range map[string]client.Credentials{
		"key pair":        client.LoadKeyPair(pair.Cert, pair.Key, pair.CAs),
		"identity string": client.LoadIdentityFileFromString(string(content)),
	} {
		t.Run(name, func(t *testing.T) {
			user, err := connectWith(t, s, creds).GetCurrentUser(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if user.GetName() != id.User {
				t.Errorf("user is %q, want %q", user.GetName(), id.User)
			}
			if diff := cmp.Diff(id.Roles, user.GetRoles()); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpiredIdentityFailsInTheHandshake(t *testing.T) {
	t.Parallel() // the client tries until its dial timeout
	s := start(t, teleporttest.Options{})
	path := filepath.Join(t.TempDir(), "identity")
	if err := s.WriteIdentity(path, teleporttest.Identity{TTL: -time.Hour}); err != nil {
		t.Fatal(err)
	}
	creds := client.LoadIdentityFile(path)
	expiry, ok := creds.Expiry()
	if !ok || time.Since(expiry) < 59*time.Minute {
		t.Errorf("expiry is %v, %v, want an hour ago", expiry, ok)
	}
	config, err := creds.TLSConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.ServerName, config.NextProtos = constants.APIDomain, []string{"h2"}
	// The bare handshake, because a client that writes at once may be cut off
	// before it reads what was wrong.
	conn, err := tls.Dial("tcp", s.Addr(), config)
	if err == nil {
		_, err = conn.Read(make([]byte, 1)) // the server judges after the client is done
		_ = conn.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v, want an expired certificate", err)
	}
	if _, err := dial(t, s, creds); err == nil {
		t.Error("the client connected")
	}
	if n := s.Calls()["Ping"]; n != 0 {
		t.Errorf("%d calls came through", n)
	}
}

func TestIdentityOfAnotherAuthorityIsRefused(t *testing.T) {
	t.Parallel() // the client tries until its dial timeout
	s, other := start(t, teleporttest.Options{}), start(t, teleporttest.Options{})
	content, err := other.EncodeIdentity(teleporttest.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, s, client.LoadIdentityFileFromString(string(content))); err == nil {
		t.Error("connected with an identity of another cluster")
	}
}

func TestIdentityIsReplacedInOneStep(t *testing.T) {
	s := start(t, teleporttest.Options{})
	dir := t.TempDir()
	path := filepath.Join(dir, "identity")
	if err := s.WriteIdentity(path, teleporttest.Identity{User: "first"}); err != nil {
		t.Fatal(err)
	}
	creds, err := client.NewDynamicIdentityFileCreds(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := s.WriteIdentity(path, teleporttest.Identity{User: "second"}); err != nil {
			t.Fatal(err)
		}
		if err := creds.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	user, err := connectWith(t, s, creds).GetCurrentUser(t.Context())
	if err != nil || user.GetName() != "second" {
		t.Errorf("got %v, %v", user, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := s.WriteIdentity(filepath.Join(dir, "no", "identity"), teleporttest.Identity{}); err == nil {
		t.Error("wrote into a folder that does not exist")
	}
}
