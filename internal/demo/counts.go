package demo

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

const (
	// countPause is how long to rest between two counts, which read everything.
	countPause = 300 * time.Millisecond
	// calm is how long nothing has to be wrong, and nothing new, before what is
	// missing counts as lost: longer than the plugin ever waits to try again.
	calm = time.Minute
)

// countView is what came of all requests. Everybody who should hear of a
// request is wanted once; who that is, the plugin's own routes say.
type countView struct {
	Wanted    int `json:"wanted"`
	Delivered int `json:"delivered"`
	Waiting   int `json:"waiting"` // not there yet
	Lost      int `json:"lost"`    // not there although nothing is wrong any more
	Doubled   int `json:"doubled"`
	Late      int `json:"late"` // there, and without the end of their request
}

// counts counts, beside everything else.
type counts struct {
	stage *stage
	news  *signal
	dirty chan struct{} // of capacity 1

	mu     sync.Mutex
	known  map[string]types.AccessRequest // every request that there ever was
	last   countView
	calmed time.Time // since when nothing is wrong or new
}

func newCounts(s *stage) *counts {
	return &counts{stage: s, news: newSignal(), dirty: make(chan struct{}, 1), known: map[string]types.AccessRequest{}}
}

// kick asks for a count.
func (c *counts) kick() {
	select {
	case c.dirty <- struct{}{}:
	default:
	}
}

// run counts whenever something changed, until ctx ends.
func (c *counts) run(ctx context.Context, trouble func() bool) error {
	again := time.NewTicker(calm / 12) // what is missing may become lost
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

func (c *counts) view() countView {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// count counts everything anew.
func (c *counts) count(now time.Time, trouble bool) {
	found := map[place][]slacktest.Message{}
	for _, conv := range c.stage.conversations() {
		for _, m := range c.stage.slack.Messages(conv.channel) {
			if at := placeOf(conv.name, m); at.part == "request" {
				found[at] = append(found[at], m)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	live := map[string]bool{}
	fresh := trouble
	for _, r := range c.stage.teleport.Requests() {
		old, ok := c.known[r.GetName()]
		fresh = fresh || !ok || old.GetState() != r.GetState()
		live[r.GetName()], c.known[r.GetName()] = true, r
	}
	if fresh || c.calmed.IsZero() {
		c.calmed = now
	}
	var v countView
	for id, r := range c.known {
		for conv := range c.stage.wanted(r) {
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
			} // nobody can be told any more of what is gone
		}
	}
	for _, messages := range found {
		v.Doubled += len(messages) - 1
	}
	if now.Sub(c.calmed) > calm {
		v.Lost, v.Waiting = v.Waiting, 0
	}
	if v != c.last {
		c.last = v
		c.news.tell()
	}
}

// ending is the reaction that shows how a request ended; "" if none does.
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

// wanted returns where a request should be heard of: the conversations of
// those whom the routes name and who are there, and the requester's.
func (s *stage) wanted(r types.AccessRequest) map[string]bool {
	places := map[string]bool{}
	requester := s.slackID(r.GetUser())
	routed := s.routes.Recipients(route.Input{
		Request: access.Request{
			ID: r.GetName(), User: r.GetUser(), Roles: r.GetRoles(), SuggestedReviewers: r.GetSuggestedReviewers(),
			Reason: r.GetRequestReason(), SystemAnnotations: r.GetSystemAnnotations(),
		},
		Traits: s.world.traits(r.GetUser()),
	})
	for _, w := range routed.Wants {
		at := s.slackID(w.Name)
		if !w.User && w.Why != route.BySuggest && at == "" {
			at = s.channelID(w.Name)
		}
		if at != "" && at != requester && !strings.EqualFold(w.Name, r.GetUser()) {
			places[at] = true
		}
	}
	if requester != "" && s.config.Messages.Requester {
		places[requester] = true
	}
	return places
}

// slackID returns the Slack ID of somebody who is known by a Teleport
// username, an email or that ID; "" for nobody.
func (s *stage) slackID(name string) string {
	for _, p := range s.world.people {
		if p.slack != "" && (strings.EqualFold(name, p.teleport) || strings.EqualFold(name, p.email) || name == p.slack) {
			return p.slack
		}
	}
	return ""
}

// channelID returns the ID of a channel that takes messages, by its name or ID.
func (s *stage) channelID(name string) string {
	for _, c := range s.world.channels {
		if !c.Archived && c.BotIsMember && (name == c.ID || strings.EqualFold(strings.TrimLeft(name, "#"), c.Name)) {
			return c.ID
		}
	}
	return ""
}
