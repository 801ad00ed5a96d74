package slack

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const (
	knownFor     = time.Hour       // how long an answer is used
	unknownFor   = 5 * time.Minute // how long "not found" is used
	maxDirectory = 10_000          // entries of each kind kept
)

// directory caches Slack's answers about people, channels and user groups: the
// IDs of email addresses and handles, the IDs of channel names, and the direct
// message channels of people. An expired answer is used when Slack gives no
// newer one.
type directory struct {
	mu      sync.Mutex
	entries map[string]entry  // by kind and name: "person a@example.com"
	lookups map[string]lookup // those under way, by the same key
	ids     map[string]string // as posted to → where it went: #dev → C…, U… → D…
	list    map[string]string // #name → ID, by the last conversations.list
	listed  bool              // list was read to its end
	groups  groups            // user groups
}

type entry struct {
	recipient access.Recipient
	err       error // NotFound or Permanent
	until     time.Time
}

// lookup is a call under way; it is closed when the answer is there.
type lookup chan struct{}

func newDirectory() *directory {
	return &directory{
		entries: map[string]entry{},
		lookups: map[string]lookup{},
		ids:     map[string]string{},
		groups:  groups{turn: make(chan struct{}, 1)},
	}
}

// The shapes of names.
var (
	idShape    = regexp.MustCompile(`^[CGDUW][A-Z0-9]{8,}$`)
	emailShape = regexp.MustCompile(`^[^@#\s][^@\s]*@[^@\s.]+(\.[^@\s.]+)+$`)
)

// isUserID and isNamed are for what messages are posted to, where names begin
// with #, as Resolve returns them.
func isUserID(s string) bool { return s != "" && (s[0] == 'U' || s[0] == 'W') }
func isNamed(s string) bool  { return strings.HasPrefix(s, "#") }

// channelName is how a channel's name is kept: Slack's names are lower case.
func channelName(s string) string {
	return "#" + strings.ToLower(strings.TrimLeft(s, "#"))
}

// Resolve returns the recipient of a name from the configuration or from
// Teleport: an email is a person of the workspace, @handle a user group,
// everything else an ID or a channel's name. NotFound: the address or handle does
// not exist. Permanent: the person is deactivated, or the token may not read user
// groups.
func (c *Client) Resolve(ctx context.Context, name string) (access.Recipient, error) {
	trimmed := strings.TrimSpace(name)
	switch {
	case strings.Trim(trimmed, "#") == "":
		return access.Recipient{}, &fault.Error{Op: "resolve recipient", Reason: "empty_name", Class: fault.Permanent, Hint: "name a channel or an email address"}
	case !utf8.ValidString(trimmed) || strings.ContainsFunc(trimmed, unicode.IsControl):
		return access.Recipient{}, &fault.Error{Op: "resolve recipient", Reason: "invalid_name", Class: fault.Permanent, Hint: "no channel or address has such characters"}
	case idShape.MatchString(trimmed) && isUserID(trimmed):
		return access.Recipient{ID: trimmed, Name: name, Kind: access.Person}, nil
	case idShape.MatchString(trimmed):
		return access.Recipient{ID: trimmed, Name: name, Kind: access.Channel}, nil
	case isGroupID(trimmed):
		return access.Recipient{ID: trimmed, Name: name, Kind: access.Group}, nil
	case trimmed[0] == '@':
		r, err := c.group(ctx, strings.ToLower(trimmed[1:]))
		r.Name = name
		return r, err
	case emailShape.MatchString(trimmed):
		email := strings.ToLower(trimmed)
		r, err := c.cached(ctx, "person "+email, func() (access.Recipient, error) { return c.lookupEmail(ctx, email) })
		r.Name = name
		return r, err
	}
	channel := channelName(trimmed)
	if c.scopeKnown("channels:read") || c.scopeKnown("groups:read") {
		c.refreshList(ctx)
	}
	return access.Recipient{ID: c.dir.channel(channel), Name: name, Kind: access.Channel}, nil
}

