package message

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message/template"
)

// slots are the texts that a template can replace, in the order in which they
// are documented. Their limits keep a message with all of them below Slack's;
// see limits.go.
var slots = []template.Slot{
	{Name: "title", Data: view{}, Max: 500, Verbatim: true},
	{Name: fieldsSlot, Data: view{}, Max: 7000, Verbatim: true},
	{Name: "notification", Data: view{}, Max: maxTextLineChars, OneLine: true, Verbatim: true},
	{Name: "review", Data: view{}, Max: maxTextChars},
	{Name: "outcome", Data: view{}, Max: maxTextChars},
	{Name: "access_ends", Data: view{}, Max: maxTextChars},
	{Name: "access_ended", Data: view{}, Max: maxTextChars},
	{Name: "reminder", Data: view{}, Max: maxTextChars},
}

const (
	fieldsSlot = "fields"
	linkSlot   = "link"
)

// TemplateNames returns the names of the texts that a template can replace.
func TemplateNames() []string {
	var names []string
	for _, s := range slots {
		names = append(names, s.Name)
	}
	return names
}

// CompileTemplate compiles a template for one of TemplateNames, and tries it
// with requests of every kind. The error is a [*template.Error].
func CompileTemplate(name, source string) (template.Template, error) {
	i := slices.IndexFunc(slots, func(s template.Slot) bool { return s.Name == name })
	if i < 0 {
		return template.Template{}, &template.Error{Name: name, What: "there is no such template", Do: "the templates are " + strings.Join(TemplateNames(), ", ")}
	}
	return compile(slots[i], source, func(t template.Template, p *phrases, s sample) (string, error) {
		v := s.r.view(p, s.req, s.details, s.to)
		if len(s.req.Reviews) > 0 {
			v.Review = p.reviewView(s.req.Reviews[0])
		}
		v.Builtin = "x"
		text, err := t.Render(p.forTemplates(), v)
		if err == nil && name == fieldsSlot {
			_, err = packed(text)
		}
		return text, err
	})
}

// CompileLink compiles the address that leads to a request, which may have
// {{.ID}}, {{.Cluster}} and {{.Proxy}} in it. The error is a [*template.Error].
func CompileLink(source string) (template.Template, error) {
	slot := template.Slot{Name: linkSlot, Data: addressOf{}, Max: template.MaxURLChars, URL: true}
	return compile(slot, source, func(t template.Template, _ *phrases, s sample) (string, error) {
		return s.r.fillAddress(t, s.req)
	})
}

// compile compiles a template and renders it for requests of every kind, in
// every language.
func compile(s template.Slot, source string, render func(template.Template, *phrases, sample) (string, error)) (template.Template, error) {
	t, err := template.Compile(s, source)
	if err != nil {
		return template.Template{}, err
	}
	empty := true
	for _, sample := range samples() {
		for _, p := range catalogues {
			text, err := render(t, p, sample)
			if err != nil {
				return template.Template{}, err
			}
			empty = empty && text == ""
		}
	}
	if empty {
		return template.Template{}, &template.Error{Name: s.Name, What: "gives nothing, whatever the request", Do: "leave it out for the built-in text"}
	}
	return t, nil
}

// view is the data of every template but the link's: a request. Its fields are
// documented in docs/reference.md.
type view struct {
	Builtin       template.Markup // the text that the template replaces
	ID            string
	Cluster       string
	User          string
	Kind          string          // "role", "resource", "long-term"
	State         string          // "PENDING", … in every language
	Status        template.Markup // the state with its emoji, in the message's language
	Roles         []string
	Resources     []string // as people call them
	Logins        map[string][]string
	Reason        string
	ResolveReason string
	Reviewers     []string // suggested ones
	AccessList    string   // where a promoted request leads
	Recommended   string   // the access list that Teleport recommends for long-term access
	Annotations   map[string][]string
	Approvals     int
	Denials       int
	Created       template.Instant
	Expires       template.Instant // when the undecided request lapses
	AccessStarts  template.Instant
	AccessExpires template.Instant
	AccessEnded   bool
	Resolved      bool
	ForRequester  bool
	URL           string // leads to the request
	Review        reviewView
}

