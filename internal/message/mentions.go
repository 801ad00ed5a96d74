package message

import (
	"regexp"
	"strings"

	"github.com/slack-go/slack"
)

// groupShape matches a user group's ID. Only such an ID is put between angle
// brackets.
var groupShape = regexp.MustCompile(`^S[A-Z0-9]{7,20}$`)

const (
	maxMentions      = 10
	maxMentionLength = 80
)

// WithMentions returns m with a first line that mentions groups: user groups by
// their IDs, "@here" and "@channel" are notified; other groups are only named.
// Slack notifies when a message is posted, and not again when it is edited.
func (m Message) WithMentions(groups []string) Message {
	var names []string
	for _, g := range groups[:min(len(groups), maxMentions)] {
		switch {
		case groupShape.MatchString(g):
			names = append(names, "<!subteam^"+g+">")
		case g == "@here" || g == "@channel":
			names = append(names, "<!"+g[1:]+">")
		default:
			if name, _ := escape(g, inLine, limit{runes: maxMentionLength, chars: maxMentionLength}); name != "" {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return m
	}
	line := strings.Join(names, " ")
	if len(m.Blocks) == 0 {
		m.Text = line + "\n" + m.Text
		return m
	}
	m.Blocks = append([]slack.Block{section(line)}, m.Blocks...)
	return m
}
