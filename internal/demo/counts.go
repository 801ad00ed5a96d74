package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

const (
	// countPause is the least time between two counts, since each reads everything.
	countPause = 300 * time.Millisecond
	// lostAfter is how long after the last fault or change a missing message counts
	// as lost: longer than the plugin's longest retry delay.
	lostAfter = time.Minute
)

// countsView counts the messages of all requests, as the page shows them. The
// routes say who is wanted: each recipient once for each request.
type countsView struct {
	Wanted    int `json:"wanted"`
	Delivered int `json:"delivered"`
	Waiting   int `json:"waiting"` // missing, and not yet lost
	Lost      int `json:"lost"`    // missing for lostAfter with no fault and no change
	Doubled   int `json:"doubled"`
	Late      int `json:"late"` // present, but without the request's resolution
}

// counter counts in the background whenever something changed.
type counter struct {
	env   *environment
	news  *signal
	dirty chan struct{} // of capacity 1

	mu         sync.Mutex
	known      map[string]types.AccessRequest // every request that there ever was
	last       countsView
	quietSince time.Time // the time of the last fault or change
}

func newCounter(env *environment) *counter {
	return &counter{env: env, news: newSignal(), dirty: make(chan struct{}, 1), known: map[string]types.AccessRequest{}}
}

// schedule requests a count.
func (c *counter) schedule() {
	select {
	case c.dirty <- struct{}{}:
	default:
	}
}

// run counts whenever something changed, until ctx ends.
func (c *counter) run(ctx context.Context, trouble func() bool) error {
	again := time.NewTicker(lostAfter / 12) // a missing message may count as lost by now
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.dirty:
		case <-again.C:
		}
		c.count(time.Now(), trouble())
		rest := time.NewTimer(countPause)
		select {
		case <-ctx.Done():
			rest.Stop()
			return nil
		case <-rest.C:
		}
	}
}

