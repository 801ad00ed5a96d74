package slack

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// slackHost is a name that no resolver knows: only the proxy leads there.
const slackHost = "slack-api.invalid"

// tlsSlack is Slack behind TLS with a certificate that no system knows.
func tlsSlack(t *testing.T) (s *httptest.Server, ca []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an intercepting proxy"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{slackHost}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		fmt.Fprintf(w, `{"ok":true,"team_id":"T1","user_id":"U1","team":%q}`, r.Proto)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not trust it says so by itself
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// connectProxy is a forward proxy that connects wherever asked to one place.
type connectProxy struct {
	addr string

	mu    sync.Mutex
	asked []string // what CONNECT named, and who asked
	open  sync.WaitGroup
}

func newConnectProxy(t *testing.T, to string) *connectProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &connectProxy{addr: l.Addr().String()}
	p.open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.open.Go(func() { p.tunnel(c, to) })
		}
	})
	t.Cleanup(func() { l.Close(); p.open.Wait() })
	return p
}

func (p *connectProxy) tunnel(c net.Conn, to string) {
	defer c.Close()
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	who := "nobody"
	if b, ok := strings.CutPrefix(req.Header.Get("Proxy-Authorization"), "Basic "); ok {
		text, _ := base64.StdEncoding.DecodeString(b)
		who = string(text)
	}
	p.mu.Lock()
	p.asked = append(p.asked, req.Method+" "+req.Host+" by "+who)
	p.mu.Unlock()
	if who == "denied:secret" {
		fmt.Fprint(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, r); far.Close() })
	_, _ = io.Copy(c, far)
	c.Close()
	both.Wait()
}

func (p *connectProxy) asks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// The environment's proxy is read once a process, so that each case needs one
// of its own: TestMain makes this call there and does nothing else.
func oneCall() {
	var out struct{ Team, Reason, Error string }
	tr, err := NewTransport(TransportOptions{ExtraCAs: []byte(os.Getenv("SLACK_TEST_CA"))})
	if err == nil {
		c := New(Options{Token: func() string { return "xoxb-test" }, APIURL: os.Getenv("SLACK_TEST_URL"), Transport: tr})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var w Workspace
		w, err = c.Auth(ctx)
		out.Team = w.Team
	}
	if err != nil {
		out.Reason, out.Error = outcomeOf(err).Reason, err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(out) // the parent sees what is missing
}

func TestProxyOfTheEnvironment(t *testing.T) {
	s, ca := tlsSlack(t)
	for _, tt := range []struct {
		name   string
		env    []string // %s is the proxy's address
		team   string   // the protocol that Slack saw; empty for a failure
		reason string
		asked  []string
	}{
		{"by the proxy", []string{"HTTPS_PROXY=http://%s"}, "HTTP/2.0", "", []string{"CONNECT slack-api.invalid:443 by nobody"}},
		{"lower case", []string{"https_proxy=http://%s"}, "HTTP/2.0", "", []string{"CONNECT slack-api.invalid:443 by nobody"}},
		{"with a password", []string{"HTTPS_PROXY=http://alice:secret@%s"}, "HTTP/2.0", "", []string{"CONNECT slack-api.invalid:443 by alice:secret"}},
		{"that refuses", []string{"HTTPS_PROXY=http://denied:secret@%s"}, "", "network", []string{"CONNECT slack-api.invalid:443 by denied:secret"}},
		{"with an exception", []string{"HTTPS_PROXY=http://%s", "NO_PROXY=example.com,.invalid"}, "", "network", nil},
		{"with another's exception", []string{"HTTPS_PROXY=http://%s", "NO_PROXY=example.com"}, "HTTP/2.0", "", []string{"CONNECT slack-api.invalid:443 by nobody"}},
		{"that is no address", []string{"HTTPS_PROXY=http://alice:secret@%%zz"}, "", "network", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newConnectProxy(t, s.Listener.Addr().String())
			cmd := exec.Command(os.Args[0])
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SLACK_TEST_CA=" + string(ca), "SLACK_TEST_URL=https://" + slackHost + "/api/"}
			for _, e := range tt.env {
				if strings.Contains(e, "%s") {
					e = fmt.Sprintf(e, p.addr)
				}
				cmd.Env = append(cmd.Env, e)
			}
			text, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v:\n%s", err, text)
			}
			var got struct{ Team, Reason, Error string }
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v:\n%s", err, text)
			}
			if got.Team != tt.team || got.Reason != tt.reason {
				t.Errorf("got %+v, want team %q and reason %q", got, tt.team, tt.reason)
			}
			if diff := cmp.Diff(tt.asked, p.asks()); diff != "" {
				t.Errorf("the proxy was asked (-want +got):\n%s", diff)
			}
			if strings.Contains(got.Error, "secret") {
				t.Errorf("the proxy's password is in %q", got.Error)
			}
		})
	}
}

func TestExtraAuthoritiesAreTrustedBesideTheSystems(t *testing.T) {
	s, ca := tlsSlack(t)
	for _, tt := range []struct {
		name string
		o    TransportOptions
		want string // the protocol, or the end of the error
	}{
		{"unknown", TransportOptions{}, "certificate signed by unknown authority"},
		{"trusted", TransportOptions{ExtraCAs: ca}, "HTTP/2.0"},
	} {
		tr, err := NewTransport(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if len(tt.o.ExtraCAs) > 0 {
			system, err := x509.SystemCertPool()
			if err != nil {
				t.Fatal(err)
			}
			system.AppendCertsFromPEM(ca)
			if !tr.TLSClientConfig.RootCAs.Equal(system) {
				t.Errorf("%s: the authorities are not the system's and ours", tt.name)
			}
		}
		got, err := client(t, Options{APIURL: s.URL + "/api/", Transport: tr}).Auth(t.Context())
		switch {
		case err == nil && got.Team != tt.want:
			t.Errorf("%s: %s, want %s", tt.name, got.Team, tt.want)
		case err != nil && !strings.HasSuffix(err.Error(), tt.want):
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := NewTransport(TransportOptions{ExtraCAs: []byte("no certificate")}); err == nil {
		t.Error("a file without certificates is taken")
	}
}

func TestAProxyCanBeGiven(t *testing.T) {
	s, ca := tlsSlack(t)
	p := newConnectProxy(t, s.Listener.Addr().String())
	tr, err := NewTransport(TransportOptions{ExtraCAs: ca, Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, Options{APIURL: "https://" + slackHost + "/api/", Transport: tr}).Auth(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"CONNECT slack-api.invalid:443 by nobody"}, p.asks()); diff != "" {
		t.Errorf("the proxy was asked (-want +got):\n%s", diff)
	}
}
