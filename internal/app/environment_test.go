package app

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/check"
)

func TestNetworkSettings(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := networkSettings([]string{
		"PATH=/bin", "HTTPS_PROXY=http://first:1", "HTTPS_PROXY=https://me:hunter2@proxy:3128/path?q=hunter2", "http_proxy=me:hunter2@plain:80",
		"HTTP_PROXY=ftp://x", "no_proxy=.internal", "SSL_CERT_FILE=" + empty, "SSL_CERT_DIR=" + dir + ":" + dir, "NO_PROXY=",
	})
	want := []check.Setting{
		{Name: "HTTPS_PROXY", Value: "https://proxy:3128 (with a user)"},
		{Name: "HTTP_PROXY", Wrong: "is not a proxy address", Hint: "write it as http://host:port"},
		{Name: "http_proxy", Value: "http://plain:80 (with a user)"},
		{Name: "no_proxy", Value: ".internal"},
		{Name: "SSL_CERT_FILE", Wrong: "is " + empty + ", which contains no PEM certificate", Hint: "set a file of PEM certificates that the user running teleport-slack can read"},
		{Name: "SSL_CERT_DIR", Value: dir + ":" + dir},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := networkSettings([]string{"SSL_CERT_DIR=" + dir + ":" + empty}); got[0].Wrong == "" {
		t.Error("a file was taken for a folder")
	}
}

func TestProxyOfNeverShowsWhoWeAre(t *testing.T) {
	for want, proxy := range map[string]func(*http.Request) (*url.URL, error){
		"":                               func(*http.Request) (*url.URL, error) { return nil, nil },
		"http://proxy:3128":              func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy:3128") },
		"socks5://proxy:1 (with a user)": func(*http.Request) (*url.URL, error) { return url.Parse("socks5://me:hunter2@proxy:1") },
	} {
		if got, err := proxyOf("https://slack.com/api/", proxy); got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	_, err := proxyOf("https://slack.com/api/", func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://me:hunter2@x:y"`)
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error is %v", err)
	}
}

// FuzzShownProxy: whatever stands in the variable, the user and password in
// front of an @ are not shown.
func FuzzShownProxy(f *testing.F) {
	for _, s := range []string{"http://", "", "https://a:b@", "socks5://[::1]:", "//", "http:", "x://y/", "%", "http://a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		if strings.Contains(prefix, "hunter2") {
			t.Skip()
		}
		for _, value := range []string{prefix + "me:hunter2@proxy:3128", prefix + "hunter2@proxy", prefix + "proxy/?hunter2"} {
			if s := shownProxy(value); strings.Contains(s.Value+s.Wrong+s.Hint, "hunter2") {
				t.Errorf("%q is shown as %+v", value, s)
			}
		}
	})
}