func (c *counter) view() countsView {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// count counts everything anew.
func (c *counter) count(now time.Time, trouble bool) {
	found := map[place][]slacktest.Message{}
	for _, conv := range c.env.conversations() {
		for _, m := range c.env.slack.Messages(conv.channel) {
			if at := placeOf(conv.name, m); at.part == "request" {
				found[at] = append(found[at], m)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	live := map[string]bool{}
	fresh := trouble
	for _, r := range c.env.teleport.Requests() {
		old, ok := c.known[r.GetName()]
		fresh = fresh || !ok || old.GetState() != r.GetState()
		live[r.GetName()], c.known[r.GetName()] = true, r
	}
	if fresh || c.quietSince.IsZero() {
		c.quietSince = now
	}
	var v countsView
	for id, r := range c.known {
		for conv := range c.env.wanted(r) {
			messages := found[place{id, conv, "request"}]
			switch {
			case len(messages) > 0:
				v.Wanted++
				v.Delivered++
				if emoji := ending(r); emoji != "" && !reacted(messages[0], emoji) {
					v.Late++
				}
			case live[id]:
				v.Wanted++
				v.Waiting++
			} // a request that is gone and was never announced is not wanted
		}
	}
	for _, messages := range found {
		v.Doubled += len(messages) - 1
	}
	if now.Sub(c.quietSince) > lostAfter {
		v.Lost, v.Waiting = v.Waiting, 0
	}
	if v != c.last {
		c.last = v
		c.news.notify()
	}
}

// ending returns the reaction that shows how a request was resolved; "" for none.
func ending(r types.AccessRequest) string {
	switch r.GetState() {
	case types.RequestState_APPROVED:
		return "white_check_mark"
	case types.RequestState_DENIED:
		return "x"
	}
	return ""
}

func reacted(m slacktest.Message, emoji string) bool {
	for _, r := range m.Reactions {
		if r.Name == emoji {
			return true
		}
	}
	return false
}

// wanted returns the conversations that should have a message about a request:
// those of recipients that the routes name and that exist, and the requester's.
func (env *environment) wanted(r types.AccessRequest) map[string]bool {
	places := map[string]bool{}
	requester := env.slackID(r.GetUser())
	routed := env.routes.Recipients(route.Input{
		Request: access.Request{
			ID: r.GetName(), User: r.GetUser(), Roles: r.GetRoles(), SuggestedReviewers: r.GetSuggestedReviewers(),
			Reason: r.GetRequestReason(), SystemAnnotations: r.GetSystemAnnotations(),
		},
		Traits: env.fixtures.traits(r.GetUser()),
	})
	for _, w := range routed.Wants {
		at := env.slackID(w.Name)
		if !w.User && w.Why != route.BySuggest && at == "" {
			at = env.channelID(w.Name)
		}
		if at != "" && at != requester && !strings.EqualFold(w.Name, r.GetUser()) {
			places[at] = true
		}
	}
	if requester != "" && env.config.Messages.Requester {
		places[requester] = true
	}
	return places
}

// slackID returns the Slack ID of the person with a Teleport username, an email
// or that ID; "" if there is none.
func (env *environment) slackID(name string) string {
	for _, p := range env.fixtures.people {
		if p.slack != "" && (strings.EqualFold(name, p.teleport) || strings.EqualFold(name, p.email) || name == p.slack) {
			return p.slack
		}
	}
	return ""
}

// channelID returns the ID of a channel that the bot can post to, by name or ID.
func (env *environment) channelID(name string) string {
	for _, c := range env.fixtures.channels {
		if !c.Archived && c.BotIsMember && (name == c.ID || strings.EqualFold(strings.TrimLeft(name, "#"), c.Name)) {
			return c.ID
		}
	}
	return ""
}

// wanted is what a conversation should show about a request: one message, with
// these replies, each of them once.
type wanted struct {
	request      string   // access request ID
	conversation string   // channel ID, or for a direct message the user's ID
	replies      []string // parts of the message metadata, such as "review-0"
	status       string   // text that the message has to contain
	reaction     string   // emoji name; "" for none
}

// counts is the result of a scenario: what was wanted, against what Slack shows.
type counts struct {
	wanted    int      // messages and replies
	delivered int      // those of them that Slack shows
	doubled   int      // further copies of delivered ones
	stray     int      // messages and replies that are not wanted
	stale     []string // messages that don't show their request's state
	lost      []string // wanted and missing
}

func (t counts) String() string {
	return fmt.Sprintf("messages: %d wanted, %d delivered, %d lost, %d doubled, %d out of date, %d unexpected",
		t.wanted, t.delivered, len(t.lost), t.doubled, len(t.stale), t.stray)
}

// complete reports whether nothing is missing or out of date.
func (t counts) complete() bool { return len(t.lost) == 0 && len(t.stale) == 0 }

// err returns what is wrong, or nil.
func (t counts) err() error {
	if t.complete() && t.doubled == 0 && t.stray == 0 {
		return nil
	}
	var details string
	if missing := slices.Concat(t.lost, t.stale); len(missing) > 0 {
		details = ":\n  " + strings.Join(missing, "\n  ")
	}
	return fmt.Errorf("%s%s", t, details)
}

// place identifies one message or reply about a request.
type place struct{ request, conversation, part string }

// count compares the messages in Slack with the wanted ones.
func (env *environment) count(all []wanted) counts {
	found := map[place][]slacktest.Message{}
	var t counts
	for _, c := range env.conversations() {
		for _, m := range env.slack.Messages(c.channel) {
			at := placeOf(c.name, m)
			found[at] = append(found[at], m)
			for _, r := range m.Replies {
				at := placeOf(c.name, r)
				found[at] = append(found[at], r)
			}
		}
	}
	for _, w := range all {
		for _, part := range append([]string{"request"}, w.replies...) {
			at := place{w.request, w.conversation, part}
			messages := found[at]
			delete(found, at)
			t.wanted++
			if len(messages) == 0 {
				t.lost = append(t.lost, fmt.Sprintf("lost: %s of request %s in %s", part, w.request, w.conversation))
				continue
			}
			t.delivered++
			t.doubled += len(messages) - 1
			if part == "request" && !w.shown(messages[0]) {
				t.stale = append(t.stale, fmt.Sprintf("out of date: request %s in %s does not show %s %s", w.request, w.conversation, w.status, w.reaction))
			}
		}
	}
	for _, messages := range found {
		t.stray += len(messages)
	}
	return t
}

// shown reports whether the message has the wanted status, and the wanted
// reaction and no other.
func (w wanted) shown(m slacktest.Message) bool {
	if !strings.Contains(strings.Join(readable(m.Blocks, m.Text), "\n"), w.status) {
		return false
	}
	if w.reaction == "" {
		return len(m.Reactions) == 0
	}
	return len(m.Reactions) == 1 && m.Reactions[0].Name == w.reaction
}

// placeOf reads the metadata that the plugin attaches to every message.
func placeOf(conversation string, m slacktest.Message) place {
	at := place{conversation: conversation}
	if m.Metadata == nil || m.Metadata.EventType != message.MetadataEvent {
		return at
	}
	var tag struct {
		Request string `json:"request_id"`
		Part    string `json:"part"`
	}
	if json.Unmarshal(m.Metadata.EventPayload, &tag) == nil {
		at.request, at.part = tag.Request, tag.Part
	}
	return at
}

// conversation is a channel, or a user's direct messages with the bot.
type conversation struct {
	name    string // a channel's ID, or a user's
	title   string // for display: #name, @name
	channel string // Slack's ID
}

// conversations returns the open ones, channels first.
func (env *environment) conversations() []conversation {
	var out []conversation
	for _, c := range env.slack.Channels() {
		out = append(out, conversation{c.ID, "#" + c.Name, c.ID})
	}
	for _, u := range env.slack.Users() {
		if dm, ok := env.slack.DM(u.ID); ok {
			out = append(out, conversation{u.ID, "@" + u.RealName, dm})
		}
	}
	return out
}
