package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Payload is the payload of an interaction.
type Payload = map[string]any

// Reasons why a user can't do what a test asks for.
var (
	ErrNoInteractivity = errors.New("the app is not configured to handle interactive responses")
	ErrNotThere        = errors.New("this person does not see that")
)

// Click presses a button, or any other element of a message's blocks, as a
// user would, and returns what goes to the app. The user has to see the
// message and the message the button. Each forge may change the payload
// before it is sent, to what Slack itself would never say.
func (s *Server) Click(userID, channel, ts, actionID string, forge ...func(Payload)) (*Delivery, error) {
	p, err := s.ClickPayload(userID, channel, ts, actionID)
	if err != nil {
		return nil, err
	}
	return s.Interact(p, forge...)
}

// Interact sends a payload of the type "interactive" that can be anything,
// such as one that ClickPayload returned before the message changed.
func (s *Server) Interact(p Payload, forge ...func(Payload)) (*Delivery, error) {
	s.mu.Lock()
	off := s.link.noClicks || s.link.off
	s.mu.Unlock()
	if off {
		return nil, ErrNoInteractivity
	}
	return s.interactive(p, false, false, forge), nil
}

// ClickPayload returns the payload of a click without clicking. Its trigger_id
// works from now on for three seconds.
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
func (s *Server) ClickPayload(userID, channel, ts, actionID string) (Payload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := func(what string) (Payload, error) {
		return nil, fmt.Errorf("click %q in %s: %s: %w", actionID, channel, what, ErrNotThere)
	}
	u := s.world.users[userID]
	c := s.world.convs[s.world.idOf(channel)]
	switch {
	case u == nil || u.Deleted:
		return refused("no such user")
	case c == nil || !slices.Contains(s.members(c), userID):
		return refused("not in the conversation")
	case c.byTS[ts] == nil || c.byTS[ts].Tombstone:
		return refused("no such message")
	}
	m := c.byTS[ts]
	blocks := withIDs(m.Blocks, m.TS)
	action := findAction(blocks, actionID)
	if action == nil {
		return refused("no such button")
	}
	action["action_ts"] = s.stampNow()
	container := Payload{"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": false}
	if m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	message := s.messageJSON(m, true)
	message["blocks"] = blocks
	p := s.interaction("block_actions", u)
	p["container"], p["message"], p["actions"] = container, message, []any{action}
	p["channel"] = Payload{"id": c.ID, "name": c.payloadName()}
	p["state"] = Payload{"values": Payload{}}
	p["response_url"] = fmt.Sprintf("https://hooks.slack.com/actions/%s/%d/%016x", s.opt.TeamID, s.link.ids, rand.Uint64())
	p["trigger_id"] = s.newTrigger(u.ID)
	// Through JSON, so that a forger finds nothing but maps, lists and values.
	return plain(p), nil
}

// interaction is what all payloads have in common.
func (s *Server) interaction(kind string, u *User) Payload {
	return Payload{
		"type": kind, "token": "verification-token", "api_app_id": s.opt.AppID,
		"team":       Payload{"id": s.opt.TeamID, "domain": s.opt.TeamDomain},
		"enterprise": nil, "is_enterprise_install": false,
		"user": Payload{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
	}
}

// payloadName is how payloads call a conversation.
func (c *conversation) payloadName() string {
	switch {
	case c.isDM():
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

func plain(p Payload) Payload {
	text, err := json.Marshal(p)
	var copied Payload
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	if err != nil {
		panic(fmt.Sprintf("slacktest: copy payload: %v", err)) // payloads are made of what came as JSON
	}
	return copied
}

// withIDs returns blocks with a block_id and an action_id wherever the app
// left one out, as Slack gives them. They are the same each time.
func withIDs(blocks json.RawMessage, ts string) []any {
	var list []any
	if json.Unmarshal(blocks, &list) != nil {
		return []any{}
	}
	id := func(o object, name string, place ...string) {
		if text, _ := o[name].(string); text == "" {
			o[name] = shortID(append(place, ts)...)
		}
	}
	for i, b := range list {
		o, ok := b.(object)
		if !ok {
			continue
		}
		place := strconv.Itoa(i)
		id(o, "block_id", place)
		if accessory, ok := o["accessory"].(object); ok && accessory["type"] != "image" {
			id(accessory, "action_id", place, "accessory")
		}
		if element, ok := o["element"].(object); ok {
			id(element, "action_id", place, "element")
		}
		if o["type"] != "actions" {
			continue
		}
		elements, _ := o["elements"].([]any)
		for j, e := range elements {
			if element, ok := e.(object); ok {
				id(element, "action_id", place, strconv.Itoa(j))
			}
		}
	}
	return list
}

// shortID is five characters, as Slack's are.
func shortID(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p + "\x00"))
	}
	text := strconv.FormatUint(h.Sum64(), 36)
	return ("00000" + text)[len(text):]
}

// findAction returns what a payload says of an element that was used.
func findAction(blocks []any, actionID string) Payload {
	for _, b := range blocks {
		o, _ := b.(object)
		elements, _ := o["elements"].([]any)
		if o["type"] != "actions" {
			elements = []any{o["accessory"]}
		}
		for _, e := range elements {
			element, _ := e.(object)
			if element == nil || element["action_id"] != actionID {
				continue
			}
			action := Payload{"action_id": actionID, "block_id": o["block_id"], "type": element["type"]}
			for _, name := range []string{"text", "value", "style"} {
				if element[name] != nil {
					action[name] = element[name]
				}
			}
			return action
		}
	}
	return nil
}

// triggerLife is how long a trigger_id works.
// https://docs.slack.dev/interactivity/handling-user-interaction
const triggerLife = 3 * time.Second

// trigger is the right to show something to a user who just acted.
type trigger struct {
	user string
	at   time.Time
	used bool
}

func (s *Server) newTrigger(userID string) string {
	now := s.opt.Clock()
	for id, t := range s.modal.triggers { // so long after its end, one is as good as unknown
		if now.Sub(t.at) > time.Minute {
			delete(s.modal.triggers, id)
		}
	}
	s.modal.ids++
	id := fmt.Sprintf("%d.%d.%016x", s.modal.ids, now.Unix(), rand.Uint64())
	s.modal.triggers[id] = &trigger{user: userID, at: now}
	return id
}

// exchange uses up a trigger_id.
func (s *Server) exchange(id string) (userID string, err error) {
	t := s.modal.triggers[id]
	switch {
	case strings.TrimSpace(id) == "":
		return "", missingField("trigger_id")
	case t == nil:
		return "", refuse("invalid_trigger_id")
	case t.used:
		return "", refuse("exchanged_trigger_id")
	case s.opt.Clock().Sub(t.at) > triggerLife:
		return "", refuse("expired_trigger_id")
	}
	t.used = true
	return t.user, nil
}
