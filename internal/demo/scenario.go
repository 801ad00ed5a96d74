package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/examples"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// TourScenario is the scenario with the demo's own configuration.
const TourScenario = "tour"

// scenario is a list of steps in an environment with these fixtures.
type scenario struct {
	name     string
	fixtures func() (fixtures, error)
	before   func(*environment) error // prepares Teleport before the plugin starts; may be nil
	steps    func() []step
}

// step is an action and what Slack should show after it.
type step struct {
	title string
	do    func(ctx context.Context, env *environment) error
	want  func() []wanted // replaces what was wanted of the same requests
	brief bool            // many messages: one line each
}

// stepTimeout is how long one step may take. The longest one, in which Slack
// limits the rate, takes about five seconds.
const stepTimeout = 30 * time.Second

// scenarios returns all of them, the demo's own first. The others are named after
// the folders of examples, whose configurations they show.
func scenarios() []scenario {
	return []scenario{
		{name: TourScenario, fixtures: ownFixtures, steps: tour},
		{name: "small-team", fixtures: exampleFixtures("small-team", nil), steps: smallTeam},
		{name: "many-teams", fixtures: withIncidents(exampleFixtures("many-teams", nil)), before: incidentRule, steps: manyTeams},
		{name: "high-security", fixtures: exampleFixtures("high-security", map[string]uint32{"prod-admin": 2, "prod-db": 2}), steps: highSecurity},
	}
}

// Scenarios returns the names of the scenarios.
func Scenarios() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

func scenarioNamed(name string) (scenario, error) {
	all := scenarios()
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
	if i < 0 {
		return scenario{}, fmt.Errorf("unknown scenario %q, expected one of %s", name, strings.Join(Scenarios(), ", "))
	}
	return all[i], nil
}

// exampleFixtures returns the fixtures for an example's configuration. approvals
// names the roles that take more than one approval.
func exampleFixtures(folder string, approvals map[string]uint32) func() (fixtures, error) {
	return func() (fixtures, error) {
		text, err := examples.Config(folder)
		if err != nil {
			return fixtures{}, err
		}
		c, _, err := config.ParseOffline(folder, text)
		if err != nil {
			return fixtures{}, err
		}
		f := fixturesFor(c)
		for i, r := range f.roles {
			f.roles[i].approve = max(r.approve, approvals[r.name])
		}
		return f, nil
	}
}

// playScenario plays a scenario and prints what people see in Slack.
func playScenario(ctx context.Context, o Options) (err error) {
	st, err := scenarioNamed(o.Scenario)
	if err != nil {
		return err
	}
	f, err := st.fixtures()
	if err != nil {
		return err
	}
	var log bytes.Buffer // slog's handlers write one line at a time
	env, err := newEnvironment(f, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.close()) }()
	if st.before != nil {
		if err := st.before(env); err != nil {
			return err
		}
	}
	running, stop := context.WithCancel(ctx)
	defer env.replicas.wait()
	defer stop()
	if err := env.replicas.start(running, firstReplica); err != nil {
		return err
	}
	p := runner{env: env, out: o.Stdout, printed: map[string]shown{}}
	err = p.play(running, st.steps())
	stop()
	env.replicas.wait() // calls in flight may still post
	if err == nil {
		err = p.sum()
	}
	if err != nil && ctx.Err() == nil {
		_, _ = log.WriteTo(o.Stderr) // a failure to print it changes nothing
	}
	return err
}

// runner plays steps and prints what changed in Slack after each of them, in an
// order that does not depend on timing.
type runner struct {
	env     *environment
	out     io.Writer
	wanted  []wanted
	printed map[string]shown // by conversation and TS
	seen    int              // ephemeral messages that were printed
	err     error            // the first failure to print
}

// shown is what was last printed of a message.
type shown struct {
	lines     []string
	reactions []string
}

