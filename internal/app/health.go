package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

// sources are the values that metrics read at each scrape.
func sources(tp *teleport.Client, sl *slack.Client, n *notify.Notifier, token *tokenFile, state *configState, i *interactivity) telemetry.Sources {
	return telemetry.Sources{
		Queue:   n.Stats,
		Failing: n.Failing,
		Teleport: func() telemetry.TeleportState {
			s := tp.Status()
			return telemetry.TeleportState{Connected: s.Connected, Watching: s.Watching, Expires: s.Expires, ExpiresSoon: s.ExpiresSoon}
		},
		Slack: func() telemetry.SlackState {
			s := sl.AuthStatus()
			return telemetry.SlackState{Accepted: s.Known && s.Err == nil, Expires: s.Expires, TokenFile: token.lastErr()}
		},
		Config:  func() error { _, _, err := state.last(); return err },
		Sockets: i.connections,
	}
}

// health is what /livez and /readyz report.
func health(tp *teleport.Client, sl *slack.Client, n *notify.Notifier, token *tokenFile, state *configState, auth *authenticator) telemetry.Health {
	return telemetry.Health{
		Alive: n.Stalled,
		Checks: []telemetry.Check{
			{Name: "teleport", Look: func() (telemetry.Grade, string) { return connectionHealth(tp.Status()) }},
			{Name: "watch", Look: func() (telemetry.Grade, string) { return watchHealth(tp.Status()) }},
			{Name: "identity", Look: func() (telemetry.Grade, string) { return identityHealth(tp.Status()) }},
			{Name: "slack", Look: func() (telemetry.Grade, string) {
				return slackHealth(sl.AuthStatus(), token.lastErr(), auth.lastErr())
			}},
			{Name: "config", Look: func() (telemetry.Grade, string) { return configHealth(state.last()) }},
		},
	}
}

func connectionHealth(s teleport.Status) (telemetry.Grade, string) {
	switch {
	case s.Connected:
		return telemetry.OK, fmt.Sprintf("connected to %s, version %s", s.Cluster.Name, s.Cluster.Version)
	case s.Err != nil:
		return telemetry.Failed, withHint(s.Err)
	}
	return telemetry.Failed, "not connected yet"
}

func watchHealth(s teleport.Status) (telemetry.Grade, string) {
	switch {
	case s.Watching:
		return telemetry.OK, "access requests are watched"
	case s.Connected && s.Err != nil:
		return telemetry.Failed, withHint(s.Err)
	}
	return telemetry.Failed, "access requests are not watched"
}

func identityHealth(s teleport.Status) (telemetry.Grade, string) {
	at := s.Expires.UTC().Format(time.RFC3339)
	switch left := time.Until(s.Expires); {
	case left <= 0:
		return telemetry.Failed, fmt.Sprintf("the credentials in %s expired at %s: issue new ones, or read the log of tbot", s.Source, at)
	case s.ExpiresSoon:
		return telemetry.Warning, fmt.Sprintf("the credentials in %s expire in %s, at %s: issue new ones, or read the log of tbot", s.Source, left.Round(time.Second), at)
	}
	return telemetry.OK, fmt.Sprintf("the credentials in %s are valid until %s", s.Source, at)
}

// slackHealth takes what Slack last answered, the error of the token's file and
// the error of the last check of the token.
func slackHealth(s slack.AuthStatus, fileErr, authErr error) (telemetry.Grade, string) {
	switch {
	case s.Err != nil:
		return telemetry.Failed, withHint(s.Err)
	case !s.Known && authErr != nil:
		return telemetry.Failed, withHint(authErr)
	case !s.Known:
		return telemetry.Failed, "not checked yet"
	case !s.Expires.IsZero() && time.Now().After(s.Expires):
		return telemetry.Failed, "the token expired at " + s.Expires.UTC().Format(time.RFC3339)
	case fileErr != nil:
		return telemetry.Warning, "using the previous token: " + fileErr.Error()
	case authErr != nil:
		return telemetry.Warning, withHint(authErr)
	}
	return telemetry.OK, "the token is accepted"
}

func configHealth(at time.Time, needRestart []string, err error) (telemetry.Grade, string) {
	switch {
	case err != nil:
		return telemetry.Warning, "using the previous configuration: " + err.Error()
	case len(needRestart) > 0:
		return telemetry.Warning, "needs a restart for " + strings.Join(needRestart, ", ")
	}
	return telemetry.OK, "loaded at " + at.UTC().Format(time.RFC3339)
}

func withHint(err error) string {
	if hint := fault.Hint(err); hint != "" {
		return err.Error() + ": " + hint
	}
	return err.Error()
}
