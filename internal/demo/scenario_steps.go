package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// typing is how long a person takes at least to write a reason. The plugin may
// still be busy opening the window.
const typing = 300 * time.Millisecond

func requestAccess(r teleporttest.Request) func(context.Context, *environment) error {
	return func(_ context.Context, env *environment) error {
		r.Thresholds, r.AccessTTL = env.fixtures.thresholds(r.Roles), accessTTL
		_, err := env.teleport.CreateRequest(r)
		return err
	}
}

func reviewAs(id, author string, state types.RequestState, reason string) func(context.Context, *environment) error {
	return func(_ context.Context, env *environment) error {
		_, err := env.teleport.Review(id, author, state, reason)
		return err
	}
}

// expectIn expects the same message and replies in each conversation.
func expectIn(id, status, reaction string, replies []string, conversations ...string) func() []wanted {
	return func() []wanted {
		var all []wanted
		for _, c := range conversations {
			all = append(all, wanted{id, c, replies, status, reaction})
		}
		return all
	}
}

// expectResolved expects the same in each conversation, and for the requester
// also a reply with the outcome.
func expectResolved(id, status, reaction string, replies []string, requester string, others ...string) func() []wanted {
	return func() []wanted {
		withOutcome := append(append([]string{}, replies...), "final")
		return append(expectIn(id, status, reaction, replies, others...)(), wanted{id, requester, withOutcome, status, reaction})
	}
}

// pressButton clicks a button of a request's message as a user. With a reason, it
// fills in the window that opens. It waits for the ephemeral answer, which belongs
// to this step.
func pressButton(request, at, user, button, reason string) func(context.Context, *environment) error {
	return func(ctx context.Context, env *environment) error {
		ctx, cancel := context.WithTimeout(ctx, ackTimeout)
		defer cancel()
		if err := env.settled(ctx); err != nil { // clicks count once the message is in the record
			return err
		}
		channel := env.slackChannel(at)
		for _, m := range env.slack.Messages(channel) {
			if placeOf("", m).request != request {
				continue
			}
			before := len(env.slack.EphemeralMessages())
			d, err := env.slack.Click(user, channel, m.TS, button)
			if err != nil {
				return err
			}
			if err := d.Wait(ctx); err != nil {
				return err
			}
			if reason != "" {
				if err := env.fillIn(ctx, user, reason); err != nil {
					return err
				}
			}
			return env.waitEphemeral(ctx, before)
		}
		return trace.NotFound("no message about request %s in %s", request, at)
	}
}

// waitEphemeral waits until there are more ephemeral messages than before.
func (env *environment) waitEphemeral(ctx context.Context, before int) error {
	changes, unsubscribe := env.slack.Subscribe(1)
	defer unsubscribe()
	for len(env.slack.EphemeralMessages()) <= before {
		select {
		case <-changes:
		case <-ctx.Done():
			return fmt.Errorf("the click was not answered: %w", ctx.Err())
		}
	}
	return nil
}

// fillIn waits for a user's window and submits it.
func (env *environment) fillIn(ctx context.Context, user, reason string) error {
	changes, unsubscribe := env.slack.Subscribe(1)
	defer unsubscribe()
	for {
		if vs := env.slack.Views(user); len(vs) > 0 {
			if err := pause(ctx, typing); err != nil {
				return err
			}
			r, err := env.slack.SubmitView(ctx, user, vs[len(vs)-1].ID, map[string]string{message.ReasonBlock: reason})
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

// slackChannel returns Slack's ID of a conversation that a scenario names.
func (env *environment) slackChannel(at string) string {
	if dm, ok := env.slack.DM(at); ok {
		return dm
	}
	if id := env.channelID(at); id != "" {
		return id
	}
	return at
}

// withSwitch does something while a switch is on. It leaves the switch on for
// two seconds after that, so that the plugin runs into the fault.
func withSwitch(name string, do func(context.Context, *environment) error) func(context.Context, *environment) error {
	return func(ctx context.Context, env *environment) error {
		if err := env.settled(ctx); err != nil {
			return err
		}
		if err := env.switches.turn(ctx, name, true); err != nil {
			return err
		}
		if err := do(ctx, env); err != nil {
			return err
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		return env.switches.turn(ctx, name, false)
	}
}

// settled waits until the journal is quiet. Killing a process between a post and
// its record makes others wait for twenty seconds, too long for a scenario.
func (env *environment) settled(ctx context.Context) error {
	const quiet = 400 * time.Millisecond
	for {
		_, before := env.journal.since(0, 0)
		if err := pause(ctx, quiet); err != nil {
			return err
		}
		if _, after := env.journal.since(0, 0); after == before {
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
