package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/queue"
	"github.com/teleport-slack/teleport-slack/internal/telemetry"
)

// sources are what metrics ask at each scrape, by when New has made it all.
func (a *App) sources() telemetry.Sources {
	return telemetry.Sources{
		Queue:   func() queue.Stats { return a.notifier.Stats() },
		Failing: func() int { return a.notifier.Failing() },
		Teleport: func() telemetry.TeleportState {
			s := a.teleport.Status()
			return telemetry.TeleportState{Connected: s.Connected, Watching: s.Watching, Expires: s.Expires, ExpiresSoon: s.ExpiresSoon}
		},
		Slack: func() telemetry.SlackState {
			s := a.slack.AuthStatus()
			return telemetry.SlackState{Accepted: s.Known && s.Err == nil, Expires: s.Expires, TokenFile: a.token.trouble()}
		},
		Config:  func() error { _, _, err := a.read.last(); return err },
		Sockets: func() (int, bool) { return a.desk.socket.State().Connected, a.desk.wanted() != "" },
	}
}

// health is what /livez and /readyz look at.
func (a *App) health() telemetry.Health {
	return telemetry.Health{
		Alive: a.notifier.Stalled,
		Checks: []telemetry.Check{
			{Name: "teleport", Look: a.lookAtTeleport},
			{Name: "watch", Look: a.lookAtWatch},
			{Name: "identity", Look: a.lookAtIdentity},
			{Name: "slack", Look: a.lookAtSlack},
			{Name: "config", Look: a.lookAtConfig},
		},
	}
}

func (a *App) lookAtTeleport() (telemetry.Grade, string) {
	switch s := a.teleport.Status(); {
	case s.Connected:
		return telemetry.OK, fmt.Sprintf("connected to %s, version %s", s.Cluster.Name, s.Cluster.Version)
	case s.Err != nil:
		return telemetry.Failed, explain(s.Err)
	}
	return telemetry.Failed, "not connected yet"
}

func (a *App) lookAtWatch() (telemetry.Grade, string) {
	switch s := a.teleport.Status(); {
	case s.Watching:
		return telemetry.OK, "access requests are watched"
	case s.Connected && s.Err != nil:
		return telemetry.Failed, explain(s.Err)
	}
	return telemetry.Failed, "access requests are not watched"
}

func (a *App) lookAtIdentity() (telemetry.Grade, string) {
	s := a.teleport.Status()
	at := s.Expires.UTC().Format(time.RFC3339)
	switch left := time.Until(s.Expires); {
	case left <= 0:
		return telemetry.Failed, fmt.Sprintf("the credentials in %s expired at %s: issue new ones, or look at the log of tbot", s.Source, at)
	case s.ExpiresSoon:
		return telemetry.Warning, fmt.Sprintf("the credentials in %s expire in %s, at %s: issue new ones, or look at the log of tbot", s.Source, left.Round(time.Second), at)
	}
	return telemetry.OK, fmt.Sprintf("the credentials in %s are good until %s", s.Source, at)
}

func (a *App) lookAtSlack() (telemetry.Grade, string) {
	s := a.slack.AuthStatus()
	file, unanswered := a.token.trouble(), a.greeting.last()
	switch {
	case s.Err != nil:
		return telemetry.Failed, explain(s.Err)
	case !s.Known && unanswered != nil:
		return telemetry.Failed, explain(unanswered)
	case !s.Known:
		return telemetry.Failed, "not asked yet"
	case !s.Expires.IsZero() && time.Now().After(s.Expires):
		return telemetry.Failed, "the token expired at " + s.Expires.UTC().Format(time.RFC3339)
	case file != nil:
		return telemetry.Warning, "the token before it stays: " + file.Error()
	case unanswered != nil:
		return telemetry.Warning, explain(unanswered)
	}
	return telemetry.OK, "the token is accepted"
}

func (a *App) lookAtConfig() (telemetry.Grade, string) {
	at, needRestart, err := a.read.last()
	switch {
	case err != nil:
		return telemetry.Warning, "the one before it stays: " + err.Error()
	case len(needRestart) > 0:
		return telemetry.Warning, "needs a restart for " + strings.Join(needRestart, ", ")
	}
	return telemetry.OK, "as read at " + at.UTC().Format(time.RFC3339)
}

// explain is an error with what to do about it.
func explain(err error) string {
	if hint := fault.Hint(err); hint != "" {
		return err.Error() + ": " + hint
	}
	return err.Error()
}
