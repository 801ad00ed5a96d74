package recipient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// lookupPatience is how long a request waits for a look-up that a rule or a
// mention needs while it fails, before it goes on without.
const lookupPatience = 30 * time.Second

// lastTry is how long such a look-up may take when the patience has ended.
const lastTry = time.Second

// maxNotes is how many notes on a rule are logged.
const maxNotes = 5

// errNotes is the problem with a rule that says something that has no effect.
func errNotes(notes []string) error {
	if more := len(notes) - maxNotes; more > 0 {
		notes = append(slices.Clone(notes[:maxNotes]), fmt.Sprintf("and %d more", more))
	}
	return &fault.Error{
		Class: fault.Permanent, Op: strings.Join(notes, "; "),
		Hint: "the rest of the rule is used; a newer version of this program may read what this one can't",
	}
}

// SetRules replaces the access monitoring rules and reports whether they are
// others than before. A rule that can't be read is logged and left out.
func (r *Resolver) SetRules(sources []rule.Source) (changed bool) {
	r.mu.Lock()
	if r.rulesKnown && slices.EqualFunc(r.sources, sources, rule.Source.Equal) {
		r.mu.Unlock()
		return false
	}
	old := r.routing.Load()
	before, known := r.sources, r.rulesKnown
	r.sources, r.rulesKnown = slices.Clone(sources), true
	rules, broken := compile(sources, old.rules)
	named, unnamed := recipientsOf(rules)
	r.routing.Store(r.fingerprinted(&Routing{table: old.table, rules: rules, named: named, Since: time.Now(), Changed: old.Changed || known}))
	r.mu.Unlock()

	for _, src := range before {
		if !slices.ContainsFunc(sources, src.Equal) { // changed or gone, and its problems with it
			for _, kind := range []logonce.Kind{aboutRule, aboutRuleParts, aboutRuleNames} {
				r.problems.Clear(logonce.Key{Kind: kind, Name: src.Name})
			}
		}
	}
	for _, src := range sources {
		if err := broken[src.Name]; err != nil {
			r.ruleFailed(src.Name, compileReason(err))
			r.ruleProblem(aboutRule, src, "access monitoring rule can't be read, ignoring it", err)
		}
		if err := unnamed[src.Name]; err != nil {
			r.ruleFailed(src.Name, "recipients")
			r.ruleProblem(aboutRuleNames, src, "access monitoring rule names a recipient that can't be read", err)
		}
	}
	for _, one := range rules {
		if notes := one.Notes(); len(notes) > 0 {
			r.ruleProblem(aboutRuleParts, one.Source, "access monitoring rule has parts that have no effect", errNotes(notes))
		}
	}
	if len(before) > 0 || len(sources) > 0 {
		r.o.Log.Info("access monitoring rules are in force", slog.Int(logkey.Count, len(rules)), slog.Int(logkey.LeftOut, len(broken)))
	}
	return true
}

func (r *Resolver) ruleProblem(kind logonce.Kind, src rule.Source, msg string, err error) {
	r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: kind, Name: src.Name}, msg, err, slog.String(logkey.Rule, src.Name))
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

// compileReason returns which part of a rule can't be read.
func compileReason(err error) string {
	if e, ok := errors.AsType[*rule.Error](err); ok && e.Line == 0 {
		return "schedule"
	}
	return "condition"
}

// recipientsOf reads whom each rule names.
func recipientsOf(rules []rule.Rule) (named route.Named, broken map[string]error) {
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

// RuleReasons returns the reasons that Options.RuleFailed is called with, beside
// those of the adapters' errors.
func RuleReasons() []string {
	return []string{"condition", "evaluate", "recipients", "schedule", "traits_denied"}
}

func (r *Resolver) ruleFailed(name, reason string) {
	if r.o.RuleFailed != nil {
		r.o.RuleFailed(name, reason)
	}
}

// ruleResult is what the rules come to for a request.
type ruleResult struct {
	route.Routed
	failed  bool     // at least one rule could not be evaluated, or saw no traits
	pending error    // why they are better evaluated again before anything is decided
	outside []string // the rules whose schedules don't have the time when the request was made
	unseen  []Unseen // rules that depend on labels that can't be had
}

// matchRules evaluates every rule for the request. A rule that can't be
// evaluated is reported, and counts as one that does not apply.
func (r *Resolver) matchRules(ctx context.Context, inputs *ruleInputs) ruleResult {
	var result ruleResult
	var applying []rule.Rule
	req, routing := inputs.in.Request, inputs.in.Routing
	for _, one := range routing.rules {
		if !one.Scheduled(req.Created) {
			result.outside = append(result.outside, one.Source.Name)
			continue
		}
		applies, unseen, err := inputs.match(ctx, one)
		key := logonce.Key{Kind: aboutRule, Name: one.Source.Name}
		switch {
		case err == nil && unseen != nil && !fault.Is(unseen, fault.Permanent) && reviewersNotified(inputs.in.Record):
			// The labels could be had when the request was new: that a resource is
			// gone since is no reason to notify others.
			result.failed = true
		case err == nil && unseen != nil:
			applying = append(applying, one)
			result.unseen = append(result.unseen, Unseen{Rule: one.Source.Name, Err: unseen})
			r.ruleFailed(one.Source.Name, reasonOf(unseen))
			r.problems.Problem(slog.LevelWarn, key, "access monitoring rule can't see the labels of a resource, notifying its recipients and those of static routes", unseen,
				slog.String(logkey.Rule, one.Source.Name), slog.String(logkey.RequestID, req.ID))
		case err == nil:
			if !one.Needs().Labels || len(req.Resources) > 0 { // its look-ups were made
				r.problems.Clear(key)
			}
			result.failed = result.failed || inputs.traitsDenied && one.Needs().Traits
			if applies {
				applying = append(applying, one)
			}
		case fault.Temporary(err) && inputs.in.Memory.mayWait():
			result.pending = err
		default:
			result.failed = true
			r.ruleFailed(one.Source.Name, reasonOf(err))
			r.problems.Problem(slog.LevelWarn, key, "access monitoring rule can't be evaluated, going on without it", err,
				slog.String(logkey.Rule, one.Source.Name), slog.String(logkey.RequestID, req.ID))
		}
	}
	input := route.Input{Request: req}
	if slices.ContainsFunc(applying, func(one rule.Rule) bool { return routing.named.NeedsTraits(one.Source.Name) }) {
		input.Traits, result.pending = inputs.traitsInTime(ctx, result.pending)
	}
	result.Routed = routing.named.United(applying, input)
	return result
}

// Unseen is a rule that depends on labels that can't be had, because of the kind
// of a resource, its cluster or a right. It may apply, so its recipients are
// notified; it may not, so those of the static routes are as well. Otherwise a
// requester could avoid a rule by adding such a resource.
type Unseen struct {
	Rule string
	Err  error // why
}

func reasonOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Reason
	}
	return "evaluate"
}

