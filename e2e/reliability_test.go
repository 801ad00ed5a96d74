//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// The stories in this file break things while requests keep coming, and count
// what is in Slack once everything works again. The workspace's token may read
// history here, so that there is exactly one message for each request and
// recipient: none lost, none doubled, each with the last state.

// historyScopes are what it takes to recognise a post whose answer was lost.
var historyScopes = []string{"reactions:write", "im:write", "channels:read", "groups:read", "channels:history", "groups:history", "im:history"}

// settling is how long the dust may take to settle: another replica's
// unfinished post is left alone for 20 seconds, and a backoff lasts up to two
// minutes.
const settling = 150 * time.Second

// burst makes n requests as alice, as fast as Teleport takes them.
func (c *cluster) burst(t testing.TB, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if c.asAlice == nil {
		c.asAlice = dial(ctx, t, c.authAddr, c.signIdentity(t, alice))
	}
	return createRequests(ctx, t, c.asAlice, n)
}

func createRequests(ctx context.Context, t testing.TB, as *client.Client, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		req, err := types.NewAccessRequest(uuid.NewString(), alice, "editor")
		if err != nil {
			t.Fatal(err)
		}
		req.SetRequestReason(fmt.Sprint("burst ", i))
		// A 13 server makes the ID itself.
		made, err := as.CreateAccessRequestV2(ctx, req)
		if err != nil {
			t.Fatalf("create request %d: %v", i, err)
		}
		ids[i] = made.GetName()
	}
	return ids
}

// settles waits until every place has a message about each request, in the
// wanted state, and then counts them.
func (w workspace) settles(t testing.TB, state map[string]string) {
	t.Helper()
	begin := time.Now()
	missing := func() string {
		for _, p := range w.places() {
			messages := map[string]string{}
			for _, m := range p.messages() {
				messages[requestOf(m)] += string(m.Blocks)
			}
			for id, want := range state {
				if got := messages[id]; got == "" || !containsFold(got, want) {
					return fmt.Sprintf("%s about %s, which is %s: %.200s", p.name, id, want, got)
				}
			}
		}
		return ""
	}
	for missing() != "" {
		if time.Since(begin) > settling {
			t.Errorf("not settled after %v: %s", settling, missing())
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second) // a double would come now
	var c counts
	for _, p := range w.places() {
		count := map[string]int{}
		for _, m := range p.messages() {
			count[requestOf(m)]++
		}
		for id := range state {
			c.add(count[id])
			total.add(count[id])
		}
	}
	t.Logf("settled %v after the last fault; %s", time.Since(begin).Round(time.Second), c.String())
	if c.lost > 0 || c.doubled > 0 {
		t.Errorf("%d lost, %d doubled", c.lost, c.doubled)
	}
}

// pending is every request undecided.
func pending(ids []string) map[string]string {
	m := map[string]string{}
	for _, id := range ids {
		m[id] = "PENDING"
	}
	return m
}

func TestStory_BurstOf300(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, historyScopes...)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)
	ids := c.burst(t, 300)
	slack.settles(t, pending(ids))
	p.stop(t)
}

func TestStory_SlackAwayFor30Seconds(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, historyScopes...)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)
	before := c.request(t, "before Slack is away")
	slack.announced(t, before)

	back := slack.Inject(slacktest.Fault{CutBefore: true})
	away := time.Now()
	ids := c.burst(t, 40)
	c.approve(t, before, "while Slack is away")
	c.deny(t, ids[0], "while Slack is away")
	time.Sleep(30*time.Second - time.Since(away))
	back()
	want := pending(ids)
	want[before], want[ids[0]] = "APPROVED", "DENIED"
	slack.settles(t, want)
	p.stop(t)
}

func TestStory_OneMessageASecond(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, historyScopes...)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)
	slack.SetChannelLimit(slacktest.Limit{PerSecond: 1})
	slack.settles(t, pending(c.burst(t, 20)))
	refused := 0
	for _, call := range slack.Calls() {
		if call.Outcome == "ratelimited" {
			refused++
		}
	}
	// Three places, and at most one refusal to learn of it and one per 20 posts.
	if refused > 3*2 {
		t.Errorf("Slack refused %d posts, want at most 6", refused)
	}
	p.stop(t)
}

func TestStory_KilledSixTimes(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, historyScopes...)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	slack.Inject(slacktest.Fault{Latency: 30 * time.Millisecond}) // so that it dies in the middle of something
	var ids []string
	for range 6 {
		p.start(t)
		ids = append(ids, c.burst(t, 20)...)
		time.Sleep(300 * time.Millisecond)
		p.process.kill(t)
	}
	p.start(t)
	slack.settles(t, pending(ids))
	c.approve(t, ids[0], "after all that")
	slack.shows(t, ids[0], "APPROVED", approvedReaction)
	p.stop(t)
}

func TestStory_TeleportRestartsInABurst(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, historyScopes...)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	slack.Inject(slacktest.Fault{Latency: 30 * time.Millisecond})
	p.start(t)
	ids := c.burst(t, 60)
	c.stop(t)
	c.start(t)
	c.asAlice = nil
	ids = append(ids, c.burst(t, 10)...)
	slack.settles(t, pending(ids))
	p.stop(t)
}

func TestStory_TwoReplicasOneIsKilled(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t, historyScopes...)
	conf := settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()}
	a, b := newPlugin(t, conf), newPlugin(t, conf)
	slack.Inject(slacktest.Fault{Latency: 30 * time.Millisecond})
	a.start(t)
	b.start(t)
	ids := c.burst(t, 40)
	slack.settles(t, pending(ids))
	more := c.burst(t, 40)
	time.Sleep(500 * time.Millisecond)
	a.process.kill(t)
	slack.settles(t, pending(append(more, ids...)))
	b.stop(t)
}
