package notify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/test/bufconn"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/notify"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// The people and places of the model.
const (
	alice = "U0ALICE0001"
	bob   = "U0BOB000001"
	carol = "U0CAROL0001"
	dev   = "C0DEV000001"
	sec   = "C0SEC000001"
	ops   = "C0OPS000001"
)

// routes is who hears of which role; hears is the same in Slack's IDs.
var (
	routes = route.Table{"dev": {"#dev"}, "dba": {"bob@example.com", "#security"}, "*": {"#ops"}}
	hears  = map[string][]string{"dev": {dev}, "dba": {bob, sec}, "other": {ops}}
)

// notice is how long before the end of access its requester is told.
const notice = 2 * time.Minute

// universe is a Teleport and a Slack in memory, in a bubble of their own time,
// and the replicas of the plugin that work between them. Everything between
// the replicas and the servers is real: gRPC, TLS, HTTP.
type universe struct {
	teleport *teleporttest.Server
	slack    *slacktest.Server
	lis      atomic.Pointer[bufconn.Listener] // nil while Teleport is away
	slackLis *slacktest.Listener
	identity string
	replicas []*replica
	lost     int       // posts that processes recorded late, or did not live to record; see lostAnswers
	out      io.Writer // the replicas' log
	failed   func(rule, reason string)
	observer notify.Observer
}

func newUniverse(t testing.TB, scopes []string, out io.Writer) *universe {
	u := &universe{out: out, slackLis: slacktest.NewListener()}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	u.teleport, err = teleporttest.New(teleporttest.Options{})
	must(err)
	for name, email := range map[string]string{"carol": "carol@example.com"} {
		user, err := types.NewUser(name)
		must(err)
		user.SetTraits(map[string][]string{"email": {email}})
		must(u.teleport.AddUser(user))
	}
	must(u.startTeleport())
	content, err := u.teleport.EncodeIdentity(teleporttest.Identity{TTL: 48 * time.Hour})
	must(err)
	u.identity = filepath.Join(t.TempDir(), "identity")
	must(os.WriteFile(u.identity, content, 0o600))

	u.slack = slacktest.New(slacktest.Options{Scopes: scopes, KeepCalls: 100_000})
	for id, name := range map[string]string{alice: "alice", bob: "bob", carol: "carol"} {
		u.slack.AddUser(slacktest.User{ID: id, Name: name, Email: name + "@example.com"})
	}
	u.slack.AddChannel(slacktest.Channel{ID: dev, Name: "dev", BotIsMember: true})
	u.slack.AddChannel(slacktest.Channel{ID: sec, Name: "security", Private: true, BotIsMember: true})
	u.slack.AddChannel(slacktest.Channel{ID: ops, Name: "ops", BotIsMember: true})
	u.slack.AddChannel(slacktest.Channel{ID: oncall, Name: "oncall", BotIsMember: true})
	go u.slack.Serve(u.slackLis) //nolint:errcheck // ends with Close
	u.slack.Inject(slacktest.Fault{Latency: 3 * time.Millisecond})
	return u
}

func (u *universe) startTeleport() error {
	lis := bufconn.Listen(1 << 20)
	u.lis.Store(lis)
	return u.teleport.Serve(lis)
}

func (u *universe) stopTeleport() {
	u.lis.Store(nil)
	u.teleport.Stop()
}

func (u *universe) close() {
	for _, r := range u.replicas {
		r.stop()
	}
	u.slack.Close()
	u.teleport.Close()
}

// replica is one running plugin.
type replica struct {
	name     string
	notifier *notify.Notifier
	fate     *fate
	cancel   context.CancelFunc
	done     sync.WaitGroup
	close    func()
}

// start runs a new process of the plugin on the named host.
func (u *universe) start(host string) error {
	log := slog.New(slog.NewTextHandler(u.out, nil)).With("replica", host)
	tp, err := teleport.New(teleport.Options{
		Addr: "127.0.0.1:3025", Identity: u.identity, Log: log,
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) {
			lis := u.lis.Load()
			if lis == nil {
				return nil, &net.OpError{Op: "dial", Net: "memory", Err: errors.New("connection refused")}
			}
			return lis.DialContext(ctx)
		},
	})
	if err != nil {
		return err
	}
	transport := &http.Transport{DialContext: u.slackLis.DialContext}
	sl := slack.New(slack.Options{
		Token: func() string { return slacktest.DefaultToken }, APIURL: "http://slack.test/api/", Log: log,
		HTTPClient: &http.Client{Transport: transport, Timeout: 10 * time.Second},
	})
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{name: host, cancel: cancel, fate: &fate{effects: -1, kill: cancel}}
	d := doomed{teleport: tp, slack: sl, fate: r.fate}
	r.notifier = notify.New(notify.Options{
		Requests: tp, Records: d, Describer: tp, Messenger: d,
		Recipients: recipient.New(recipient.Options{
			Users: tp, Directory: sl, Inspector: tp, RuleFailed: u.failed, Routes: routes, EscalateTo: []string{"#oncall"}, Log: log,
		}),
		Workers: 4, Host: host, Log: log, Observer: u.observer,
		Ends: notify.Ends{Notice: notice, Ended: true}, Reminders: reminding,
	})
	r.close = func() { sl.Close(); transport.CloseIdleConnections(); _ = tp.Close() }
	r.done.Go(func() {
		for ctx.Err() == nil {
			if _, err := sl.Auth(ctx); err == nil {
				break
			}
			time.Sleep(time.Second)
		}
		_ = r.notifier.Run(ctx, 0)
	})
	r.done.Go(func() {
		_ = tp.Serve(ctx, teleport.Handler{
			Connected: func(_ context.Context, c access.Cluster) { r.notifier.Connected(c) },
			Changed:   r.notifier.Changed, Rules: r.notifier.SetRules, Resync: r.notifier.Resync,
		})
	})
	u.replicas = append(u.replicas, r)
	return nil
}

