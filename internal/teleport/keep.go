package teleport

import (
	"context"
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
)

// maxNap is how long the credentials keeper sleeps at most, so that a machine
// that was suspended learns soon what time it is.
const maxNap = time.Hour

// keepCredentials looks after the credentials while Serve runs: it takes over
// renewed ones and warns before they end.
func (c *Client) keepCredentials(ctx context.Context) {
	reading := &trouble{log: c.log, level: slog.LevelWarn,
		begun: "can't use the new Teleport credentials, keeping the old ones", ended: "Teleport credentials are in order again"}
	var watch expiryWatch
	for {
		nap := min(maxNap, watch.look(c.log, c.credentials(), c.refresh > 0))
		if c.refresh > 0 {
			nap = min(nap, c.refresh)
		}
		if !sleep(ctx, nap, nil) {
			return
		}
		if c.refresh > 0 {
			c.takeRenewed(ctx, reading)
		}
	}
}

func (c *Client) credentials() *credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.creds
}

// takeRenewed looks at the file and takes its content over if it is new,
// complete, valid and, while there is a connection, good enough for another
// one. How the file was replaced (renamed, symlink switched, written in place)
// makes no difference, as only its content counts; one that is being written
// is incomplete and looked at again the next time.
func (c *Client) takeRenewed(ctx context.Context, reading *trouble) {
	old := c.credentials()
	if conn := c.connected(); conn != nil {
		old = conn.creds
	}
	creds, err := c.files.load()
	if err != nil {
		// Most likely it is being written right now.
		if !sleep(ctx, c.timings.settle, nil) {
			return
		}
		creds, err = c.files.load()
	}
	if err == nil && creds.hash == old.hash {
		reading.over(logkey.Path, old.source)
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
		reading.note(err, logkey.Path, old.source, logkey.Remaining, roughly(time.Until(old.notAfter)))
	default:
		reading.over(logkey.Path, creds.source)
		c.log.Info("took over renewed Teleport credentials", logkey.Path, creds.source,
			logkey.Expires, creds.notAfter.UTC().Format(time.RFC3339), logkey.Remaining, roughly(time.Until(creds.notAfter)))
	}
}

// switchTo makes the calls use a new connection with creds. While there is
// none, there is nothing to try them on: the next attempt to connect does.
func (c *Client) switchTo(ctx context.Context, creds *credentials) error {
	if c.connected() == nil {
		c.adopt(creds)
		return nil
	}
	conn, err := c.dialer.connect(ctx, creds, c.timings.renewDial)
	if err != nil {
		if !fault.Is(err, fault.Fatal) {
			c.adopt(creds) // it's not their fault: what connects next may use them
		}
		return err
	}
	return c.install(conn)
}

// adopt makes the next attempt to connect use creds, and makes it now.
func (c *Client) adopt(creds *credentials) {
	c.mu.Lock()
	c.creds = creds
	c.mu.Unlock()
	select {
	case c.renewed <- struct{}{}:
	default:
	}
}

// credentialsToDial returns the credentials for a new connection. The file is
// read again if it is one to be refreshed, and also if what we have is expired:
// the published plugin reads a file once if it isn't told to refresh it, but
// with expired credentials there is nothing left to be consistent with, and a
// restart, which is all that would help, would read the file too.
func (c *Client) credentialsToDial() *credentials {
	now := time.Now()
	creds := c.credentials()
	if c.refresh == 0 && !creds.expired(now) {
		return creds
	}
	fresh, err := c.files.load()
	if err != nil || fresh.expired(now) {
		return creds // the keeper tells why, or the expiry does
	}
	return fresh
}

// expiryWatch says each thing about one certificate once.
type expiryWatch struct {
	creds *credentials
	told  standing
}

// look tells what has become due and returns after how long to look again.
func (w *expiryWatch) look(log *slog.Logger, creds *credentials, renewed bool) time.Duration {
	now := time.Now()
	left := creds.notAfter.Sub(now)
	attrs := []any{logkey.Path, creds.source, logkey.Expires, creds.notAfter.UTC().Format(time.RFC3339), logkey.Remaining, roughly(left)}
	if w.creds == nil {
		log.Info("Teleport credentials", append(attrs, logkey.Refreshed, renewed)...)
	}
	if w.creds == nil || w.creds.hash != creds.hash {
		w.creds, w.told = creds, standing{}
	}
	s := stand(now, creds.notAfter, warnings(creds.notBefore, creds.notAfter, renewed))
	switch {
	case s.expired && !w.told.expired:
		log.Error("the Teleport credentials have expired", logkey.Path, creds.source,
			logkey.Expires, creds.notAfter.UTC().Format(time.RFC3339), logkey.Hint, hintRenew)
	case !s.expired && s.due > w.told.due && renewed:
		log.Warn("the Teleport credentials should have been renewed by now", append(attrs, logkey.Hint, "look at the log of tbot")...)
	case !s.expired && s.due > w.told.due:
		log.Warn("the Teleport credentials expire soon", append(attrs, logkey.Hint, hintRenew)...)
	}
	w.told = s
	if s.expired {
		return maxNap
	}
	return s.next.Sub(now)
}
