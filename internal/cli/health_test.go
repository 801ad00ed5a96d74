package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthAsksTheRunningProgram(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/livez":
			fmt.Fprintln(w, "ok")
		case "/readyz":
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, "waiting for Slack\nand \x1b[31mTeleport")
		}
	}))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(addr, ":")

	for _, a := range []string{addr, ":" + port, "0.0.0.0:" + port, "localhost:" + port} {
		if code, stdout, stderr := run(t, Options{Args: []string{"health", "--addr", a}}); code != exitOK || stdout != "ok\n" || stderr != "" {
			t.Errorf("%s: code %d, stdout %q, stderr %q", a, code, stdout, stderr)
		}
	}
	code, stdout, stderr := run(t, Options{Args: []string{"health", "--ready", "--addr", addr}})
	want := "teleport-slack: error: unhealthy: 503 Service Unavailable waiting for Slack; and �[31mTeleport\n"
	if code != exitFailure || stdout != "" || stderr != want {
		t.Errorf("not ready: code %d, stdout %q, stderr %q", code, stdout, stderr)
	}

	server.Close()
	code, _, stderr = run(t, Options{Args: []string{"health", "--addr", addr}})
	if code != exitFailure || !strings.Contains(stderr, "no response") || !strings.Contains(stderr, "hint: is teleport-slack running") {
		t.Errorf("nobody there: code %d, stderr %q", code, stderr)
	}
}

func TestWhereHealthAsks(t *testing.T) {
	for addr, want := range map[string]string{
		":8081":          "http://127.0.0.1:8081/livez",
		"0.0.0.0:8081":   "http://127.0.0.1:8081/livez",
		"[::]:8081":      "http://[::1]:8081/livez",
		"10.0.0.7:8081":  "http://10.0.0.7:8081/livez",
		"localhost:8081": "http://localhost:8081/livez",
	} {
		if got, err := healthURL(addr, false); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", addr, got, err, want)
		}
	}
	for _, addr := range []string{"", "8081", "localhost:", "http://localhost:8081/"} {
		if code, _, stderr := run(t, Options{Args: []string{"health", "--addr", addr}}); code != exitUsage || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%q: code %d, stderr %q", addr, code, stderr)
		}
	}
}
