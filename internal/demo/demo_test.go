package demo

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTimeout is how long anything in the demo may take in a test.
const testTimeout = 15 * time.Second

// lockedBuffer is a buffer that a running demo can write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startDemo runs the demo as the command does, and returns where its page is.
// Its end is part of the test: within two seconds and without an error.
func startDemo(t *testing.T) (base string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var log lockedBuffer
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Addr: "127.0.0.1:0", Stdout: w, Stderr: &log})
		_ = w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		go func() { _, _ = io.Copy(io.Discard, r) }()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the demo ended with %v", err)
			}
		case <-time.After(2 * time.Second):
			t.Error("the demo had not ended after 2 s")
			if err := <-done; err != nil {
				t.Errorf("the demo ended with %v", err)
			}
		}
		if t.Failed() {
			t.Logf("the plugin's log:\n%s", log.String())
		}
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("no address was printed: %v; log:\n%s", err, log.String())
	}
	base = regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if base == "" {
		t.Fatalf("no address in %q", line)
	}
	return base
}

// testFixtures returns the demo's own fixtures.
func testFixtures(t *testing.T) fixtures {
	t.Helper()
	f, err := ownFixtures()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := l.Addr().String()

	t.Run("asked for", func(t *testing.T) {
		err := Run(t.Context(), Options{Addr: taken, Stdout: io.Discard, Stderr: io.Discard})
		if err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("Run = %v, want an error that says that the address is in use", err)
		}
	})
	t.Run("not asked for", func(t *testing.T) {
		l, err := listen(t.Context(), Options{Addr: taken, Fallback: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if l.Addr().String() == taken || !loopback(l.Addr()) {
			t.Errorf("listens at %s, want another port of 127.0.0.1 than %s", l.Addr(), taken)
		}
	})
}

func TestCredentialsAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	env, err := newEnvironment(testFixtures(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(env.identity(pluginUser)); err != nil {
		t.Errorf("the plugin's identity: %v", err)
	}
	if err := env.close(); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
