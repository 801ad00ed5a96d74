package message

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// lines are lines of text. A line is never split between two sections.
type lines []string

// add appends a labelled value.
func (l *lines) add(label, value string) {
	*l = append(*l, "*"+label+"*: "+value)
}

// pack joins the lines into as few sections as their order allows. Each line
// fits by the limits of its parts.
func (l lines) pack() []string {
	var texts []string
	var b strings.Builder
	used := 0
	for _, s := range l {
		n := utf8.RuneCountInString(s) + len("\n")
		if used > 0 && used+n > maxSectionChars {
			texts = append(texts, b.String())
			b.Reset()
			used = 0
		}
		b.WriteString(s)
		b.WriteByte('\n')
		used += n
	}
	if used > 0 {
		texts = append(texts, b.String())
	}
	return texts
}

// title returns the first section.
func (p *phrases) title(req access.Request, to access.Audience) string {
	if to == access.Requester {
		return fmt.Sprintf(p.yourTitle.of(req.State), p.yourNoun(req))
	}
	noun := p.roleNoun
	switch {
	case len(req.Resources) == 0:
	case req.Kind == access.LongTerm:
		noun = p.longTermNoun
	default:
		noun = p.resourceNoun
	}
	if req.State.Resolved() {
		return fmt.Sprintf(p.oldTitle, noun)
	}
	return fmt.Sprintf(p.newTitle, noun)
}

func (p *phrases) yourNoun(req access.Request) string {
	switch {
	case len(req.Resources) == 0:
		return p.yourRoleNoun
	case req.Kind == access.LongTerm:
		return p.yourLongTermNoun
	}
	return p.yourResourceNoun
}

// fields returns the lines about what is requested: the published plugin's in
// its order, then those of this plugin.
func (r Renderer) fields(p *phrases, req access.Request, a asked, to access.Audience) lines {
	var l lines
	l.add(p.id, p.name(req.ID, true))
	if strings.TrimSpace(r.Cluster.Name) != "" {
		l.add(p.cluster, p.name(r.Cluster.Name, true))
	}
	if strings.TrimSpace(req.User) != "" {
		l.add(p.user, p.name(req.User, true))
	}
	l = append(l, p.roleLines(a)...)
	if len(a.resources) > 0 {
		l.add(p.resources, p.names(a.resources, separator(req.Resources), listLimit))
	}
	if strings.TrimSpace(req.Reason) != "" {
		l.add(p.reason, p.block(req.Reason))
	}
	if len(req.SuggestedReviewers) > 0 {
		label := p.suggested
		if to == access.Requester && !req.State.Resolved() {
			label = p.asked
		}
		l.add(label, p.names(sorted(req.SuggestedReviewers), ", ", listLimit))
	}
	if req.Kind == access.LongTerm && strings.TrimSpace(a.list) != "" {
		l.add(p.recommended, p.code(a.list, nameLimit))
	}
	return append(l, r.times(p, req)...)
}

// roleLines returns one line for all roles or, where logins are known, one for
// each role until maxRoleLinesChars.
func (p *phrases) roleLines(a asked) lines {
	var l lines
	if len(a.roles) == 0 {
		return nil
	}
	if a.logins == nil {
		l.add(p.roles, p.names(a.roles, ",", listLimit))
		return l
	}
	used := 0
	for i, role := range a.roles {
		value := p.code(role, loginLimit)
		if of, known := a.logins[role]; known {
			shown := "`" + p.noLogins + "`"
			named, traits := splitLogins(of)
			if len(named) > 0 {
				shown = p.names(named, ", ", loginLimit)
			}
			switch {
			case traits && len(named) > 0:
				shown += ", " + p.fromTraits
			case traits:
				shown = p.fromTraits
			}
			value += " *" + p.logins + "*: " + shown
		}
		used += utf8.RuneCountInString(value) + len(p.role) + len("**: \n")
		if i > 0 && used > maxRoleLinesChars {
			return append(l, fmt.Sprintf(p.moreLines, len(a.roles)-i))
		}
		l.add(p.role, value)
	}
	return l
}

