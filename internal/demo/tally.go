package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// wanted is what a conversation should show about a request: one message, with
// these replies, each of them once.
type wanted struct {
	request      string   // its ID
	conversation string   // a channel's ID, or the user's who has the direct message
	replies      []string // parts, as message.Tag has them
	status       string   // what the message says about where the request stands
	reaction     string   // "" for none
}

// tally is what came of everything that was wanted.
type tally struct {
	wanted    int      // messages and replies
	delivered int      // of them
	doubled   int      // messages and replies that were there already
	stray     int      // messages and replies that nobody wanted
	stale     []string // messages that don't show how their request stands
	lost      []string
}

func (t tally) String() string {
	return fmt.Sprintf("messages: %d wanted, %d delivered, %d lost, %d doubled, %d out of date, %d unexpected",
		t.wanted, t.delivered, len(t.lost), t.doubled, len(t.stale), t.stray)
}

// complete says that nothing is missing any more.
func (t tally) complete() bool { return len(t.lost) == 0 && len(t.stale) == 0 }

// err returns what is wrong, or nil.
func (t tally) err() error {
	if t.complete() && t.doubled == 0 && t.stray == 0 {
		return nil
	}
	var details string
	if missing := slices.Concat(t.lost, t.stale); len(missing) > 0 {
		details = ":\n  " + strings.Join(missing, "\n  ")
	}
	return fmt.Errorf("%s%s", t, details)
}

// place is where a part of a request's story stands.
type place struct{ request, conversation, part string }

// count compares what people see in Slack with what they should.
func (s *stage) count(all []wanted) tally {
	found := map[place][]slacktest.Message{}
	var t tally
	for _, c := range s.conversations() {
		for _, m := range s.slack.Messages(c.channel) {
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

// shown says that the message tells the status, and has the reaction and no other.
func (w wanted) shown(m slacktest.Message) bool {
	if !strings.Contains(strings.Join(readable(m.Blocks, m.Text), "\n"), w.status) {
		return false
	}
	if w.reaction == "" {
		return len(m.Reactions) == 0
	}
	return len(m.Reactions) == 1 && m.Reactions[0].Name == w.reaction
}

// placeOf reads the tag that every message carries for programs.
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

// conversation is a channel or somebody's direct message with the bot.
type conversation struct {
	name    string // a channel's ID, or a user's
	title   string // as people see it: #name, @name
	channel string // Slack's ID
}

// conversations returns those that exist, channels first.
func (s *stage) conversations() []conversation {
	var out []conversation
	for _, c := range s.slack.Channels() {
		out = append(out, conversation{c.ID, "#" + c.Name, c.ID})
	}
	for _, u := range s.slack.Users() {
		if dm, ok := s.slack.DM(u.ID); ok {
			out = append(out, conversation{u.ID, "@" + u.RealName, dm})
		}
	}
	return out
}