// reviewView is the review that a reply is about; empty elsewhere.
type reviewView struct {
	Author  string
	State   string
	Status  template.Markup
	Reason  string
	Created template.Instant
}

// addressOf is the data of the link's template.
type addressOf struct {
	ID, Cluster string
	Proxy       template.Markup // host and port of the Web UI
}

// fillAddress returns the address of req that the link's template gives.
func (r Renderer) fillAddress(t template.Template, req access.Request) (string, error) {
	a := addressOf{ID: req.ID, Cluster: r.Cluster.Name}
	if u, err := url.Parse(r.Cluster.WebURL); err == nil {
		a.Proxy = template.Markup(u.Host)
	}
	return t.Render(english.forTemplates(), a)
}

// view returns the data of templates about req.
func (r Renderer) view(p *phrases, req access.Request, d access.Details, to access.Audience) view {
	approvals, denials := req.Counts()
	kind := "role"
	switch {
	case len(req.Resources) == 0:
	case req.Kind == access.LongTerm:
		kind = "long-term"
	default:
		kind = "resource"
	}
	return view{
		ID: template.Head(req.ID), Cluster: template.Head(r.Cluster.Name), User: template.Head(req.User), Kind: kind,
		State: req.State.String(), Status: p.withEmoji(req.State),
		Roles: sorted(req.Roles), Resources: r.resourceNames(p, req.Resources, d), Logins: d.Logins,
		Reason: template.Head(req.Reason), ResolveReason: template.Head(req.ResolveReason), Reviewers: sorted(req.SuggestedReviewers),
		AccessList: template.Head(req.AccessListTitle), Recommended: template.Head(recommendedList(req, d)), Annotations: req.SystemAnnotations, Approvals: approvals, Denials: denials,
		Created: template.InstantOf(req.Created), Expires: template.InstantOf(req.Expires),
		AccessStarts: template.InstantOf(req.AssumeStart), AccessExpires: template.InstantOf(req.AccessExpires),
		AccessEnded: r.over(req), Resolved: req.State.Resolved(), ForRequester: to == access.Requester,
		URL: r.address(req),
	}
}

func (p *phrases) reviewView(v access.Review) reviewView {
	return reviewView{Author: template.Head(v.Author), State: v.State.String(), Status: p.withEmoji(v.State), Reason: template.Head(v.Reason), Created: template.InstantOf(v.Created)}
}

// withEmoji returns the state as a template shows it.
func (p *phrases) withEmoji(s access.State) template.Markup {
	return template.Markup(strings.TrimSpace(p.emoji.of(s) + " " + p.state.of(s)))
}

// forTemplates returns the language as templates use it.
func (p *phrases) forTemplates() template.Words { return templateWords{p} }

type templateWords struct{ *phrases }

// linkish matches what Slack turns into a link outside of code: an address, or
// a domain.
var linkish = regexp.MustCompile(`://|[\pL\pN]\.\pL`)

// Line returns a person's words on one line. In a reply Slack looks for links
// in what isn't code; there, what looks like one becomes code, unless it is an
// email address.
func (w templateWords) Line(s string, verbatim bool) string {
	t, cut := escape(s, inLine, reasonLimit)
	switch {
	case !verbatim && linkish.MatchString(t) && !plain(strings.TrimSpace(s), false):
		return w.code(s, reasonLimit)
	case cut:
		return t + "…"
	}
	return t
}

func (w templateWords) Code(s string) string            { return w.code(s, reasonLimit) }
func (w templateWords) Names(list []string) string      { return w.names(list, ", ", listLimit) }
func (w templateWords) Block(s string) string           { return w.block(s) }
func (w templateWords) Date(t time.Time) string         { return w.date(t) }
func (w templateWords) Duration(d time.Duration) string { return w.duration(d) }

// overrides puts the operator's templates in the place of built-in texts of one
// message, and remembers which of them failed.
type overrides struct {
	r      Renderer
	p      *phrases
	req    access.Request
	view   view
	failed []*template.Error
}

func (r Renderer) overrides(p *phrases, req access.Request, d access.Details, to access.Audience) *overrides {
	o := &overrides{r: r, p: p, req: req}
	if len(r.Templates) > 0 {
		o.view = r.view(p, req, d, to)
	}
	return o
}

