package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served runs a server for a test and returns its address.
func served(t *testing.T, o ServerOptions) string {
	t.Helper()
	o.Addr, o.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	if o.Metrics == nil {
		o.Metrics = newTestMetrics().Handler()
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + s.Addr().String()
}

type answer struct {
	Status int
	Body   string
}

func ask(t *testing.T, method, url string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: headers %v", url, resp.Header)
	}
	return answer{resp.StatusCode, string(body)}
}

func TestReadinessSaysWhyNot(t *testing.T) {
	grades := map[string]Grade{"teleport": OK, "slack": OK, "config": OK}
	texts := map[string]string{"teleport": "connected", "slack": "accepted", "config": "as read"}
	var checks []Check
	for _, name := range []string{"teleport", "slack", "config"} {
		checks = append(checks, Check{name, func() (Grade, string) { return grades[name], texts[name] }})
	}
	url := served(t, ServerOptions{Health: Health{Checks: checks}}) + "/readyz"
	for _, tt := range []struct {
		what  string
		name  string
		grade Grade
		text  string
		want  answer
	}{
		{"all is well", "config", OK, "as read", answer{200, "ok teleport: connected\nok slack: accepted\nok config: as read\n"}},
		{"a warning is no reason", "config", Warning, "the one before it stays",
			answer{200, "ok teleport: connected\nok slack: accepted\nwarning config: the one before it stays\n"}},
		{"a failure is", "slack", Failed, "check token: invalid_auth",
			answer{503, "ok teleport: connected\nfailed slack: check token: invalid_auth\nwarning config: the one before it stays\n"}},
		{"hostile words stay in their line", "slack", Failed, "x\r\nok slack: \x1b[31m\xff" + strings.Repeat("y", 1000),
			answer{503, "ok teleport: connected\nfailed slack: x ok slack: ?[31m?" + strings.Repeat("y", 482) + "…\nwarning config: the one before it stays\n"}},
	} {
		grades[tt.name], texts[tt.name] = tt.grade, tt.text
		if diff := cmp.Diff(tt.want, ask(t, "GET", url)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	for _, tt := range []struct {
		pprof        bool
		method, path string
		status       int
		has          string
	}{
		{false, "GET", "/", 200, "/readyz"},
		{false, "GET", "/livez", 200, "ok\n"},
		{false, "HEAD", "/livez", 200, ""},
		{false, "POST", "/livez", 405, "Method Not Allowed"},
		{false, "GET", "/metrics", 200, "teleport_slack_build_info{"},
		{false, "GET", "/metrics", 200, "go_goroutines "},
		{false, "GET", "/metrics", 200, "process_start_time_seconds "},
		{false, "GET", "/elsewhere", 404, "not found"},
		{false, "GET", "/debug/pprof/", 404, "not found"},
		{false, "GET", "/debug/pprof/heap", 404, "not found"},
		{true, "GET", "/debug/pprof/", 200, "goroutine"},
		{true, "GET", "/debug/pprof/goroutine?debug=1", 200, "goroutine profile"},
		{true, "GET", "/debug/pprof/heap?debug=1", 200, "heap profile"},
		{true, "GET", "/debug/pprof/heap", 200, "\x1f\x8b"},
		{true, "GET", "/debug/pprof/profile?seconds=0.02", 200, "\x1f\x8b"},
		{true, "GET", "/debug/pprof/trace?seconds=0.02", 200, "go 1."},
		{true, "GET", "/debug/pprof/nothing", 404, "there is no such profile"},
	} {
		url := served(t, ServerOptions{Pprof: tt.pprof})
		if got := ask(t, tt.method, url+tt.path); got.Status != tt.status || !strings.Contains(got.Body, tt.has) {
			t.Errorf("pprof %v: %s %s: %d %.80q, want %d with %q", tt.pprof, tt.method, tt.path, got.Status, got.Body, tt.status, tt.has)
		}
	}
}

func TestOneProfilesAtATime(t *testing.T) {
	url := served(t, ServerOptions{Pprof: true})
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := trace.Start(io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/debug/pprof/profile?seconds=0.01", "/debug/pprof/trace?seconds=0.01"} {
		if got := ask(t, "GET", url+path); got.Status != http.StatusConflict {
			t.Errorf("%s beside another: %d", path, got.Status)
		}
	}
	pprof.StopCPUProfile()
	trace.Stop()
	for _, path := range []string{"/debug/pprof/profile?seconds=0.01", "/debug/pprof/trace?seconds=0.01"} {
		if got := ask(t, "GET", url+path); got.Status != http.StatusOK {
			t.Errorf("%s afterwards: %d", path, got.Status)
		}
	}
}

func TestAProfileIsAsLongAsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for query, want := range map[string]time.Duration{
			"": time.Second, "?seconds=0.5": 500 * time.Millisecond, "?seconds=60": time.Minute,
			"?seconds=-1": time.Second, "?seconds=1000": time.Second, "?seconds=x": time.Second,
		} {
			begin := time.Now()
			record(httptest.NewRequest("GET", "/debug/pprof/trace"+query, nil), time.Second)
			if got := time.Since(begin); got != want {
				t.Errorf("%q: %v, want %v", query, got, want)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		record(httptest.NewRequestWithContext(gone, "GET", "/debug/pprof/trace?seconds=60", nil), time.Second)
		if got := time.Since(begin); got != 0 {
			t.Errorf("it went on for %v after whoever asked had gone", got)
		}
	})
}

func TestAProgramThatHangsIsNotAlive(t *testing.T) {
	stuck := make(chan struct{})
	var stalled error
	url := served(t, ServerOptions{Health: Health{Alive: func() error { <-stuck; return stalled }}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/livez", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if resp, err := (&http.Client{Transport: transport}).Do(req); err == nil {
		resp.Body.Close()
		t.Error("it answers")
	}
	close(stuck)
	if got := ask(t, "GET", url+"/livez"); got != (answer{200, "ok\n"}) {
		t.Errorf("once it goes on: %v", got)
	}
	stalled = errors.New("no worker\nmoves")
	if got := ask(t, "GET", url+"/livez"); got != (answer{503, "failed: no worker moves\n"}) {
		t.Errorf("when it says so itself: %v", got)
	}
}

func TestAnAddressInUseIsAnErrorBeforeAnybodyIsServed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(ServerOptions{Addr: l.Addr().String(), Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error: %v", err)
	}
}

func TestAServerThatNeverServedLetsGo(t *testing.T) {
	s, err := Listen(ServerOptions{Addr: "127.0.0.1:0", Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
