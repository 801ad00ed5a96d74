package route

import (
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// United returns whom rules that apply to a request name: all of them
// together, each name once, in the order of the rules.
func United(applying []rule.Rule) []Want {
	var wants []Want
	seen := make(map[string]bool)
	for _, r := range applying {
		for _, name := range r.Source.Recipients {
			name = strings.TrimSpace(name)
			if name == "" || seen[name] {
				continue
			}
			seen[name] = true
			wants = append(wants, Want{Name: name, Why: ByRule, Rule: r.Source.Name})
		}
	}
	return wants
}
