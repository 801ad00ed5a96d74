package slacktest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

func TestSubscribersHearOfEveryChange(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	changes, cancel := s.Subscribe(100)
	defer cancel()
	ts := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "a").TS
	mustCall(t, s, "chat.update", "channel", "C0DEV", "ts", ts, "text", "b")
	mustCall(t, s, "reactions.add", "channel", "C0DEV", "timestamp", ts, "name", "eyes")
	mustCall(t, s, "reactions.remove", "channel", "C0DEV", "timestamp", ts, "name", "eyes")
	mustCall(t, s, "chat.delete", "channel", "C0DEV", "ts", ts)
	mustCall(t, s, "chat.postEphemeral", "channel", "C0DEV", "user", "U0BOB", "text", "c")
	s.AddChannel(slacktest.Channel{Name: "new"})
	call(t, s, "chat.postMessage", "channel", "C0NONE", "text", "changes nothing")
	if _, err := s.Say(slacktest.Message{Channel: "new", User: "U0BOB", Text: "d"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	type heard struct {
		Kind, Channel, Text string
		Reactions           int
	}
	var got []heard
	for c := range changes {
		got = append(got, heard{c.Kind, c.Channel, c.Message.Text, len(c.Message.Reactions)})
	}
	id := s.Channels()[5].ID
	want := []heard{
		{slacktest.Posted, "C0DEV", "a", 0},
		{slacktest.Edited, "C0DEV", "b", 0},
		{slacktest.ReactionAdded, "C0DEV", "b", 1},
		{slacktest.ReactionRemoved, "C0DEV", "b", 0},
		{slacktest.Deleted, "C0DEV", "b", 0},
		{slacktest.EphemeralPosted, "C0DEV", "c", 0},
		{slacktest.WorldChanged, "", "", 0},
		{slacktest.Posted, id, "d", 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if late, _ := s.Subscribe(1); late != nil {
		if _, open := <-late; open {
			t.Error("a subscription after Close is open")
		}
	}
}

func TestASlowSubscriberIsToldWhatItMissed(t *testing.T) {
	s := start(t, slacktest.Options{})
	changes, cancel := s.Subscribe(1)
	for range 4 {
		mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "x")
	}
	first := <-changes
	mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "y")
	second := <-changes
	if first.Missed != 0 || second.Missed != 3 || second.Seq != first.Seq+4 || second.Message.Text != "y" {
		t.Errorf("first %+v, second %+v", first, second)
	}
	cancel()
	cancel()
	if _, open := <-changes; open {
		t.Error("open after cancel")
	}
}

func TestCopiesAreCopies(t *testing.T) {
	s := start(t, slacktest.Options{Scopes: all})
	ts := mustCall(t, s, "chat.postMessage", "channel", "C0DEV", "text", "a", "metadata", `{"event_type":"e","event_payload":{}}`).TS
	mustCall(t, s, "reactions.add", "channel", "C0DEV", "timestamp", ts, "name", "eyes")
	m, ok := s.Message("dev", ts)
	if !ok {
		t.Fatal("no message")
	}
	m.Metadata.EventType, m.Reactions[0].Name, m.Reactions[0].Users[0] = "x", "x", "x"
	again, _ := s.Message("dev", ts)
	if again.Metadata.EventType != "e" || again.Reactions[0].Name != "eyes" || again.Reactions[0].Users[0] != "U0TELEPORT" {
		t.Errorf("changed from outside: %+v", again)
	}
}
