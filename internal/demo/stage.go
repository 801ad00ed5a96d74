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

// exitPatience is how long the plugin may finish what is in flight. What is
// left after it has its connections broken.
const exitPatience = 500 * time.Millisecond

// stage is both doubles, with what is needed to run the plugin between them,
// and what is heard of all three.
type stage struct {
	world    world
	teleport *teleporttest.Server
	slack    *slacktest.Server
	routes   route.Routes
	config   config.Config // of the world, with the doubles' addresses and credentials
	dir      string        // holds the identity files; removed by close
	journal  *journal
	counts   *counts
	replicas *replicas
	switches *switches
	ready    atomic.Bool // the doubles stand: before that, nothing they are called is news
}

// newStage starts both doubles, not the plugin, and gives the configuration what it needs to
// reach them.
func newStage(w world, log *slog.Logger) (_ *stage, err error) {
	s := &stage{world: w, config: w.config, journal: newJournal()}
	if s.routes, err = route.Table(w.config.Recipients).Compile(); err != nil {
		return nil, fmt.Errorf("read the routes: %w", err) // cannot happen: the loader has read them
	}
	s.counts = newCounts(s)
	s.replicas = newReplicas(s, log)
	s.switches = newSwitches(s.journal, s.toggles())
	defer func() {
		if err != nil {
			_ = s.close() // the first error is the one that tells
		}
	}()
	if s.dir, err = os.MkdirTemp("", "teleport-slack-demo-"); err != nil {
		return nil, fmt.Errorf("make a directory for the demo's credentials: %w", err)
	}
	if s.teleport, err = newTeleport(w, func(c teleporttest.Call) {
		if s.ready.Load() {
			s.sawTeleport(c)
		}
	}); err != nil {
		return nil, err
	}
	if err = s.teleport.Start(); err != nil {
		return nil, fmt.Errorf("start the demo's Teleport: %w", err)
	}
	for _, user := range []string{pluginUser, pageUser} {
		if err = s.teleport.WriteIdentity(s.identity(user), teleporttest.Identity{User: user}); err != nil {
			return nil, fmt.Errorf("write the demo's identity file: %w", err)
		}
	}
	// The workspace listens beside whatever else is on this machine, so its
	// tokens are nothing that could be guessed.
	token, appToken := "xoxb-demo-"+rand.Text(), "xapp-demo-"+rand.Text()
	s.slack = newSlack(w, token, appToken, func(c slacktest.Call) {
		if s.ready.Load() {
			s.sawSlack(c)
		}
	}).Start()
	s.config.Teleport = config.Teleport{Addr: s.teleport.Addr(), Identity: s.identity(pluginUser)}
	s.config.Slack = config.Slack{Token: config.NewSecret(token), APIURL: s.slack.URL()}
	s.config.HTTP = config.HTTP{} // the ports of the real one may be taken, and are not for us
	s.config.Review.AppToken = config.NewSecret(appToken)
	s.ready.Store(true)
	return s, nil
}

// identity returns the path of a user's identity file.
func (s *stage) identity(user string) string { return filepath.Join(s.dir, user) }

// close ends the doubles and removes the credentials.
func (s *stage) close() error {
	if s.slack != nil {
		s.slack.Close()
	}
	if s.teleport != nil {
		s.teleport.Close()
	}
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
