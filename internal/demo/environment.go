package demo

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// shutdownTimeout is how long the plugin may take to finish calls in flight.
// After that its connections are cut.
const shutdownTimeout = 500 * time.Millisecond

// environment holds both doubles, what is needed to run the plugin between them,
// and the record of what all three did.
type environment struct {
	fixtures fixtures
	teleport *teleporttest.Server
	slack    *slacktest.Server
	routes   route.Routes
	config   config.Config // of the fixtures, with the doubles' addresses and credentials
	dir      string        // holds the identity files; removed by close
	journal  *journal
	counter  *counter
	replicas *replicas
	switches *switches
	ready    atomic.Bool // both doubles are set up; calls before that are not journalled
}

// newEnvironment starts both doubles, but not the plugin, and puts their addresses
// and credentials into the configuration.
func newEnvironment(f fixtures, log *slog.Logger) (_ *environment, err error) {
	env := &environment{fixtures: f, config: f.config, journal: newJournal()}
	if env.routes, err = route.Table(f.config.Recipients).Compile(); err != nil {
		return nil, fmt.Errorf("read the routes: %w", err) // cannot happen: the loader has read them
	}
	env.counter = newCounter(env)
	env.replicas = newReplicas(env, log)
	env.switches = newSwitches(env.journal, env.toggles())
	defer func() {
		if err != nil {
			_ = env.close() // the first error is the cause
		}
	}()
	if env.dir, err = os.MkdirTemp("", "teleport-slack-demo-"); err != nil {
		return nil, fmt.Errorf("make a directory for the demo's credentials: %w", err)
	}
	if env.teleport, err = newTeleport(f, func(c teleporttest.Call) {
		if env.ready.Load() {
			env.recordTeleportCall(c)
		}
	}); err != nil {
		return nil, err
	}
	if err = env.teleport.Start(); err != nil {
		return nil, fmt.Errorf("start the demo's Teleport: %w", err)
	}
	for _, user := range []string{pluginUser, pageUser} {
		if err = env.teleport.WriteIdentity(env.identity(user), teleporttest.Identity{User: user}); err != nil {
			return nil, fmt.Errorf("write the demo's identity file: %w", err)
		}
	}
	// Other programs on this machine can reach the Slack double, so its tokens
	// must not be guessable.
	token, appToken := "xoxb-demo-"+rand.Text(), "xapp-demo-"+rand.Text()
	env.slack = newSlack(f, token, appToken, func(c slacktest.Call) {
		if env.ready.Load() {
			env.recordSlackCall(c)
		}
	}).Start()
	env.config.Teleport = config.Teleport{Addr: env.teleport.Addr(), Identity: env.identity(pluginUser)}
	env.config.Slack = config.Slack{Token: config.NewSecret(token), APIURL: env.slack.URL()}
	env.config.HTTP = config.HTTP{} // a plugin on this machine may have the configured port
	env.config.Review.AppToken = config.NewSecret(appToken)
	env.ready.Store(true)
	return env, nil
}

// identity returns the path of a user's identity file.
func (env *environment) identity(user string) string { return filepath.Join(env.dir, user) }

// close ends the doubles and removes the credentials.
func (env *environment) close() error {
	if env.slack != nil {
		env.slack.Close()
	}
	if env.teleport != nil {
		env.teleport.Close()
	}
	if env.dir == "" {
		return nil
	}
	return os.RemoveAll(env.dir)
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