// splitLogins returns the logins that are known, sorted, and whether there are
// more that Teleport makes from the requester's traits: templates that could not
// be filled in.
func splitLogins(logins []string) (named []string, fromTraits bool) {
	for _, l := range sorted(logins) {
		if strings.Contains(l, "{{") {
			fromTraits = true
			continue
		}
		named = append(named, l)
	}
	return named, fromTraits
}

// times returns when the request expires and how long its access lasts, where
// that is known and still matters: not for denied, expired and promoted requests,
// and long-term access has no end.
func (r Renderer) times(p *phrases, req access.Request) lines {
	var l lines
	if at := p.date(req.Expires); at != "" && req.State == access.Pending {
		l.add(p.expires, at)
	}
	if req.State != access.Pending && req.State != access.Approved {
		return l
	}
	if r.over(req) {
		l.add(p.ended, p.date(req.AccessExpires))
		return l
	}
	from := req.Created
	if req.AssumeStart.After(req.Created) {
		from = req.AssumeStart
		if at := p.date(from); at != "" {
			l.add(p.starts, at)
		}
	}
	until := p.date(req.AccessExpires)
	if until == "" || req.Kind == access.LongTerm {
		return l
	}
	if req.State == access.Approved {
		l.add(p.until, until)
		return l
	}
	if lasts := p.lasting(from, req.AccessExpires); lasts != "" {
		until = fmt.Sprintf(p.lastsUntil, lasts, until)
	}
	l.add(p.lasts, until)
	return l
}

// lasting returns the time from one moment to another, or "" if the first is
// unknown.
func (p *phrases) lasting(from, until time.Time) string {
	if p.date(from) == "" {
		return ""
	}
	return p.duration(until.Sub(from))
}

// statusText returns the request's state, with its reviews or the decision.
func (r Renderer) statusText(p *phrases, req access.Request) string {
	// Promoted has no emoji, and two spaces, as the published plugin has it.
	l := lines{"*" + p.status + "*: " + p.emoji.of(req.State) + " " + p.state.of(req.State)}
	if r.over(req) {
		l[0] += p.over
	}
	if req.State == access.Pending {
		if len(req.Reviews) > 0 {
			l = append(l, p.counts(req)...)
		}
		return strings.Join(l, "\n")
	}
	if by := p.deciders(req); by != "" {
		l.add(p.decidedBy, by)
	}
	if strings.TrimSpace(req.ResolveReason) != "" {
		l.add(p.resolutionReason, p.block(req.ResolveReason))
	}
	if req.State == access.Promoted && strings.TrimSpace(req.AccessListTitle) != "" {
		l.add(p.accessList, p.code(req.AccessListTitle, nameLimit))
	}
	return strings.Join(l, "\n")
}

// counts returns the reviews so far: one line where all thresholds need the same,
// otherwise one for each. Only Teleport knows which reviewers count for which
// threshold, so every line has the same counts.
func (p *phrases) counts(req access.Request) lines {
	approvals, denials := req.Counts()
	line := func(t access.Threshold) string {
		side := func(format string, have, need int) string {
			if need <= 0 {
				return fmt.Sprintf(format, fmt.Sprint(have))
			}
			return fmt.Sprintf(format, fmt.Sprintf(p.ofNeeded, have, need))
		}
		return side(p.approvals, approvals, t.Approve) + " · " + side(p.denials, denials, t.Deny)
	}
	if len(req.Thresholds) == 0 {
		return lines{line(access.Threshold{})}
	}
	differ := false
	for _, t := range req.Thresholds[1:] {
		first := req.Thresholds[0]
		differ = differ || t.Approve != first.Approve || t.Deny != first.Deny
	}
	if !differ {
		return lines{line(req.Thresholds[0])}
	}
	var l lines
	for i, t := range req.Thresholds {
		if i == maxThresholds {
			return append(l, fmt.Sprintf(p.moreLines, len(req.Thresholds)-i))
		}
		name := fmt.Sprintf(p.threshold, i+1)
		if strings.TrimSpace(t.Name) != "" {
			name = p.code(t.Name, thresholdLimit)
		}
		l = append(l, name+": "+line(t))
	}
	return l
}
