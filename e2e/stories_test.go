//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

const (
	approvedReaction = "white_check_mark"
	deniedReaction   = "x"
)

// A request becomes messages, and decisions change them.
func TestStory_Decisions(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)

	approved := c.request(t, "to fix the orders")
	denied := c.request(t, "out of curiosity")
	slack.announced(t, approved, denied)
	slack.shows(t, approved, "PENDING", "")

	c.approve(t, approved, "go ahead")
	slack.shows(t, approved, "APPROVED", approvedReaction)
	c.deny(t, denied, "no reason given")
	slack.shows(t, denied, "DENIED", deniedReaction)

	p.stop(t)
	p.keepsSecrets(t)
	slack.once(t, approved, denied)
}

// A request that nobody decides ends as expired.
func TestStory_Expiry(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)

	id := c.shortRequest(t, 5*time.Second)
	slack.announced(t, id)
	slack.shows(t, id, "EXPIRED", "")

	p.stop(t)
	slack.once(t, id)
}

// Approved access ends at the very moment at which Teleport forgets the
// request; the record outlives it.
func TestStory_AccessEnds(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)

	id := c.shortAccess(t, 15*time.Second)
	slack.announced(t, id)
	c.approve(t, id, "")
	slack.shows(t, id, "APPROVED", approvedReaction)
	slack.shows(t, id, "access ended", "")
	eventually(t, "Teleport has forgotten the request", func() (bool, string) {
		_, err := c.tryTctl(t, "requests", "get", id)
		return err != nil, "it is still there"
	})

	p.stop(t)
	slack.once(t, id)
}

// What happens while the plugin is down is made up for when it starts.
func TestStory_PluginDown(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})

	early := c.request(t, "before the plugin ever ran")
	p.start(t)
	approved := c.request(t, "decided while the plugin is down")
	expired := c.shortRequest(t, 10*time.Second)
	slack.announced(t, early, approved, expired)
	p.stop(t)

	missed := c.request(t, "made while the plugin is down")
	c.approve(t, approved, "")
	eventually(t, "the request expires", func() (bool, string) {
		_, err := c.tryTctl(t, "requests", "get", expired)
		return err != nil, "it is still there"
	})
	p.start(t)
	slack.announced(t, missed)
	slack.shows(t, approved, "APPROVED", approvedReaction)
	slack.shows(t, expired, "EXPIRED", "")

	p.stop(t)
	slack.once(t, early, approved, expired, missed)
}

// Teleport goes away and comes back.
func TestStory_TeleportRestarts(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)

	before := c.request(t, "before the restart")
	slack.announced(t, before)
	c.stop(t)
	c.start(t)
	after := c.request(t, "after the restart")
	c.approve(t, before, "")
	slack.announced(t, after)
	slack.shows(t, before, "APPROVED", approvedReaction)

	p.stop(t)
	slack.once(t, before, after)
}

// The plugin may be started before Teleport is there.
func TestStory_TeleportComesLater(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	id := c.request(t, "waiting for everyone")
	c.stop(t)
	p.launch(t)
	c.start(t)
	slack.announced(t, id)
	p.stop(t)
	slack.once(t, id)
}

// tbot renews the identity every few seconds, and requests keep flowing after
// the first certificate is dead: past it, Teleport restarts, so that only a
// renewed certificate can connect.
func TestStory_BotRenewsIdentity(t *testing.T) {
	t.Parallel()
	const (
		ttl     = time.Minute // Teleport makes none that lives shorter
		between = 8 * time.Second
	)
	c, slack := newCluster(t), newWorkspace(t)
	identity := c.bot(t, ttl, 3*time.Second)
	p := newPlugin(t, settings{addr: c.authAddr, identity: identity, refresh: time.Second, slackURL: slack.URL()})
	p.start(t)
	dead := time.Now().Add(ttl)

	var ids []string
	pause := time.NewTicker(between)
	defer pause.Stop()
	for time.Now().Before(dead) {
		id := c.request(t, "while the identity is renewed")
		slack.announced(t, id)
		ids = append(ids, id)
		<-pause.C
	}
	c.stop(t)
	c.start(t)
	last := c.request(t, "after the first certificate's end")
	slack.announced(t, last)
	c.approve(t, last, "")
	slack.shows(t, last, "APPROVED", approvedReaction)

	p.stop(t)
	slack.once(t, append(ids, last)...)
}

