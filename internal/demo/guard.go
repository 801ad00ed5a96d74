package demo

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
)

// policy lets the page load its own files and talk to its own server, nothing
// else. If the renderer had a hole, an injected script would not run.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// guard refuses requests from other pages in the same browser. The Host header
// gives away a page whose name was pointed at our address (DNS rebinding); the
// Origin header and the content type JSON, which a form can't send, give away a
// page that posts across sites.
type guard struct {
	hosts []string // accepted values of the Host header
	wide  bool     // listens beyond loopback, so any address of this machine is accepted
	next  http.Handler
}

// newGuard returns a guard for a page that listens at bound, which asked was
// written for.
func newGuard(asked string, bound net.Addr, next http.Handler) guard {
	g := guard{wide: !loopback(bound), next: next}
	_, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return g // no address to be reached at
	}
	names := []string{"localhost", "127.0.0.1", "::1"}
	if name, _, err := net.SplitHostPort(asked); err == nil && name != "" {
		names = append(names, name)
	}
	for _, n := range names {
		g.hosts = append(g.hosts, net.JoinHostPort(n, port))
		if port == "80" { // browsers leave it out
			g.hosts = append(g.hosts, n)
		}
	}
	return g
}

func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !g.knows(r.Host):
		writeError(w, http.StatusForbidden, "the demo is not known by this name; use the address that it printed")
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		g.next.ServeHTTP(w, r)
	case r.Method != http.MethodPost:
		h.Set("Allow", "GET, HEAD, POST")
		writeError(w, http.StatusMethodNotAllowed, "only GET and POST are known here")
	case r.Header.Get("Origin") != "http://"+r.Host:
		writeError(w, http.StatusForbidden, "only the demo's own page may do this")
	case !isJSON(r.Header.Get("Content-Type")):
		writeError(w, http.StatusUnsupportedMediaType, "send application/json")
	default:
		g.next.ServeHTTP(w, r)
	}
}

func (g guard) knows(host string) bool {
	if slices.Contains(g.hosts, host) {
		return true
	}
	if !g.wide {
		return false
	}
	// Behind a published container port the address is another one, but no
	// other site's name can be a literal address.
	if _, err := netip.ParseAddrPort(host); err == nil {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	return err == nil && name == "localhost"
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}
