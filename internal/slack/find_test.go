package slack

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestFindAfterTheAnswerWasLost(t *testing.T) {
	for _, to := range []string{"C0DEVDEVDEV", "#dev", "U0ALICE"} {
		t.Run(to, func(t *testing.T) {
			s, c := workspace(t, slacktest.Options{})
			p := post(to, "req-1", "request")
			if _, found, err := c.Find(t.Context(), to, "", p.Tag, time.Now()); found || err != nil {
				t.Fatalf("before the post: %v, %v", found, err)
			}
			s.Inject(slacktest.Fault{Method: "chat.postMessage", CutAfter: true, Times: 1})
			if _, err := c.Post(t.Context(), p); !fault.Is(err, fault.Unknown) {
				t.Fatalf("post: %v", err)
			}
			m := s.AllMessages()[0]
			ref, found, err := c.Find(t.Context(), to, "", p.Tag, time.Now())
			if err != nil || !found || (ref != access.MessageRef{Channel: m.Channel, TS: m.TS}) {
				t.Errorf("got %v, %v, %v, want %s/%s", ref, found, err, m.Channel, m.TS)
			}
			for _, other := range []message.Tag{
				{RequestID: "req-2", Recipient: to, Part: "request"},
				{RequestID: "req-1", Recipient: "C0OPSOPSOPS", Part: "request"},
				{RequestID: "req-1", Recipient: to, Part: "final"},
			} {
				if _, found, err := c.Find(t.Context(), to, "", other, time.Now()); found || err != nil {
					t.Errorf("%v: %v, %v", other, found, err)
				}
			}
			if _, found, _ := c.Find(t.Context(), to, "", p.Tag, time.Now().Add(2*time.Minute)); found {
				t.Error("found from before the search begins")
			}
		})
	}
}

func TestFindTakesTheNewestAndOnlyOurs(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	p := post("C0DEVDEVDEV", "req-1", "request")
	payload, _ := json.Marshal(map[string]string{"request_id": "req-1", "recipient": "C0DEVDEVDEV", "part": "request"})
	forged := slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0BOB", Text: "forged",
		Metadata: &slacktest.Metadata{EventType: message.MetadataEvent, EventPayload: payload}}
	if _, err := s.Say(forged); err != nil {
		t.Fatal(err)
	}
	if _, found, err := c.Find(t.Context(), p.Channel, "", p.Tag, longAgo); found || err != nil {
		t.Fatalf("somebody else's message: %v, %v", found, err)
	}
	if _, err := c.Post(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	want, err := c.Post(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 450 { // more than two pages of talk
		odd := slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0BOB", Text: fmt.Sprint(i),
			Blocks:   json.RawMessage(`[{"type":"from_the_future","elements":{"a":1}}]`),
			Metadata: &slacktest.Metadata{EventType: "other", EventPayload: json.RawMessage(`{"request_id":{"a":[1]}}`)}}
		if _, err := s.Say(odd); err != nil {
			t.Fatal(err)
		}
	}
	got, found, err := c.Find(t.Context(), p.Channel, "", p.Tag, longAgo)
	if err != nil || !found || got != want {
		t.Errorf("got %v, %v, %v, want %v", got, found, err, want)
	}
}

func TestFindInThread(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	parent, err := c.Post(t.Context(), post("C0DEVDEVDEV", "req-1", "request"))
	if err != nil {
		t.Fatal(err)
	}
	reply := post("C0DEVDEVDEV", "req-1", "review-1")
	reply.Thread = parent.TS
	want, err := c.Post(t.Context(), reply)
	if err != nil {
		t.Fatal(err)
	}
	for range 250 {
		if _, err := s.Say(slacktest.Message{Channel: "C0DEVDEVDEV", User: "U0BOB", Text: "x", ThreadTS: parent.TS}); err != nil {
			t.Fatal(err)
		}
	}
	got, found, err := c.Find(t.Context(), "C0DEVDEVDEV", parent.TS, reply.Tag, longAgo)
	if err != nil || !found || got != want {
		t.Errorf("got %v, %v, %v, want %v", got, found, err, want)
	}
	if _, found, err := c.Find(t.Context(), "C0DEVDEVDEV", "", reply.Tag, longAgo); found || err != nil {
		t.Errorf("a reply is not in the channel: %v, %v", found, err)
	}
}

func TestFindWithoutTheRight(t *testing.T) {
	s, c := workspace(t, slacktest.Options{Scopes: []string{"chat:write"}})
	tag := message.Tag{RequestID: "1", Recipient: "C0DEVDEVDEV", Part: "request"}
	denied := outcome{fault.Denied, "missing_scope", 0}
	_, _, err := c.Find(t.Context(), "C0DEVDEVDEV", "", tag, longAgo)
	if diff := cmp.Diff(denied, outcomeOf(err)); diff != "" {
		t.Errorf("when Slack says so (-want +got):\n%s", diff)
	}
	asked := s.CallCounts()["conversations.history"]
	_, _, err = c.Find(t.Context(), "C0DEVDEVDEV", "", tag, longAgo)
	if diff := cmp.Diff(denied, outcomeOf(err)); diff != "" {
		t.Errorf("when it is known (-want +got):\n%s", diff)
	}
	if fault.Hint(err) == "" {
		t.Error("no hint")
	}
	if n := s.CallCounts()["conversations.history"]; n != asked {
		t.Errorf("asked again for what the token can't: %d calls more", n-asked)
	}
	_, _, err = c.Find(t.Context(), "U0ALICE", "", tag, longAgo)
	if diff := cmp.Diff(denied, outcomeOf(err)); diff != "" {
		t.Errorf("a person, without im:write (-want +got):\n%s", diff)
	}
	_, _, err = c.Find(t.Context(), "#dev", "", tag, longAgo)
	if diff := cmp.Diff(outcome{fault.Denied, "channel_id_unknown", 0}, outcomeOf(err)); diff != "" {
		t.Errorf("a name without its ID (-want +got):\n%s", diff)
	}
}

// A list of channels that could not be read is no answer to somebody who has
// to know whether a message is there.
func TestFindByNameInsistsOnTheList(t *testing.T) {
	s, c := workspace(t, slacktest.Options{})
	if _, err := c.Auth(t.Context()); err != nil {
		t.Fatal(err)
	}
	away := s.Inject(slacktest.Fault{Method: "conversations.list", Status: 503})
	s.Inject(slacktest.Fault{Method: "chat.postMessage", CutAfter: true, Times: 1})
	p := post("#dev", "req-1", "request")
	if r, err := c.Resolve(t.Context(), "#dev"); err != nil || r.ID != "#dev" {
		t.Fatalf("without the list: %v, %v", r, err)
	}
	if _, err := c.Post(t.Context(), p); !fault.Is(err, fault.Unknown) {
		t.Fatalf("post: %v", err)
	}
	if _, found, err := c.Find(t.Context(), p.Channel, "", p.Tag, time.Now()); found || !fault.Is(err, fault.Retry) {
		t.Errorf("while the list can't be read: %v, %v, want an error that passes", found, err)
	}
	away()
	if ref, found, err := c.Find(t.Context(), p.Channel, "", p.Tag, time.Now()); !found || err != nil {
		t.Errorf("once it can: %v, %v, %v", ref, found, err)
	}
}
