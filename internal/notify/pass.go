package notify

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

const (
	// intentFresh is how old an intent may be when its post begins. Slack
	// calls end within 10 s, so an intent that stands unchanged for
	// leaseWatch is nobody's any more.
	intentFresh = 8 * time.Second

	// leaseWatch is how long another replica's intent is left alone, by our
	// own clock since we first saw it: no replica's clock matters.
	leaseWatch = 20 * time.Second

	// remindFresh is how long ago the request may have been read when somebody
	// is reminded of it.
	remindFresh = 5 * time.Second

	// courtesy is how long a replica waits for the one that wrote the record
	// last to do what is due. It saves doing the same edits twice; that nothing
	// is posted twice, intents see to.
	courtesy = 3 * time.Second
)

// historyHint is what would have told whether a lost post arrived.
const historyHint = "grant channels:history, groups:history, im:history and channels:read to rule out doubles"

// outcome is what a look at a request came to.
type outcome struct {
	failed bool          // something is still due and could not be done
	again  time.Duration // look again after this long; zero for not, unless it failed
}

// pass is one look at one request.
type pass struct {
	n         *Notifier
	id        string
	log       *slog.Logger
	facts     Facts
	was       record.Record // as it was read
	heard     time.Time     // when the change that this pass is about was first heard of; zero if it wasn't
	rerouted  time.Time     // since when the routes are in force, if others were before
	details   access.Details
	routes    *routing
	render    message.Renderer
	described bool            // details were looked up
	touched   bool            // the record has something to save
	effects   []effect        // done and not yet recorded
	armed     map[string]bool // copies, by key, whose intent is this pass's
	unwritten bool            // some of these intents are not in Teleport yet
	unknown   map[string]bool // copies whose post may or may not have happened
	blocked   map[string]bool // copies that have to wait for another pass
	tries     map[string]int  // attempts at a post before this pass
	out       outcome
	lastSave  error
	read      time.Time // when the request was read
}

// Reconcile makes Slack show the request, as far as that can be done now.
func (n *Notifier) Reconcile(ctx context.Context, id string) (out outcome) {
	n.pulse.beat(id)
	defer n.pulse.end(id)
	buttons := *n.buttons.Load()
	p := &pass{
		n: n, id: id, heard: n.heardOf(id), log: n.o.Log.With(slog.String(logkey.RequestID, id)),
		render: message.Renderer{Cluster: *n.cluster.Load(), Buttons: buttons, Style: n.o.Style}, facts: Facts{Buttons: buttons},
		armed: map[string]bool{}, unknown: map[string]bool{}, blocked: map[string]bool{}, tries: map[string]int{},
	}
	defer func() {
		if out != (outcome{}) {
			n.hear(id, p.heard) // for the next look
		}
	}()
	if err := p.load(ctx); err != nil {
		if fault.Is(err, fault.Denied) {
			n.complaints.report("teleport", "Teleport refuses the plugin; requests wait", hinted(err))
		} else {
			n.complaints.report("teleport", "Teleport does not answer; requests wait", err)
		}
		return outcome{failed: true, again: fault.After(err)}
	}
	if n.complaints.settle("teleport") {
		n.o.Log.Info("Teleport answers again")
	}
	if p.facts.Gone && !p.facts.Record.Known() {
		n.unsight(id, p.facts.Record)
		n.mu.Lock()
		delete(n.unsaved, id)
		n.mu.Unlock()
		return outcome{}
	}
	if wait := p.yield(); wait > 0 {
		return outcome{again: wait}
	}
	p.begin()
	p.run(ctx)
	p.finish(ctx)
	if d := nextLook(p.facts); d > 0 {
		n.alarms.After(id, queue.Normal, d)
	}
	if p.out == (outcome{}) && !p.facts.Gone {
		n.settle(p.facts, p.routes)
	}
	if p.out == (outcome{}) {
		n.unsight(id, p.facts.Record)
		p.end()
	}
	return p.out
}

// hinted adds what to do about a missing right.
func hinted(err error) error {
	if !fault.Is(err, fault.Denied) || fault.Hint(err) != "" {
		return err
	}
	return &fault.Error{
		Class: fault.Denied, Reason: "access_denied", Err: err,
		Hint: "the plugin's role needs list and read on access_request, and list, create, read and update on access_plugin_data",
	}
}

// yield returns how long to leave what is due to the replica that wrote the
// record last.
func (p *pass) yield() time.Duration {
	rec := p.facts.Record
	if rec.By == "" || p.n.sameHost(rec.By) || len(Plan(p.facts)) == 0 {
		return 0
	}
	return p.n.foreign.Left(p.id, rec.By+" "+Digest(p.facts.Request, access.Reviewers, p.facts.Buttons), courtesy)
}

