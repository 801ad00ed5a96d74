package slack

import (
	"context"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

const (
	listPageSize = 1000
	maxListPages = 50 // 50,000 channels; the names of more are not known
)

// refreshList reads the workspace's channels if that was not done in the last
// hour. After a failure the old list stays and the next attempt comes later:
// messages can be posted to names, too.
func (c *Client) refreshList(ctx context.Context) {
	d := c.dir
	// One caller reads, and the others wait for it.
	_, _ = c.cached(ctx, "list", func() (access.Recipient, error) {
		list, err := c.readChannels(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.listed = err == nil; d.listed {
			d.list = list
			return access.Recipient{}, nil
		}
		// What was read before the error is good, and so is the rest of the old list.
		all := maps.Clone(d.list)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, list)
		d.list = all
		if ctx.Err() == nil {
			d.keep("list", entry{until: time.Now().Add(unknownFor)})
		}
		c.log.Debug("channel list is incomplete", logkey.Error, err)
		return access.Recipient{}, err
	})
}

// requireList reads the channels for a caller that can't do without them, also
// if that failed a moment ago.
func (c *Client) requireList(ctx context.Context) error {
	d := c.dir
	d.mu.Lock()
	listed := d.listed
	d.mu.Unlock()
	if listed || !c.scopeKnown("channels:read") && !c.scopeKnown("groups:read") {
		return nil
	}
	list, err := c.readChannels(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list, d.listed = list, true
	d.keep("list", entry{until: time.Now().Add(knownFor)})
	return nil
}

// readChannels returns the IDs of the channels that the token may see by name,
// and those read so far with an error.
func (c *Client) readChannels(ctx context.Context) (map[string]string, error) {
	var types []string
	if c.scopeKnown("channels:read") {
		types = append(types, "public_channel")
	}
	if c.scopeKnown("groups:read") {
		types = append(types, "private_channel")
	}
	form := url.Values{
		"types":            {strings.Join(types, ",")},
		"exclude_archived": {"true"},
		"limit":            {strconv.Itoa(listPageSize)},
	}
	list := map[string]string{}
	for range maxListPages {
		var answer struct {
			Channels []struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"channels"`
			Next struct {
				Cursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		r := request{op: "list channels", method: "conversations.list", key: "list", form: form}
		if err := c.paced(ctx, r, &answer); err != nil {
			return list, err
		}
		for _, ch := range answer.Channels {
			if ch.Name != "" && isChannelID(ch.ID) {
				list[channelName(ch.Name)] = ch.ID
			}
		}
		if answer.Next.Cursor == "" {
			break
		}
		form.Set("cursor", answer.Next.Cursor)
	}
	return list, nil
}
