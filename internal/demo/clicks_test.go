package demo

import (
	"net/http"
	"strings"
	"testing"
)

// The way of the buttons: a click, the window for the reason, the decision.
func TestButtonsWork(t *testing.T) {
	base := startDemo(t)
	var id, ts, window string
	step, asked := 0, false
	press := func(user, action string) (int, string) {
		status, answer := post(t, base, "/api/clicks", `{"user":"`+user+`","conversation":"`+requestsChannel+`","ts":"`+ts+`","action":"`+action+`"}`, nil)
		return status, answer["error"]
	}
	follow(t, base, func(event, data string) bool {
		// Until the plugin has noted that it asks, a window that is sent in at
		// once comes too early; people are not as fast.
		asked = asked || event == "timeline" && strings.Contains(data, "reviewer asked for a reason")
		switch {
		case step == 0 && event == "snapshot":
			_, answer := post(t, base, "/api/requests", `{"user":"alice@example.com","roles":["editor"],"reason":"why"}`, nil)
			id = answer["id"]
			step++
		case step == 1 && event == "message":
			e := decode[messageEvent](t, data)
			if e.Conversation != requestsChannel {
				return false
			}
			ts = e.TS
			if !strings.Contains(string(e.Message.Blocks), "approve_button") {
				t.Errorf("no buttons: %s", e.Message.Blocks)
			}
			if status, why := press("U0ALICE", "approve_button"); status != http.StatusOK {
				t.Errorf("alice: %d %s", status, why)
			}
			if status, why := press("U0BOB", "no_button"); status != http.StatusNotFound {
				t.Errorf("a button that is not there: %d %s", status, why)
			}
			step++
		case step == 2 && event == "ephemeral":
			w := decode[ephemeralView](t, data)
			if w.User != "U0ALICE" || w.Thread != ts || w.Conversation != requestsChannel || w.Text != "You can't review your own request." {
				t.Errorf("%+v", w)
			}
			if status, why := press("U0BOB", "deny_button"); status != http.StatusOK {
				t.Errorf("bob: %d %s", status, why)
			}
			step++
		case step == 3 && window == "" && event == "windows":
			ws := decode[[]windowView](t, data)
			if len(ws) == 0 {
				return false
			}
			window = ws[0].ID
			if ws[0].User != "U0BOB" || ws[0].Title != "Deny this request?" || ws[0].Submit != "Deny" || !strings.Contains(string(ws[0].Blocks), "alice@example.com requests role editor") {
				t.Errorf("%+v %s", ws[0], ws[0].Blocks)
			}
		}
		switch {
		case step == 3 && window != "" && asked:
			status, answer := post(t, base, "/api/windows/"+window, `{"user":"U0BOB","reason":" "}`, nil)
			if status != http.StatusBadRequest || answer["error"] == "" {
				t.Errorf("a blank reason: %d %v", status, answer)
			}
			if status, answer := post(t, base, "/api/windows/"+window, `{"user":"U0BOB","reason":"not today"}`, nil); status != http.StatusOK {
				t.Errorf("a reason: %d %v", status, answer)
			}
			step++
		case step == 4 && event == "message":
			e := decode[messageEvent](t, data)
			if e.Conversation != requestsChannel || !strings.Contains(string(e.Message.Blocks), "DENIED") {
				return false
			}
			if strings.Contains(string(e.Message.Blocks), "deny_button") || !strings.Contains(string(e.Message.Blocks), "in Slack") {
				t.Errorf("request %s: %s", id, e.Message.Blocks)
			}
			return true
		}
		return false
	})
	if status, answer := post(t, base, "/api/windows/"+window+"/close", `{"user":"U0BOB"}`, nil); status != http.StatusNotFound {
		t.Errorf("a window that is closed: %d %v", status, answer)
	}
}