// lookupEmail returns the person with an email address.
func (c *Client) lookupEmail(ctx context.Context, email string) (access.Recipient, error) {
	r := request{
		op:     "look up " + email,
		method: "users.lookupByEmail",
		key:    email,
		form:   url.Values{"email": {email}},
	}
	var answer struct {
		User struct {
			ID      string `json:"id"`
			Deleted bool   `json:"deleted"`
			IsBot   bool   `json:"is_bot"`
		} `json:"user"`
	}
	if err := c.paced(ctx, r, &answer); err != nil {
		return access.Recipient{}, err
	}
	switch {
	case !isChannelID(answer.User.ID):
		return access.Recipient{}, unreadable(r, "no user in the answer", nil)
	case answer.User.Deleted:
		m, _ := lookUpError("user_disabled")
		return access.Recipient{}, &fault.Error{Op: r.op, Reason: "user_disabled", Class: m.class, Hint: m.hint}
	}
	return access.Recipient{ID: answer.User.ID, Kind: access.Person}, nil
}

// cached returns the directory's answer for a key, or asks for one: at most once
// at a time for the same key. It prefers an expired answer to a Retry error.
func (c *Client) cached(ctx context.Context, key string, ask func() (access.Recipient, error)) (access.Recipient, error) {
	d := c.dir
	for {
		d.mu.Lock()
		e, have := d.entries[key]
		if have && time.Now().Before(e.until) {
			d.mu.Unlock()
			return e.recipient, e.err
		}
		if f, busy := d.lookups[key]; busy {
			d.mu.Unlock()
			select {
			case <-f:
				// The other's answer is in the directory now, unless it was a
				// Retry error: then this caller asks.
				continue
			case <-ctx.Done():
				return access.Recipient{}, &fault.Error{Op: "resolve recipient", Reason: "canceled", Class: fault.Retry, Err: ctx.Err()}
			}
		}
		f := make(lookup)
		d.lookups[key] = f
		d.mu.Unlock()

		r, err := ask()

		d.mu.Lock()
		delete(d.lookups, key)
		switch class := fault.ClassOf(err); {
		case err == nil:
			d.keep(key, entry{recipient: r, until: time.Now().Add(knownFor)})
		case class == fault.NotFound || class == fault.Permanent:
			d.keep(key, entry{err: err, until: time.Now().Add(unknownFor)})
		case have && class == fault.Retry && !errors.Is(err, context.Canceled):
			r, err = e.recipient, e.err
		}
		d.mu.Unlock()
		close(f)
		return r, err
	}
}

// keep stores an entry; if the directory is full, it drops the oldest.
func (d *directory) keep(key string, e entry) {
	if _, have := d.entries[key]; !have && len(d.entries) >= maxDirectory {
		oldest := ""
		for k, v := range d.entries {
			if oldest == "" || v.until.Before(d.entries[oldest].until) {
				oldest = k
			}
		}
		delete(d.entries, oldest)
	}
	d.entries[key] = e
}

// channel returns the ID of a name, or the name if its ID is unknown.
func (d *directory) channel(to string) string {
	if isNamed(to) {
		to = channelName(to)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, ok := d.list[to]; ok { // names move between channels; the list is newer
		return id
	}
	if id, ok := d.ids[to]; ok {
		return id
	}
	return to
}

// Learn remembers the channel that a post to a name went to, so that "#dev" and
// its ID, and a person and their direct message, are one recipient.
func (c *Client) Learn(to string, ref access.MessageRef) {
	if isNamed(to) {
		to = channelName(to)
	}
	if !isNamed(to) && !isUserID(to) || !isChannelID(ref.Channel) || to == ref.Channel {
		return
	}
	if c.dir.learn(to, ref.Channel) {
		c.limiter.Rename(postMethod, to, ref.Channel)
	}
}

// learn reports whether that was not known.
func (d *directory) learn(to, id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, have := d.ids[to]
	if !have && len(d.ids) >= maxDirectory {
		for k := range d.ids { // any one: it is learnt again with the next post
			delete(d.ids, k)
			break
		}
	}
	d.ids[to] = id
	return old != id
}
