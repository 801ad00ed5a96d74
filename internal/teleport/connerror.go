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

// connectError classifies why there is no connection: fatal where only other
// credentials, another address or other rights help, retryable elsewhere.
//
// The api tries several ways to connect at once and gRPC keeps only the text
// of what went wrong with each, so text is all there is to go by.
func connectError(op string, err error, creds *credentials) error {
	if now := time.Now(); creds.expired(now) {
		return creds.errExpired(now)
	}
	text := err.Error()
	for _, alert := range refusals {
		if strings.Contains(text, alert) {
			return &fault.Error{Op: op, Reason: "certificate_refused", Class: fault.Fatal, Err: oneLine{err},
				Hint: "the cluster at this address does not take the certificate in " + creds.source +
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
			" may be locked or deleted: look at tctl get users and tctl get locks"
	case fault.NotFound, fault.Conflict, fault.Bug, fault.Unsupported:
		e.Class = fault.Retry // to a ping: something between us and Auth answered
	}
	return e
}

// refusals is how the other side says that it looked at our certificate and
// didn't want it: TLS in an alert, SSH in words.
var refusals = []string{
	"remote error: tls: bad certificate",
	"remote error: tls: unknown certificate authority",
	"remote error: tls: expired certificate",
	"remote error: tls: revoked certificate",
	"remote error: tls: unknown certificate",
	"ssh: unable to authenticate",
}

// networkCauses are the plain causes, most telling first. Naming one replaces
// a page of text about five ways to connect that all failed for it.
var networkCauses = []struct{ text, reason string }{
	{"no such host", "no_such_host"},
	{"connection refused", "connection_refused"},
	{"network is unreachable", "network_unreachable"},
	{"no route to host", "no_route_to_host"},
}

// unknownAuthority is how crypto/x509 says it.
const unknownAuthority = "certificate signed by unknown authority"

func errOtherCluster(op string, creds *credentials) error {
	return &fault.Error{Op: op, Reason: "unknown_authority", Class: fault.Fatal,
		Hint: "the certificate authorities in " + creds.source + " are not those of the cluster at this address: check addr, " +
			"or issue the credentials again (the authorities change when the cluster's are rotated)"}
}

// otherCluster looks whether an Auth Service answers at the address whose
// authority is not among ours. It is asked after a dial that failed for an
// unknown authority, because by itself that means nothing: a Proxy's web
// certificate is not ours to know, and is seen each time the api tries the
// Proxy as if it were an Auth Service.
func (d dialer) otherCluster(ctx context.Context, creds *credentials) bool {
	ctx, cancel := context.WithTimeout(ctx, firstDialTimeout)
	defer cancel()
	chain := d.shownCertificates(ctx)
	return len(chain) > 0 && isTeleportHost(chain[0]) && !verified(chain, creds.tls.RootCAs)
}

// shownCertificates returns what the server at the address shows to whoever
// wants an Auth Service; nil if nobody answers in TLS.
func (d dialer) shownCertificates(ctx context.Context) []*x509.Certificate {
	raw, err := d.raw(ctx)
	if err != nil {
		return nil
	}
	defer raw.Close()
	// Nothing is sent over this connection, so nothing is trusted to it: it is
	// here to see the certificate that the verification refused.
	conn := tls.Client(raw, &tls.Config{
		ServerName: constants.APIDomain, NextProtos: []string{"h2", "http/1.1"}, // a web port may have one of them
		InsecureSkipVerify: true, //nolint:gosec // see above: this only looks at the certificate
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
