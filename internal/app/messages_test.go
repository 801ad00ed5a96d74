package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestMessagesInAnotherLanguageAndTheOperatorsWords(t *testing.T) {
	w := newWorld(t, `"*" = "dev"
[messages]
language = "ko"
requester_language = "en"
link = "teleport://{{.Cluster}}/web/request/{{.ID}}"
[messages.templates]
title = "{{if not .ForRequester}}{{.User}} → {{.Roles}}{{end}}"
review = "{{if .Annotations.x}}{{index .Annotations.x 9}}{{end}}{{.Review.Author}}"
`)
	w.startPlugin()
	id := w.request(teleporttest.Request{Reason: "<!channel>", Annotations: map[string][]string{"x": {"y"}}})
	w.shows(id, []string{dev}, "대기 중", "alice@example.com → editor", "teleport://example.com/web/request/"+id)
	w.shows(id, []string{alice}, "PENDING", "Your role request was received", "teleport://example.com/web/request/"+id)
	w.review(id, "bob@example.com", approved, "")
	w.shows(id, []string{dev}, "승인됨")
	w.eventually("the review is told", func() bool { return len(w.replies(dev, id)) == 1 && len(w.replies(alice, id)) == 2 })
	if got := w.replies(dev, id)[0]; !strings.Contains(got, "bob@example.com 님이") {
		t.Errorf("where the template can't be used, the reply is %q", got)
	}
	const failed = "template failed for a request, using the built-in text"
	if n := w.log.count(failed); n != 1 {
		t.Errorf("%d log lines say that the template failed", n)
	}
}

func TestRequestersCanBeLeftAlone(t *testing.T) {
	w := newWorld(t, "\"*\" = [\"dev\", \"alice@example.com\"]\n[messages]\nrequester = true")
	w.startPlugin()
	before := w.request(teleporttest.Request{})
	w.shows(before, []string{dev, alice}, "PENDING")
	w.stopPlugin()

	w.writeConfig("\"*\" = [\"dev\", \"alice@example.com\"]\n[messages]\nrequester = false")
	w.startPlugin()
	after := w.request(teleporttest.Request{})
	w.shows(after, []string{dev}, "PENDING")
	w.review(before, "bob@example.com", approved, "")
	w.review(after, "carol@example.com", approved, "")
	w.shows(after, []string{dev}, "APPROVED")
	w.shows(before, []string{dev, alice}, "APPROVED")
	w.stopPlugin()
	if ms := w.about(alice, after); len(ms) != 0 {
		t.Errorf("alice hears of her request: %+v", ms)
	}
}

func TestTheEndOfAccessIsToldInTime(t *testing.T) {
	w := newWorld(t, "\"*\" = \"dev\"\n[messages]\naccess_ends_notice = \"1s\"\naccess_ended_notice = true")
	w.startPlugin()
	id := w.request(teleporttest.Request{AccessTTL: 3 * time.Second})
	w.shows(id, []string{dev, alice}, "PENDING")
	w.must(w.teleport.SetState(id, approved, ""))
	w.shows(id, []string{dev, alice}, "access ended")
	w.eventually("alice is told of the end", func() bool { return len(w.replies(alice, id)) == 3 })
	told := w.replies(alice, id)
	if !strings.Contains(told[1], "ends at") || !strings.Contains(told[2], "ended at") {
		t.Errorf("alice is told %q", told)
	}
	if got := w.replies(dev, id); len(got) != 0 {
		t.Errorf("the channel is told %q", got)
	}
	if got := w.teleport.PluginData(id)["resolution"]; got != "APPROVED" {
		t.Errorf("the record says %q", got)
	}
}

func TestAMessageIsPostedByItself(t *testing.T) {
	w := newWorld(t, `"*" = "dev"`)
	c, _, err := config.Load(w.config)
	w.must(err)
	m := message.Message{Text: "hello"}
	where, err := app.Post(t.Context(), c, "dev", m)
	w.must(err)
	got := w.slack.Messages(dev)
	if len(got) != 1 || got[0].Text != "hello" || got[0].Metadata != nil || where != dev+" at "+got[0].TS {
		t.Errorf("posted %+v to %s", got, where)
	}
	if _, err := app.Post(t.Context(), c, "alice@example.com", m); err != nil || len(w.slack.DirectMessages(alice)) != 1 {
		t.Errorf("to an email: %v", err)
	}
	if where, err := app.Post(t.Context(), c, "nowhere", m); err == nil {
		t.Errorf("posted to %s, which is not there", where)
	}
}
