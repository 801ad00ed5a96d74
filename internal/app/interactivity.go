package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

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
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

const (
	// reopenAfter is how long to wait after Slack refused the app token or
	// Socket Mode: a person must change something first.
	reopenAfter = 5 * time.Minute
	// socketTimeout bounds a call, and the opening of a WebSocket.
	socketTimeout = 10 * time.Second
	// restoredEvery is how often to check whether the connection is back.
	restoredEvery = time.Second
)

// interactivity receives clicks. It holds a Socket Mode connection while reviews
// in Slack are enabled and possible, and tells the notifier whether messages get
// buttons: only while a click can lead to a review. A problem here never affects
// notifications.
//
// A lost connection is made again by the socket and doesn't remove buttons:
// editing every message for a minute without network would help nobody. A
// connection that Slack refuses does.
type interactivity struct {
	socket   socket
	notifier buttonNotifier
	reviewer *review.Reviewer
	style    message.Style
	log      *slog.Logger
	changed  chan struct{} // holds one token after a change

	mu          sync.Mutex
	config      config.Review
	cluster     access.Cluster
	team        slack.Workspace
	refused     bool   // Slack refuses the connection until a person changes something
	unsupported string // the version of Teleport that was logged as too old
}

// socket is a Socket Mode client.
type socket interface {
	// Run passes envelopes to handle until ctx ends (nil), or until Slack
	// refuses the connection.
	Run(ctx context.Context, handle socketmode.Handler) error
	State() socketmode.State
}

// buttonNotifier edits messages when their buttons change.
type buttonNotifier interface {
	SetButtons(b access.Buttons) (changed bool)
	Resync(ctx context.Context) error
}

type interactivityOptions struct {
	Config   config.Review
	Style    message.Style
	Socket   socket
	Notifier buttonNotifier
	Requests review.Requests
	Users    review.Users
	Slack    review.Slack
	Observer review.Observer
	Log      *slog.Logger
}

func newInteractivity(o interactivityOptions) *interactivity {
	i := &interactivity{
		socket: o.Socket, notifier: o.Notifier, style: o.Style, log: o.Log,
		changed: make(chan struct{}, 1), config: o.Config,
	}
	i.reviewer = review.New(review.Options{
		Requests: o.Requests, Users: o.Users, Slack: o.Slack,
		Settings: i.settings, Observer: o.Observer, Log: o.Log,
	})
	return i
}

// settings returns what is in force for a click that arrives now.
func (i *interactivity) settings() review.Settings {
	appID := i.socket.State().AppID
	i.mu.Lock()
	defer i.mu.Unlock()
	return review.Settings{
		Buttons: i.buttonsLocked(), Trait: i.config.SlackUserIDTrait, EmailMatch: i.config.AllowEmailUsernameMatch,
		TeamID: i.team.TeamID, AppID: cmp.Or(appID, i.team.AppID), Secret: i.config.AppToken.Reveal(), Cluster: i.cluster,
		Style: i.style,
	}
}

// buttonsLocked returns the buttons that messages get now.
func (i *interactivity) buttonsLocked() access.Buttons {
	b := i.config.Buttons()
	b.On = b.On && i.cluster.OnBehalf && !i.refused
	return b
}

// change runs f, which changes the state, and passes the resulting buttons to
// the notifier. It reports whether the buttons changed, so that messages need a
// resync.
func (i *interactivity) change(f func()) bool {
	i.mu.Lock()
	f()
	changed := i.notifier.SetButtons(i.buttonsLocked())
	i.mu.Unlock()
	select {
	case i.changed <- struct{}{}:
	default:
	}
	return changed
}

// connected is called with the cluster before requests are listed.
func (i *interactivity) connected(c access.Cluster) {
	i.change(func() { i.cluster = c })
	i.logUnsupported()
}

// authenticated is called with the workspace of the bot token.
func (i *interactivity) authenticated(w slack.Workspace) { i.change(func() { i.team = w }) }

// configure puts another configuration into force. A resync must follow.
func (i *interactivity) configure(c config.Review) {
	i.change(func() { i.config, i.refused = c, false })
	i.logUnsupported()
}

// logUnsupported logs once that this version of Teleport takes no reviews on
// behalf of others.
func (i *interactivity) logUnsupported() {
	i.mu.Lock()
	version := ""
	if i.config.Enabled && !i.cluster.OnBehalf && i.cluster.Version != "" {
		version = i.cluster.Version
	}
	news := version != "" && version != i.unsupported
	i.unsupported = version
	i.mu.Unlock()
	if news {
		i.log.Warn("this version of Teleport takes no reviews from Slack, buttons are off",
			slog.String(logkey.Version, version), slog.String(logkey.Hint, "upgrade Teleport to "+teleport.OnBehalfSince+" or newer, or set review.enabled = false"))
	}
}

