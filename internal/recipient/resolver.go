// Package recipient decides who should hear of an access request, and finds
// them in Slack: those whom access monitoring rules name, or else those of the
// static routes and the suggested reviewers, the requester, and those to whom a
// request is escalated.
//
// What holds:
//
//   - Rules come first. Static routes count only if no rule reaches anybody.
//   - A recipient that can't be looked up for now is asked for again; one that
//     Slack doesn't know is recorded and reported once. Neither keeps others
//     from being assigned.
//   - Nobody reviews their own request: the requester is left out however they
//     are named.
//   - A look-up that a rule or a mention needs, and that keeps failing, holds a
//     request up for lookupPatience and no longer.
//
// It posts nothing and writes nothing; package notify delivers to the
// recipients that it assigns. The same Resolver explains to people who would
// hear of a request, and why.
package recipient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/record"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// Users knows which email a Teleport user has.
type Users interface {
	Email(ctx context.Context, username string) (string, error)
}

// Directory knows who is who in Slack.
type Directory interface {
	Resolve(ctx context.Context, name string) (access.Recipient, error)
}

// Inspector looks up what access monitoring rules ask for beyond the request.
type Inspector interface {
	// Traits returns a user's traits; [fault.Denied] if they may not be read.
	Traits(ctx context.Context, username string) (map[string][]string, error)
	// Labels returns the labels of each resource, or an error if one can't be seen.
	Labels(ctx context.Context, resources []access.Resource) ([]map[string]string, error)
}

// Options are a Resolver's collaborators.
type Options struct {
	Users       Users
	Directory   Directory
	Inspector   Inspector   // nil if rules can't ask for traits and labels
	Routes      route.Table // [role_to_recipients]
	EscalateTo  []string    // recipients of requests that nobody has reviewed
	NoRequester bool        // requesters get no message of their own
	// RuleFailed counts rules that could not be read or evaluated: with the
	// rule's name, empty if it is about all of them, and one of RuleReasons or
	// an adapter's reason. It is called from many goroutines; may be nil.
	RuleFailed func(rule, reason string)
	Log        *slog.Logger // may be nil
}

// Resolver assigns recipients to requests. It is safe for concurrent use; New
// makes one.
type Resolver struct {
	o          Options
	escalateTo []route.Recipient
	problems   *logonce.Logger
	routing    atomic.Pointer[Routing]

	// Failing are the recipients that could not be reached.
	Failing *Failing

	mu         sync.Mutex    // held while the routing changes
	table      route.Table   // the static routes as they came
	sources    []rule.Source // the rules as they came
	rulesKnown bool          // they came at least once
}

// Routing is the routes and rules that are in force.
type Routing struct {
	Since   time.Time
	Changed bool // others were in force before, in this process

	table       route.Routes
	rules       []rule.Rule // in the order of their names
	named       route.Named // whom they name
	fingerprint [sha256.Size]byte
}

// FingerprintLen is the length of a Fingerprint.
const FingerprintLen = 16

// Fingerprint identifies what the recipients of a request are assigned from: the
// request, and the configuration and rules in force. As long as it is the same,
// assigning them again can only find people whom Slack or Teleport did not know
// the last time, or other traits and labels.
func (r *Routing) Fingerprint(req access.Request) string {
	h := sha256.New()
	h.Write(r.fingerprint[:])
	_ = json.NewEncoder(h).Encode(req) // strings, numbers and times always encode
	return hex.EncodeToString(h.Sum(nil)[:FingerprintLen/2])
}

// fingerprinted returns next with the fingerprint of what is in force. The caller
// holds mu.
func (r *Resolver) fingerprinted(next *Routing) *Routing {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode([]any{r.table, r.o.EscalateTo, r.o.NoRequester, r.sources}) // as above
	h.Sum(next.fingerprint[:0])
	return next
}

// The kinds of problems that are logged once.
const (
	aboutRoutes     logonce.Kind = "routes"
	aboutEscalation logonce.Kind = "escalate_to"
	aboutRule       logonce.Kind = "rule"
	aboutRuleParts  logonce.Kind = "rule parts"
	aboutRuleNames  logonce.Kind = "rule recipients"
	aboutTraits     logonce.Kind = "traits"
	aboutRequester  logonce.Kind = "requester"
	aboutRecipient  logonce.Kind = "recipient"
	aboutMention    logonce.Kind = "mention"
	aboutUnresolved logonce.Kind = "unresolved"
	aboutNobody     logonce.Kind = "no recipients" // by request
)

// New returns a Resolver.
func New(o Options) *Resolver {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Resolver{o: o, problems: logonce.New(o.Log), Failing: newFailing()}
	r.SetRoutes(o.Routes)
	var broken error
	if r.escalateTo, broken = route.ParseRecipients(o.EscalateTo); broken != nil {
		r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutEscalation}, "some recipients of escalate_to can't be read, ignoring them", broken)
	}
	return r
}

// Routing returns what is in force now.
func (r *Resolver) Routing() *Routing { return r.routing.Load() }

// SetRoutes replaces the static routes. Problems that go on are logged again,
// and recipients that could not be reached count as untried.
func (r *Resolver) SetRoutes(t route.Table) {
	table, broken := t.Compile()
	r.mu.Lock()
	next := &Routing{table: table, Since: time.Now()}
	if old := r.routing.Load(); old != nil {
		next.rules, next.named, next.Changed = old.rules, old.named, true
	}
	r.table = t
	r.routing.Store(r.fingerprinted(next))
	r.mu.Unlock()
	r.Failing.reset()
	r.problems.Reset()
	if broken != nil { // the configuration is validated before, so this is a table from elsewhere
		r.problems.Problem(slog.LevelWarn, logonce.Key{Kind: aboutRoutes}, "some routes can't be read, ignoring them", broken)
	}
}