// text returns the template's text, or the built-in one.
func (o *overrides) text(name, builtin string) string {
	t, ok := o.r.Templates[name]
	if !ok || t.IsZero() {
		return builtin
	}
	v := o.view
	v.Builtin = template.Markup(builtin)
	out, err := t.Render(o.p.forTemplates(), v)
	if err != nil {
		o.fail(name, err)
	}
	if out == "" {
		return builtin
	}
	return out
}

// fields returns the lines about what is requested, in as few sections as they
// fit into.
func (o *overrides) fields(builtin lines) []string {
	if _, ok := o.r.Templates[fieldsSlot]; !ok {
		return builtin.pack()
	}
	plain := strings.TrimSpace(strings.Join(builtin, "\n"))
	if text := o.text(fieldsSlot, plain); text != plain {
		sections, err := packed(text)
		if err == nil {
			return sections
		}
		o.fail(fieldsSlot, err)
	}
	return builtin.pack()
}

// reply returns a thread reply.
func (o *overrides) reply(name, builtin string) Message {
	m := Message{Text: o.text(name, builtin)}
	m.Failed = o.failures()
	return m
}

func (o *overrides) fail(name string, err error) {
	var e *template.Error
	if !errors.As(err, &e) {
		e = &template.Error{Name: name, What: err.Error()}
	}
	o.failed = append(o.failed, e)
}

// failures returns the templates that failed, the link's included.
func (o *overrides) failures() []*template.Error {
	if _, err := o.r.configuredAddress(o.req); err != nil {
		o.fail(linkSlot, err)
	}
	return o.failed
}

// packed splits text between lines into as few sections as it fits into, never
// within a block of code.
func packed(text string) ([]string, error) {
	var l lines
	piece := ""
	for line := range strings.SplitSeq(text, "\n") {
		piece += line
		if _, closed := template.OutsideCode(piece); !closed {
			piece += "\n"
			continue
		}
		if utf8.RuneCountInString(piece) >= maxSectionChars {
			return nil, errLine
		}
		l = append(l, piece)
		piece = ""
	}
	if piece != "" {
		return nil, errLine
	}
	var sections []string
	for _, s := range l.pack() {
		if strings.TrimSpace(s) != "" {
			sections = append(sections, s)
		}
	}
	return sections, nil
}

var errLine = &template.Error{Name: fieldsSlot, What: "gives a line of more than 3000 characters"}

// sample is a request that templates are tried with.
type sample struct {
	r       Renderer
	req     access.Request
	details access.Details
	to      access.Audience
}

// samples returns requests with everything and with next to nothing, in every
// state and for every audience.
func samples() []sample {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	r := Renderer{Cluster: access.Cluster{Name: "example.com", WebURL: "https://teleport.example.com"}, Now: at.Add(time.Hour)}
	full := access.Request{
		ID: "0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d", User: "alice@example.com", Roles: []string{"access", "editor"},
		Resources: []access.Resource{{Cluster: "example.com", Kind: "node", Name: "web-1"}, {Cluster: "example.com", Kind: "db", Name: "orders"}},
		Reason:    "Investigate the failing nightly backup, see OPS-1432.", ResolveReason: "ok for today",
		SuggestedReviewers: []string{"bob@example.com"}, AccessListTitle: "Database on-call",
		Reviews:           []access.Review{{Author: "bob@example.com", State: access.Approved, Reason: "ok for today", Created: at}},
		Thresholds:        []access.Threshold{{Approve: 1, Deny: 1}},
		SystemAnnotations: map[string][]string{"ticket": {"OPS-1432"}},
		Created:           at, Expires: at.Add(time.Hour), AccessExpires: at.Add(8 * time.Hour), AssumeStart: at.Add(time.Minute),
	}
	details := access.Details{Logins: map[string][]string{"editor": {"root"}}}
	bare := access.Request{ID: full.ID, User: "alice"}
	var all []sample
	for _, state := range []access.State{access.Pending, access.Approved, access.Denied, access.Promoted, access.Expired} {
		for _, to := range []access.Audience{access.Reviewers, access.Requester} {
			full, bare := full, bare
			full.State, bare.State = state, state
			all = append(all, sample{r, full, details, to}, sample{Renderer{Cluster: r.Cluster}, bare, access.Details{}, to})
		}
	}
	return all
}
