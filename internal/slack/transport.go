package slack

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// TransportOptions are what NewTransport needs. The zero value is right for most
// networks.
type TransportOptions struct {
	// ExtraCAs are PEM certificates to trust beside the system's, such as an
	// intercepting proxy's. Certificate verification can't be turned off.
	ExtraCAs []byte
	// Proxy chooses the proxy of a request; nil for the environment's HTTPS_PROXY
	// and NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)
}

// NewTransport returns a transport for Slack's Web API and for its WebSockets
// (socketmode.Options.HTTPClient), so that both go the same way. It is Go's
// default, but closes idle connections before Slack does: a post into a connection that is just
// being closed has an unknown outcome.
func NewTransport(o TransportOptions) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 o.Proxy,
		ForceAttemptHTTP2:     true, // Go leaves it alone where the TLS configuration is not its own
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   callTimeout,
		ExpectContinueTimeout: time.Second,
	}
	if t.Proxy == nil {
		t.Proxy = http.ProxyFromEnvironment
	}
	if len(o.ExtraCAs) > 0 {
		roots, err := rootsWith(o.ExtraCAs)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// rootsWith returns the system's certificate authorities and some more.
func rootsWith(extra []byte) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !roots.AppendCertsFromPEM(extra) {
		return nil, errors.New("there is no PEM certificate among the extra certificate authorities")
	}
	return roots, nil
}
