package notify

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/people"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Inspector looks up what access monitoring rules ask for beyond the request.
type Inspector interface {
	// Traits returns a user's traits; [fault.Denied] if they may not be read.
	Traits(ctx context.Context, username string) (map[string][]string, error)
	// Labels returns the labels of each resource, or an error if one can't be seen.
	Labels(ctx context.Context, resources []access.Resource) ([]map[string]string, error)
}

// lookupPatience is how long a request waits for what a rule wants to know
// while Teleport fails to tell, before it goes where static routes lead.
const lookupPatience = 30 * time.Second

// errUnread is what is wrong with a rule that says more than we can read.
var errUnread = &fault.Error{
	Class: fault.Permanent, Reason: "unread_parts",
	Hint: "schedules of rules are not supported yet: its recipients hear of requests at any time",
}

// SetRules changes the access monitoring rules, which say first who hears of a
// request. A rule that can't be read is reported and left out. Requests are
// not looked at again until they change or [Notifier.Resync] is called.
func (n *Notifier) SetRules(sources []rule.Source) {
	n.mu.Lock()
	if n.rulesKnown && slices.EqualFunc(n.sources, sources, rule.Source.Equal) {
		n.mu.Unlock()
		return
	}
	old := n.routes.Load()
	before, changed := n.sources, n.rulesKnown
	n.sources, n.rulesKnown = slices.Clone(sources), true
	rules, broken := compile(sources, old.rules)
	named, unnamed := name(rules)
	n.routes.Store(&routing{table: old.table, rules: rules, named: named, since: time.Now(), changed: old.changed || changed})
	clear(n.settled)
	n.mu.Unlock()

	for _, src := range before {
		if !slices.ContainsFunc(sources, src.Equal) { // changed or gone: what was wrong with it is over
			n.complaints.settle("rule " + src.Name)
			n.complaints.settle("unread " + src.Name)
			n.complaints.settle("named " + src.Name)
		}
	}
	for _, src := range sources {
		if err := broken[src.Name]; err != nil {
			n.ruleFailed(src.Name, "condition")
			n.complaints.report("rule "+src.Name, "access monitoring rule can't be read and is left out", err, slog.String(logkey.Rule, src.Name))
		}
		if err := unnamed[src.Name]; err != nil {
			n.ruleFailed(src.Name, "recipients")
			n.complaints.report("named "+src.Name, "access monitoring rule names somebody in a form that can't be read", err, slog.String(logkey.Rule, src.Name))
		}
		if src.Unread {
			n.complaints.report("unread "+src.Name, "access monitoring rule has parts that can't be read", errUnread, slog.String(logkey.Rule, src.Name))
		}
	}
	if len(before) > 0 || len(sources) > 0 {
		n.o.Log.Info("access monitoring rules are in force", slog.Int(logkey.Count, len(rules)), slog.Int(logkey.LeftOut, len(broken)))
	}
}

// compile compiles each rule that is not among the compiled ones already.
func compile(sources []rule.Source, known []rule.Rule) (rules []rule.Rule, broken map[string]error) {
	broken = map[string]error{}
	for _, src := range sources {
		if i := slices.IndexFunc(known, func(r rule.Rule) bool { return r.Source.Equal(src) }); i >= 0 {
			rules = append(rules, known[i])
			continue
		}
		r, err := rule.Compile(src)
		if err != nil {
			broken[src.Name] = err
			continue
		}
		rules = append(rules, r)
	}
	return rules, broken
}

// RuleReasons returns the reasons that Options.RuleFailed is called with, beside
// those of the adapters' errors.
func RuleReasons() []string { return []string{"condition", "evaluate", "recipients", "traits_denied"} }

// name reads whom each rule names.
func name(rules []rule.Rule) (named route.Named, broken map[string]error) {
	named, broken = route.Named{}, map[string]error{}
	for _, r := range rules {
		recipients, err := route.ParseRecipients(r.Source.Recipients)
		named[r.Source.Name] = recipients
		if err != nil {
			broken[r.Source.Name] = err
		}
	}
	return named, broken
}

func (n *Notifier) ruleFailed(name, reason string) {
	if n.o.RuleFailed != nil {
		n.o.RuleFailed(name, reason)
	}
}

// verdict is what the rules say of a request.
type verdict struct {
	route.Routed
	failed bool  // at least one rule could not be asked, or saw no traits
	later  error // why it is better asked again before anything is decided
}

