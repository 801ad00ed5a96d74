package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/config"
)

func TestATokenIsTakenOnceItsFileSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "token")
		write := func(s string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("xoxb-2-new")
		f := newTokenFile(config.Slack{Token: config.NewSecret("xoxb-1-old"), TokenPath: path})
		look := func(during func()) tokenChange {
			t.Helper()
			done := make(chan tokenChange)
			go func() {
				what, err := f.check(t.Context())
				if (what == broken) != (err != nil) {
					t.Errorf("%d with %v", what, err)
				}
				done <- what
			}()
			synctest.Wait() // it has read the file once
			during()
			return <-done
		}
		nothing := func() {}
		expect := func(step string, got, want tokenChange, token string) {
			t.Helper()
			if got != want || f.reveal() != token {
				t.Errorf("%s: %d with %q, want %d with %q", step, got, f.reveal(), want, token)
			}
		}
		expect("while it is written", look(func() { write("xoxb-2-newer") }), unchanged, "xoxb-1-old")
		expect("when it is", look(nothing), replaced, "xoxb-2-newer")
		expect("when nothing is new", look(nothing), unchanged, "xoxb-2-newer")

		write("")
		expect("empty for a moment", look(func() { write("xoxb-2-newer") }), unchanged, "xoxb-2-newer")
		write("")
		expect("empty", look(nothing), broken, "xoxb-2-newer")
		expect("still empty", look(nothing), unchanged, "xoxb-2-newer")
		write("xapp-1-other")
		expect("of another kind", look(nothing), broken, "xoxb-2-newer")
		if f.lastErr() == nil {
			t.Error("a broken file has no error")
		}
		write("xoxb-2-newer")
		expect("usable again", look(nothing), recovered, "xoxb-2-newer")
		if err := f.lastErr(); err != nil {
			t.Errorf("a usable file: %v", err)
		}

		write("xoxb-3-newest")
		expect("read again by a reload meanwhile", look(func() { f.set(config.Slack{Token: config.NewSecret("xoxb-inline")}) }), unchanged, "xoxb-inline")
		expect("in the configuration", look(nothing), unchanged, "xoxb-inline")
		if got := f.file(); got != "" {
			t.Errorf("path %q", got)
		}
	})
}

func TestTheTokenFileIsCheckedEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lineCounter{}
		w := &tokenWatcher{
			file: newTokenFile(config.Slack{Token: config.NewSecret("xoxb-1-old"), TokenPath: filepath.Join(t.TempDir(), "gone")}),
			log:  slog.New(slog.NewTextHandler(log, nil)),
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.run(ctx); close(done) }()
		time.Sleep(9 * time.Second)
		if n := log.count(); n != 0 {
			t.Errorf("%d lines after nine seconds", n)
		}
		time.Sleep(2 * time.Second)
		if n := log.count(); n != 1 {
			t.Errorf("%d lines after eleven seconds", n)
		}
		time.Sleep(time.Hour)
		if n := log.count(); n != 1 {
			t.Errorf("%d lines after an hour of the same", n)
		}
		cancel()
		<-done
	})
}

// lineCounter counts log lines.
type lineCounter struct {
	mu sync.Mutex
	n  int
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return len(p), nil
}

func (c *lineCounter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
