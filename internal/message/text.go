package message

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// text returns the line for notifications and screen readers. Names come first
// and are shortened one by one; the reason takes the remaining room.
func (r Renderer) text(p *phrases, req access.Request, a asked, to access.Audience) string {
	what := p.someAccess
	switch {
	case len(a.resources) > 0:
		what = fmt.Sprintf(p.theseRes, p.firstNames(r.withoutCluster(a.resources)))
	case len(a.roles) == 1:
		what = fmt.Sprintf(p.oneRole, p.firstNames(a.roles))
	case len(a.roles) > 1:
		what = fmt.Sprintf(p.manyRoles, p.firstNames(a.roles))
	}
	format := p.textNew
	switch {
	case to == access.Requester:
		format = p.textYours.of(req.State)
	case req.State.Resolved():
		format = p.textDecided
	}
	line := fmt.Sprintf(format,
		p.short(req.User, p.empty), what, p.short(r.Cluster.Name, p.someCluster), p.decided.of(req.State))
	const least = 10 // characters of a reason that are worth showing
	room := fillTextLineChars - utf8.RuneCountInString(line) - utf8.RuneCountInString(": …")
	if room < least {
		return line
	}
	reason, cut := escape(req.Reason, inLine, limit{runes: room, chars: room})
	if reason == "" {
		return line
	}
	if cut {
		reason += "…"
	}
	return fmt.Sprintf(p.textReason, line, reason)
}

// withoutCluster returns the resources' names without the cluster that the line
// names anyway.
func (r Renderer) withoutCluster(names []string) []string {
	names = slices.Clone(names)
	for i, n := range names {
		if rest, ok := strings.CutPrefix(n, "/"+r.Cluster.Name+"/"); ok && r.Cluster.Name != "" {
			names[i] = rest
		}
	}
	return names
}

// firstNames returns the first names and how many more there are. Names of which
// the same is left once they are cut are shown once.
func (p *phrases) firstNames(names []string) string {
	var shown []string
	for _, n := range names {
		if short := p.short(n, p.empty); !slices.Contains(shown, short) {
			shown = append(shown, short)
		}
		if len(shown) == maxTextNames {
			break
		}
	}
	line := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		line += fmt.Sprintf(p.more, more)
	}
	return line
}

// short returns a name for the line, or instead if the name is empty.
func (p *phrases) short(s, instead string) string {
	t, cut := escape(s, inLine, textNameLimit)
	switch {
	case t == "":
		return instead
	case cut:
		return t + "…"
	}
	return t
}