// judge asks every rule about the request. A rule that can't be asked is
// reported, and taken as one that does not apply.
func (n *Notifier) judge(ctx context.Context, look *inquiry, by *routing) verdict {
	var v verdict
	var applying []rule.Rule
	req, facts := look.req, route.Input{Request: look.req}
	for _, r := range by.rules {
		applies, err := look.ask(ctx, r)
		name := r.Source.Name
		if err == nil {
			if !r.Needs().Labels || len(req.Resources) > 0 { // it was really asked
				n.complaints.settle("rule " + name)
			}
			v.failed = v.failed || look.blind && r.Needs().Traits
			if applies {
				applying = append(applying, r)
			}
			continue
		}
		if people.Temporary(err) && n.foreign.Left(req.ID+" rules", "waiting", lookupPatience) > 0 {
			v.later = err
			continue
		}
		v.failed = true
		reason := "evaluate"
		if f, ok := fault.As(err); ok {
			reason = f.Reason
		}
		n.ruleFailed(name, reason)
		n.complaints.report("rule "+name, "access monitoring rule can't be asked; requests go on without it", err,
			slog.String(logkey.Rule, name), slog.String(logkey.RequestID, req.ID))
	}
	for _, r := range applying {
		if by.named.NeedsTraits(r.Source.Name) {
			facts.Traits, v.later = look.traitsInTime(ctx, v.later)
			break
		}
	}
	v.Routed = by.named.United(applying, facts)
	return v
}

// traitsInTime returns the requester's traits for recipients that are made
// from them. While Teleport fails to tell, the request waits a little, and then
// goes on without: later is then why, or what it was before.
func (l *inquiry) traitsInTime(ctx context.Context, later error) (map[string][]string, error) {
	traits, err := l.traitsOf(ctx)
	if err == nil {
		return traits, later
	}
	if people.Temporary(err) && l.n.foreign.Left(l.req.ID+" rules", "waiting", lookupPatience) > 0 && later == nil {
		later = err
	}
	return nil, later
}

// inquiry looks things up at most once for all rules, and only if one needs them.
type inquiry struct {
	n      *Notifier
	req    access.Request
	traits *lookup[map[string][]string]
	labels *lookup[[]map[string]string]
	blind  bool // traits may not be read
}

type lookup[V any] struct {
	value V
	err   error
}

func (l *inquiry) ask(ctx context.Context, r rule.Rule) (bool, error) {
	facts := rule.Input{Request: l.req}
	var err error
	if r.Needs().Traits {
		if facts.Traits, err = l.traitsOf(ctx); err != nil {
			return false, err
		}
	}
	if r.Needs().Labels {
		if facts.Labels, err = l.labelsOf(ctx); err != nil {
			return false, err
		}
	}
	ok, err := r.Match(facts)
	if err != nil {
		return false, &fault.Error{Class: fault.Permanent, Reason: "evaluate", Err: err}
	}
	return ok, nil
}

// errNoInspector is what rules that need more than the request meet without an Inspector.
var errNoInspector = fault.New(fault.Permanent, "look up what a rule asks for", "not_supported")

// traitsOf returns the requester's traits, none if they may not be read: so
// does the published plugin, with a warning.
func (l *inquiry) traitsOf(ctx context.Context) (map[string][]string, error) {
	if l.traits == nil {
		l.traits = &lookup[map[string][]string]{err: errNoInspector}
		if i := l.n.o.Inspector; i != nil {
			l.traits.value, l.traits.err = i.Traits(ctx, l.req.User)
		}
		switch err := l.traits.err; {
		case fault.Is(err, fault.Denied):
			l.n.complaints.report("traits", "traits of requesters can't be read; access monitoring rules see none", err)
			l.n.ruleFailed("", "traits_denied")
			l.traits.err, l.blind = nil, true
		case err == nil:
			l.n.complaints.settle("traits")
		}
	}
	return l.traits.value, l.traits.err
}

func (l *inquiry) labelsOf(ctx context.Context) ([]map[string]string, error) {
	if l.labels == nil {
		l.labels = &lookup[[]map[string]string]{}
		switch i := l.n.o.Inspector; {
		case len(l.req.Resources) == 0: // nothing to look up
		case i == nil:
			l.labels.err = errNoInspector
		default:
			l.labels.value, l.labels.err = i.Labels(ctx, l.req.Resources)
		}
	}
	return l.labels.value, l.labels.err
}
