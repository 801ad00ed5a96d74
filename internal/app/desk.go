package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/review"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slack/socketmode"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

const (
	// reopenAfter is how long to wait after Slack refused the app token or
	// Socket Mode: somebody has to change something first.
	reopenAfter = 5 * time.Minute
	// socketTimeout bounds a call, and the opening of a WebSocket.
	socketTimeout = 10 * time.Second
	// lookEvery is how often to look whether the connection is back.
	lookEvery = time.Second
)

// desk is where clicks arrive. It has a connection to Slack while reviews in
// Slack are wanted and possible, and tells the notifier whether messages get
// buttons: not where a click could lead to nothing. What goes wrong here never
// touches notifications.
//
// A connection that is only lost is made again by itself, and takes no buttons
// away: editing every message for a minute without network would help nobody.
type desk struct {
	a        *App
	log      *slog.Logger
	socket   *socketmode.Client
	reviewer *review.Reviewer
	kick     chan struct{} // holds one token when something changed

	mu      sync.Mutex
	config  config.Review
	cluster access.Cluster
	team    slack.Workspace
	refused bool   // Slack refuses the connection until somebody changes something
	tooOld  string // the version of Teleport that was complained about
}

func newDesk(a *App, transport *http.Transport) *desk {
	d := &desk{a: a, log: a.o.Log, kick: make(chan struct{}, 1), config: a.o.Config.Review}
	d.socket = socketmode.New(socketmode.Options{
		AppToken: func() string { return d.settings().Secret },
		APIURL:   a.o.Config.Slack.APIURL,
		Log:      a.o.Log,
		// The same way as everything else to Slack: proxy and authorities.
		HTTPClient: &http.Client{Transport: transport, Timeout: socketTimeout},
	})
	observer := a.o.Reviews
	if observer == nil {
		observer = a.metrics
	}
	d.reviewer = review.New(review.Options{
		Requests: a.teleport, Users: a.teleport, Slack: clickers{a.slack},
		Settings: d.settings, Observer: observer, Log: a.o.Log,
	})
	return d
}

// settings are what is in force now.
func (d *desk) settings() review.Settings {
	appID := d.socket.State().AppID
	d.mu.Lock()
	defer d.mu.Unlock()
	return review.Settings{
		Buttons: d.buttonsLocked(), Trait: d.config.SlackUserIDTrait, EmailMatch: d.config.AllowEmailUsernameMatch,
		TeamID: d.team.TeamID, AppID: cmp.Or(appID, d.team.AppID), Secret: d.config.AppToken.Reveal(), Cluster: d.cluster,
		Style: d.a.o.Config.Messages.Style,
	}
}

// buttonsLocked are those that messages get now.
func (d *desk) buttonsLocked() access.Buttons {
	b := d.config.Buttons()
	b.On = b.On && d.cluster.OnBehalf && !d.refused
	return b
}

// change changes the state, and the buttons with it. It returns whether those
// are others now, so that messages have to be looked at.
func (d *desk) change(f func()) bool {
	d.mu.Lock()
	f()
	changed := d.a.notifier.SetButtons(d.buttonsLocked())
	d.mu.Unlock()
	select {
	case d.kick <- struct{}{}:
	default:
	}
	return changed
}

// connected is told the cluster, before requests are looked at.
func (d *desk) connected(c access.Cluster) {
	d.change(func() { d.cluster = c })
	d.complain()
}

// greeted is told whom the bot token speaks for.
func (d *desk) greeted(w slack.Workspace) { d.change(func() { d.team = w }) }

// configure puts another configuration in force. Messages are looked at
// afterwards.
func (d *desk) configure(c config.Review) {
	d.change(func() { d.config, d.refused = c, false })
	d.complain()
}

// complain says once which version of Teleport reviews in Slack need.
func (d *desk) complain() {
	d.mu.Lock()
	version := ""
	if d.config.Enabled && !d.cluster.OnBehalf && d.cluster.Version != "" {
		version = d.cluster.Version
	}
	news := version != "" && version != d.tooOld
	d.tooOld = version
	d.mu.Unlock()
	if news {
		d.log.Warn("this Teleport takes no reviews from Slack; buttons stay off",
			slog.String(logkey.Version, version), slog.String(logkey.Hint, "upgrade Teleport to "+teleport.OnBehalfSince+" or newer, or set review.enabled = false"))
	}
}

// wanted is the app token with which there should be a connection; empty for
// none.
func (d *desk) wanted() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.config.Enabled || !d.cluster.OnBehalf || d.team.TeamID == "" {
		return ""
	}
	return d.config.AppToken.Reveal()
}

