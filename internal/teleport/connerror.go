package teleport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/constants"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// connectError classifies why there is no connection: fatal if only other
// credentials, another address or other rights help, retryable otherwise.
//
// The api tries several ways to connect at once, and gRPC keeps only the text of
// their errors, so this compares texts.
func connectError(op string, err error, creds *credentials) error {
	if now := time.Now(); creds.expired(now) {
		return creds.errExpired(now)
	}
	text := err.Error()
	for _, alert := range refusals {
		if strings.Contains(text, alert) {
			return &fault.Error{Op: op, Reason: "certificate_refused", Class: fault.Fatal, Err: oneLine{err},
				Hint: "the cluster at this address refuses the certificate in " + creds.source +
					": check addr and the clocks, or issue the credentials again"}
		}
	}
	for _, c := range networkCauses {
		if strings.Contains(text, c.text) {
			return fault.New(fault.Retry, op, c.reason)
		}
	}
	f := classify(op, err, reads)
	e, _ := fault.As(f)
	switch e.Class {
	case fault.Denied:
		e.Class = fault.Fatal
		e.Hint = "the user or bot of the credentials in " + creds.source +
			" may be locked or deleted: check tctl get users and tctl get locks"
	case fault.NotFound, fault.Conflict, fault.Bug, fault.Unsupported:
		e.Class = fault.Retry // for a ping: a proxy between us and the Auth Service answered
	}
	return e
}

// refusals are the error texts of a server that refuses our certificate: TLS
// alerts, and one of SSH.
var refusals = []string{
	"remote error: tls: bad certificate",
	"remote error: tls: unknown certificate authority",
	"remote error: tls: expired certificate",
	"remote error: tls: revoked certificate",
	"remote error: tls: unknown certificate",
	"ssh: unable to authenticate",
}

// networkCauses are the plain causes, most specific first. Such a reason replaces
// a page of text about five ways to connect that all failed because of it.
var networkCauses = []struct{ text, reason string }{
	{"no such host", "no_such_host"},
	{"connection refused", "connection_refused"},
	{"network is unreachable", "network_unreachable"},
	{"no route to host", "no_route_to_host"},
}

// unknownAuthority is the text of the crypto/x509 error.
const unknownAuthority = "certificate signed by unknown authority"

func errOtherCluster(op string, creds *credentials) error {
	return &fault.Error{Op: op, Reason: "unknown_authority", Class: fault.Fatal,
		Hint: "the certificate authorities in " + creds.source + " are not those of the cluster at this address: check addr, " +
			"or issue the credentials again (the authorities change when the cluster's are rotated)"}
}

// otherCluster reports whether an Auth Service answers at the address whose
// authority is not one of ours. It is called after a dial that failed because of
// an unknown authority. That error alone means nothing: the web certificate of a
// Proxy Service causes it each time the api tries to reach it as an Auth Service.
func (d dialer) otherCluster(ctx context.Context, creds *credentials) bool {
	ctx, cancel := context.WithTimeout(ctx, firstDialTimeout)
	defer cancel()
	chain := d.shownCertificates(ctx)
	return len(chain) > 0 && isTeleportHost(chain[0]) && !verified(chain, creds.tls.RootCAs)
}

// shownCertificates returns the certificates that the server at the address
// shows to clients of an Auth Service; nil without a TLS server.
func (d dialer) shownCertificates(ctx context.Context) []*x509.Certificate {
	raw, err := d.raw(ctx)
	if err != nil {
		return nil
	}
	defer raw.Close()
	// Nothing is sent over this connection: it only reads the certificate that
	// verification refused.
	conn := tls.Client(raw, &tls.Config{
		ServerName: constants.APIDomain, NextProtos: []string{"h2", "http/1.1"}, // a web port may have one of them
		InsecureSkipVerify: true, //nolint:gosec // see above: this only reads the certificate
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil
	}
	return conn.ConnectionState().PeerCertificates
}

func isTeleportHost(cert *x509.Certificate) bool {
	for _, name := range cert.DNSNames {
		if name == constants.APIDomain || strings.HasSuffix(name, "."+constants.APIDomain) {
			return true
		}
	}
	return false
}

func verified(chain []*x509.Certificate, roots *x509.CertPool) bool {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: constants.APIDomain, Roots: roots, Intermediates: between})
	return err == nil
}
