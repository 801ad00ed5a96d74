package teleport

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
)

// Identity is the content of the credentials.
type Identity struct {
	Path      string // the file that a person would replace
	KeyPair   bool   // a key, a certificate and authorities instead of an identity file
	User      string // the Teleport user or bot
	Roles     []string
	NotBefore time.Time
	NotAfter  time.Time
	WarnFrom  time.Time // when the first warning of its end is due
}

// ReadIdentity reads the credentials that New would use. It also returns those
// that have expired or are not yet valid.
func ReadIdentity(o Options) (Identity, error) {
	f := files{identity: o.Identity, key: o.ClientKey, certificate: o.ClientCrt, root: o.RootCAs}
	creds, err := f.load()
	if err != nil {
		return Identity{}, err
	}
	id := Identity{
		Path: creds.source, KeyPair: o.Identity == "",
		NotBefore: creds.notBefore, NotAfter: creds.notAfter,
		WarnFrom: warnings(creds.notBefore, creds.notAfter, o.RefreshIdentity && o.Identity != "")[0],
	}
	leaf, err := creds.leaf()
	if err != nil {
		return Identity{}, unusable(creds.source, err)
	}
	// Where Teleport keeps the user and the roles.
	id.User = leaf.Subject.CommonName
	id.Roles = slices.Sorted(slices.Values(leaf.Subject.Organization))
	return id, nil
}

// Invalid returns why the credentials are not valid at the time, or nil.
func (id Identity) Invalid(now time.Time) error {
	if !now.Before(id.NotAfter) {
		return (&credentials{source: id.Path, notAfter: id.NotAfter}).errExpired(now)
	}
	if now.Before(id.NotBefore) {
		return &fault.Error{
			Op: "use the Teleport credentials in " + id.Path, Reason: "certificate_not_yet_valid", Class: fault.Fatal,
			Err: fmt.Errorf("the certificate is valid from %s (in %s)",
				id.NotBefore.UTC().Format(time.RFC3339), logonce.Rounded(id.NotBefore.Sub(now))),
			Hint: "correct the clock of this machine, by NTP for example",
		}
	}
	return nil
}

func (c *credentials) leaf() (*x509.Certificate, error) {
	if len(c.tls.Certificates) == 0 || len(c.tls.Certificates[0].Certificate) == 0 {
		return nil, fmt.Errorf("it contains no TLS certificate")
	}
	leaf, err := x509.ParseCertificate(c.tls.Certificates[0].Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate: %w", oneLine{err})
	}
	return leaf, nil
}