// The Proxy's web port is enough, with a certificate of the company's own.
func TestStory_Proxy(t *testing.T) {
	t.Parallel()
	c, slack := newClusterWithProxy(t), newWorkspace(t)
	p := newPlugin(t, settings{
		addr:     c.proxyAddr,
		identity: c.signIdentity(t, "access-plugin"),
		slackURL: slack.URL(),
		env:      []string{"SSL_CERT_FILE=" + c.webCA},
	})
	p.start(t)
	id := c.request(t, "through the proxy")
	slack.announced(t, id)
	c.approve(t, id, "")
	slack.shows(t, id, "APPROVED", approvedReaction)
	p.stop(t)
	slack.once(t, id)
}

// A configuration file of the published plugin works as it is.
func TestStory_PublishedConfiguration(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, slacktest.DefaultToken+"\n")
	p := configured(t, nil, publishedConfig(t, map[string]string{
		"AUTH_ADDR":  c.authAddr,
		"IDENTITY":   c.signIdentity(t, "access-plugin"),
		"TOKEN_FILE": token,
		"SLACK_URL":  slack.URL(),
	}))
	p.start(t)
	id := c.request(t, "with the old file")
	slack.announced(t, id)
	c.deny(t, id, "")
	slack.shows(t, id, "DENIED", deniedReaction)
	p.stop(t)
	p.keepsSecrets(t)
	slack.once(t, id)
	if got := len(slack.Messages("ops")); got != 0 {
		t.Errorf("%d messages in #ops, want none: the role has recipients of its own", got)
	}
}

// SIGTERM lets what is in flight finish.
func TestStory_StopFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)
	posting := slack.holdPosts(t, 3*time.Second)
	id := c.request(t, "just before the end")
	posting()
	p.stop(t)
	slack.ClearFaults()
	p.start(t)
	slack.announced(t, id)
	p.stop(t)
	slack.once(t, id)
}

// A second signal ends the plugin at once; the next start does what was left.
func TestStory_SecondSignal(t *testing.T) {
	t.Parallel()
	const atOnce = 3 * time.Second
	c, slack := newCluster(t), newWorkspace(t)
	p := newPlugin(t, settings{addr: c.authAddr, identity: c.signIdentity(t, "access-plugin"), slackURL: slack.URL()})
	p.start(t)
	posting := slack.holdPosts(t, time.Minute)
	id := c.request(t, "never posted by the first plugin")
	posting()
	p.process.signal(t, syscall.SIGTERM)
	eventually(t, "the plugin is stopping", func() (bool, string) {
		said := p.process.output.String()
		return containsFold(said, "stopping"), lastLines(said, 3)
	})
	p.process.signal(t, syscall.SIGTERM)
	if code := p.process.wait(t, atOnce); code == 0 {
		t.Error("exit code after a second signal: got 0, want another, since work was left")
	}
	slack.ClearFaults()
	p.start(t)
	slack.announced(t, id)
	p.stop(t)
	slack.once(t, id)
}

// shortRequest asks for access as Alice, with a request that ends after life
// unless it is decided.
func (c *cluster) shortRequest(t *testing.T, life time.Duration) string {
	t.Helper()
	return c.requestBy(t, func(r types.AccessRequest) {
		r.SetExpiry(time.Now().Add(life))
		if v3, ok := r.(*types.AccessRequestV3); ok {
			v3.Metadata.SetExpiry(r.Expiry()) // where servers before 14 look for it
		}
	})
}

// shortAccess asks for access that ends after life.
func (c *cluster) shortAccess(t *testing.T, life time.Duration) string {
	t.Helper()
	return c.requestBy(t, func(r types.AccessRequest) { r.SetAccessExpiry(time.Now().Add(life)) })
}

// requestBy asks for access as Alice. tctl has no flags for what change does,
// so it takes her own identity.
func (c *cluster) requestBy(t *testing.T, change func(types.AccessRequest)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	her := dial(ctx, t, c.authAddr, c.signIdentity(t, alice))
	request, err := types.NewAccessRequest(newUUID(), alice, "editor")
	if err != nil {
		t.Fatal(err)
	}
	request.SetRequestReason("for a moment")
	change(request)
	made, err := her.CreateAccessRequestV2(ctx, request)
	if err != nil {
		t.Fatalf("create a request: %v", err)
	}
	return made.GetName()
}

// newUUID returns a random UUID, which is what Teleport wants requests to be
// called.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
