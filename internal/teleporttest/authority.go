package teleporttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/gravitational/teleport/api/constants"
	"github.com/gravitational/teleport/api/identityfile"
	apiutils "github.com/gravitational/teleport/api/utils"
	"golang.org/x/crypto/ssh"
)

const (
	// authorityTTL is how long the authority and the server's certificate last.
	authorityTTL = 10 * 365 * 24 * time.Hour
	// backdate allows for the clocks of other machines.
	backdate = time.Minute
	// joinPrincipal is in every SSH certificate that Teleport issues to users.
	joinPrincipal = "-teleport-internal-join"
)

// authority signs the server's and the users' certificates.
type authority struct {
	cluster string
	key     *ecdsa.PrivateKey
	cert    *x509.Certificate
	ssh     ssh.Signer
}

func newAuthority(cluster string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate authority key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: cluster, Organization: []string{cluster}},
		NotBefore:             now.Add(-authorityTTL), // an identity may be issued long expired
		NotAfter:              now.Add(authorityTTL),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create authority certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority certificate: %w", err)
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		return nil, fmt.Errorf("create ssh authority: %w", err)
	}
	return &authority{cluster: cluster, key: key, cert: cert, ssh: signer}, nil
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("generate serial number: %w", err)
	}
	return serial, nil
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// serverCertificate returns a certificate for the names by which Teleport's
// client knows an Auth server.
func (a *authority) serverCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("generate server key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: a.cluster, Organization: []string{"Auth"}},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(authorityTTL),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{
			constants.APIDomain,
			"*." + constants.APIDomain,
			apiutils.EncodeClusterName(a.cluster),
			"localhost",
		},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("create server certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// issue returns a new key with its certificates for id.
func (a *authority) issue(id Identity) (*identityfile.IdentityFile, error) {
	id.setDefaults()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	notAfter := now.Add(id.TTL)
	notBefore := now.Add(-backdate)
	if !notBefore.Before(notAfter) {
		notBefore = notAfter.Add(-time.Hour) // expired long ago
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		// Where Teleport keeps username and roles.
		Subject:     pkix.Name{CommonName: id.User, Organization: id.Roles, Locality: []string{joinPrincipal}},
		NotBefore:   notBefore,
		NotAfter:    notAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("create certificate: %w", err)
	}
	sshKey, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	sshCert := &ssh.Certificate{
		Key:             sshKey,
		Serial:          serial.Uint64(),
		CertType:        ssh.UserCert,
		KeyId:           id.User,
		ValidPrincipals: []string{joinPrincipal},
		ValidAfter:      uint64(notBefore.Unix()),
		ValidBefore:     uint64(notAfter.Unix()),
	}
	if err := sshCert.SignCert(rand.Reader, a.ssh); err != nil {
		return nil, fmt.Errorf("sign ssh certificate: %w", err)
	}
	knownHost := fmt.Sprintf("@cert-authority %s,*.%s %s", a.cluster, a.cluster, ssh.MarshalAuthorizedKey(a.ssh.PublicKey()))
	return &identityfile.IdentityFile{
		PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		Certs: identityfile.Certs{
			SSH: ssh.MarshalAuthorizedKey(sshCert),
			TLS: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		},
		CACerts: identityfile.CACerts{
			SSH: [][]byte{[]byte(knownHost)},
			TLS: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})},
		},
	}, nil
}