func (p *runner) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *runner) play(ctx context.Context, steps []step) error {
	changes, unsubscribe := p.env.slack.Subscribe(1)
	defer unsubscribe()
	for i, a := range steps {
		p.printf("%d. %s\n\n", i+1, a.title)
		if err := a.do(ctx, p.env); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
		p.want(a.want())
		if err := p.wait(ctx, changes); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
		p.show(a.brief)
		p.ephemerals()
	}
	return p.err
}

// sum prints the counts after the last step. It returns an error if a message is
// lost, doubled or out of date.
func (p *runner) sum() error {
	outcomes := map[string]int{}
	for _, c := range p.env.slack.Calls() {
		if c.Method == "chat.postMessage" && c.Outcome != "ok" {
			outcomes[c.Outcome]++
		}
	}
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		p.printf("posts that Slack answered with %q: %d\n", o, outcomes[o])
	}
	t := p.env.count(p.wanted)
	p.printf("%s\n", t)
	return errors.Join(t.err(), p.err)
}

// want adds to what is wanted, and replaces what was wanted of the same requests.
func (p *runner) want(more []wanted) {
	p.wanted = slices.DeleteFunc(p.wanted, func(old wanted) bool {
		return slices.ContainsFunc(more, func(w wanted) bool { return w.request == old.request })
	})
	p.wanted = append(p.wanted, more...)
}

// wait waits until Slack shows what is wanted.
func (p *runner) wait(ctx context.Context, changes <-chan slacktest.Change) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	for {
		t := p.env.count(p.wanted)
		if t.complete() {
			return nil
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return fmt.Errorf("%w after: %w", ctx.Err(), t.err())
		}
	}
}

// show prints what is new in each conversation.
func (p *runner) show(brief bool) {
	for _, c := range p.env.conversations() {
		var news [][]string
		for _, m := range p.env.slack.Messages(c.channel) {
			if n := p.news(c, m, brief); len(n) > 0 {
				news = append(news, n)
			}
		}
		if brief { // posted side by side, so their order varies
			slices.SortFunc(news, slices.Compare[[]string])
		}
		for i, n := range news {
			if i == 0 || !brief {
				p.printf("   %s\n", c.title)
			}
			for _, line := range n {
				p.printf("     %s\n", line)
			}
			if i == len(news)-1 || !brief {
				p.printf("\n")
			}
		}
	}
}

// ephemerals prints the messages that one person sees, since the last time.
func (p *runner) ephemerals() {
	all := p.env.slack.EphemeralMessages()
	for _, m := range all[p.seen:] {
		name := m.EphemeralTo
		for _, u := range p.env.slack.Users() {
			if u.ID == m.EphemeralTo {
				name = u.RealName
			}
		}
		p.printf("   only @%s sees\n     %s\n\n", name, strings.Join(plainLines(m.Text), "\n     "))
	}
	p.seen = len(all)
}

// news returns what is new about a message, its reactions and its thread.
func (p *runner) news(c conversation, m slacktest.Message, brief bool) []string {
	key := c.name + " " + m.TS
	before, known := p.printed[key]
	now := shown{lines: readable(m.Blocks, m.Text)}
	for _, r := range m.Reactions {
		now.reactions = append(now.reactions, r.Name)
	}
	p.printed[key] = now

	var out []string
	switch {
	case !known && brief:
		out = plainLines(m.Text)
	case !known:
		out = now.lines
	case !slices.Equal(before.lines, now.lines):
		out = append(out, "(edited) "+strings.Join(before.lines[:min(1, len(before.lines))], "")+" … now says:")
		for _, l := range now.lines {
			if !slices.Contains(before.lines, l) {
				out = append(out, "  "+l)
			}
		}
	}
	for _, r := range now.reactions {
		if !slices.Contains(before.reactions, r) {
			out = append(out, "reaction "+emoji(r))
		}
	}
	for _, r := range m.Replies {
		for i, l := range p.news(c, r, brief) {
			if i == 0 {
				l = "↳ " + l
			} else {
				l = "  " + l
			}
			out = append(out, l)
		}
	}
	return out
}

func emoji(name string) string {
	switch name {
	case "white_check_mark":
		return "✅"
	case "x":
		return "❌"
	}
	return ":" + name + ":"
}
