package teleport

import (
	"bytes"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// Whatever is in an identity file, reading it ends, and what it accepts can be
// used: it has a certificate, authorities and an end.
func FuzzParseIdentity(f *testing.F) {
	s, err := teleporttest.New(teleporttest.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	content, err := s.EncodeIdentity(teleporttest.Identity{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content, []byte(nil))
	f.Add(content[:len(content)-100], []byte("ssh-rsa-cert-v01@openssh.com AAAA"))
	f.Add(bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n")), []byte(nil))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n"), []byte("@cert-authority *"))
	f.Add([]byte(nil), content)
	f.Fuzz(func(t *testing.T, content, sshCert []byte) {
		c, err := parseIdentity(content, sshCert)
		if (c == nil) == (err == nil) {
			t.Fatalf("parseIdentity = %v, %v", c, err)
		}
		if c == nil {
			return
		}
		config, err := c.TLSConfig()
		if err != nil || config.RootCAs == nil || config.GetClientCertificate == nil {
			t.Errorf("TLSConfig = %+v, %v", config, err)
		}
		if _, err := c.SSHClientConfig(); err != nil || c.notAfter.IsZero() {
			t.Errorf("SSHClientConfig: %v, ends %v", err, c.notAfter)
		}
	})
}
