package teleport

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/identityfile"
	"github.com/gravitational/teleport/api/utils/keypaths"
	"github.com/gravitational/teleport/api/utils/keys"
	"golang.org/x/crypto/ssh"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
)

// maxCredentialBytes is far larger than any identity file; it prevents that a wrong
// path (a disk, a log) fills the memory.
const maxCredentialBytes = 4 << 20

// credentials are the parsed content of the files: complete, with a key that
// matches the certificate. They never change; a renewed file is a new value.
type credentials struct {
	source    string   // the file that a person would replace
	hash      [32]byte // of the content, to see a change
	tls       *tls.Config
	ssh       *ssh.ClientConfig // nil for key pairs: they only reach the Auth Service
	user      string            // who we are in Teleport
	notBefore time.Time
	notAfter  time.Time
}

var _ client.Credentials = (*credentials)(nil)

// TLSConfig implements [client.Credentials].
func (c *credentials) TLSConfig() (*tls.Config, error) { return c.api().TLSConfig() }

// api lets the api put in what its connections need (server name, protocols).
func (c *credentials) api() client.Credentials { return client.LoadTLS(c.tls) }

// SSHClientConfig implements [client.Credentials].
func (c *credentials) SSHClientConfig() (*ssh.ClientConfig, error) {
	if c.ssh == nil {
		return c.api().SSHClientConfig() // its own "not implemented", which it understands
	}
	config := *c.ssh
	return &config, nil
}

// Expiry implements [client.Credentials].
func (c *credentials) Expiry() (time.Time, bool) { return c.notAfter, true }

func (c *credentials) expired(now time.Time) bool { return !now.Before(c.notAfter) }

// errExpired is the error for an expired certificate.
func (c *credentials) errExpired(now time.Time) error {
	return &fault.Error{
		Op: "use the Teleport credentials in " + c.source, Reason: "certificate_expired", Class: fault.Fatal,
		Err: fmt.Errorf("the certificate expired on %s (%s ago)",
			c.notAfter.UTC().Format(time.RFC3339), logonce.Rounded(now.Sub(c.notAfter))),
		Hint: hintRenew,
	}
}

const hintRenew = "issue a new one (tctl auth sign --user=… --out=…) or let tbot renew it and set refresh_identity = true"

// files are the paths of the credentials.
type files struct {
	identity               string
	key, certificate, root string
}

// load reads and checks the files. Its errors are fatal and name the file.
func (f files) load() (*credentials, error) {
	if f.identity != "" {
		return loadIdentity(f.identity)
	}
	return loadKeyPair(f)
}

func loadIdentity(path string) (*credentials, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, unusable(path, err)
	}
	// Like the api: an SSH certificate may lie beside the file.
	sshCert, err := readFile(keypaths.IdentitySSHCertPath(path))
	if err != nil {
		sshCert = nil
	}
	c, err := parseIdentity(content, sshCert)
	if err != nil {
		return nil, unusable(path, err)
	}
	c.source = path
	return c, nil
}

// parseIdentity reads an identity file's content; sshCert is used where the
// content has none.
func parseIdentity(content, sshCert []byte) (*credentials, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("the file is empty")
	}
	id, err := identityfile.FromString(string(content))
	if err != nil && len(sshCert) > 0 {
		id, err = identityfile.FromString(string(content) + "\n" + string(sshCert))
	}
	if err != nil {
		return nil, notIdentity(err)
	}
	switch {
	case len(id.PrivateKey) == 0:
		return nil, notIdentity(errors.New("it contains no private key"))
	case len(id.Certs.TLS) == 0:
		return nil, notIdentity(errors.New("it contains no TLS certificate"))
	case len(id.CACerts.TLS) == 0:
		// An empty pool would trust no server: a half-written file.
		return nil, notIdentity(errors.New("it contains no certificate authorities"))
	}
	c := &credentials{hash: sha256.Sum256(append(bytes.Clone(content), sshCert...))}
	if c.tls, err = id.TLSConfig(); err != nil {
		return nil, notIdentity(err)
	}
	if c.ssh, err = id.SSHClientConfig(); err != nil {
		return nil, notIdentity(fmt.Errorf("the SSH certificate: %w", err))
	}
	if err := c.readValidity(id.Certs.TLS); err != nil {
		return nil, notIdentity(err)
	}
	return c, nil
}

func notIdentity(err error) error {
	return fmt.Errorf("not a complete identity file: %w", oneLine{err})
}

func loadKeyPair(f files) (*credentials, error) {
	var all []byte
	read := func(path string) (content []byte, err error) {
		if content, err = readFile(path); err != nil {
			return nil, unusable(path, err)
		}
		all = append(append(all, content...), 0)
		return content, nil
	}
	key, err := read(f.key)
	if err != nil {
		return nil, err
	}
	cert, err := read(f.certificate)
	if err != nil {
		return nil, err
	}
	roots, err := read(f.root)
	if err != nil {
		return nil, err
	}
	pair, err := keys.X509KeyPair(cert, key)
	if err != nil {
		return nil, unusable(f.certificate, fmt.Errorf("the certificate and the key in %s: %w", f.key, oneLine{err}))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		return nil, unusable(f.root, errors.New("it contains no PEM certificate"))
	}
	c := &credentials{
		source: f.certificate, hash: sha256.Sum256(all),
		tls: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool},
	}
	if err := c.readValidity(cert); err != nil {
		return nil, unusable(f.certificate, err)
	}
	return c, nil
}

func (c *credentials) readValidity(certificate []byte) error {
	leaf, _, err := keys.X509Certificate(certificate)
	if err != nil {
		return fmt.Errorf("the TLS certificate: %w", oneLine{err})
	}
	c.user = leaf.Subject.CommonName
	c.notBefore, c.notAfter = leaf.NotBefore, leaf.NotAfter
	return nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	if info.Size() > maxCredentialBytes {
		return nil, errors.New("it is too large")
	}
	return os.ReadFile(path)
}

// unusable is a fatal error about one file. The path is in it once.
func unusable(path string, err error) error {
	reason, hint := "credentials_unusable", "check the [teleport] section: the file must be complete, as tctl auth sign or tbot writes it"
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason, hint = "credentials_missing", "check the path in the [teleport] section, or create the file with tctl auth sign or tbot"
	case errors.Is(err, fs.ErrPermission):
		reason, hint = "credentials_unreadable", "let the user that this program runs as read the file"
	}
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &fault.Error{Op: "read the Teleport credentials in " + path, Reason: reason, Class: fault.Fatal, Err: err, Hint: hint}
}