// run hears clicks until ctx ends, and acts on those that came.
func (d *desk) run(ctx context.Context) error {
	var g errgroup.Group
	// What was acknowledged while the connection drains is still worked on.
	reviewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return d.reviewer.Run(reviewing, DrainTimeout) })
	g.Go(func() error {
		defer stop()
		d.listen(ctx)
		return nil
	})
	return g.Wait()
}

// listen keeps the connection as it is wanted.
func (d *desk) listen(ctx context.Context) {
	for ctx.Err() == nil {
		token := d.wanted()
		if token == "" {
			d.until(ctx, func() bool { return d.wanted() != "" })
			continue
		}
		err := d.hold(ctx, token)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil: // something else is wanted now
		default:
			d.turnedAway(ctx, err)
			wait, stop := context.WithTimeout(ctx, reopenAfter)
			d.until(wait, func() bool { return d.isOpen() || d.wanted() != token })
			stop()
		}
	}
}

// until waits for something to change so that ok says yes, or for ctx.
func (d *desk) until(ctx context.Context, ok func() bool) {
	for !ok() {
		select {
		case <-d.kick:
		case <-ctx.Done():
			return
		}
	}
}

// hold has the connection until another token is wanted, or none (then it
// returns nil), or Slack refuses it.
func (d *desk) hold(ctx context.Context, token string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop()
	watch.Go(func() {
		d.until(ctx, func() bool { return d.wanted() != token })
		stop()
	})
	watch.Go(func() { d.welcome(ctx) })
	return d.socket.Run(ctx, func(_ context.Context, e socketmode.Envelope) json.RawMessage {
		if e.Type != "interactive" {
			return nil
		}
		return d.reviewer.Take(e.ID, e.Payload)
	})
}

// welcome waits for a connection after Slack had refused one.
func (d *desk) welcome(ctx context.Context) {
	for !d.isOpen() {
		if d.socket.State().Connected > 0 {
			if d.change(func() { d.refused = false }) {
				d.log.Info("Slack takes the app token again; buttons are back")
				d.look(ctx)
			}
			return
		}
		if !sleep(ctx, lookEvery) {
			return
		}
	}
}

func (d *desk) isOpen() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.refused
}

// turnedAway takes the buttons away and says what is wrong.
func (d *desk) turnedAway(ctx context.Context, err error) {
	if !d.change(func() { d.refused = true }) {
		return
	}
	d.log.Error("Slack refuses the connection for clicks; buttons are off, notifications go on",
		slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
	d.look(ctx)
}

// look makes messages get or lose their buttons.
func (d *desk) look(ctx context.Context) {
	if err := d.a.notifier.Resync(ctx); err != nil && ctx.Err() == nil {
		d.log.Warn("requests are looked at again later", slog.String(logkey.Error, err.Error()))
	}
}

// clickers asks Slack about people who click.
type clickers struct{ client *slack.Client }

// Member implements [review.Slack].
func (c clickers) Member(ctx context.Context, userID string) (review.Member, error) {
	u, err := c.client.UserInfo(ctx, userID)
	if fault.Is(err, fault.Permanent) {
		return review.Member{}, &fault.Error{Op: "look up user " + userID, Class: fault.NotFound, Err: err}
	}
	if err != nil {
		return review.Member{}, err
	}
	teams := append([]string{u.TeamID}, u.Teams...)
	if u.EnterpriseID != "" {
		teams = append(teams, u.EnterpriseID)
	}
	return review.Member{
		ID: u.ID, Teams: teams, Email: u.Email,
		Deleted: u.Deleted, Bot: u.Bot, Guest: u.Guest, Stranger: u.Stranger,
		EmailUnconfirmed: u.EmailUnconfirmed,
	}, nil
}

// Whisper implements [review.Slack]. In a direct message there is nobody to
// keep it from, and not every workspace shows such messages there.
func (c clickers) Whisper(ctx context.Context, at access.MessageRef, userID string, m message.Message) error {
	err := c.client.PostEphemeral(ctx, at.Channel, at.TS, userID, m)
	if err == nil || !strings.HasPrefix(at.Channel, "D") || !fault.Is(err, fault.Permanent) {
		return err
	}
	_, postErr := c.client.Post(ctx, message.Post{Channel: at.Channel, Thread: at.TS, Message: m})
	if postErr != nil {
		return errors.Join(err, postErr)
	}
	return nil
}

// OpenWindow implements [review.Slack].
func (c clickers) OpenWindow(ctx context.Context, trigger string, v slackapi.ModalViewRequest) error {
	return c.client.OpenView(ctx, trigger, v)
}
