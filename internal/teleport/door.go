package teleport

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// Door is which of a cluster's services is at the configured address.
type Door uint8

// The doors.
const (
	UnknownDoor Door = iota
	AuthDoor         // the Auth Service itself
	ProxyDoor        // a Proxy Service
)

// doorTimeout bounds a look at the address.
const doorTimeout = 5 * time.Second

// Door looks which service answers at the address, by the certificate that it
// shows. Where only an HTTP proxy leads there it is unknown.
func (c *Client) Door(ctx context.Context) Door {
	ctx, cancel := context.WithTimeout(ctx, doorTimeout)
	defer cancel()
	chain := c.dialer.shownCertificates(ctx)
	switch {
	case len(chain) == 0:
		return UnknownDoor
	case isTeleportHost(chain[0]):
		return AuthDoor
	}
	return ProxyDoor
}

func (d dialer) raw(ctx context.Context) (net.Conn, error) {
	if d.dial != nil {
		return d.dial(ctx, d.addr)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", d.addr)
}

// ProxyTime asks a Proxy Service's web port how late it is there, and returns
// how far that is ahead of here. The gRPC API tells no time, so an Auth
// Service can't be asked.
func (c *Client) ProxyTime(ctx context.Context) (ahead time.Duration, ok bool) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSClientConfig: c.dialer.webTLS}
	if c.dialer.dial != nil {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dialer.raw(ctx) }
	}
	return askTime(ctx, transport, "https://"+c.dialer.addr+"/webapi/find")
}

func askTime(ctx context.Context, transport http.RoundTripper, url string) (time.Duration, bool) {
	ctx, cancel := context.WithTimeout(ctx, doorTimeout)
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
