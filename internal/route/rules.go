package route

import (
	"slices"

	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Named is whom each access monitoring rule names, by the rule's name.
type Named map[string][]Recipient

// NeedsTraits says that the requester's traits decide whom the rule names.
func (n Named) NeedsTraits(name string) bool {
	return NeedTraits(n[name])
}

// United returns whom rules that apply to a request name: all of them
// together, each name once, in the order of the rules. What a rule says of the
// role, it says of each that is requested.
func (n Named) United(applying []rule.Rule, f Facts) Routed {
	var out Routed
	for _, r := range applying {
		out.expandEach(n[r.Source.Name], f, Want{Why: ByRule, Rule: r.Source.Name})
	}
	return out
}

// Neglected returns whom a list names that is for requests that nobody looked
// at. It says of each requested role what it says of the role.
func Neglected(list []Recipient, f Facts) Routed {
	var out Routed
	out.expandEach(list, f, Want{Why: ByNeglect})
	return out
}

// NeedTraits says that the requester's traits decide whom the list names.
func NeedTraits(list []Recipient) bool { return slices.ContainsFunc(list, Recipient.needsTraits) }

// expandEach adds what a list of recipients comes to, for each requested role
// where the role decides.
func (r *Routed) expandEach(list []Recipient, f Facts, because Want) {
	for _, rec := range list {
		one := []Recipient{rec}
		if rec.isPlain() || len(f.Request.Roles) == 0 {
			r.expand(one, f, "", because)
			continue
		}
		for _, asked := range f.Request.Roles {
			r.expand(one, f, asked, because)
		}
	}
}
