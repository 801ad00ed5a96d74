package message

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// Reminder returns the thread reply that reminds reviewers of a pending request.
// With escalated, it explains to the recipients of the escalation why they got
// the request.
func (r Renderer) Reminder(req access.Request, escalated bool) Message {
	p := r.words(access.Reviewers)
	format, undated := p.reminder, p.reminderUndated
	if escalated {
		format, undated = p.escalation, p.escalationUndated
	}
	l := lines{undated}
	if waited := p.lasting(req.Created, r.Now); waited != "" {
		l[0] = fmt.Sprintf(format, waited)
	}
	if at := p.date(req.Expires); at != "" {
		l.add(p.expires, at)
	}
	if u := r.link(req); u != "" {
		l.add(p.link, u)
	}
	return r.overrides(p, req, access.Details{}, access.Reviewers).reply("reminder", strings.Join(l, "\n"))
}

// ListReviews returns the message that asks an owner to review access lists, at
// least one. The texts are the published plugin's.
func (r Renderer) ListReviews(lists []access.AccessList) Message {
	p := r.words(access.Reviewers)
	first := slices.MinFunc(lists, func(a, b access.AccessList) int {
		return cmp.Or(a.NextReview.Compare(b.NextReview), cmp.Compare(a.Name, b.Name))
	})
	// A list counts as due, not as past, until a full day has gone by.
	past := int(r.Now.Sub(first.NextReview) / (24 * time.Hour))
	due := first.NextReview.UTC().Format(time.DateOnly)
	title := p.boldTitle(first.Title)
	line := ""
	switch one := len(lists) == 1; {
	case one && past > 0:
		line = fmt.Sprintf(p.listPast, title, past)
	case one:
		line = fmt.Sprintf(p.listDue, title, due)
	case past > 0:
		line = fmt.Sprintf(p.listsPast, len(lists), past)
	default:
		line = fmt.Sprintf(p.listsDue, len(lists), due)
	}
	l := lines{line}
	if u := r.listsLink(lists); u != "" {
		l.add(p.link, u)
	}
	return Message{Text: line, Blocks: []slack.Block{section(strings.Join(l, "\n"))}}
}

// boldTitle returns a title for use between stars.
func (p *phrases) boldTitle(s string) string {
	t, cut := escape(s, inLine, nameLimit)
	switch {
	case t == "":
		return p.empty
	case cut:
		return t + "…"
	}
	return t
}

// listsLink returns a link to the list's review, or to all lists.
func (r Renderer) listsLink(lists []access.AccessList) string {
	base := strings.TrimRight(r.Cluster.WebURL, "/")
	if !template.IsURL(base) {
		return ""
	}
	url := base + "/web/accesslists"
	if len(lists) == 1 && plainID(lists[0].Name) {
		url += "/" + lists[0].Name + "#review"
	}
	return "<" + strings.ReplaceAll(url, "&", "&amp;") + ">"
}
