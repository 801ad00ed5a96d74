package slack

import (
	"context"
	"net/url"

	slackapi "github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/message"
)

// User is a person in Slack, with what decides about their rights.
type User struct {
	ID           string
	TeamID       string   // of the workspace or organisation that they belong to; another one for people of a shared channel
	EnterpriseID string   // of the organisation, in Enterprise Grid
	Teams        []string // workspaces in the organisation, in Enterprise Grid
	Email        string   // empty without the scope users:read.email; not unique beyond the workspace, and in some set by its owner
	Name         string
	RealName     string
	Deleted      bool
	Bot          bool // a bot, an app's user, or Slackbot
	Guest        bool // of some channels, or of one
	Stranger     bool // Slack's is_stranger: of another workspace, without a shared channel

	EmailUnconfirmed bool // Slack has not verified the address
}

// slackbot is a bot whose is_bot is false.
const slackbot = "USLACKBOT"

// UserInfo returns a person's profile, without a cache. NotFound and Permanent
// mean that there is no such active person.
func (c *Client) UserInfo(ctx context.Context, id string) (User, error) {
	var answer struct {
		User struct {
			ID         string `json:"id"`
			TeamID     string `json:"team_id"`
			Name       string `json:"name"`
			RealName   string `json:"real_name"`
			Deleted    bool   `json:"deleted"`
			IsBot      bool   `json:"is_bot"`
			IsWorkflow bool   `json:"is_workflow_bot"`
			Restricted bool   `json:"is_restricted"`
			Ultra      bool   `json:"is_ultra_restricted"`
			Stranger   bool   `json:"is_stranger"`
			Confirmed  *bool  `json:"is_email_confirmed"` // not in every answer
			Profile    struct {
				Email string `json:"email"`
			} `json:"profile"`
			Enterprise struct {
				ID    string   `json:"enterprise_id"`
				Teams []string `json:"teams"`
			} `json:"enterprise_user"`
		} `json:"user"`
	}
	r := request{op: "look up user " + id, method: "users.info", key: id, channel: id, form: url.Values{"user": {id}}}
	if !isUserID(id) || !isChannelID(id) {
		return User{}, c.slackError(r, envelope{Error: "user_not_found"}, nil)
	}
	if err := c.paced(ctx, r, &answer); err != nil {
		return User{}, err
	}
	u := answer.User
	if u.ID != id {
		return User{}, unreadable(r, "another user, or none, in the answer", nil)
	}
	return User{
		ID: u.ID, TeamID: u.TeamID, EnterpriseID: u.Enterprise.ID, Teams: u.Enterprise.Teams,
		Email: u.Profile.Email, Name: u.Name, RealName: u.RealName, Deleted: u.Deleted,
		// is_app_user means that the person uses the app, not that it is one.
		Bot:   u.IsBot || u.IsWorkflow || u.ID == slackbot,
		Guest: u.Restricted || u.Ultra, Stranger: u.Stranger,
		EmailUnconfirmed: u.Confirmed != nil && !*u.Confirmed,
	}, nil
}

// PostEphemeral shows a message to one person in a channel, in a thread if
// there is one. It is gone when they reload the channel. Slack does not
// guarantee delivery, so Unknown is not worth a retry.
func (c *Client) PostEphemeral(ctx context.Context, channel, thread, user string, m message.Message) error {
	r := request{
		op:       "answer in " + channel,
		method:   "chat.postEphemeral",
		key:      channel + " " + user,
		priority: firstPriority, // a person waits
		channel:  channel,
		write:    true,
		form:     url.Values{"channel": {channel}, "user": {user}, "text": {m.Text}},
	}
	if thread != "" {
		r.form.Set("thread_ts", thread)
	}
	if err := r.setJSON("blocks", m.Blocks, len(m.Blocks) > 0); err != nil {
		return err
	}
	return c.paced(ctx, r, nil)
}

// OpenView opens a modal for the person whose action the trigger belongs to. A
// trigger is good for three seconds; later the error is Permanent.
func (c *Client) OpenView(ctx context.Context, triggerID string, view slackapi.ModalViewRequest) error {
	r := request{
		op:       "open modal",
		method:   "views.open",
		key:      triggerID,
		priority: firstPriority,
		write:    true,
		form:     url.Values{"trigger_id": {triggerID}},
	}
	if err := r.setJSON("view", view, true); err != nil {
		return err
	}
	return c.paced(ctx, r, nil)
}
