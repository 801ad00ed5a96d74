package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/examples"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// OwnStory is the story of the demo's own configuration.
const OwnStory = "tour"

// story is a world and what happens in it.
type story struct {
	name   string
	world  func() (world, error)
	before func(*stage) error // prepares Teleport before the plugin starts; may be nil
	acts   func() []act
}

// stories returns all of them, the demo's own first. The others are named after
// the folders of examples, whose configurations they show.
func stories() []story {
	return []story{
		{name: OwnStory, world: ownWorld, acts: ownStory},
		{name: "small-team", world: exampleWorld("small-team", nil), acts: smallTeam},
		{name: "many-teams", world: withIncidents(exampleWorld("many-teams", nil)), before: incidentRule, acts: manyTeams},
		{name: "high-security", world: exampleWorld("high-security", map[string]uint32{"prod-admin": 2, "prod-db": 2}), acts: highSecurity},
	}
}

// Stories returns the names of the stories.
func Stories() []string {
	var names []string
	for _, s := range stories() {
		names = append(names, s.name)
	}
	return names
}

func storyNamed(name string) (story, error) {
	all := stories()
	i := slices.IndexFunc(all, func(s story) bool { return s.name == name })
	if i < 0 {
		return story{}, fmt.Errorf("there is no story %q, only %s", name, strings.Join(Stories(), ", "))
	}
	return all[i], nil
}

// exampleWorld returns the world of an example, with the roles that take more
// than one approval.
func exampleWorld(folder string, approvals map[string]uint32) func() (world, error) {
	return func() (world, error) {
		text, err := examples.Config(folder)
		if err != nil {
			return world{}, err
		}
		c, _, err := config.RehearseText(folder, text)
		if err != nil {
			return world{}, err
		}
		w := worldOf(c)
		for i, r := range w.roles {
			w.roles[i].approve = max(r.approve, approvals[r.name])
		}
		return w, nil
	}
}

// press clicks a button of a request's message as somebody, and fills in the
// window that opens with a reason. Without one, it waits for the answer that only
// they see.
func press(request, at, user, button, reason string) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		ctx, cancel := context.WithTimeout(ctx, ackPatience)
		defer cancel()
		if err := s.settled(ctx); err != nil { // nobody clicks before the message is on record
			return err
		}
		channel := s.slackChannel(at)
		for _, m := range s.slack.Messages(channel) {
			if placeOf("", m).request != request {
				continue
			}
			told := len(s.slack.EphemeralMessages())
			d, err := s.slack.Click(user, channel, m.TS, button)
			if err != nil {
				return err
			}
			if err := d.Wait(ctx); err != nil {
				return err
			}
			if reason == "" {
				return s.whispered(ctx, told)
			}
			return s.fillIn(ctx, user, reason)
		}
		return trace.NotFound("no message about request %s in %s", request, at)
	}
}

// whispered waits until more people were told something by themselves.
func (s *stage) whispered(ctx context.Context, before int) error {
	changes, unsubscribe := s.slack.Subscribe(1)
	defer unsubscribe()
	for len(s.slack.EphemeralMessages()) <= before {
		select {
		case <-changes:
		case <-ctx.Done():
			return fmt.Errorf("nobody was answered: %w", ctx.Err())
		}
	}
	return nil
}

// typing is how long people take to write a reason, however quick they are: the
// plugin may still be busy with having opened the window.
const typing = 300 * time.Millisecond

// fillIn waits for somebody's window and sends it in.
func (s *stage) fillIn(ctx context.Context, user, reason string) error {
	changes, unsubscribe := s.slack.Subscribe(1)
	defer unsubscribe()
	for {
		if vs := s.slack.Views(user); len(vs) > 0 {
			if err := pause(ctx, typing); err != nil {
				return err
			}
			r, err := s.slack.SubmitView(ctx, user, vs[len(vs)-1].ID, map[string]string{message.ReasonBlock: reason})
			for _, what := range r.Errors {
				return trace.BadParameter("the window says: %s", what)
			}
			return err
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return fmt.Errorf("no window opened for %s: %w", user, ctx.Err())
		}
	}
}

// slackChannel returns Slack's ID of a conversation that a story names.
func (s *stage) slackChannel(at string) string {
	if dm, ok := s.slack.DM(at); ok {
		return dm
	}
	if id := s.channelID(at); id != "" {
		return id
	}
	return at
}

// turned turns a switch, does something, and turns the switch back after a
// while in which the plugin finds out.
func turned(name string, do func(context.Context, *stage) error) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		if err := s.settled(ctx); err != nil {
			return err
		}
		if err := s.switches.turn(ctx, name, true); err != nil {
			return err
		}
		if err := do(ctx, s); err != nil {
			return err
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		return s.switches.turn(ctx, name, false)
	}
}

// settled waits until nothing happens any more. A process that is killed
// between a post and its record leaves others to wait for twenty seconds, which
// is right and makes a tiresome story.
func (s *stage) settled(ctx context.Context) error {
	const quiet = 400 * time.Millisecond
	for {
		_, before := s.journal.since(0, 0)
		if err := pause(ctx, quiet); err != nil {
			return err
		}
		if _, after := s.journal.since(0, 0); after == before {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
