package message

import (
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// link returns a link to the request, or "" without an address.
func (r Renderer) link(req access.Request) string {
	url := r.address(req)
	if url == "" {
		return ""
	}
	return "<" + strings.ReplaceAll(url, "&", "&amp;") + ">"
}

// address returns the request's address: as configured, or in the Web UI, or "" if
// there is none. An address is never cut; one that is too long counts as none.
func (r Renderer) address(req access.Request) string {
	if url, err := r.configuredAddress(req); err == nil && url != "" {
		return url
	}
	base := strings.TrimRight(r.Cluster.WebURL, "/")
	if !template.IsURL(base) {
		return ""
	}
	url := base + "/web/requests"
	if plainID(req.ID) {
		url += "/" + req.ID
	}
	return url
}

// configuredAddress returns the address that the operator's template gives, or ""
// if there is none for req: an unusual ID is not put into an address.
func (r Renderer) configuredAddress(req access.Request) (string, error) {
	if r.Link.IsZero() || !plainID(req.ID) {
		return "", nil
	}
	return r.fillAddress(r.Link, req)
}

// plainID reports whether id has the characters and the length of an ID. Other
// IDs are put neither into an address nor into a command line, which people paste
// into their shells; the list of requests is shown instead.
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

// reference returns the lines with the link to the request, or with commands.
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
