package message

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func TestReminder(t *testing.T) {
	waiting := renderer
	waiting.Now = created.Add(150 * time.Minute)
	for _, tt := range []struct {
		name string
		got  Message
		want string
	}{
		{"for reviewers", waiting.Reminder(roleRequest(), false),
			"⏰ This request has been waiting for a decision for 2 hours 30 minutes.\n*Request expires*: <!date^1772447400^{date_short_pretty} {time}|2 Mar 2026 10:30 UTC>\n*Link*: <https://teleport.example.com/web/requests/" + requestID + ">"},
		{"for those above", waiting.Reminder(access.Request{Created: created}, true),
			"⏰ Nobody has reviewed this request for 2 hours 30 minutes, so you are told as well.\n*Link*: <https://teleport.example.com/web/requests>"},
		{"without a date or a Web UI", offline.Reminder(access.Request{}, false), "⏰ This request is still waiting for a decision."},
		{"in Korean", Renderer{Now: created.Add(time.Hour), Style: Style{Language: Korean}}.Reminder(access.Request{Created: created}, true),
			"⏰ 1시간 동안 아무도 이 요청을 리뷰하지 않아 함께 알려 드립니다."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(Message{Text: tt.want}, tt.got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestListReviews has the published plugin's words.
func TestListReviews(t *testing.T) {
	due := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	admins := access.AccessList{Name: "0197-a", Title: "Admins", NextReview: due}
	later := access.AccessList{Name: "0197-b", Title: "Others", NextReview: due.Add(9 * 24 * time.Hour)}
	at := func(r Renderer, now time.Time, lists ...access.AccessList) Message {
		r.Now = now
		return r.ListReviews(lists)
	}
	const one, all = "\n*Link*: <https://teleport.example.com/web/accesslists/0197-a#review>", "\n*Link*: <https://teleport.example.com/web/accesslists>"
	hostile := admins
	hostile.Title, hostile.Name = "*<!channel>*\n`x`_y_ &", "a b"
	for _, tt := range []struct {
		name string
		got  Message
		text string
		link string
	}{
		{"before", at(renderer, due.Add(-time.Hour), admins), "Access List *Admins* is due for a review by 2026-12-01. Please review it soon!", one},
		{"on its day", at(renderer, due.Add(23*time.Hour), admins), "Access List *Admins* is due for a review by 2026-12-01. Please review it soon!", one},
		{"after", at(renderer, due.Add(71*time.Hour), admins), "Access List *Admins* is 2 day(s) past due for a review! Please review it.", one},
		{"several", at(renderer, due.Add(-time.Hour), later, admins), "2 Access Lists are due for reviews, earliest of which is due by 2026-12-01. Please review them soon!", all},
		{"several, one past", at(renderer, due.Add(24*time.Hour), later, admins), "2 Access Lists are due for reviews, earliest of which is 1 day(s) past due. Please review!", all},
		{"a date elsewhere", at(renderer, due.Add(-time.Hour), access.AccessList{Name: "0197-a", Title: "Admins", NextReview: due.In(time.FixedZone("", -9*3600))}),
			"Access List *Admins* is due for a review by 2026-12-01. Please review it soon!", one},
		{"without a Web UI", at(offline, due.Add(-time.Hour), admins), "Access List *Admins* is due for a review by 2026-12-01. Please review it soon!", ""},
		{"a hostile title", at(renderer, due, hostile), "Access List *∗&lt;!channel&gt;∗ ˋxˋ_y＿ &amp;* is due for a review by 2026-12-01. Please review it soon!", all},
		{"no title", at(renderer, due, access.AccessList{Name: "0197-a", NextReview: due}), "Access List *(empty)* is due for a review by 2026-12-01. Please review it soon!", one},
		{"in Korean", at(inKorean, due.Add(71*time.Hour), admins), "*Admins* 접근 목록의 리뷰 기한이 2일 지났습니다! 리뷰해 주세요.", strings.Replace(one, "Link", "링크", 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := Message{Text: tt.text, Blocks: []slack.Block{slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", tt.text+tt.link, false, true), nil, nil)}}
			if diff := cmp.Diff(want, tt.got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestListReviewsFit: no title makes a message that Slack refuses or that has
// more marks than this package writes.
func TestListReviewsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("&<>*_~`@!#|\n é한")), 0, 600, -1)).Draw(t, "title")
		r := renderer
		r.Now = created
		r.Language = rapid.SampledFrom(Languages()).Draw(t, "language")
		m := r.ListReviews([]access.AccessList{{Name: rapid.String().Draw(t, "name"), Title: title, NextReview: created}})
		text := m.Blocks[0].(*slack.SectionBlock).Text.Text
		if n := utf8.RuneCountInString(text); n > maxSectionChars {
			t.Fatalf("%d characters", n)
		}
		if stars := strings.Count(text, "*"); stars != 4 {
			t.Fatalf("%d stars in %q", stars, text)
		}
		if strings.Count(text, "<") != 1 || strings.Count(text, "\n") != 1 {
			t.Fatalf("more than the link in %q", text)
		}
		if _, err := json.Marshal(m.Blocks); err != nil || !utf8.ValidString(text) {
			t.Fatalf("%v, %q", err, text)
		}
	})
}
