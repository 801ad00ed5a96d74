package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// player plays acts and prints what changed in Slack after each of them, in an
// order that does not depend on who was faster.
type player struct {
	stage   *stage
	out     io.Writer
	wanted  []wanted
	printed map[string]shown // by conversation and TS
	told    int              // whispers that were printed
	err     error            // the first failure to print
}

// shown is what was printed of a message.
type shown struct {
	lines     []string
	reactions []string
}

func (p *player) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *player) play(ctx context.Context, acts []act) error {
	changes, unsubscribe := p.stage.slack.Subscribe(1)
	defer unsubscribe()
	for i, a := range acts {
		p.printf("%d. %s\n\n", i+1, a.title)
		if err := a.do(ctx, p.stage); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
		p.want(a.want())
		if err := p.wait(ctx, changes); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
		p.show(a.brief)
		p.whispers()
	}
	return p.err
}

// sum prints what came of it all, once nothing happens any more. Its error says
// what is wrong with that.
func (p *player) sum() error {
	outcomes := map[string]int{}
	for _, c := range p.stage.slack.Calls() {
		if c.Method == "chat.postMessage" && c.Outcome != "ok" {
			outcomes[c.Outcome]++
		}
	}
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		p.printf("posts that Slack answered with %q: %d\n", o, outcomes[o])
	}
	t := p.stage.count(p.wanted)
	p.printf("%s\n", t)
	return errors.Join(t.err(), p.err)
}

// want replaces what was wanted of the same requests.
func (p *player) want(more []wanted) {
	p.wanted = slices.DeleteFunc(p.wanted, func(old wanted) bool {
		return slices.ContainsFunc(more, func(w wanted) bool { return w.request == old.request })
	})
	p.wanted = append(p.wanted, more...)
}

// wait waits until Slack shows what is wanted.
func (p *player) wait(ctx context.Context, changes <-chan slacktest.Change) error {
	ctx, cancel := context.WithTimeout(ctx, scenarioPatience)
	defer cancel()
	for {
		t := p.stage.count(p.wanted)
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
func (p *player) show(brief bool) {
	for _, c := range p.stage.conversations() {
		var news [][]string
		for _, m := range p.stage.slack.Messages(c.channel) {
			if n := p.news(c, m, brief); len(n) > 0 {
				news = append(news, n)
			}
		}
		if brief { // which of many was faster is no news
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

// whispers prints what people were told by themselves since the last time.
func (p *player) whispers() {
	all := p.stage.slack.EphemeralMessages()
	for _, m := range all[p.told:] {
		name := m.EphemeralTo
		for _, u := range p.stage.slack.Users() {
			if u.ID == m.EphemeralTo {
				name = u.RealName
			}
		}
		p.printf("   only @%s sees\n     %s\n\n", name, strings.Join(plainLines(m.Text), "\n     "))
	}
	p.told = len(all)
}

// news returns what is new about a message, its reactions and its thread.
func (p *player) news(c conversation, m slacktest.Message, brief bool) []string {
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
