package app

import (
	"context"
	"os"
	"path/filepath"
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
		look := func(during func()) glance {
			t.Helper()
			done := make(chan glance)
			go func() {
				what, err := f.look(t.Context())
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
		expect := func(step string, got, want glance, token string) {
			t.Helper()
			if got != want || f.reveal() != token {
				t.Errorf("%s: %d with %q, want %d with %q", step, got, f.reveal(), want, token)
			}
		}
		expect("while it is written", look(func() { write("xoxb-2-newer") }), same, "xoxb-1-old")
		expect("when it is", look(nothing), replaced, "xoxb-2-newer")
		expect("when nothing is new", look(nothing), same, "xoxb-2-newer")

		write("")
		expect("empty for a moment", look(func() { write("xoxb-2-newer") }), same, "xoxb-2-newer")
		write("")
		expect("empty", look(nothing), broken, "xoxb-2-newer")
		expect("still empty", look(nothing), same, "xoxb-2-newer")
		write("xapp-1-other")
		expect("of another kind", look(nothing), broken, "xoxb-2-newer")
		if f.trouble() == nil {
			t.Error("a broken file is no trouble")
		}
		write("xoxb-2-newer")
		expect("mended", look(nothing), mended, "xoxb-2-newer")
		if err := f.trouble(); err != nil {
			t.Errorf("a mended file: %v", err)
		}

		write("xoxb-3-newest")
		expect("read again by a reload meanwhile", look(func() { f.set(config.Slack{Token: config.NewSecret("xoxb-inline")}) }), same, "xoxb-inline")
		expect("in the configuration", look(nothing), same, "xoxb-inline")
		if got := f.file(); got != "" {
			t.Errorf("path %q", got)
		}
	})
}

func TestTheFileIsLookedAtEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &App{token: newTokenFile(config.Slack{Token: config.NewSecret("xoxb-1-old"), TokenPath: filepath.Join(t.TempDir(), "gone")})}
		log := &lines{}
		a.o.Log = log.logger()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.watchToken(ctx); close(done) }()
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
