package slacktest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// User is a person or a bot.
type User struct {
	ID           string // "U…" or "W…"; given by AddUser if empty
	Name         string // without "@"; default the address before its "@", or the ID
	RealName     string // default Name
	Email        string // found by users.lookupByEmail without regard to case
	TeamID       string // default the workspace's; another one for people of Slack Connect
	TimeZone     string // default "UTC"
	Deleted      bool   // deactivated: not found by address, takes no messages
	IsBot        bool   // takes no messages from our bot
	IsRestricted bool   // a guest, of several channels or of one

	EmailUnconfirmed  bool // the address was not confirmed by the mail that Slack sent there
	IsUltraRestricted bool // a guest of one channel; is_restricted is then true as well
	IsStranger        bool // of another workspace, with nothing shared any more; only with a foreign TeamID
}

// Channel is a public or private channel.
type Channel struct {
	ID          string // "C…" or "G…"; given by AddChannel if empty
	Name        string // without "#"; default the ID in lower case
	Private     bool   // invisible to the bot unless it is a member
	Archived    bool   // takes no messages
	BotIsMember bool
	Members     []string // user IDs without the bot; nil: everybody who is in the workspace
}

// Group is a user group.
type Group struct {
	ID       string // "S…"; given by AddGroup if empty
	Handle   string // without "@"
	Name     string
	Disabled bool
	Users    []string // user IDs
}

// conversation is a channel or a direct message with what was said in it.
type conversation struct {
	Channel
	user string     // the other side of a direct message; empty for channels
	top  []*message // messages of their own, oldest first
	byTS map[string]*message
}

func (c *conversation) isDM() bool { return c.user != "" }

// kind is the conversation's type in conversations.list and in scopes.
func (c *conversation) kind() (listType, scope string) {
	switch {
	case c.isDM():
		return "im", "im"
	case c.Private:
		return "private_channel", "groups"
	}
	return "public_channel", "channels"
}

// world is everything that is in the workspace.
type world struct {
	users     map[string]*User
	userOrder []string
	byEmail   map[string]string // lower case address → user ID
	convs     map[string]*conversation
	convOrder []string
	byName    map[string]string // channel name → ID
	dms       map[string]string // user ID → ID of the conversation with the bot
	groups    map[string]*Group
	ephemeral []Message
	ids       int   // IDs given
	clock     int64 // the last timestamp given, in microseconds
	changes   int
}

func newWorld() world {
	return world{
		users: map[string]*User{}, byEmail: map[string]string{},
		convs: map[string]*conversation{}, byName: map[string]string{},
		dms: map[string]string{}, groups: map[string]*Group{},
	}
}

func (w *world) newID(prefix string) string {
	w.ids++
	return fmt.Sprintf("%s0TEST%05d", prefix, w.ids)
}

// AddUser adds a user, or replaces the one with the same ID, and returns it
// with its defaults filled in.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.world
	if u.ID == "" {
		u.ID = w.newID("U")
	}
	local, _, _ := strings.Cut(u.Email, "@")
	u.Name = cmp.Or(u.Name, strings.ToLower(local), strings.ToLower(u.ID))
	u.RealName = cmp.Or(u.RealName, u.Name)
	u.TeamID = cmp.Or(u.TeamID, s.opt.TeamID)
	u.TimeZone = cmp.Or(u.TimeZone, "UTC")
	if old := w.users[u.ID]; old == nil {
		w.userOrder = append(w.userOrder, u.ID)
	} else if email := strings.ToLower(old.Email); w.byEmail[email] == u.ID {
		delete(w.byEmail, email)
	}
	w.users[u.ID] = &u
	if u.Email != "" && !u.Deleted {
		w.byEmail[strings.ToLower(u.Email)] = u.ID
	}
	s.tell(WorldChanged, "", nil)
	return u
}

// AddChannel adds a channel, or replaces what the one with the same ID is but
// not what was said in it, and returns it with its defaults filled in.
func (s *Server) AddChannel(c Channel) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.world
	if c.ID == "" {
		c.ID = w.newID("C")
	}
	c.Name = cmp.Or(strings.TrimPrefix(c.Name, "#"), strings.ToLower(c.ID))
	c.Members = slices.Clone(c.Members)
	conv := w.convs[c.ID]
	if conv == nil {
		conv = w.addConversation(c.ID)
	} else if w.byName[conv.Name] == c.ID {
		delete(w.byName, conv.Name)
	}
	conv.Channel = c
	w.byName[c.Name] = c.ID
	s.tell(WorldChanged, "", nil)
	c.Members = slices.Clone(c.Members)
	return c
}

