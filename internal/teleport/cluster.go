package teleport

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gravitational/teleport/api/client/proto"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// oldestTested is the oldest major version of the Auth Service that this
// program is tested with.
const oldestTested = 13

func clusterOf(pong *proto.PingResponse) access.Cluster {
	c := access.Cluster{Name: pong.GetClusterName(), Version: pong.GetServerVersion(), OnBehalf: takesOnBehalf(pong)}
	// Without this feature the Web UI has no page for a request.
	if pong.GetServerFeatures().GetAdvancedAccessWorkflows() {
		c.WebURL = webURL(pong.GetProxyPublicAddr())
	}
	return c
}

// webURL returns where the Web UI is, without a path and without the port
// that https implies; "" if addr is none that a browser could open.
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
