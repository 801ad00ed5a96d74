//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// BenchmarkPaced measures the program as a process of its own between a real
// Teleport and a Slack: 200 requests, one each 20 ms, each with three messages.
// PROFILE=FILE writes a processor profile of the run.
//
//	go test -tags e2e -run '^$' -bench . -benchtime 1x ./e2e
func BenchmarkPaced(b *testing.B) {
	const requests = 200
	for b.Loop() {
		w := newWorkspace(b)
		c := newCluster(b)
		httpAddr := freeAddr(b, "127.0.0.1")
		p := configured(b, nil, fmt.Sprintf(`[teleport]
addr = %q
identity = %q
[slack]
token = %q
api_url = %q
[role_to_recipients]
"*" = [%q, %q]
[http]
listen_addr = %q
pprof = true
`, c.authAddr, c.signIdentity(b, "access-plugin"), slacktest.DefaultToken, w.URL(), channel, bob, httpAddr))
		p.start(b)
		c.burst(b, 1) // what is looked up once is looked up
		w.waitFor(b, 3)
		idle := p.usage(b)
		profiled := profile(b, httpAddr)
		var late time.Duration
		for range requests {
			begin := time.Now()
			c.burst(b, 1)
			late = max(late, time.Since(begin))
			time.Sleep(time.Until(begin.Add(20 * time.Millisecond)))
		}
		w.waitFor(b, 3*(requests+1))
		end := p.usage(b)
		profiled()
		b.ReportMetric((end.cpu-idle.cpu).Seconds()*1000, "cpu-ms")
		b.ReportMetric(idle.rssMiB, "ready-MiB")
		b.ReportMetric(end.peakMiB, "peak-MiB")
		b.ReportMetric(end.anonMiB, "anon-MiB")
		b.ReportMetric(late.Seconds()*1000, "slowest-create-ms")
		p.stop(b)
	}
}

// waitFor waits until there are so many messages.
func (w workspace) waitFor(t testing.TB, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d messages", n), func() (bool, string) {
		got := len(w.AllMessages())
		return got >= n, fmt.Sprint(got)
	})
}

type usage struct {
	cpu                      time.Duration
	rssMiB, anonMiB, peakMiB float64
}

// usage reads what the program has used so far from /proc.
func (p *plugin) usage(t testing.TB) (u usage) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(p.process.cmd.Process.Pid)
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	// Fields 14 and 15, counted after the name in parentheses, in ticks of 10 ms.
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	u.cpu = time.Duration(user+system) * 10 * time.Millisecond
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) float64 {
		_, rest, _ := strings.Cut(string(status), name+":")
		kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return kib / 1024
	}
	u.rssMiB, u.anonMiB, u.peakMiB = field("VmRSS"), field("RssAnon"), field("VmHWM")
	return u
}

// profile begins a processor profile, if one is wanted, and returns what writes
// it into the file.
func profile(t testing.TB, addr string) func() {
	t.Helper()
	file := os.Getenv("PROFILE")
	if file == "" {
		return func() {}
	}
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/debug/pprof/profile?seconds=6", nil)
		if err != nil {
			done <- err
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			done <- err
			return
		}
		defer func() { _ = resp.Body.Close() }()
		out, err := io.ReadAll(resp.Body)
		if err == nil {
			err = os.WriteFile(file, out, 0o600)
		}
		done <- err
	}()
	return func() {
		if err := <-done; err != nil {
			t.Errorf("profile: %v", err)
		}
	}
}
