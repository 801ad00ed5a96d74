package slacktest

// Kinds of Change.
const (
	Posted          = "posted"
	Edited          = "edited"
	Deleted         = "deleted"
	ReactionAdded   = "reaction_added"
	ReactionRemoved = "reaction_removed"
	EphemeralPosted = "ephemeral"
	ViewsChanged    = "views" // the modals of a user; see Views
	WorldChanged    = "world" // a user, channel or group was added or replaced
)

// Change is something that changed in the workspace.
type Change struct {
	Seq     int     // 1, 2, … over the whole workspace
	Kind    string  // one of the kinds above
	Channel string  // the conversation's ID; empty with WorldChanged and ViewsChanged
	Message Message // as it is now; before the change with Deleted; without its replies
	Missed  int     // changes that this subscriber had no room for since the one before
}

// subscription is one subscriber; the server's lock guards it.
type subscription struct {
	ch     chan Change
	missed int
	ended  bool
}

func (s *subscription) end() {
	if !s.ended {
		s.ended = true
		close(s.ch)
	}
}

// Subscribe delivers every change from now on, in order. The channel holds
// up to buffer changes (at least one) that were not received; the server never
// waits for a subscriber but drops what has no room, and says so in the next
// Change. The channel is closed by cancel and by Close.
func (s *Server) Subscribe(buffer int) (changes <-chan Change, cancel func()) {
	sub := &subscription{ch: make(chan Change, max(1, buffer))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		sub.end()
	} else {
		s.subs[sub] = struct{}{}
	}
	return sub.ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, sub)
		sub.end()
	}
}

// tell sends a change to the subscribers; s.mu is held.
func (s *Server) tell(kind, channel string, m *message) {
	s.world.changes++
	if len(s.subs) == 0 {
		return
	}
	c := Change{Seq: s.world.changes, Kind: kind, Channel: channel}
	if m != nil {
		c.Message = m.copyFlat()
	}
	for sub := range s.subs {
		c.Missed = sub.missed
		select {
		case sub.ch <- c:
			sub.missed = 0
		default:
			sub.missed++
		}
	}
}
