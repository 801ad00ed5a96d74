package slack

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

// Presence is what is known of a recipient without posting to it.
type Presence struct {
	Recipient access.Recipient
	Name      string   // a channel's, without #; empty for people
	Private   bool     // for channels
	Archived  bool     // for channels
	Member    bool     // whether the app is in the channel
	Lacks     []string // scopes without which this is not known; then only Recipient is
}

// Inspector checks recipients without posting to them. Unlike a Client it keeps
// no answer but the list of channels.
type Inspector struct {
	c    *Client
	once sync.Once
	list map[string]conversation // by #name
	err  error
}

// NewInspector returns an inspector of c, whose scopes are known after Auth.
func NewInspector(c *Client) *Inspector { return &Inspector{c: c} }

// conversation is a channel in the answers of conversations.list and .info.
type conversation struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	IsPrivate  bool   `json:"is_private"`
	IsArchived bool   `json:"is_archived"`
	IsMember   bool   `json:"is_member"`
}

// Inspect checks one recipient, named as in the configuration.
func (i *Inspector) Inspect(ctx context.Context, name string) (Presence, error) {
	trimmed := strings.TrimSpace(name)
	group := isGroupID(trimmed) || strings.HasPrefix(trimmed, "@")
	named := !group && !idShape.MatchString(trimmed) && !emailShape.MatchString(trimmed)
	if named && strings.Trim(trimmed, "#") != "" {
		return i.channelNamed(ctx, name, channelName(trimmed))
	}
	var r access.Recipient
	err := retryPaced(ctx, func() (err error) {
		r, err = i.c.Resolve(ctx, name)
		return err
	})
	if err != nil {
		return Presence{}, err
	}
	s := Presence{Recipient: r}
	switch {
	case r.Kind == access.Group:
		return s, nil // an ID is not verified, as in messages
	case r.Kind == access.Person && emailShape.MatchString(trimmed):
		return s, nil // found by email, so it exists
	case r.Kind == access.Person:
		return i.person(ctx, s)
	case r.ID[0] == 'D': // a direct message: Slack does not tell with whom
		return s, nil
	}
	return i.channel(ctx, s)
}

// ask makes a call, and repeats it as long as its rate is used up.
func (i *Inspector) ask(ctx context.Context, r request, answer any) error {
	return retryPaced(ctx, func() error { return i.c.paced(ctx, r, answer) })
}

// retryPaced repeats f while its error names a time to come again.
func retryPaced(ctx context.Context, f func() error) error {
	for {
		err := f()
		after := fault.After(err)
		if !fault.Is(err, fault.Retry) || after <= 0 {
			return err
		}
		if !wait.Sleep(ctx, after) {
			return err
		}
	}
}

func (i *Inspector) person(ctx context.Context, s Presence) (Presence, error) {
	id := s.Recipient.ID
	if !i.c.HasScope("users:read") {
		s.Lacks = []string{"users:read"}
		return s, nil
	}
	var u User
	err := retryPaced(ctx, func() (err error) {
		u, err = i.c.UserInfo(ctx, id)
		return err
	})
	reason := ""
	switch {
	case err != nil:
		return s, err
	case u.Deleted:
		reason = "user_disabled"
	case u.Bot:
		reason = "cannot_dm_bot"
	default:
		return s, nil
	}
	r := request{op: "look up user " + id, channel: id}
	m, _ := lookUpError(reason)
	return s, &fault.Error{Op: r.op, Reason: reason, Class: m.class, Hint: i.c.hint(m.hint, r, envelope{})}
}

// channel checks a channel whose ID is known.
func (i *Inspector) channel(ctx context.Context, s Presence) (Presence, error) {
	id := s.Recipient.ID
	readers := []string{"channels:read", "groups:read"}
	lacks := i.without(readers)
	if len(lacks) == len(readers) {
		s.Lacks = lacks
		return s, nil
	}
	r := request{op: "look up channel " + id, method: "conversations.info", key: id, channel: id, form: url.Values{"channel": {id}}}
	var answer struct {
		Channel conversation `json:"channel"`
	}
	err := i.ask(ctx, r, &answer)
	if f, ok := fault.As(err); ok && f.Reason == "missing_scope" {
		s.Lacks = lacks
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s.with(answer.Channel), nil
}

// channelNamed looks for a channel among all that the token may see.
func (i *Inspector) channelNamed(ctx context.Context, name, channel string) (Presence, error) {
	s := Presence{Recipient: access.Recipient{ID: channel, Name: name, Kind: access.Channel}}
	var types []string
	if i.c.HasScope("channels:read") {
		types = append(types, "public_channel")
	}
	if i.c.HasScope("groups:read") {
		types = append(types, "private_channel")
	}
	lacks := i.without([]string{"channels:read", "groups:read"})
	if len(types) == 0 {
		s.Lacks = lacks
		return s, nil
	}
	i.once.Do(func() { i.list, i.err = i.readList(ctx, types) })
	found, ok := i.list[channel]
	switch {
	case ok:
		s.Recipient.ID = found.ID
		return s.with(found), nil
	case i.err != nil:
		if f, ok := fault.As(i.err); ok && f.Reason == "missing_scope" {
			s.Lacks = []string{"channels:read", "groups:read"}
			return s, nil
		}
		return s, i.err
	case len(lacks) > 0: // it may be of the kind that can't be listed
		s.Lacks = lacks
		return s, nil
	}
	r := request{op: "look up channel " + channel, channel: channel}
	m, _ := lookUpError("channel_not_found")
	return s, &fault.Error{Op: r.op, Reason: "channel_not_found", Class: m.class, Hint: i.c.hint(m.hint, r, envelope{})}
}

func (s Presence) with(c conversation) Presence {
	s.Name, s.Private, s.Archived, s.Member = c.Name, c.IsPrivate, c.IsArchived, c.IsMember
	return s
}

func (i *Inspector) without(scopes []string) []string {
	var lacks []string
	for _, scope := range scopes {
		if !i.c.HasScope(scope) {
			lacks = append(lacks, scope)
		}
	}
	return lacks
}

// readList reads all channels, archived ones too. With an error it returns what
// it had read.
func (i *Inspector) readList(ctx context.Context, types []string) (map[string]conversation, error) {
	list := map[string]conversation{}
	form := url.Values{"types": {strings.Join(types, ",")}, "limit": {strconv.Itoa(listPageSize)}}
	for range maxListPages {
		var answer struct {
			Channels []conversation `json:"channels"`
			Next     struct {
				Cursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		r := request{op: "list channels", method: "conversations.list", key: "list", form: form}
		if err := i.ask(ctx, r, &answer); err != nil {
			return list, err
		}
		for _, c := range answer.Channels {
			key := channelName(c.Name)
			// The name of an archived channel can be reused.
			if old, have := list[key]; c.Name != "" && isChannelID(c.ID) && (!have || old.IsArchived) {
				list[key] = c
			}
		}
		if answer.Next.Cursor == "" {
			return list, nil
		}
		form.Set("cursor", answer.Next.Cursor)
	}
	return list, &fault.Error{Op: "list channels", Reason: "too_many_channels", Class: fault.Denied,
		Hint: "name the channel by its ID, which is at the end of its About tab"}
}