// stop ends the process at once, whatever it was doing.
func (r *replica) stop() {
	r.fate.die()
	r.done.Wait()
	r.close()
}

// crash stops a replica and forgets it.
func (u *universe) crash(r *replica) {
	r.stop()
	u.lost += r.fate.lost()
	for i := range u.replicas {
		if u.replicas[i] == r {
			u.replicas = append(u.replicas[:i:i], u.replicas[i+1:]...)
			return
		}
	}
}

// fate decides when a process dies: after so many effects, right before or
// right after one.
type fate struct {
	mu      sync.Mutex
	effects int  // effects left to live; negative for no end
	before  bool // dies before the last one instead of after it
	dead    bool
	kill    func()

	unrecorded map[string]int // posts that happened and whose result no write has recorded yet, by request
	late       int            // posts whose result was recorded late, so that another replica may have taken over
}

// posted counts a post that happened.
func (f *fate) posted(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unrecorded == nil {
		f.unrecorded = map[string]int{}
	}
	f.unrecorded[id]++
}

// wrote notes that a request's record was written, with what was posted before,
// or that it could not be.
func (f *fate) wrote(id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.late += f.unrecorded[id]
		return
	}
	delete(f.unrecorded, id)
}

// lost returns how many posts the process recorded late or not at all.
func (f *fate) lost() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n = f.late
	for _, posts := range f.unrecorded {
		n += posts
	}
	return n
}

var errDead = fault.New(fault.Retry, "work", "the process is dead")

func (f *fate) die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	f.kill()
}

// sentence makes the process die at its n-th effect from now.
func (f *fate) sentence(n int, before bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.effects, f.before = n, before
}

// effect runs something that changes the world outside, if the process lives to see it.
func (f *fate) effect(do func() error) error {
	f.mu.Lock()
	last := f.effects == 0
	if f.effects >= 0 && !f.dead {
		f.effects--
	}
	if f.dead || last && f.before {
		f.dead = true
		f.kill()
		f.mu.Unlock()
		return errDead
	}
	f.mu.Unlock()
	err := do()
	f.mu.Lock()
	defer f.mu.Unlock()
	if last || f.dead {
		f.dead = true
		f.kill()
		return errDead // the answer came too late for this process
	}
	return err
}

// doomed is the adapters in a process that may die between any two effects.
type doomed struct {
	teleport *teleport.Client
	slack    *slack.Client
	fate     *fate
}

func (d doomed) Record(ctx context.Context, id string) (map[string]string, error) {
	return d.teleport.Record(ctx, id)
}

func (d doomed) Records(ctx context.Context, yield func(string, map[string]string) error) error {
	return d.teleport.Records(ctx, yield)
}

func (d doomed) UpdateRecord(ctx context.Context, id string, set, expect map[string]string) error {
	return d.fate.effect(func() error {
		err := d.teleport.UpdateRecord(ctx, id, set, expect)
		d.fate.wrote(id, err)
		return err
	})
}

func (d doomed) Ready(p message.Post) error { return d.slack.Ready(p) }

func (d doomed) Post(ctx context.Context, p message.Post) (ref access.MessageRef, err error) {
	err = d.fate.effect(func() error {
		ref, err = d.slack.Post(ctx, p)
		if err == nil || ctx.Err() != nil { // what the process hangs up on as it dies may have arrived
			d.fate.posted(p.Tag.RequestID)
		}
		return err
	})
	return ref, err
}

func (d doomed) Update(ctx context.Context, at access.MessageRef, m message.Message) error {
	return d.fate.effect(func() error { return d.slack.Update(ctx, at, m) })
}

func (d doomed) React(ctx context.Context, at access.MessageRef, emoji string) error {
	return d.fate.effect(func() error { return d.slack.React(ctx, at, emoji) })
}

func (d doomed) Find(ctx context.Context, channel, thread string, tag message.Tag, since time.Time) (access.MessageRef, bool, error) {
	return d.slack.Find(ctx, channel, thread, tag, since)
}

// tagOf returns what a message in Slack says that it is.
func tagOf(m slacktest.Message) (id, part string) {
	if m.Metadata == nil {
		return "", ""
	}
	p := string(m.Metadata.EventPayload)
	return field(p, "request_id"), field(p, "part")
}

func field(json, name string) string {
	_, rest, ok := strings.Cut(json, fmt.Sprintf("%q:", name))
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, `"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
