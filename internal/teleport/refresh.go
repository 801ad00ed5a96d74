package teleport

import (
	"context"
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

// maxInterval is the longest time between two checks of the credentials. It is
// short, because timers don't run while a machine is suspended.
const maxInterval = time.Hour

// refreshCredentials uses renewed credentials and warns before they expire, until
// ctx ends.
func (c *Client) refreshCredentials(ctx context.Context) {
	var watch expiryWatch
	for {
		interval := min(maxInterval, watch.check(c.log, c.credentials(), c.refresh > 0))
		if c.refresh > 0 {
			interval = min(interval, c.refresh)
		}
		if !wait.Sleep(ctx, interval) {
			return
		}
		if c.refresh > 0 {
			c.useRenewed(ctx)
		}
	}
}

func (c *Client) credentials() *credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.creds
}

// useRenewed reads the file and uses its content if it is new, complete, valid
// and, while there is a connection, sufficient for another one. Only the content
// is compared, so it makes no difference how the file was replaced (renamed,
// symlink switched, written in place); one that is being written is incomplete
// and read again the next time.
func (c *Client) useRenewed(ctx context.Context) {
	key := logonce.Key{Kind: credentialsProblem}
	old := c.credentials()
	if conn := c.connected(); conn != nil {
		old = conn.creds
	}
	creds, err := c.files.load()
	if err != nil {
		// Most likely it is being written right now.
		if !wait.Sleep(ctx, c.timings.settle) {
			return
		}
		creds, err = c.files.load()
	}
	if err == nil && creds.hash == old.hash {
		c.problems.Recovered(key, "Teleport credentials can be used again", logkey.Path, old.source)
		return
	}
	if now := time.Now(); err == nil && creds.expired(now) {
		err = creds.errExpired(now)
	}
	if err == nil {
		err = c.switchTo(ctx, creds)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.problems.Problem(slog.LevelWarn, key, "can't use the new Teleport credentials, keeping the old ones", err,
			logkey.Path, old.source, logkey.Remaining, logonce.Rounded(time.Until(old.notAfter)))
	default:
		c.problems.Recovered(key, "Teleport credentials can be used again", logkey.Path, creds.source)
		c.log.Info("using renewed Teleport credentials", logkey.Path, creds.source,
			logkey.Expires, creds.notAfter.UTC().Format(time.RFC3339), logkey.Remaining, logonce.Rounded(time.Until(creds.notAfter)))
	}
}

// switchTo connects with creds and makes calls use that connection. Without a
// current connection, the next attempt to connect uses them.
func (c *Client) switchTo(ctx context.Context, creds *credentials) error {
	if c.connected() == nil {
		c.adopt(creds)
		return nil
	}
	conn, err := c.dialer.connect(ctx, creds, c.timings.renewDial)
	if err != nil {
		if !fault.Is(err, fault.Fatal) {
			c.adopt(creds) // the credentials are not the cause: use them for the next connection
		}
		return err
	}
	return c.install(conn)
}

// adopt makes the next attempt to connect use creds, without further delay.
func (c *Client) adopt(creds *credentials) {
	c.mu.Lock()
	c.creds = creds
	c.mu.Unlock()
	select {
	case c.renewed <- struct{}{}:
	default:
	}
}

// credentialsToDial returns the credentials for a new connection. It reads the
// file again if it is to be refreshed, and also if the current credentials have
// expired: the published plugin never reads the file again without
// refresh_identity, but with expired credentials only a restart would help, and
// that reads the file too.
func (c *Client) credentialsToDial() *credentials {
	now := time.Now()
	creds := c.credentials()
	if c.refresh == 0 && !creds.expired(now) {
		return creds
	}
	fresh, err := c.files.load()
	if err != nil || fresh.expired(now) {
		return creds // refreshCredentials logs why
	}
	return fresh
}
