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

// maxPayloadBytes is more than Slack sends for a click, which includes our whole
// message.
const maxPayloadBytes = 1 << 20

// interaction is a click on a button, or a submitted window.
// Its fields are those of Slack's payload that are checked.
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
	stamp   string    // that time as Slack sent it: distinguishes clicks
	trigger string    // opens a window; valid for three seconds

	// Windows.
	view   string // V…
	signed string
	reason string // trimmed
}

// identity returns a unique name of the click or window.
func (in interaction) identity() string {
	if in.submission {
		return "window " + in.view
	}
	return strings.Join([]string{"click", in.user, in.channel, in.ts, in.decision.String(), in.stamp}, " ")
}

// errNotOurs is returned for other blocks, other windows and other kinds of
// interactions.
var errNotOurs = errors.New("not one of our buttons or windows")

// payload has the fields of Slack's interaction payloads that are read, see
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

// The allowed forms of IDs and timestamps: these are stored, printed and compared.
var (
	userShape    = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
	channelShape = regexp.MustCompile(`^[CGD][A-Z0-9]{1,30}$`)
	stampShape   = regexp.MustCompile(`^[0-9]{1,12}\.[0-9]{1,9}$`)
	requestShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$`)
	viewShape    = regexp.MustCompile(`^V[A-Z0-9]{1,30}$`)
)

// decode reads an interaction. Its errors name the invalid part, but don't contain
// it.
func decode(raw []byte) (interaction, error) {
	if len(raw) > maxPayloadBytes {
		return interaction{}, errors.New("payload is too long")
	}
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil {
		return interaction{}, errors.New("payload is not JSON of the expected form")
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
		err = errors.New("user ID is invalid")
	}
	return in, err
}

func (p payload) click(in interaction) (interaction, error) {
	if len(p.Actions) == 0 {
		return in, errors.New("no action")
	}
	a := p.Actions[0]
	if a.BlockID != message.ButtonsBlock {
		return in, errNotOurs
	}
	switch {
	case len(p.Actions) != 1:
		return in, errors.New("more than one action")
	case a.Type != "button":
		return in, errors.New("action is not a button")
	case a.ID == message.ApproveButton:
		in.decision = access.Approve
	case a.ID == message.DenyButton:
		in.decision = access.Deny
	default:
		return in, errors.New("unknown button")
	}
	in.request, in.channel, in.ts, in.stamp = a.Value, p.Container.Channel, p.Container.MessageTS, a.At
	at, ok := timeOf(a.At)
	in.at = at
	switch {
	case !requestShape.MatchString(in.request):
		return in, errors.New("button has no valid request ID")
	case p.Container.Type != "message" || p.Container.Ephemeral:
		return in, errors.New("button is not in a message")
	case !channelShape.MatchString(in.channel) || !stampShape.MatchString(in.ts):
		return in, errors.New("channel or timestamp of the message is invalid")
	case p.Channel.ID != "" && p.Channel.ID != in.channel:
		return in, errors.New("message is in two channels")
	case !ok:
		return in, errors.New("action time is invalid")
	}
	return in, nil
}

func (p payload) window(in interaction) (interaction, error) {
	if p.View.CallbackID != message.ReasonView {
		return in, errNotOurs
	}
	in.submission, in.view, in.signed = true, p.View.ID, p.View.Metadata
	switch {
	case !viewShape.MatchString(in.view):
		return in, errors.New("window ID is invalid")
	case p.View.AppID != "" && p.View.AppID != in.app:
		return in, errors.New("window of another app")
	}
	reason := p.View.State.Values[message.ReasonBlock][message.ReasonInput].Value
	in.reason = clip(strings.TrimSpace(strings.ToValidUTF8(reason, "�")))
	// The signature is checked later; until then the request is only a key.
	in.request = claimedRequest(in.signed)
	return in, nil
}

// clip shortens a reason to the length that the window allows.
func clip(reason string) string {
	if utf8.RuneCountInString(reason) <= message.MaxReasonChars {
		return reason
	}
	return string([]rune(reason)[:message.MaxReasonChars])
}

// timeOf parses a Slack timestamp, "1700000000.000100".
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
