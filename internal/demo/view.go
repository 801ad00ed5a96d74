package demo

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// The JSON that the page gets. Times are RFC 3339.

// directoryView is the fixed part of the state: people, roles, channels.
type directoryView struct {
	Cluster       string             `json:"cluster"`
	Bot           string             `json:"bot"`    // user ID
	People        []personView       `json:"people"` // in Teleport
	Roles         []roleView         `json:"roles"`
	Resources     []resourceView     `json:"resources"`
	Users         []userView         `json:"users"` // in Slack, with bots
	Conversations []conversationView `json:"conversations"`
}

type personView struct {
	Username string `json:"username"`
}

type roleView struct {
	Name    string `json:"name"`
	Approve uint32 `json:"approve"`
}

type resourceView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type userView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Bot  bool   `json:"bot"`
}

type conversationView struct {
	ID       string `json:"id"` // channel ID, or for a direct message the user's ID
	Name     string `json:"name"`
	Kind     string `json:"kind"` // channel, private, dm
	Archived bool   `json:"archived"`
}

// conversations returns the channels and then everybody's direct messages with
// the bot. Slack gives a direct message an ID only when it is opened, so the page
// uses the user's ID, which chat.postMessage accepts as well.
func (p *page) conversations() []conversationView {
	var out []conversationView
	for _, c := range p.env.slack.Channels() {
		v := conversationView{ID: c.ID, Name: c.Name, Kind: "channel", Archived: c.Archived}
		if c.Private {
			v.Kind = "private"
		}
		out = append(out, v)
	}
	for _, u := range p.env.slack.Users() {
		if !u.IsBot {
			out = append(out, conversationView{ID: u.ID, Name: u.RealName, Kind: "dm"})
		}
	}
	return out
}

// conversationID returns the page's ID of a conversation from Slack's ID.
func (p *page) conversationID(channel string) string {
	for _, u := range p.env.slack.Users() {
		if id, ok := p.env.slack.DM(u.ID); ok && id == channel {
			return u.ID
		}
	}
	return channel
}

func (p *page) directory() directoryView {
	v := directoryView{Cluster: clusterName, Conversations: p.conversations()}
	for _, w := range p.env.fixtures.people {
		v.People = append(v.People, personView{w.teleport})
	}
	for _, r := range p.env.fixtures.roles {
		v.Roles = append(v.Roles, roleView{r.name, r.approve})
	}
	for _, n := range p.env.fixtures.nodes {
		v.Resources = append(v.Resources, resourceView{n.name, n.hostname})
	}
	for _, u := range p.env.slack.Users() {
		v.Users = append(v.Users, userView{u.ID, u.RealName, u.IsBot})
		if u.IsBot {
			v.Bot = u.ID
		}
	}
	return v
}

type messageView struct {
	TS        string          `json:"ts"`
	User      string          `json:"user"`
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks,omitempty"`
	Edited    bool            `json:"edited"`
	Tombstone bool            `json:"tombstone"`
	Reactions []reactionView  `json:"reactions"`
	Replies   []messageView   `json:"replies"`
	PostedAt  time.Time       `json:"posted_at"`
}

type reactionView struct {
	Name  string   `json:"name"`
	Users []string `json:"users"`
}

func viewMessage(m slacktest.Message) messageView {
	v := messageView{
		TS: m.TS, User: m.User, Text: m.Text, Blocks: m.Blocks, Edited: m.Edited, Tombstone: m.Tombstone,
		Reactions: []reactionView{}, Replies: []messageView{}, PostedAt: m.PostedAt,
	}
	for _, r := range m.Reactions {
		v.Reactions = append(v.Reactions, reactionView{r.Name, r.Users})
	}
	for _, r := range m.Replies {
		v.Replies = append(v.Replies, viewMessage(r))
	}
	return v
}

type requestView struct {
	ID            string       `json:"id"`
	User          string       `json:"user"`
	Roles         []string     `json:"roles"`
	Resources     []string     `json:"resources"` // as people call them
	Reason        string       `json:"reason"`
	Reviewers     []string     `json:"reviewers"` // suggested
	State         string       `json:"state"`     // PENDING, APPROVED, DENIED, PROMOTED
	ResolveReason string       `json:"resolve_reason"`
	Reviews       []reviewView `json:"reviews"`
	Approve       uint32       `json:"approve"` // how many approvals it takes
	Created       time.Time    `json:"created"`
	Expires       time.Time    `json:"expires"`
}

type reviewView struct {
	Author string `json:"author"`
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// requestsShown is how many requests are sent to the page, beside their total.
const requestsShown = 100

// requestsView is the newest of Teleport's requests, newest first.
type requestsView struct {
	Requests []requestView `json:"requests"`
	Total    int           `json:"total"`
}

func (p *page) requestList() requestsView {
	out := []requestView{}
	for _, r := range p.env.teleport.Requests() {
		out = append(out, p.env.fixtures.viewRequest(r))
	}
	slices.SortStableFunc(out, func(a, b requestView) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	return requestsView{out[:min(len(out), requestsShown)], len(out)}
}

func (f fixtures) viewRequest(r types.AccessRequest) requestView {
	v := requestView{
		ID: r.GetName(), User: r.GetUser(), Roles: r.GetRoles(), Resources: []string{},
		Reason: r.GetRequestReason(), Reviewers: r.GetSuggestedReviewers(), State: r.GetState().String(),
		ResolveReason: r.GetResolveReason(), Reviews: []reviewView{}, Approve: 1,
		Created: r.GetCreationTime(), Expires: r.Expiry(),
	}
	for _, id := range r.GetRequestedResourceIDs() {
		v.Resources = append(v.Resources, f.hostnames([]string{id.Name})...)
	}
	for _, rv := range r.GetReviews() {
		v.Reviews = append(v.Reviews, reviewView{rv.Author, rv.ProposedState.String(), rv.Reason})
	}
	if t := r.GetThresholds(); len(t) > 0 {
		v.Approve = t[0].Approve
	}
	return v
}

// hostnames returns the hostnames of nodes, by their names.
func (f fixtures) hostnames(names []string) []string {
	out := slices.Clone(names)
	for i, name := range names {
		for _, n := range f.nodes {
			if n.name == name {
				out[i] = n.hostname
			}
		}
	}
	return out
}
