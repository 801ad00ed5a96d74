package message

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Renderer turns requests into messages. It is a value without state: the
// same arguments give the same bytes.
type Renderer struct {
	Cluster access.Cluster // where requests come from and where links lead
	Buttons access.Buttons // which requests can be decided in Slack
	Now     time.Time      // access that ended before it is shown as ended; zero for never
	Style
}

// Style is what can be chosen about messages. Its zero value is the built-in
// English.
type Style struct {
	Language          Language // what reviewers read
	RequesterLanguage Language // what the requester reads; empty for Language

	Link      Template            // where links lead; zero for the Web UI
	Templates map[string]Template // texts in the operator's own words, by their names
}

// words returns the language of a message.
func (s Style) words(to access.Audience) *phrases {
	if to == access.Requester && s.RequesterLanguage != "" {
		return s.RequesterLanguage.words()
	}
	return s.Language.words()
}

// over says that req's access has ended.
func (r Renderer) over(req access.Request) bool {
	at := req.AccessEnds()
	return !at.IsZero() && !r.Now.IsZero() && !r.Now.Before(at)
}

// Request returns the message about req that is posted once and updated at
// every change: a title, the facts, the way to the request, and where it
// stands.
func (r Renderer) Request(req access.Request, d access.Details, to access.Audience) Message {
	p := r.words(to)
	a := asked{roles: sorted(req.Roles), resources: r.resourceNames(p, req.Resources, d), logins: d.Logins}
	blocks := make([]slack.Block, 0, 7)
	own := r.own(p, req, d, to)
	blocks = append(blocks, section(own.text("title", p.title(req, to))))
	for _, s := range own.fields(r.facts(p, req, a, to)) {
		blocks = append(blocks, section(s))
	}
	if len(req.Unread) > 0 {
		// Apart from the facts, which may be in the operator's own words.
		blocks = append(blocks, section(fmt.Sprintf(p.unread, p.names(req.Unread, ", ", nameLimit))))
	}
	// The way to the request has a section of its own, where nothing that
	// grows can push it out.
	for _, s := range r.reference(p, req, to).pack() {
		blocks = append(blocks, section(s))
	}
	blocks = append(blocks, slack.NewContextBlock("", mrkdwn(r.statusText(p, req))))
	blocks = append(blocks, r.buttonBlocks(p, req, a, to)...)
	return Message{Text: own.text("notification", r.text(p, req, a, to)), Blocks: blocks, Failed: own.failures()}
}

// asked is what a request asks for, as it is shown: sorted, by the names that
// people use.
type asked struct {
	roles, resources []string
	logins           map[string][]string // nil if unknown
}

// Review returns the thread reply that tells of req.Reviews[i], which has to
// exist. It is plain text without blocks, on several lines.
func (r Renderer) Review(req access.Request, i int, to access.Audience) Message {
	p := r.words(to)
	v := req.Reviews[i]
	at := p.date(v.Created)
	format := p.reviewed
	switch {
	case to == access.Requester && at == "":
		format = p.reviewedYoursUndated
	case to == access.Requester:
		format = p.reviewedYours
	case at == "":
		format = p.reviewedUndated
	}
	decision := p.state.of(v.State)
	if v.State == access.Approved || v.State == access.Denied {
		decision = p.emoji.of(v.State) + " " + decision
	}
	if v.Slack {
		decision += p.inSlack
	}
	text := fmt.Sprintf(format, p.name(v.Author, false), at) + "\n" + fmt.Sprintf(p.resolution, decision)
	if strings.TrimSpace(v.Reason) != "" {
		text += "\n" + fmt.Sprintf(p.reviewReason, p.block(v.Reason))
	}
	own := r.own(p, req, access.Details{}, to)
	own.view.Review = p.reviewView(v)
	return own.reply("review", text)
}

// Final returns the thread reply that tells how req ended, and to the
// requester also what comes next. It is plain text without blocks, on several
// lines.
func (r Renderer) Final(req access.Request, to access.Audience) Message {
	p := r.words(to)
	own := r.own(p, req, access.Details{}, to)
	if to != access.Requester {
		return own.reply("outcome", fmt.Sprintf(p.final, p.name(req.ID, false), p.state.of(req.State)))
	}
	var l lines
	l = append(l, fmt.Sprintf(p.finalYours.of(req.State), p.yourNoun(req)))
	l = append(l, r.times(p, req)...)
	if req.State == access.Promoted && strings.TrimSpace(req.AccessListTitle) != "" {
		l.add(p.accessList, p.code(req.AccessListTitle, nameLimit))
	}
	if req.State.Resolved() && strings.TrimSpace(req.ResolveReason) != "" {
		l.add(p.resolutionReason, p.block(req.ResolveReason))
	}
	if u := r.link(req); u != "" {
		l.add(p.link, u)
	} else if req.State == access.Approved && plainID(req.ID) {
		l.add(p.logIn, "`tsh login --request-id="+req.ID+"`")
	}
	return own.reply("outcome", strings.Join(l, "\n"))
}

// AccessEnds returns the thread reply that tells the requester that access
// will end soon. Which access is repeated, since a notification shows the
// reply alone.
func (r Renderer) AccessEnds(req access.Request, d access.Details) Message {
	return r.ending("access_ends", r.words(access.Requester).accessEnds, req, d)
}

// AccessEnded returns the thread reply that tells the requester that access
// has ended.
func (r Renderer) AccessEnded(req access.Request, d access.Details) Message {
	return r.ending("access_ended", r.words(access.Requester).accessEnded, req, d)
}

func (r Renderer) ending(name, format string, req access.Request, d access.Details) Message {
	p := r.words(access.Requester)
	l := lines{fmt.Sprintf(format, p.yourNoun(req), p.date(req.AccessExpires))}
	switch {
	case len(req.Resources) > 0:
		l.add(p.resources, p.names(r.resourceNames(p, req.Resources, d), separator(req.Resources), listLimit))
	case len(req.Roles) > 0:
		l.add(p.roles, p.names(sorted(req.Roles), ",", listLimit))
	}
	return r.own(p, req, d, access.Requester).reply(name, strings.Join(l, "\n"))
}

// Minimal returns one short line of plain text, for when Slack refuses the
// blocks of Request: state, user, what is asked for, and the link or the ID.
func (r Renderer) Minimal(req access.Request, to access.Audience) Message {
	p := r.words(to)
	what := p.someAccess
	switch {
	case len(req.Roles) > 0:
		what = p.names(sorted(req.Roles), ",", loginLimit)
	case len(req.Resources) > 0:
		what = p.names(r.resourceNames(p, req.Resources, access.Details{}), separator(req.Resources), loginLimit)
	}
	way := r.link(req)
	if way == "" || !plainID(req.ID) {
		way = strings.TrimSpace(way + " " + fmt.Sprintf(p.minimalReference, p.code(req.ID, nameLimit)))
	}
	format := p.minimal
	if to == access.Requester {
		format = p.minimalYours
	}
	return Message{Text: strings.TrimSpace(fmt.Sprintf(format,
		p.emoji.of(req.State), p.state.of(req.State), p.name(req.User, false), what, way))}
}

// section and mrkdwn are verbatim: Slack formats what is between our own
// marks and makes links only of our own tokens, and leaves addresses, channel
// names and @names alone that came with a name or a reason.
func section(s string) *slack.SectionBlock {
	return slack.NewSectionBlock(mrkdwn(s), nil, nil)
}

func mrkdwn(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, s, false, true)
}
