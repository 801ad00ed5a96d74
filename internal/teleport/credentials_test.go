package teleport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// Credentials that can't work end New, with the file, the cause and what to do.
func TestNewRefusesUnusableCredentials(t *testing.T) {
	s, err := teleporttest.New(teleporttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	content, err := s.EncodeIdentity(teleporttest.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	expired := filepath.Join(dir, "expired")
	if err := s.WriteIdentity(expired, teleporttest.Identity{TTL: -26 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	pair, err := s.WriteKeyPair(dir, teleporttest.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.WriteKeyPair(t.TempDir(), teleporttest.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	withoutCAs, _, _ := strings.Cut(string(content), "@cert-authority")
	for _, tc := range []struct {
		name  string
		o     Options
		words []string
	}{
		{"no credentials", Options{}, []string{"no credentials configured"}},
		{"half a key pair", Options{ClientKey: pair.Key, ClientCrt: pair.Cert}, []string{"no credentials configured"}},
		{"missing file", Options{Identity: filepath.Join(dir, "nowhere")}, []string{"nowhere", "credentials_missing", "no such file"}},
		{"a directory", Options{Identity: dir}, []string{dir, "it is a directory"}},
		{"empty", Options{Identity: file("empty", " \n")}, []string{"empty", "credentials_unusable"}},
		{"garbage", Options{Identity: file("garbage", "xoxb-secret\n")}, []string{"garbage", "not a complete identity file"}},
		{"cut in the middle", Options{Identity: file("cut", string(content[:len(content)/3]))}, []string{"cut", "not a complete identity file"}},
		{"without authorities", Options{Identity: file("no-cas", withoutCAs)}, []string{"no-cas", "no certificate authorities"}},
		{"expired", Options{Identity: expired}, []string{"expired", "certificate_expired", "26h0m ago"}},
		{"key of another certificate", Options{ClientKey: other.Key, ClientCrt: pair.Cert, RootCAs: pair.CAs}, []string{pair.Cert, other.Key}},
		{"key as authorities", Options{ClientKey: pair.Key, ClientCrt: pair.Cert, RootCAs: pair.Key}, []string{pair.Key, "no PEM certificate"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Addr = "127.0.0.1:1"
			_, err := New(tc.o)
			e, ok := fault.As(err)
			if !ok || e.Class != fault.Fatal || e.Hint == "" {
				t.Fatalf("New = %v, want a fatal fault with a hint", err)
			}
			for _, w := range tc.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error()+e.Hint, "PRIVATE") || strings.Contains(err.Error(), "xoxb-secret") {
				t.Errorf("content of the file in the error: %q", err)
			}
		})
	}
}

// An SSH certificate may lie beside the identity file, as tsh writes it.
func TestIdentityWithSSHCertificateBeside(t *testing.T) {
	s, err := teleporttest.New(teleporttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	content, err := s.EncodeIdentity(teleporttest.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	var rest, ssh strings.Builder
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, "-cert-v01@openssh.com ") {
			ssh.WriteString(line)
		} else {
			rest.WriteString(line)
		}
	}
	if ssh.Len() == 0 {
		t.Fatal("the double's identity has no SSH certificate")
	}
	path := filepath.Join(t.TempDir(), "identity")
	for name, text := range map[string]string{path: rest.String(), path + "-cert.pub": ssh.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	creds, err := loadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := creds.SSHClientConfig(); err != nil || config == nil {
		t.Errorf("SSHClientConfig = %v, %v", config, err)
	}
}
