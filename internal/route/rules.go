package route

import (
	"slices"

	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Named has the recipients of each access monitoring rule, by the rule's name.
type Named map[string][]Recipient

// NeedsTraits reports whether the rule's recipients depend on the requester's
// traits.
func (n Named) NeedsTraits(name string) bool {
	return NeedTraits(n[name])
}

// United returns the recipients of all rules that apply to a request, each name
// once, in the order of the rules. A recipient that depends on the role is
// resolved for each requested role.
func (n Named) United(applying []rule.Rule, in Input) Routed {
	var out Routed
	for _, r := range applying {
		out.expandEach(n[r.Source.Name], in, Want{Why: ByRule, Rule: r.Source.Name})
	}
	return out
}

// Escalation returns the recipients of a request that was not reviewed in time. A
// recipient that depends on the role is resolved for each requested role.
func Escalation(list []Recipient, in Input) Routed {
	var out Routed
	out.expandEach(list, in, Want{Why: ByEscalation})
	return out
}

// NeedTraits reports whether the list depends on the requester's traits.
func NeedTraits(list []Recipient) bool { return slices.ContainsFunc(list, Recipient.needsTraits) }

// expandEach resolves a list of recipients, for each requested role where it
// depends on the role.
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
