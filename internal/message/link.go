package message

import (
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// link returns the token that leads to the request in the Web UI, or "" where
// the Web UI cannot show it. An address is never cut and nothing else is
// dropped in its favour, so one that is too long for one counts as none.
func (r Renderer) link(req access.Request) string {
	base := strings.TrimRight(r.Cluster.WebURL, "/")
	if base == "" || len(base) > maxURLChars || !urlSafe(base) {
		return ""
	}
	url := base + "/web/requests"
	if plainID(req.ID) {
		url += "/" + req.ID
	}
	return "<" + strings.ReplaceAll(url, "&", "&amp;") + ">"
}

// urlSafe says that s can stand in a Slack link as it is.
func urlSafe(s string) bool {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || strings.IndexByte("<>|`\"*\\", c) >= 0 {
			return false
		}
	}
	return true
}

// plainID says that id looks like the UUIDs that Teleport gives. Others get
// neither into an address nor into a command line, which people paste into
// their shells: they are led to the list of requests instead.
func plainID(id string) bool {
	if id == "" || len(id) > maxIDChars || id[0] == '-' || id[0] == '.' {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// reference returns the lines that lead from a message to the request.
func (r Renderer) reference(p *phrases, req access.Request, to access.Audience) lines {
	var l lines
	if u := r.link(req); u != "" {
		l.add(p.link, u)
		return l
	}
	known := plainID(req.ID)
	switch {
	case req.State.Resolved():
	case !known:
		l.add(p.details, "`tsh request ls`")
	case to == access.Requester:
		l.add(p.details, "`tsh request show "+req.ID+"`")
	default:
		l.add(p.approve, "`tsh request review --approve "+req.ID+"`")
		l.add(p.deny, "`tsh request review --deny "+req.ID+"`")
	}
	return l
}
