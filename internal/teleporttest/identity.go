package teleporttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gravitational/teleport/api/identityfile"
)

// defaultIdentityTTL is how long an identity lasts where none is named.
const defaultIdentityTTL = 12 * time.Hour

// Identity is the owner of credentials.
type Identity struct {
	// User is the Teleport username; "access-plugin" if empty.
	User string
	// Roles are the user's roles; the role "access-plugin" if empty.
	Roles []string
	// TTL is how long the certificates last from now; 12 hours if zero. With a
	// negative one they expired that long ago.
	TTL time.Duration
}

func (id *Identity) setDefaults() {
	if id.User == "" {
		id.User = "access-plugin"
	}
	if len(id.Roles) == 0 {
		id.Roles = []string{"access-plugin"}
	}
	if id.TTL == 0 {
		id.TTL = defaultIdentityTTL
	}
}

// EncodeIdentity returns the content of a new identity file for id.
func (s *Server) EncodeIdentity(id Identity) ([]byte, error) {
	f, err := s.authority.issue(id)
	if err != nil {
		return nil, fmt.Errorf("issue identity: %w", err)
	}
	b, err := identityfile.Encode(f)
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}
	return b, nil
}

// WriteIdentity writes a new identity file for id to path. A file that is there
// is replaced in one step, so a reader sees the old one or the new one.
func (s *Server) WriteIdentity(path string, id Identity) error {
	b, err := s.EncodeIdentity(id)
	if err != nil {
		return err
	}
	return replaceFile(path, b)
}

// KeyPair names the files that WriteKeyPair has written.
type KeyPair struct {
	Key, Cert, CAs string
}

// WriteKeyPair writes a new key, its certificate and the authority's
// certificate into dir, as access-plugin.key, .crt and .cas: what
// `tctl auth sign --format=tls` writes.
func (s *Server) WriteKeyPair(dir string, id Identity) (KeyPair, error) {
	f, err := s.authority.issue(id)
	if err != nil {
		return KeyPair{}, fmt.Errorf("issue key pair: %w", err)
	}
	base := filepath.Join(dir, "access-plugin")
	pair := KeyPair{Key: base + ".key", Cert: base + ".crt", CAs: base + ".cas"}
	var cas []byte
	for _, ca := range f.CACerts.TLS {
		cas = append(cas, ca...)
	}
	err = errors.Join(
		replaceFile(pair.Key, f.PrivateKey),
		replaceFile(pair.Cert, f.Certs.TLS),
		replaceFile(pair.CAs, cas),
	)
	return pair, err
}

func replaceFile(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(tmp.Name()))
	}
	return nil
}