// AddGroup adds a user group, or replaces the one with the same ID.
func (s *Server) AddGroup(g Group) Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.ID == "" {
		g.ID = s.world.newID("S")
	}
	g.Handle = cmp.Or(g.Handle, strings.ToLower(g.ID))
	g.Name = cmp.Or(g.Name, g.Handle)
	g.Users = slices.Clone(g.Users)
	kept := g
	s.world.groups[g.ID] = &kept
	s.tell(WorldChanged, "", nil)
	return g
}

func (w *world) addConversation(id string) *conversation {
	c := &conversation{Channel: Channel{ID: id}, byTS: map[string]*message{}}
	w.convs[id] = c
	w.convOrder = append(w.convOrder, id)
	return c
}

// Users returns everybody, in the order in which they were added.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := make([]User, 0, len(s.world.userOrder))
	for _, id := range s.world.userOrder {
		users = append(users, *s.world.users[id])
	}
	return users
}

// Channels returns all channels, in the order in which they were added.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var channels []Channel
	for _, id := range s.world.convOrder {
		if c := s.world.convs[id]; !c.isDM() {
			kept := c.Channel
			kept.Members = slices.Clone(kept.Members)
			channels = append(channels, kept)
		}
	}
	return channels
}

// DM returns the ID of the direct message between the bot and a user, and
// whether it was opened yet. A user has the same ID for ever.
func (s *Server) DM(userID string) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok = s.world.dms[userID]
	return id, ok
}

// openDM returns the direct message with a user who takes messages. Slack
// itself lets chat.postMessage write to deactivated people, and nobody reads
// it (slackapi/python-slack-sdk#1156); here that is an error.
func (s *Server) openDM(userID string) (c *conversation, opened bool, err error) {
	w := &s.world
	u := w.users[userID]
	switch {
	case u == nil:
		return nil, false, refuse("user_not_found")
	case u.IsBot:
		return nil, false, refuse("cannot_dm_bot")
	case u.Deleted:
		return nil, false, refuse("user_disabled")
	}
	if id, ok := w.dms[userID]; ok {
		return w.convs[id], false, nil
	}
	id := "D" + userID[1:]
	if w.convs[id] != nil { // U1 and W1
		id = "D" + userID
	}
	c = w.addConversation(id)
	c.user, c.Private, c.BotIsMember = userID, true, true
	w.dms[userID] = id
	return c, true, nil
}

// isUserID reports whether an argument has the form of a user's ID.
func isUserID(id string) bool {
	return len(id) > 1 && (id[0] == 'U' || id[0] == 'W') && strings.ToUpper(id) == id
}

// idOf returns the ID of the conversation that a "channel" argument of
// chat.postMessage means; empty if there is none.
func (w *world) idOf(channel string) string {
	if w.convs[channel] != nil {
		return channel
	}
	if id, ok := w.dms[channel]; ok {
		return id
	}
	return w.byName[strings.TrimPrefix(channel, "#")]
}

// place is the same for all names of a conversation: a user's ID for direct
// messages, also before they were opened, else the channel's ID.
func (w *world) place(channel string) string {
	if c := w.convs[w.idOf(channel)]; c != nil {
		return cmp.Or(c.user, c.ID)
	}
	return channel
}

// visible returns the conversation with an ID if the bot can know of it.
func (w *world) visible(id string) (*conversation, error) {
	c := w.convs[id]
	if c == nil || c.Private && !c.BotIsMember {
		return nil, refuse("channel_not_found")
	}
	return c, nil
}

// joined is visible and wants the bot to be a member.
func (w *world) joined(id string) (*conversation, error) {
	c, err := w.visible(id)
	if err == nil && !c.BotIsMember {
		err = refuse("not_in_channel")
	}
	return c, err
}

// members returns the IDs of who is in a conversation, the bot last.
func (s *Server) members(c *conversation) []string {
	var ids []string
	switch {
	case c.isDM():
		ids = []string{c.user}
	case c.Members != nil:
		ids = slices.Clone(c.Members)
	default:
		for _, id := range s.world.userOrder {
			if u := s.world.users[id]; !u.Deleted && id != s.opt.BotUserID {
				ids = append(ids, id)
			}
		}
	}
	if c.BotIsMember && !slices.Contains(ids, s.opt.BotUserID) {
		ids = append(ids, s.opt.BotUserID)
	}
	return ids
}
