package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/app"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// exitPatience is how long the plugin may finish what is in flight. What is
// left after it has its connections broken: nobody needs the demo's messages
// once the demo is over.
const exitPatience = 500 * time.Millisecond

// stage is both doubles and the plugin between them.
type stage struct {
	teleport *teleporttest.Server
	slack    *slacktest.Server
	config   config.Config
	dir      string // holds the identity files; removed by close
}

// newStage starts both doubles and writes the plugin's configuration. The
// plugin itself runs in run.
func newStage() (_ *stage, err error) {
	s := &stage{}
	defer func() {
		if err != nil {
			_ = s.close() // the first error is the one that tells
		}
	}()
	if s.dir, err = os.MkdirTemp("", "teleport-slack-demo-"); err != nil {
		return nil, fmt.Errorf("make a directory for the demo's credentials: %w", err)
	}
	if s.teleport, err = newTeleport(); err != nil {
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
	// token is nothing that could be guessed.
	token, appToken := "xoxb-demo-"+rand.Text(), "xapp-demo-"+rand.Text()
	s.slack = newSlack(token, appToken).Start()

	text := fmt.Sprintf(configuration, s.teleport.Addr(), s.identity(pluginUser), token, s.slack.URL(), appToken)
	if s.config, _, err = config.Parse("demo", []byte(text), os.ReadFile); err != nil {
		return nil, fmt.Errorf("read the demo's configuration: %w", err)
	}
	return s, nil
}

// identity returns the path of a user's identity file.
func (s *stage) identity(user string) string { return filepath.Join(s.dir, user) }

// run runs the plugin until ctx ends.
func (s *stage) run(ctx context.Context, log *slog.Logger) error {
	a, err := app.New(app.Options{Config: s.config, Log: log})
	if err != nil {
		return fmt.Errorf("start the plugin: %w", err)
	}
	ended := make(chan struct{})
	var impatient sync.WaitGroup
	impatient.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		t := time.NewTimer(exitPatience)
		defer t.Stop()
		select {
		case <-ended:
		case <-t.C:
			s.slack.Close()
			s.teleport.Close()
		}
	})
	err = a.Run(ctx)
	close(ended)
	impatient.Wait()
	if ctx.Err() != nil {
		return nil // it was asked to end
	}
	return err
}

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
