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
func (n Named) United(applying []rule.Rule, in Input) Routed {
	var out Routed
	for _, r := range applying {
		out.expandEach(n[r.Source.Name], in, Want{Why: ByRule, Rule: r.Source.Name})
	}
	return out
}

// Escalation returns whom a list names that is for requests that nobody looked
// at. It says of each requested role what it says of the role.
func Escalation(list []Recipient, in Input) Routed {
	var out Routed
	out.expandEach(list, in, Want{Why: ByEscalation})
	return out
}

// NeedTraits says that the requester's traits decide whom the list names.
func NeedTraits(list []Recipient) bool { return slices.ContainsFunc(list, Recipient.needsTraits) }

// expandEach adds what a list of recipients comes to, for each requested role
// where the role decides.
func (r *Routed) expandEach(list []Recipient, in Input, because Want) {
	for _, rec := range list {
		one := []Recipient{rec}
		if rec.isPlain() || len(in.Request.Roles) == 0 {
			r.expand(one, in, "", because)
			continue
		}
		for _, asked := range in.Request.Roles {
			r.expand(one, in, asked, because)
		}
	}
}
