package route

import (
	"slices"

	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Named is whom each access monitoring rule names, by the rule's name.
type Named map[string][]Recipient

// NeedsTraits says that the requester's traits decide whom the rule names.
func (n Named) NeedsTraits(name string) bool {
	return slices.ContainsFunc(n[name], Recipient.needsTraits)
}

// United returns whom rules that apply to a request name: all of them
// together, each name once, in the order of the rules. What a rule says of the
// role, it says of each that is requested.
func (n Named) United(applying []rule.Rule, f Facts) Routed {
	var out Routed
	for _, r := range applying {
		because := Want{Why: ByRule, Rule: r.Source.Name}
		list := n[r.Source.Name]
		for _, rec := range list {
			one := []Recipient{rec}
			if rec.isPlain() || len(f.Request.Roles) == 0 {
				out.expand(one, f, "", because)
				continue
			}
			for _, asked := range f.Request.Roles {
				out.expand(one, f, asked, because)
			}
		}
	}
	return out
}
