package review

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// maxPayloadBytes is over what Slack sends for a message of ours, which comes
// back with every click.
const maxPayloadBytes = 1 << 20

// interaction is a click on a button, or a window that was sent in.
type interaction struct {
	submission bool
	user       string // U… or W…
	userTeam   string // T…; empty where Slack does not say
	team       string // T…
	app        string // A…
	decision   access.Decision
	request    string // the request's ID, as the button or the window claims
	channel    string // of the message
	ts         string // of the message
	arrived    time.Time

	// Clicks.
	at      time.Time // when it was
	stamp   string    // that time as Slack has it: tells clicks apart
	trigger string    // opens a window; good for three seconds

	// Windows.
	view   string // V…
	sealed string
	reason string // trimmed
}

// identity tells clicks and windows apart.
func (in interaction) identity() string {
	if in.submission {
		return "window " + in.view
	}
	return strings.Join([]string{"click", in.user, in.channel, in.ts, in.decision.String(), in.stamp}, " ")
}

// errNotOurs is for what is none of our business: other blocks, other windows,
// other kinds of interactions.
var errNotOurs = errors.New("not one of our buttons or windows")

// payload is what of Slack's interaction payloads is read, see
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and
// https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload.
type payload struct {
	Type string `json:"type"`
	App  string `json:"api_app_id"`
	Team struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"`
	} `json:"user"`
	Trigger string `json:"trigger_id"`

	Container struct {
		Type      string `json:"type"`
		Channel   string `json:"channel_id"`
		MessageTS string `json:"message_ts"`
		Ephemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Actions []struct {
		Type    string `json:"type"`
		ID      string `json:"action_id"`
		BlockID string `json:"block_id"`
		Value   string `json:"value"`
		At      string `json:"action_ts"`
	} `json:"actions"`

	View struct {
		ID         string `json:"id"`
		CallbackID string `json:"callback_id"`
		AppID      string `json:"app_id"`
		Metadata   string `json:"private_metadata"`
		State      struct {
			Values map[string]map[string]struct {
				Value string `json:"value"`
			} `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

// The shapes of what is stored, printed and compared.
var (
	userShape    = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
	channelShape = regexp.MustCompile(`^[CGD][A-Z0-9]{1,30}$`)
	stampShape   = regexp.MustCompile(`^[0-9]{1,12}\.[0-9]{1,9}$`)
	requestShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$`)
	viewShape    = regexp.MustCompile(`^V[A-Z0-9]{1,30}$`)
)

// decode reads an interaction. Its errors say which part is not as it has to
// be, without repeating it.
func decode(raw []byte) (interaction, error) {
	if len(raw) > maxPayloadBytes {
		return interaction{}, errors.New("payload is too long")
	}
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil {
		return interaction{}, errors.New("payload is no JSON of the expected shape")
	}
	in := interaction{user: p.User.ID, userTeam: p.User.TeamID, team: p.Team.ID, app: p.App, trigger: p.Trigger}
	var err error
	switch p.Type {
	case "block_actions":
		in, err = p.click(in)
	case "view_submission":
		in, err = p.window(in)
	default:
		return interaction{}, errNotOurs
	}
	if err == nil && !userShape.MatchString(in.user) {
		err = errors.New("user has no ID")
	}
	return in, err
}

func (p payload) click(in interaction) (interaction, error) {
	if len(p.Actions) == 0 {
		return in, errors.New("there is no action")
	}
	a := p.Actions[0]
	if a.BlockID != message.ButtonsBlock {
		return in, errNotOurs
	}
	switch {
	case len(p.Actions) != 1:
		return in, errors.New("there is more than one action")
	case a.Type != "button":
		return in, errors.New("action is no button")
	case a.ID == message.ApproveButton:
		in.decision = access.Approve
	case a.ID == message.DenyButton:
		in.decision = access.Deny
	default:
		return in, errors.New("button is none of ours")
	}
	in.request, in.channel, in.ts, in.stamp = a.Value, p.Container.Channel, p.Container.MessageTS, a.At
	at, ok := timeOf(a.At)
	in.at = at
	switch {
	case !requestShape.MatchString(in.request):
		return in, errors.New("button carries no request ID")
	case p.Container.Type != "message" || p.Container.Ephemeral:
		return in, errors.New("button is not in a message")
	case !channelShape.MatchString(in.channel) || !stampShape.MatchString(in.ts):
		return in, errors.New("message has no place")
	case p.Channel.ID != "" && p.Channel.ID != in.channel:
		return in, errors.New("message is in two places")
	case !ok:
		return in, errors.New("action has no time")
	}
	return in, nil
}

func (p payload) window(in interaction) (interaction, error) {
	if p.View.CallbackID != message.ReasonView {
		return in, errNotOurs
	}
	in.submission, in.view, in.sealed = true, p.View.ID, p.View.Metadata
	switch {
	case !viewShape.MatchString(in.view):
		return in, errors.New("window has no ID")
	case p.View.AppID != "" && p.View.AppID != in.app:
		return in, errors.New("window is of another app")
	}
	reason := p.View.State.Values[message.ReasonBlock][message.ReasonInput].Value
	in.reason = clip(strings.TrimSpace(strings.ToValidUTF8(reason, "�")))
	// What it is about stands in the seal; until that is checked it tells
	// people apart, not more.
	in.request = peek(in.sealed)
	return in, nil
}

// clip keeps to the length that the window allows.
func clip(reason string) string {
	if utf8.RuneCountInString(reason) <= message.MaxReasonChars {
		return reason
	}
	return string([]rune(reason)[:message.MaxReasonChars])
}

// timeOf reads Slack's time, "1700000000.000100".
func timeOf(stamp string) (time.Time, bool) {
	if !stampShape.MatchString(stamp) {
		return time.Time{}, false
	}
	whole, _, _ := strings.Cut(stamp, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(sec, 0), true
}
