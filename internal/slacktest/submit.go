package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Response is what an app answered to a submission.
type Response struct {
	Action  string            // "errors", "clear", "update", "push"; empty: the modal closes
	Errors  map[string]string // by block_id, with "errors"
	Payload json.RawMessage   // as it came; nil without one
}

// ErrMayNotSubmit is what Slack itself says to a person before anything is
// sent: a field is empty that has to be filled, or is too long.
var ErrMayNotSubmit = errors.New("the modal can't be submitted like that")

// SubmitView submits the topmost modal of a user, with what was typed by
// block_id, and does with the modal what the app answers. What a field was
// filled with before stays, if state has nothing for it. ErrUnanswered is
// what Slack shows as "We had some trouble connecting"; the modal stays.
// Each forge may change the payload before it is sent.
// https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
func (s *Server) SubmitView(ctx context.Context, userID, viewID string, state map[string]string, forge ...func(Payload)) (Response, error) {
	p, err := s.SubmitPayload(userID, viewID, state)
	if err != nil {
		return Response{}, err
	}
	d := s.interactive(p, true, true, forge)
	if err := d.Wait(ctx); err != nil {
		return Response{}, err
	}
	return s.afterSubmit(userID, viewID, d.Response())
}

// SubmitPayload returns the payload of a submission without submitting.
func (s *Server) SubmitPayload(userID, viewID string, state map[string]string) (Payload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link.noClicks || s.link.off {
		return nil, ErrNoInteractivity
	}
	u := s.world.users[userID]
	v, err := s.top(userID, viewID)
	if err != nil || u == nil {
		return nil, errors.Join(err, ErrNotThere)
	}
	if v.content["submit"] == nil {
		return nil, fmt.Errorf("view %q has no submit: %w", viewID, ErrNotThere)
	}
	values, err := typed(s.viewJSON(v, nil)["blocks"].([]any), state)
	if err != nil {
		return nil, err
	}
	p := s.interaction("view_submission", u)
	p["view"], p["response_urls"] = s.viewJSON(v, values), []any{}
	p["trigger_id"] = s.newTrigger(u.ID)
	return plain(p), nil
}

// typed returns the values of a view's state, as far as Slack's client lets
// people fill them in.
func typed(blocks []any, state map[string]string) (Payload, error) {
	values, known := Payload{}, map[string]bool{}
	for _, b := range blocks {
		o, _ := b.(object)
		if o["type"] != "input" {
			continue
		}
		blockID, _ := o["block_id"].(string)
		element, _ := o["element"].(object)
		actionID, _ := element["action_id"].(string)
		kind, _ := element["type"].(string)
		known[blockID] = true
		text, given := state[blockID]
		if !given {
			text, _ = element["initial_value"].(string)
		}
		n := float64(utf8.RuneCountInString(text))
		atLeast, _ := element["min_length"].(float64)
		atMost, limited := element["max_length"].(float64)
		if !limited {
			atMost = maxInputChars
		}
		optional, _ := o["optional"].(bool)
		switch {
		case n == 0 && !optional, n > 0 && n < atLeast, n > atMost:
			return nil, fmt.Errorf("field %q with %v characters: %w", blockID, n, ErrMayNotSubmit)
		}
		var value any
		if text != "" {
			value = text
		}
		one := Payload{"type": kind, "value": value}
		if kind == "static_select" {
			one = Payload{"type": kind, "selected_option": nil}
			if text != "" {
				one["selected_option"] = Payload{"value": text, "text": Payload{"type": "plain_text", "text": text}}
			}
		}
		values[blockID] = Payload{actionID: one}
	}
	for blockID := range state {
		if !known[blockID] {
			return nil, fmt.Errorf("field %q: %w", blockID, ErrNotThere)
		}
	}
	return values, nil
}

// afterSubmit does what the app answered.
func (s *Server) afterSubmit(userID, viewID string, payload json.RawMessage) (Response, error) {
	r := Response{Payload: payload}
	var answer struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, &answer); err != nil {
			return r, fmt.Errorf("answer of the app: %w", err)
		}
	}
	r.Action, r.Errors = answer.Action, answer.Errors
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.top(userID, viewID)
	if err != nil { // it was closed meanwhile
		return r, nil
	}
	switch r.Action {
	case "":
		s.pop(userID, viewID)
	case "clear":
		delete(s.modal.stacks, userID)
		s.tell(ViewsChanged, "", nil)
	case "errors":
		return r, s.showErrors(v, r.Errors)
	case "update", "push":
		content, err := checkView(string(answer.View))
		if err != nil {
			return r, fmt.Errorf("view in the answer of the app: %w", err)
		}
		if r.Action == "update" {
			s.setView(v, content)
		} else {
			stack := s.modal.stacks[userID]
			if len(stack) >= maxViews {
				return r, refuse("push_limit_reached")
			}
			s.modal.stacks[userID] = append(stack, s.newView(userID, stack, content))
		}
		s.tell(ViewsChanged, "", nil)
	default:
		return r, fmt.Errorf("answer of the app: unknown response_action %q", r.Action)
	}
	return r, nil
}

// showErrors shows the app's errors beside the fields that they name.
func (s *Server) showErrors(v *view, errs map[string]string) error {
	var inputs []string
	for _, b := range s.viewJSON(v, nil)["blocks"].([]any) {
		if o, _ := b.(object); o["type"] == "input" {
			id, _ := o["block_id"].(string)
			inputs = append(inputs, id)
		}
	}
	if len(errs) == 0 {
		return errors.New("answer of the app: no errors in \"errors\"")
	}
	for id := range errs {
		if !slices.Contains(inputs, id) {
			return fmt.Errorf("answer of the app: an error for %q, which is no input", id)
		}
	}
	v.Errors = errs
	s.tell(ViewsChanged, "", nil)
	return nil
}

// CloseView closes the modal that a user sees on top. The app hears of it
// only if the view asks for that; nil otherwise.
func (s *Server) CloseView(userID, viewID string) (*Delivery, error) {
	s.mu.Lock()
	u := s.world.users[userID]
	v, err := s.top(userID, viewID)
	if err != nil || u == nil {
		s.mu.Unlock()
		return nil, errors.Join(err, ErrNotThere)
	}
	s.pop(userID, viewID)
	if clear, _ := v.content["clear_on_close"].(bool); clear {
		delete(s.modal.stacks, userID)
	}
	notify, _ := v.content["notify_on_close"].(bool)
	p := s.interaction("view_closed", u)
	p["view"], p["is_cleared"] = s.viewJSON(v, nil), false
	s.mu.Unlock()
	if !notify {
		return nil, nil
	}
	return s.interactive(plain(p), false, false, nil), nil
}
