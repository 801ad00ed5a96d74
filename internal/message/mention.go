package message

import (
	"regexp"
	"strings"

	"github.com/slack-go/slack"
)

// groupShape is a user group's ID, the one thing that is put between our own
// angle brackets.
var groupShape = regexp.MustCompile(`^S[A-Z0-9]{7,20}$`)

const (
	maxMentions      = 10
	maxMentionLength = 80
)

// Mentioning returns m with a line before the rest that names user groups:
// those given by their ID are called, and so are "@here" and "@channel"; of
// others there is the name alone. Slack tells of a mention when a message is
// posted, and not again when it is edited.
func (m Message) Mentioning(groups []string) Message {
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