// load reads the facts.
func (p *pass) load(ctx context.Context) error {
	n := p.n
	data, err := n.o.Records.Record(ctx, p.id)
	if err != nil {
		return fault.Wrapf(err, "read the record of request %s", p.id)
	}
	rec, problems := record.Decode(data)
	for _, what := range problems {
		n.complaints.report("record "+p.id, "part of a record can't be read and is ignored", fault.New(fault.Bug, "", what),
			slog.String(logkey.RequestID, p.id))
	}
	p.was = rec
	rec = p.replay(rec)
	p.touched = len(p.effects) > 0

	req, err := n.o.Requests.Request(ctx, p.id)
	switch {
	case err == nil:
	case fault.Is(err, fault.NotFound):
		p.facts.Gone = true
		req, p.details = rec.Ghost(p.id)
	default:
		return fault.Wrapf(err, "read request %s", p.id)
	}

	routes := n.routes.Load()
	p.routes = routes
	if routes.changed {
		p.rerouted = routes.since
	}
	p.facts.Request, p.facts.Record = req, rec
	p.facts.CanReact, p.facts.Ends, p.facts.Reminders = !n.noReact.Load(), n.o.Ends, n.o.Reminders
	p.read = time.Now()
	p.now(time.Now())
	p.facts.RetryAll = p.facts.Now.Add(-retryFailedAfter)
	if routes.since.After(p.facts.RetryAll) {
		p.facts.RetryAll = routes.since
	}
	if rec.Known() && rec.About.State != req.State {
		p.touched = true
	}
	if announces(p.facts, p.facts.Now) {
		p.seated(n.seat(ctx, req, rec, routes))
	}
	if escalates(p.facts) {
		p.seated(n.escalate(ctx, req, p.facts.Record))
	}
	return nil
}

// seated takes over a record with more recipients. The error is why some of
// them could not be looked up yet.
func (p *pass) seated(rec record.Record, err error) {
	before := p.facts.Record
	p.touched = p.touched || len(rec.Copies) != len(before.Copies) || rec.Unseated != before.Unseated || rec.Escalated != before.Escalated
	if err != nil {
		p.n.complaints.report("directory", "some recipients can't be looked up yet; they are asked for again", err)
		p.delay(err)
	}
	p.facts.Record = rec
}

// run does steps until none is left that can be done now.
func (p *pass) run(ctx context.Context) {
	p.announce(ctx)
	for p.lastSave == nil && ctx.Err() == nil {
		p.n.pulse.beat(p.id)
		step, ok := p.next()
		if !ok {
			return
		}
		if step.Op.posts() && !p.ready(ctx, step) {
			continue
		}
		p.do(ctx, step)
	}
	p.out.failed = true
}

// announce says what is missing, for whoever wants to know why something is done.
func (p *pass) announce(ctx context.Context) {
	if !p.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	var steps []string
	for _, s := range Plan(p.planned()) {
		steps = append(steps, s.Op.String()+" "+p.facts.Record.Copies[s.Copy].Name)
	}
	if len(steps) > 0 {
		p.log.Debug("planned what is missing", slog.Any(logkey.Steps, steps))
	}
}

// next returns the first step whose copy is not blocked.
func (p *pass) next() (Step, bool) {
	p.now(time.Now())
	for _, s := range Plan(p.planned()) {
		switch {
		case p.blocked[p.key(s)]:
		case s.Op == Remind && time.Since(p.read) > remindFresh:
			p.wait(time.Millisecond) // somebody may have looked meanwhile
		default:
			return s, true
		}
	}
	return Step{}, false
}

// now sets the time of what is planned, rendered and recorded next.
func (p *pass) now(t time.Time) { p.facts.Now, p.render.Now = t, t }

func (p *pass) key(s Step) string { return keyOf(p.facts.Record.Copies[s.Copy]) }

// planned returns the facts as Plan should see them: intents that this pass
// wrote are no riddle.
func (p *pass) planned() Facts {
	f := p.facts
	f.Record.Copies = slices.Clone(f.Record.Copies)
	for i, c := range f.Record.Copies {
		if p.armed[keyOf(c)] {
			f.Record.Copies[i].Intent = nil
		}
	}
	return f
}

// ready makes sure that the intent to post stands in the record. False means
// that the post's turn has not come, or that the intent could not be written.
func (p *pass) ready(ctx context.Context, step Step) bool {
	c := p.facts.Record.Copies[step.Copy]
	key := keyOf(c)
	if p.armed[key] && !p.unwritten && c.Intent != nil && c.Intent.Part == step.Part() && time.Since(c.Intent.At) < intentFresh {
		return true
	}
	p.arm()
	if p.blocked[key] {
		return false
	}
	p.save(ctx)
	return p.lastSave == nil
}

// arm writes down the next post of every copy that has one and whose turn it is.
func (p *pass) arm() {
	now := time.Now()
	seen := map[string]bool{}
	for _, s := range Plan(p.planned()) {
		c := p.facts.Record.Copies[s.Copy]
		key := keyOf(c)
		if seen[key] || p.blocked[key] {
			continue
		}
		seen[key] = true
		if !s.Op.posts() {
			continue
		}
		if err := p.n.o.Messenger.Ready(p.post(s, c)); err != nil {
			p.blocked[key] = true
			p.delay(err)
			continue
		}
		p.armed[key], p.unwritten, p.touched = true, true, true
		c.Intent = &record.Intent{Part: s.Part(), By: p.n.replica, At: now, Try: p.tries[key] + 1}
		p.facts.Record = p.facts.Record.With(s.Copy, c)
	}
}

// delay notes that an error keeps something from being done in this pass.
func (p *pass) delay(err error) {
	if after := fault.After(err); after > 0 {
		// The other side named a time: this is waiting, not failing.
		p.wait(after)
		return
	}
	p.out.failed = true
}

// wait asks for another pass after d, or sooner if something else is due.
func (p *pass) wait(d time.Duration) {
	if p.out.again == 0 || d < p.out.again {
		p.out.again = d
	}
}