// wantedToken returns the app token to connect with, or "" while there should be
// no connection.
func (i *interactivity) wantedToken() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.config.Enabled || !i.cluster.OnBehalf || i.team.TeamID == "" {
		return ""
	}
	return i.config.AppToken.Reveal()
}

// connections returns how many connections are open, and whether any are wanted.
func (i *interactivity) connections() (open int, wanted bool) {
	return i.socket.State().Connected, i.wantedToken() != ""
}

// run receives clicks until ctx ends, and then finishes those that came.
func (i *interactivity) run(ctx context.Context) error {
	var g errgroup.Group
	// Clicks that were acknowledged while the connection drains are handled too.
	reviewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return i.reviewer.Run(reviewing, DrainTimeout) })
	g.Go(func() error {
		defer stop()
		i.listen(ctx)
		return nil
	})
	return g.Wait()
}

// listen opens and closes the connection as wanted.
func (i *interactivity) listen(ctx context.Context) {
	for ctx.Err() == nil {
		token := i.wantedToken()
		if token == "" {
			i.waitUntil(ctx, func() bool { return i.wantedToken() != "" })
			continue
		}
		err := i.hold(ctx, token)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil: // another token is wanted, or none
		default:
			i.refuse(ctx, err)
			pause, stop := context.WithTimeout(ctx, reopenAfter)
			i.waitUntil(pause, func() bool { return !i.isRefused() || i.wantedToken() != token })
			stop()
		}
	}
}

// waitUntil returns when a change has made ok true, or when ctx ends.
func (i *interactivity) waitUntil(ctx context.Context, ok func() bool) {
	for !ok() {
		select {
		case <-i.changed:
		case <-ctx.Done():
			return
		}
	}
}

// hold holds the connection until another token is wanted, or none (it returns
// nil then), or until Slack refuses it.
func (i *interactivity) hold(ctx context.Context, token string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop()
	watch.Go(func() {
		i.waitUntil(ctx, func() bool { return i.wantedToken() != token })
		stop()
	})
	watch.Go(func() { i.waitRestored(ctx) })
	return i.socket.Run(ctx, func(_ context.Context, e socketmode.Envelope) json.RawMessage {
		if e.Type != "interactive" {
			return nil
		}
		return i.reviewer.Take(e.ID, e.Payload)
	})
}

// waitRestored waits for a connection after Slack had refused one, and brings
// the buttons back.
func (i *interactivity) waitRestored(ctx context.Context) {
	for i.isRefused() {
		if i.socket.State().Connected > 0 {
			if i.change(func() { i.refused = false }) {
				i.log.Info("Slack accepts the app token again, buttons are on")
				i.resync(ctx)
			}
			return
		}
		if !wait.Sleep(ctx, restoredEvery) {
			return
		}
	}
}

func (i *interactivity) isRefused() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.refused
}

// refuse removes the buttons after Slack refused the connection.
func (i *interactivity) refuse(ctx context.Context, err error) {
	if !i.change(func() { i.refused = true }) {
		return
	}
	i.log.Error("Slack refuses the Socket Mode connection, buttons are off and notifications continue",
		slog.String(logkey.Error, err.Error()), slog.String(logkey.Hint, fault.Hint(err)))
	i.resync(ctx)
}

// resync makes the notifier add or remove the buttons of posted messages.
func (i *interactivity) resync(ctx context.Context) {
	if err := i.notifier.Resync(ctx); err != nil && ctx.Err() == nil {
		i.log.Warn("resync failed, the next one repeats it", slog.String(logkey.Error, err.Error()))
	}
}

// reviewSlack is the Slack client as package review uses it.
type reviewSlack struct{ *slack.Client }

// Member implements [review.Slack].
func (s reviewSlack) Member(ctx context.Context, userID string) (review.Member, error) {
	u, err := s.UserInfo(ctx, userID)
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

// PostEphemeral implements [review.Slack]. Not every workspace shows ephemeral
// messages in direct messages; there, nobody else can read a normal one either.
func (s reviewSlack) PostEphemeral(ctx context.Context, at access.MessageRef, userID string, m message.Message) error {
	err := s.Client.PostEphemeral(ctx, at.Channel, at.TS, userID, m)
	if err == nil || !strings.HasPrefix(at.Channel, "D") || !fault.Is(err, fault.Permanent) {
		return err
	}
	_, postErr := s.Post(ctx, message.Post{Channel: at.Channel, Thread: at.TS, Message: m})
	if postErr != nil {
		return errors.Join(err, postErr)
	}
	return nil
}
