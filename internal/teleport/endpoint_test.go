package teleport

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// web is the web port of a Proxy Service, reduced to what the tests need.
func web(t *testing.T, date string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date)
		if r.URL.Path != "/webapi/find" || r.Header.Get("Authorization") != "" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		http.Redirect(w, r, "https://elsewhere.example.com/", http.StatusFound)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it is distrusted on purpose
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestEndpoint(t *testing.T) {
	auth := startServer(t, teleporttest.Options{})
	proxy := web(t, "")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent.Close() // nobody listens there any more
	identity := writeIdentity(t, auth, teleporttest.Identity{})
	for addr, want := range map[string]Endpoint{
		auth.Addr(): AuthEndpoint, proxy.Listener.Addr().String(): ProxyEndpoint, silent.Addr().String(): UnknownEndpoint,
	} {
		c, _ := newClient(t, Options{Addr: addr, Identity: identity})
		if got := c.Endpoint(t.Context()); got != want {
			t.Errorf("%s: endpoint %d, want %d", addr, got, want)
		}
	}
}

func TestProxyTime(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	identity := writeIdentity(t, s, teleporttest.Identity{})
	for date, want := range map[string]struct {
		ahead time.Duration
		ok    bool
	}{
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):      {time.Hour, true},
		time.Now().Add(-2 * time.Hour).UTC().Format(http.TimeFormat): {-2 * time.Hour, true},
		"yesterday": {},
	} {
		proxy := web(t, date)
		c, _ := newClient(t, Options{Addr: proxy.Listener.Addr().String(), Identity: identity})
		if _, ok := c.ProxyTime(t.Context()); ok {
			t.Error("a certificate of an authority that nobody trusts was taken")
		}
		roots := x509.NewCertPool()
		roots.AddCert(proxy.Certificate())
		c.dialer.webTLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		ahead, ok := c.ProxyTime(t.Context())
		if ok != want.ok || (ahead-want.ahead).Abs() > time.Minute {
			t.Errorf("%q: %s, %v; want about %s, %v", date, ahead, ok, want.ahead, want.ok)
		}
	}
	c, _ := newClient(t, Options{Addr: s.Addr(), Identity: identity})
	if _, ok := c.ProxyTime(t.Context()); ok {
		t.Error("an Auth Service told the time")
	}
}

func TestReadIdentity(t *testing.T) {
	s := startServer(t, teleporttest.Options{})
	who := teleporttest.Identity{User: "bot-slack", Roles: []string{"zeta", "alpha"}, TTL: time.Hour}
	path := writeIdentity(t, s, who)
	pair, err := s.WriteKeyPair(t.TempDir(), who)
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		path:      {Identity: path},
		pair.Cert: {ClientKey: pair.Key, ClientCrt: pair.Cert, RootCAs: pair.CAs},
	} {
		id, err := ReadIdentity(o)
		if err != nil {
			t.Fatal(err)
		}
		if id.Path != want || id.User != "bot-slack" || id.KeyPair != (o.Identity == "") {
			t.Errorf("got %+v", id)
		}
		if diff := cmp.Diff([]string{"alpha", "zeta"}, id.Roles); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
		for at, reason := range map[time.Time]string{
			id.NotBefore: "", id.NotAfter.Add(-time.Second): "",
			id.NotBefore.Add(-time.Second): "certificate_not_yet_valid", id.NotAfter: "certificate_expired",
		} {
			err := id.Invalid(at)
			if reason == "" && err != nil || reason != "" && (err == nil || !strings.Contains(err.Error(), reason) || fault.Hint(err) == "") {
				t.Errorf("at %s: %v, want %q", at, err, reason)
			}
		}
	}
	// What is over is still read: that is what there is to tell.
	over, err := ReadIdentity(Options{Identity: writeIdentity(t, s, teleporttest.Identity{TTL: -time.Hour})})
	if err != nil || over.Invalid(time.Now()) == nil {
		t.Errorf("%+v, %v", over, err)
	}
	if _, err := ReadIdentity(Options{Identity: filepath.Join(t.TempDir(), "none")}); !fault.Is(err, fault.Fatal) {
		t.Errorf("no file: %v", err)
	}
}
