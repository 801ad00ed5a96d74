package app

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/check"
)

// networkSettings returns the variables that decide how networks are reached,
// in a fixed order, as they may be shown to anybody.
func networkSettings(environ []string) []check.Setting {
	var found []check.Setting
	for _, v := range []struct {
		name string
		show func(value string) check.Setting
	}{
		{"HTTPS_PROXY", shownProxy}, {"https_proxy", shownProxy},
		{"HTTP_PROXY", shownProxy}, {"http_proxy", shownProxy},
		{"NO_PROXY", shown}, {"no_proxy", shown},
		{"SSL_CERT_FILE", shownAuthorities}, {"SSL_CERT_DIR", shownFolders},
	} {
		if value := variable(environ, v.name); value != "" {
			s := v.show(value)
			s.Name = v.name
			found = append(found, s)
		}
	}
	return found
}

func variable(environ []string, name string) string {
	value := ""
	for _, v := range environ {
		if n, content, ok := strings.Cut(v, "="); ok && n == name {
			value = content // the last one counts, as in os/exec
		}
	}
	return value
}

func shown(value string) check.Setting { return check.Setting{Value: value} }

// shownProxy leaves out who we are to the proxy.
func shownProxy(value string) check.Setting {
	u, err := parseProxy(value)
	if err != nil {
		return check.Setting{Wrong: "is no address of a proxy", Hint: "write it as http://host:port"}
	}
	return check.Setting{Value: withoutUser(u)}
}

// parseProxy reads a proxy's address as net/http does: the scheme may be left
// out. Its error doesn't repeat the address.
func parseProxy(value string) (*url.URL, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, errors.New("no address of a proxy")
	}
	return u, nil
}

func withoutUser(u *url.URL) string {
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.User != nil {
		return bare.String() + " (with a user)"
	}
	return bare.String()
}

// shownAuthorities looks whether Go would find an authority in the file: it
// says nothing about one that it can't read, and then trusts nobody.
func shownAuthorities(path string) check.Setting {
	content, err := os.ReadFile(path)
	var hint = "name a file of PEM certificates that the user who runs teleport-slack can read"
	switch {
	case err != nil:
		return check.Setting{Wrong: "can't be used: " + err.Error(), Hint: hint}
	case !x509.NewCertPool().AppendCertsFromPEM(content):
		return check.Setting{Wrong: "is " + path + ", which has no PEM certificate in it", Hint: hint}
	}
	return check.Setting{Value: path}
}

func shownFolders(value string) check.Setting {
	for _, dir := range filepath.SplitList(value) {
		if _, err := os.ReadDir(dir); err != nil {
			return check.Setting{Wrong: "can't be used: " + err.Error(), Hint: "name folders of PEM certificates that the user who runs teleport-slack can read"}
		}
	}
	return check.Setting{Value: value}
}

// proxyOf returns by which proxy an address is reached; empty for none.
func proxyOf(address string, proxy func(*http.Request) (*url.URL, error)) (string, error) {
	req, err := http.NewRequest(http.MethodPost, address, nil)
	if err != nil {
		return "", nil //nolint:nilerr // the loader has said what is wrong with it
	}
	u, err := proxy(req)
	if err != nil {
		return "", errors.New("it is no address") // net/http's error repeats it, password and all
	}
	if u == nil {
		return "", nil
	}
	return withoutUser(u), nil
}
