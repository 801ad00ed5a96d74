package teleport

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// Endpoint is the kind of service at the configured address.
type Endpoint uint8

// The kinds of services.
const (
	UnknownEndpoint Endpoint = iota
	AuthEndpoint             // the Auth Service itself
	ProxyEndpoint            // a Proxy Service
)

// endpointTimeout bounds one request to the address.
const endpointTimeout = 5 * time.Second

// Endpoint returns which service answers at the address, by its certificate. It
// is unknown if the address is reached only through an HTTP proxy.
func (c *Client) Endpoint(ctx context.Context) Endpoint {
	ctx, cancel := context.WithTimeout(ctx, endpointTimeout)
	defer cancel()
	chain := c.dialer.shownCertificates(ctx)
	switch {
	case len(chain) == 0:
		return UnknownEndpoint
	case isTeleportHost(chain[0]):
		return AuthEndpoint
	}
	return ProxyEndpoint
}

func (d dialer) raw(ctx context.Context) (net.Conn, error) {
	if d.dial != nil {
		return d.dial(ctx, d.addr)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", d.addr)
}

// ProxyTime returns how far the clock of a Proxy Service is ahead of ours, by the
// Date header of its web port. The gRPC API has no such thing, so an Auth Service
// can't be asked.
func (c *Client) ProxyTime(ctx context.Context) (ahead time.Duration, ok bool) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSClientConfig: c.dialer.webTLS}
	if c.dialer.dial != nil {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dialer.raw(ctx) }
	}
	return askTime(ctx, transport, "https://"+c.dialer.addr+"/webapi/find")
}

func askTime(ctx context.Context, transport http.RoundTripper, url string) (time.Duration, bool) {
	ctx, cancel := context.WithTimeout(ctx, endpointTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, false
	}
	resp, err := transport.RoundTrip(req) // follows no redirect
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close()
	now := time.Now()
	_, _ = io.CopyN(io.Discard, resp.Body, 1<<10) // only the header matters
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	return there.Sub(now), true
}