// ruleInputs looks things up at most once for all rules, and only if one needs
// them.
type ruleInputs struct {
	r            *Resolver
	in           Input
	traits       *lookup[map[string][]string]
	labels       *lookup[[]map[string]string]
	traitsDenied bool
}

type lookup[V any] struct {
	value V
	err   error
}

// match evaluates one rule. unseen is why it could not, if that is for labels
// that can't be had.
func (l *ruleInputs) match(ctx context.Context, one rule.Rule) (applies bool, unseen, err error) {
	input := rule.Input{Request: l.in.Request}
	if one.Needs().Traits {
		if input.Traits, err = l.traitsOf(ctx); err != nil {
			return false, nil, err
		}
	}
	if one.Needs().Labels {
		switch input.Labels, err = l.labelsOf(ctx); {
		case fault.Is(err, fault.Permanent), fault.Is(err, fault.NotFound), fault.Is(err, fault.Denied):
			input.NoLabels, unseen = true, err
		case err != nil:
			return false, nil, err
		}
	}
	ok, err := one.Match(input)
	var e *rule.Error
	switch {
	case errors.As(err, &e) && e.NoLabels:
		return false, unseen, nil
	case err != nil:
		return false, nil, &fault.Error{Class: fault.Permanent, Reason: "evaluate", Err: err}
	}
	return ok, nil, nil // without reading labels
}

// traitsInTime returns the requester's traits for recipients that are made
// from them. While the look-up fails, the request waits a little, and then goes
// on without: pending is then why, or what it was before.
func (l *ruleInputs) traitsInTime(ctx context.Context, pending error) (map[string][]string, error) {
	traits, err := l.traitsOf(ctx)
	if err == nil {
		return traits, pending
	}
	if fault.Temporary(err) && l.in.Memory.mayWait() && pending == nil {
		pending = err
	}
	return nil, pending
}

// errNoInspector is the problem with rules that need look-ups without an
// Inspector.
var errNoInspector = fault.New(fault.Unsupported, "look up what a rule asks for", "not_supported")

// traitsOf returns the requester's traits, none if they may not be read: so
// does the published plugin, with a warning.
func (l *ruleInputs) traitsOf(ctx context.Context) (map[string][]string, error) {
	if l.traits == nil {
		l.in.progress()
		l.traits = &lookup[map[string][]string]{err: errNoInspector}
		if i := l.r.o.Inspector; i != nil {
			limited, cancel := l.in.Memory.limit(ctx)
			l.traits.value, l.traits.err = i.Traits(limited, l.in.Request.User)
			cancel()
		}
		key := logonce.Key{Kind: aboutTraits}
		switch err := l.traits.err; {
		case fault.Is(err, fault.Denied):
			l.r.problems.Problem(slog.LevelWarn, key, "traits of requesters can't be read, access monitoring rules see none", err)
			l.r.ruleFailed("", "traits_denied")
			l.traits.err, l.traitsDenied = nil, true
		case err == nil:
			l.r.problems.Clear(key)
		}
	}
	return l.traits.value, l.traits.err
}

func (l *ruleInputs) labelsOf(ctx context.Context) ([]map[string]string, error) {
	if l.labels == nil {
		l.labels = &lookup[[]map[string]string]{}
		switch i := l.r.o.Inspector; {
		case len(l.in.Request.Resources) == 0: // nothing to look up
		case i == nil:
			l.labels.err = errNoInspector
		default:
			l.in.progress()
			limited, cancel := l.in.Memory.limit(ctx)
			l.labels.value, l.labels.err = i.Labels(limited, l.in.Request.Resources)
			cancel()
		}
	}
	return l.labels.value, l.labels.err
}
