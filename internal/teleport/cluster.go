package teleport

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gravitational/teleport/api/client/proto"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func clusterOf(pong *proto.PingResponse) access.Cluster {
	c := access.Cluster{Name: pong.GetClusterName(), Version: pong.GetServerVersion(), OnBehalf: takesOnBehalf(pong)}
	// Without this feature the Web UI has no page for a request.
	if pong.GetServerFeatures().GetAdvancedAccessWorkflows() {
		c.WebURL = webURL(pong.GetProxyPublicAddr())
	}
	return c
}

// webURL returns the URL of the Web UI, without a path and without the default
// port; "" if addr is not an address that a browser could open.
func webURL(addr string) string {
	addr = strings.TrimSpace(addr)
	if addr == "" {
		return ""
	}
	if !strings.Contains(addr, "://") {
		addr = "https://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	host := u.Host
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host
}

// major returns the first number of a version such as "18.2.0-dev".
func major(version string) (int, bool) {
	first, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(first)
	return n, err == nil
}

// takesOnBehalf reports whether the server takes reviews on behalf of their
// author.
func takesOnBehalf(pong *proto.PingResponse) bool {
	return atLeast(pong.GetServerVersion(), OnBehalfSince)
}

// atLeast compares the first two numbers of versions such as "18.11.0-rc.1". A
// pre-release counts as its release; an invalid version is older than all.
func atLeast(version, least string) bool {
	have, ok := twoNumbers(version)
	need, _ := twoNumbers(least)
	return ok && slices.Compare(have[:], need[:]) >= 0
}

func twoNumbers(version string) (n [2]int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return n, false
	}
	for i := range n {
		v, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil {
			return n, false
		}
		n[i] = int(v)
	}
	return n, true
}
