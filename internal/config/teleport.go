package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

func (r *reader) teleport(s *section) Teleport {
	c := Teleport{RefreshIdentityInterval: DefaultRefreshInterval}
	c.Addr = r.addr(s)

	var identity, refresh, interval field
	var tls [3]field
	c.Identity, identity = s.text("identity")
	c.RefreshIdentity, refresh = s.flag("refresh_identity")
	if d, f := s.duration("refresh_identity_interval"); d > 0 {
		c.RefreshIdentityInterval, interval = d, f
	} else {
		interval = field{at: nowhere}
	}
	c.ClientKey, tls[0] = s.text("client_key")
	c.ClientCrt, tls[1] = s.text("client_crt")
	c.RootCAs, tls[2] = s.text("root_cas")

	if identity.wrong || tls[0].wrong || tls[1].wrong || tls[2].wrong {
		return c // the credentials can't be checked against each other
	}
	var have, lack []string
	var first field
	for i, path := range []string{c.ClientKey, c.ClientCrt, c.RootCAs} {
		name := "`" + strings.TrimPrefix(tls[i].key, "teleport.") + "`"
		if path == "" {
			lack = append(lack, name)
			continue
		}
		if have == nil {
			first = tls[i]
		}
		have = append(have, name)
	}
	const do = "make an identity file (tbot, or tctl auth sign) and name it in teleport.identity"
	switch {
	case len(have) > 0 && len(lack) > 0:
		r.problem(first, "give all three, or use `identity` instead",
			"configuration setting(s) %s are provided but setting(s) %s are missing",
			strings.Join(have, ", "), strings.Join(lack, ", "))
	case len(have) > 0 && c.Identity != "":
		r.problem(identity, "remove one of the two",
			"`identity` is mutually exclusive with `client_key`, `client_crt` and `root_cas`")
	case r.keyless:
	case len(have) == 0 && c.Identity == "":
		r.problem(identity, do, "no credentials configured")
	}
	switch {
	case r.keyless:
	case c.RefreshIdentity && c.Identity == "":
		r.problem(refresh, "", "`refresh_identity` requires that `identity` be set")
	case interval.present() && !c.RefreshIdentity && !refresh.wrong:
		r.warn(interval, "set refresh_identity = true", "has no effect while the identity is not refreshed")
	}
	return c
}

// addr reads Teleport's address, or the deprecated auth_server.
func (r *reader) addr(s *section) string {
	addr, f := s.text("addr")
	old, oldField := s.text("auth_server")
	if old != "" {
		if addr == "" && !f.wrong {
			r.warn(oldField, "rename it to addr", "is deprecated")
			addr, f = old, oldField
		} else {
			r.warn(oldField, "remove it", "is deprecated, and not used because addr is set")
		}
	}
	if f.wrong || oldField.wrong || addr == "" {
		return DefaultAddr
	}
	return r.hostPort(f, addr)
}

// hostPort checks host:port. An address copied from the browser is taken
// without its scheme, with a warning.
func (r *reader) hostPort(f field, written string) string {
	const do = "write host:port; a Proxy is usually at port 443 or 3080, an Auth server at 3025"
	addr := written
	scheme, rest, hasScheme := strings.Cut(addr, "://")
	if hasScheme {
		if scheme != "https" && scheme != "http" && scheme != "tcp" {
			r.problem(f, do, "is %s, expected host:port", quote(written))
			return DefaultAddr
		}
		addr = strings.TrimSuffix(rest, "/")
		if scheme == "https" && !hasPort(addr) {
			addr += ":443"
		}
	}
	host, port, err := net.SplitHostPort(addr)
	number, portErr := strconv.Atoi(port)
	switch {
	case err != nil && !hasPort(addr) && !strings.ContainsAny(addr, " /@"):
		r.problem(f, do, "is %s, expected a port after the host", quote(written))
		return DefaultAddr
	case err != nil, strings.ContainsAny(host, " \t\r\n/@?#\\"):
		r.problem(f, do, "is %s, expected host:port", quote(written))
		return DefaultAddr
	case portErr != nil, number < 1, number > 65535:
		r.problem(f, do, "is %s, expected a port between 1 and 65535", quote(written))
		return DefaultAddr
	}
	if hasScheme {
		r.warn(f, fmt.Sprintf("write %q", addr), "is %s, taken as %q", quote(written), addr)
	}
	return addr
}

// hasPort reports whether a colon follows the host, which may be an IPv6 address in
// brackets.
func hasPort(addr string) bool {
	return strings.LastIndexByte(addr, ':') > strings.LastIndexByte(addr, ']')
}

// isLoopback reports whether host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
