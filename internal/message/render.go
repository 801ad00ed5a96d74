package message

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// Renderer renders requests as messages. It has no state: the same arguments give
// the same bytes.
type Renderer struct {
	Cluster access.Cluster // where requests come from and where links lead
	Buttons access.Buttons // which requests can be reviewed in Slack
	Now     time.Time      // access that ended before it is shown as ended; never if zero
	Style
}

// Style has the configurable parts of messages. The zero value is the built-in
// English.
type Style struct {
	Language          Language // for reviewers
	RequesterLanguage Language // for the requester; empty for Language

	Link      template.Template            // address of a request; zero for the Web UI
	Templates map[string]template.Template // by the names of the texts that they replace
}

// words returns the language of a message.
func (s Style) words(to access.Audience) *phrases {
	if to == access.Requester && s.RequesterLanguage != "" {
		return s.RequesterLanguage.words()
	}
	return s.Language.words()
}

// over reports whether req's access has ended.
func (r Renderer) over(req access.Request) bool {
	at := req.AccessEnds()
	return !at.IsZero() && !r.Now.IsZero() && !r.Now.Before(at)
}

// Request returns the message about req that is posted once and updated at
// every change: a title, the fields, the link to the request, and its state.
func (r Renderer) Request(req access.Request, d access.Details, to access.Audience) Message {
	p := r.words(to)
	a := asked{roles: sorted(req.Roles), resources: r.resourceNames(p, req.Resources, d), logins: d.Logins, list: recommendedList(req, d)}
	blocks := make([]slack.Block, 0, 7)
	t := r.overrides(p, req, d, to)
	blocks = append(blocks, section(t.text("title", p.title(req, to))))
	for _, s := range t.fields(r.fields(p, req, a, to)) {
		blocks = append(blocks, section(s))
	}
	if len(req.Unread) > 0 && to == access.Reviewers {
		// Apart from the fields, which may be a template's.
		blocks = append(blocks, section(fmt.Sprintf(p.unread, p.names(req.Unread, ", ", nameLimit))))
	}
	// The link has a section of its own, so that long fields can't push it out.
	for _, s := range r.reference(p, req, to).pack() {
		blocks = append(blocks, section(s))
	}
	blocks = append(blocks, slack.NewContextBlock("", mrkdwn(r.statusText(p, req))))
	blocks = append(blocks, r.buttonBlocks(p, req, a, to)...)
	return Message{Text: t.text("notification", r.text(p, req, a, to)), Blocks: blocks, Failed: t.failures()}
}

// asked has the requested roles and resources as they are shown: sorted, with
// friendly names.
type asked struct {
	roles, resources []string
	logins           map[string][]string // nil if unknown
	list             string              // the recommended access list
}

// recommendedList returns the title of the recommended access list where it is
// known, and its name otherwise.
func recommendedList(req access.Request, d access.Details) string {
	if d.ListTitle != "" {
		return d.ListTitle
	}
	return req.RecommendedList
}

// Review returns the thread reply about req.Reviews[i], which must exist. It is
// text without blocks, on several lines.
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
	t := r.overrides(p, req, access.Details{}, to)
	t.view.Review = p.reviewView(v)
	return t.reply("review", text)
}

// Final returns the thread reply about how req was resolved; the requester's
// also has the next steps. It is text without blocks, on several lines.
func (r Renderer) Final(req access.Request, to access.Audience) Message {
	p := r.words(to)
	t := r.overrides(p, req, access.Details{}, to)
	if to != access.Requester {
		return t.reply("outcome", fmt.Sprintf(p.final, p.name(req.ID, false), p.state.of(req.State)))
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
	return t.reply("outcome", strings.Join(l, "\n"))
}

// AccessEnds returns the thread reply that announces the end of access to the
// requester. It repeats what the access is, since a notification shows the reply
// alone.
func (r Renderer) AccessEnds(req access.Request, d access.Details) Message {
	return r.ending("access_ends", r.words(access.Requester).accessEnds, req, d)
}

// AccessEnded returns the thread reply to the requester after access has ended.
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
	return r.overrides(p, req, d, access.Requester).reply(name, strings.Join(l, "\n"))
}

// Minimal returns one short line of text, for when Slack rejects the blocks of
// Request: state, user, what is requested, and the link or the ID.
func (r Renderer) Minimal(req access.Request, to access.Audience) Message {
	p := r.words(to)
	what := p.someAccess
	switch {
	case len(req.Roles) > 0:
		what = p.names(sorted(req.Roles), ",", loginLimit)
	case len(req.Resources) > 0:
		what = p.names(r.resourceNames(p, req.Resources, access.Details{}), separator(req.Resources), loginLimit)
	}
	link := r.link(req)
	if link == "" || !plainID(req.ID) {
		link = strings.TrimSpace(link + " " + fmt.Sprintf(p.minimalReference, p.code(req.ID, nameLimit)))
	}
	format := p.minimal
	if to == access.Requester {
		format = p.minimalYours
	}
	return Message{Text: strings.TrimSpace(fmt.Sprintf(format,
		p.emoji.of(req.State), p.state.of(req.State), p.name(req.User, false), what, link))}
}

// section and mrkdwn are verbatim: Slack formats the marks and tokens that this
// package writes, and does not turn addresses, channel names and @names from a
// name or a reason into links.
func section(s string) *slack.SectionBlock {
	return slack.NewSectionBlock(mrkdwn(s), nil, nil)
}

func mrkdwn(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, s, false, true)
}
