package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

func TestACutRelayLetsNothingThrough(t *testing.T) {
	waiting := make(chan struct{})
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			close(waiting)
			<-release
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer srv.Close()
	defer close(release)
	relay, err := newRelay(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer relay.cut()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+relay.addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	if got, err := get("/"); got != "hello" {
		t.Fatalf("through the relay came %q, %v", got, err)
	}
	done := make(chan error)
	go func() {
		_, err := get("/wait")
		done <- err
	}()
	<-waiting
	relay.cut()
	if err := <-done; err == nil {
		t.Error("a call in flight was answered by a server that was cut off")
	}
	if _, err := net.Dial("tcp", relay.addr()); err == nil {
		t.Error("a relay that was cut takes connections")
	}
}

func TestJournal(t *testing.T) {
	j := newJournal()
	var shown bytes.Buffer
	log := slog.New(logHandler{next: slog.NewTextHandler(&shown, nil), to: j, name: "plugin"})
	log.With(slog.String("request_id", "r1")).Debug("planned", slog.Any("steps", []string{"post a", "post b"}))
	log.WithGroup("g").Warn("trouble", slog.Int("n", 1))
	j.note(fromPeople, "r1", "alice asks")
	if strings.Contains(shown.String(), "planned") || !strings.Contains(shown.String(), "trouble") {
		t.Errorf("what people look at says:\n%s", shown.String())
	}
	all, last := j.since(0, 10)
	for i := range all {
		all[i].At = time.Time{}
	}
	want := []entry{
		{Seq: 1, From: "plugin", Request: "r1", Text: "planned", Details: []detail{{"steps", "post a, post b"}}},
		{Seq: 2, From: "plugin", Text: "trouble", Details: []detail{{"g.n", "1"}}, Trouble: true},
		{Seq: 3, From: "people", Request: "r1", Text: "alice asks"},
	}
	if diff := cmp.Diff(want, all); diff != "" || last != 3 {
		t.Errorf("the journal up to %d (-want +got):\n%s", last, diff)
	}
	seqs := func(entries []entry) (out []int) {
		for _, e := range entries {
			out = append(out, e.Seq)
		}
		return out
	}
	about, more := j.about("r1", 0, 1)
	if diff := cmp.Diff([]int{3}, seqs(about)); diff != "" || !more {
		t.Errorf("the newest about r1, more: %v (-want +got):\n%s", more, diff)
	}
	about, more = j.about("r1", 3, 5)
	if diff := cmp.Diff([]int{1}, seqs(about)); diff != "" || more {
		t.Errorf("what was before, more: %v (-want +got):\n%s", more, diff)
	}
	if news, last := j.since(1, 1); len(news) != 1 || news[0].Seq != 3 || last != 3 {
		t.Errorf("of more than fit, %v up to %d", seqs(news), last)
	}
}

// What counts as lost, and when: never while something is wrong.
func TestCounts(t *testing.T) {
	env, err := newEnvironment(testFixtures(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = env.close() }()
	request := func(id, user string) {
		if _, err := env.teleport.CreateRequest(teleporttest.Request{ID: id, User: user, Roles: []string{"editor"}, SuggestedReviewers: []string{"dave", "nobody"}}); err != nil {
			t.Fatal(err)
		}
	}
	post := func(channel, id string) { sayTagged(t, env, channel, id) }
	const one, two = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"
	start := time.Now()
	for _, row := range []struct {
		name    string
		do      func()
		after   time.Duration
		trouble bool
		want    countsView
	}{
		{"a request", func() { request(one, "alice@example.com") }, 0, false, countsView{Wanted: 3, Waiting: 3}},
		{"its first message", func() { post(requestsChannel, one) }, time.Second, false, countsView{Wanted: 3, Delivered: 1, Waiting: 2}},
		{"long after, and Slack is away", func() {}, 2 * lostAfter, true, countsView{Wanted: 3, Delivered: 1, Waiting: 2}},
		{"just back", func() {}, 2*lostAfter + time.Second, false, countsView{Wanted: 3, Delivered: 1, Waiting: 2}},
		{"long after that", func() {}, 4 * lostAfter, false, countsView{Wanted: 3, Delivered: 1, Lost: 2}},
		{"the rest", func() { post("U0ALICE", one); post("U0DAVE", one) }, 4 * lostAfter, false, countsView{Wanted: 3, Delivered: 3}},
		{"one more", func() { post("U0DAVE", one) }, 4 * lostAfter, false, countsView{Wanted: 3, Delivered: 3, Doubled: 1}},
		{"approved", func() {
			if err := env.teleport.SetState(one, types.RequestState_APPROVED, ""); err != nil {
				t.Fatal(err)
			}
		}, 4 * lostAfter, false, countsView{Wanted: 3, Delivered: 3, Doubled: 1, Late: 3}},
		{"who is not in Slack asks", func() { request(two, "erin@example.com") }, 5 * lostAfter, false, countsView{Wanted: 5, Delivered: 3, Waiting: 2, Doubled: 1, Late: 3}},
		{"and it is gone before anybody heard", func() {
			if err := env.teleport.Delete(two); err != nil {
				t.Fatal(err)
			}
		}, 5 * lostAfter, false, countsView{Wanted: 3, Delivered: 3, Doubled: 1, Late: 3}},
	} {
		row.do()
		env.counter.count(start.Add(row.after), row.trouble)
		if diff := cmp.Diff(row.want, env.counter.view()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestSwitches(t *testing.T) {
	env, err := newEnvironment(testFixtures(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = env.close() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer env.replicas.wait()
	defer cancel()
	if err := env.replicas.start(ctx, firstReplica); err != nil {
		t.Fatal(err)
	}
	for _, sw := range env.switches.view() {
		if sw.On {
			t.Errorf("%s is on", sw.Name)
		}
		for _, on := range []bool{true, true, false, false} { // twice is once
			if err := env.switches.turn(ctx, sw.Name, on); err != nil {
				t.Errorf("%s to %v: %v", sw.Name, on, err)
			}
			if got := env.switches.trouble(); got != (on && sw.Name != "second-replica") {
				t.Errorf("with %s at %v, trouble is %v", sw.Name, on, got)
			}
		}
	}
	if err := env.switches.turn(ctx, "no-such", true); err == nil {
		t.Error("a switch that is not there can be turned")
	}
	if !env.replicas.runs(firstReplica) || env.replicas.runs(secondReplica) {
		t.Errorf("at the end the first runs: %v, the second: %v", env.replicas.runs(firstReplica), env.replicas.runs(secondReplica))
	}
	entries, _ := env.journal.about("", 0, 1000)
	said := fmt.Sprint(entries)
	for _, want := range []string{"process is killed", "Slack says 429: switched on", "Slack says 429: switched off", "process is asked to end"} {
		if strings.Count(said, want) != 1 {
			t.Errorf("the journal says %q %d times, want once", want, strings.Count(said, want))
		}
	}
}
