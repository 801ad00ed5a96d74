package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// View is a modal that a user has open.
type View struct {
	ID              string
	User            string
	Hash            string
	CallbackID      string
	PrivateMetadata string
	Title           string
	JSON            json.RawMessage   // as it was sent
	Errors          map[string]string // by block_id, as the app answered the last submission
}

// modals are the modals that people have open.
type modals struct {
	triggers map[string]*trigger
	stacks   map[string][]*view // by user; the last one is on top
	ids      int
}

// view is a modal with its place in a stack.
type view struct {
	View
	content  object
	root     string
	previous string
}

// Views returns the modals that a user has open, the one on top last.
func (s *Server) Views(userID string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var views []View
	for _, v := range s.modal.stacks[userID] {
		views = append(views, v.View)
	}
	return views
}

func (s *Server) openView(a args) (body, error) { return s.showView(a, false) }
func (s *Server) pushView(a args) (body, error) { return s.showView(a, true) }

func (s *Server) showView(a args, push bool) (body, error) {
	content, err := checkView(a["view"])
	if err != nil {
		return nil, err
	}
	userID, err := s.exchange(a["trigger_id"])
	if err != nil {
		return nil, err
	}
	stack := s.modal.stacks[userID]
	switch {
	case !push:
		stack = nil
	case len(stack) == 0:
		return nil, refuse("not_found")
	case len(stack) >= maxViews:
		return nil, refuse("push_limit_reached")
	}
	v := s.newView(userID, stack, content)
	s.modal.stacks[userID] = append(stack, v)
	s.tell(ViewsChanged, "", nil)
	return body{"view": s.viewJSON(v, nil)}, nil
}

func (s *Server) newView(userID string, stack []*view, content object) *view {
	s.modal.ids++
	v := &view{View: View{ID: fmt.Sprintf("V0TEST%05d", s.modal.ids), User: userID}}
	v.root = v.ID
	if n := len(stack); n > 0 {
		v.root, v.previous = stack[0].ID, stack[n-1].ID
	}
	s.setView(v, content)
	return v
}

func (s *Server) setView(v *view, content object) {
	text, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("slacktest: encode view: %v", err)) // it came as JSON
	}
	title, _ := content["title"].(object)
	v.content, v.JSON, v.Errors = content, text, nil
	v.CallbackID, _ = content["callback_id"].(string)
	v.PrivateMetadata, _ = content["private_metadata"].(string)
	v.Title, _ = title["text"].(string)
	v.Hash = s.stampNow()
}

func (s *Server) updateView(a args) (body, error) {
	content, err := checkView(a["view"])
	if err != nil {
		return nil, err
	}
	if a["view_id"] == "" && a["external_id"] == "" {
		return nil, missingField("view_id")
	}
	for _, stack := range s.modal.stacks {
		for _, v := range stack {
			external, _ := v.content["external_id"].(string)
			if v.ID != a["view_id"] && (a["external_id"] == "" || external != a["external_id"]) {
				continue
			}
			if a["hash"] != "" && a["hash"] != v.Hash {
				return nil, refuse("hash_conflict")
			}
			s.setView(v, content)
			s.tell(ViewsChanged, "", nil)
			return body{"view": s.viewJSON(v, nil)}, nil
		}
	}
	return nil, refuse("not_found")
}

// viewJSON is a view as answers and payloads show it. values is what was
// typed, by block_id and action_id.
func (s *Server) viewJSON(v *view, values Payload) Payload {
	if values == nil {
		values = Payload{}
	}
	p := Payload{
		"id": v.ID, "team_id": s.opt.TeamID, "app_id": s.opt.AppID, "bot_id": s.opt.BotID,
		"app_installed_team_id": s.opt.TeamID, "hash": v.Hash, "root_view_id": v.root, "previous_view_id": nil,
		"state": Payload{"values": values}, "private_metadata": "", "callback_id": "", "external_id": "",
		"clear_on_close": false, "notify_on_close": false, "close": nil, "submit": nil,
	}
	if v.previous != "" {
		p["previous_view_id"] = v.previous
	}
	for name, value := range v.content {
		p[name] = value
	}
	blocks, err := json.Marshal(v.content["blocks"])
	if err != nil {
		panic(fmt.Sprintf("slacktest: encode blocks: %v", err)) // they came as JSON
	}
	p["blocks"] = withIDs(blocks, v.ID)
	return p
}

// top returns a user's view if it is the topmost.
func (s *Server) top(userID, viewID string) (*view, error) {
	stack := s.modal.stacks[userID]
	if len(stack) == 0 || stack[len(stack)-1].ID != viewID {
		return nil, fmt.Errorf("view %q of %s: %w", viewID, userID, ErrNotThere)
	}
	return stack[len(stack)-1], nil
}

func (s *Server) pop(userID, viewID string) {
	s.modal.stacks[userID] = slices.DeleteFunc(s.modal.stacks[userID], func(v *view) bool { return v.ID == viewID })
	s.tell(ViewsChanged, "", nil)
}
