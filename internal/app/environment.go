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

// networkSettings returns the environment variables that affect connections, in
// a fixed order and without secrets.
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

// shownProxy removes the proxy's username and password.
func shownProxy(value string) check.Setting {
	u, err := parseProxy(value)
	if err != nil {
		return check.Setting{Wrong: "is not a proxy address", Hint: "write it as http://host:port"}
	}
	return check.Setting{Value: withoutUser(u)}
}

// parseProxy parses a proxy address as net/http does: the scheme is optional.
// The error doesn't contain the address, which may have a password.
func parseProxy(value string) (*url.URL, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, errors.New("not a proxy address")
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

// shownAuthorities checks that Go finds certificate authorities in the file. Go
// ignores a file that it can't read, and then trusts no server.
func shownAuthorities(path string) check.Setting {
	content, err := os.ReadFile(path)
	var hint = "set a file of PEM certificates that the user running teleport-slack can read"
	switch {
	case err != nil:
		return check.Setting{Wrong: "can't be used: " + err.Error(), Hint: hint}
	case !x509.NewCertPool().AppendCertsFromPEM(content):
		return check.Setting{Wrong: "is " + path + ", which contains no PEM certificate", Hint: hint}
	}
	return check.Setting{Value: path}
}

func shownFolders(value string) check.Setting {
	for _, dir := range filepath.SplitList(value) {
		if _, err := os.ReadDir(dir); err != nil {
			return check.Setting{Wrong: "can't be used: " + err.Error(), Hint: "set directories of PEM certificates that the user running teleport-slack can read"}
		}
	}
	return check.Setting{Value: value}
}

// proxyOf returns the proxy that is used for an address; empty for none.
func proxyOf(address string, proxy func(*http.Request) (*url.URL, error)) (string, error) {
	req, err := http.NewRequest(http.MethodPost, address, nil)
	if err != nil {
		return "", nil //nolint:nilerr // config reports the error
	}
	u, err := proxy(req)
	if err != nil {
		return "", errors.New("not an address") // net/http's error contains it, password included
	}
	if u == nil {
		return "", nil
	}
	return withoutUser(u), nil
}
