package notify_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// What was posted and could not be recorded is remembered however often
// Teleport fails before it can be, so that nothing is posted twice even where
// the token may not look into the channel's history.
func TestWhatCouldNotBeRecordedIsRememberedUntilItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		u := newUniverse(t, slacktest.DefaultScopes(), &log)
		defer u.close()
		if err := u.start("host-0"); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		u.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Times: 1, Match: func(slacktest.Call) bool {
			// The post is on its way: its result meets a Teleport that fails to
			// write, and after that to read.
			once.Do(func() {
				u.teleport.Inject(teleporttest.Fault{Method: "UpdatePluginData", Code: codes.Unavailable, Times: 1})
				u.teleport.Inject(teleporttest.Fault{Method: "ListAccessRequests", Code: codes.Unavailable, Times: 2})
			})
			return false
		}})
		if _, err := u.teleport.CreateRequest(teleporttest.Request{User: "alice@example.com", Roles: []string{"other"}, TTL: 12 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		for _, to := range []string{ops, alice} {
			n := len(u.slack.Messages(to))
			if to == alice {
				n = len(u.slack.DirectMessages(to))
			}
			if n != 1 {
				t.Errorf("%s has %d messages, want 1\n%s", to, n, log.String())
			}
		}
	})
}

// One recipient's post is slow, and the process dies meanwhile: the others, whose
// posts were done, get no second message, even where the token may not look into
// the channel's history.
func TestASlowCallKeepsNoOthersResultFromTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		u := newUniverse(t, slacktest.DefaultScopes(), &log)
		defer u.close()
		if err := u.start("host-0"); err != nil {
			t.Fatal(err)
		}
		end := u.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Channel: sec, Latency: 8 * time.Second})
		if _, err := u.teleport.CreateRequest(teleporttest.Request{User: "alice@example.com", Roles: []string{"dba"}, TTL: 12 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		u.crash(u.replicas[0])
		end()
		if err := u.start("host-0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for _, to := range []string{alice, bob} {
			if n := len(u.slack.DirectMessages(to)); n != 1 {
				t.Errorf("%s has %d messages, want 1\n%s", to, n, log.String())
			}
		}
		if n := len(u.slack.Messages(sec)); n < 1 {
			t.Errorf("#security has %d messages", n)
		}
	})
}