// Input is what recipients are assigned from.
type Input struct {
	Request  access.Request
	Record   record.Record
	Routing  *Routing
	Memory   *Memory // of this request
	Progress func()  // called before each look-up, which may take a call of its own; may be nil
}

func (in Input) progress() {
	if in.Progress != nil {
		in.Progress()
	}
}

// Memory is what is remembered of one request between two assignments. Its zero
// value is ready. It is used by one goroutine at a time.
type Memory struct {
	began       time.Time // when the last assignment began
	failing     bool      // a look-up failed in the last assignment
	failedSince time.Time // since when look-ups have failed; zero while none does
}

// begin starts another assignment.
func (m *Memory) begin() { m.began, m.failing = time.Now(), false }

// end ends an assignment: where no look-up failed, the patience is whole again.
func (m *Memory) end() {
	if !m.failing {
		m.failedSince = time.Time{}
	}
}

// mayWait reports whether the request may wait longer for a look-up that has
// failed. All look-ups share one patience, since the request waits for each.
func (m *Memory) mayWait() bool {
	m.failing = true
	if m.failedSince.IsZero() {
		m.failedSince = m.began // the look-up itself may have taken its time
	}
	return time.Since(m.failedSince) < lookupPatience
}

// limit bounds a look-up once one has failed, so that one without an
// answer does not hold the request up beyond its patience.
func (m *Memory) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if m.failedSince.IsZero() {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, max(lookupPatience-time.Since(m.failedSince), lastTry))
}

// Patience returns how long the request may still wait for look-ups that failed
// in the last assignment. After that, assigning again gives it recipients without
// them. It is zero if the request does not wait for any.
func (m *Memory) Patience() time.Duration {
	if !m.failing || m.failedSince.IsZero() {
		return 0
	}
	return max(lookupPatience-time.Since(m.failedSince), 0)
}

// Assign returns the request's record with a copy for each recipient. The error
// is the first that makes it worth assigning again later; RecipientsPending is
// set then, and all who could be found are assigned nevertheless.
func (r *Resolver) Assign(ctx context.Context, in Input) (record.Record, error) {
	a := r.assign(ctx, in)
	a.rec.Assigned = ""
	if a.pending == nil && !a.incomplete {
		a.rec.Assigned = in.Routing.Fingerprint(in.Request)
	}
	return a.rec, a.pending
}

// Forget drops what is remembered of a request that is gone.
func (r *Resolver) Forget(requestID string) {
	r.problems.Clear(logonce.Key{Kind: aboutNobody, Name: requestID})
}

// Escalate returns the request's record with a copy for each recipient of
// escalations. As long as there is an error, the request counts as not
// escalated, and all who could be found are assigned nevertheless.
func (r *Resolver) Escalate(ctx context.Context, in Input) (record.Record, error) {
	in.Memory.began = time.Now() // what has failed for an assignment goes on
	a := &assignment{r: r, in: in, rec: in.Record}
	a.findRequester(ctx) // who is not the one to escalate to
	input := route.Input{Request: in.Request}
	if route.NeedTraits(r.escalateTo) {
		inputs := &ruleInputs{r: r, in: in}
		var pending error
		if input.Traits, pending = inputs.traitsInTime(ctx, nil); pending != nil {
			return in.Record, pending
		}
	}
	others := route.Escalation(r.escalateTo, input)
	a.reportUnresolved(others.Unresolved)
	a.add(ctx, others.Wants)
	for i, c := range a.rec.Copies {
		if in.Record.IndexOf(c.ID()) < 0 {
			c.Escalated = true
			a.rec = a.rec.With(i, c)
		}
	}
	a.rec.Escalated = a.pending == nil
	return a.rec, a.pending
}

// Explanation is who would hear of a request, and why.
type Explanation struct {
	Request    access.Request
	Recipients []Assigned         // in the order in which they are asked for
	Unresolved []route.Unresolved // configured recipients that came to nobody
	Outside    []string           // rules that don't apply: the request was made outside their schedules
	Unseen     []Unseen           // rules that may apply
	Requester  access.Recipient   // who asks, in Slack; zero if they get no message
	Pending    error              // why some of it could not be found out; nil if it could
}

// Assigned is one recipient of a request, and who that is in Slack.
type Assigned struct {
	Want        route.Want
	To          access.Recipient // zero if Err is why not
	Mentions    []string         // as a record keeps them
	IsRequester bool             // and so reviews nothing
	Err         error
}

// Explain returns who would hear of the request if it were new. It remembers
// nothing; problems with rules and recipients are logged as for a request.
func (r *Resolver) Explain(ctx context.Context, req access.Request) Explanation {
	a := r.assign(ctx, Input{Request: req, Routing: r.Routing(), Memory: &Memory{}})
	e := Explanation{Request: req, Recipients: a.recipients, Unresolved: a.unresolved, Outside: a.outside, Unseen: a.unseen, Pending: a.pending}
	if !r.o.NoRequester {
		e.Requester = a.requester
	}
	return e
}

// ExplainOffline returns who would hear of the request by static routes alone,
// without looking anybody up.
func ExplainOffline(t route.Table, req access.Request, traits map[string][]string) (Explanation, error) {
	routes, err := t.Compile()
	if err != nil {
		return Explanation{}, err
	}
	routed := routes.Recipients(route.Input{Request: req, Traits: traits})
	e := Explanation{Request: req, Unresolved: routed.Unresolved}
	for _, w := range routed.Wants {
		e.Recipients = append(e.Recipients, Assigned{Want: w, IsRequester: isRequester(w, req)})
	}
	return e, nil
}
