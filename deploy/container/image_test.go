//go:build container

// Package container_test runs the image that "make image" built, as its users
// do: read-only, without capabilities, as nobody. It needs podman and runc.
package container_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/deploy/internal/world"
)

// image is the image's name.
func image() string {
	if name := os.Getenv("IMAGE"); name != "" {
		return name
	}
	return "localhost/teleport-slack"
}

// podman returns a command of podman's. The first flags make it work without a
// daemon, a registry or the host's cgroups.
func podman(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "podman", append([]string{
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc",
	}, args...)...)
}

// locked is how a container runs in these tests; the limits are there because
// podman's own are above what some machines allow.
func locked(args ...string) []string {
	return append([]string{
		"run", "--rm", "--pull", "never", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges",
		"--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
	}, args...)
}

// run runs a container until it ends.
func run(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := podman(ctx, locked(args...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("podman: %v", err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return string(out), code
}

func TestWhatTheImageSaysOfItself(t *testing.T) {
	out, err := podman(t.Context(), "image", "inspect", image()).Output()
	if err != nil {
		t.Fatal(err)
	}
	var images []struct {
		Config struct {
			User            string
			Entrypoint, Cmd []string
			Labels          map[string]string
		}
		RootFS struct{ Layers []string }
	}
	if err := json.Unmarshal(out, &images); err != nil || len(images) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	c := images[0].Config
	want := []any{"65532:65532", []string{"/usr/local/bin/teleport-slack"}, []string{"start"}, 1}
	if diff := cmp.Diff(want, []any{c.User, c.Entrypoint, c.Cmd, len(images[0].RootFS.Layers)}); diff != "" {
		t.Errorf("user, entry point, command, layers (-want +got):\n%s", diff)
	}
	for _, label := range []string{"title", "source", "licenses", "revision"} {
		if c.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("the label %s is missing", label)
		}
	}
}

func TestBothNamesOfTheProgram(t *testing.T) {
	for _, args := range [][]string{
		{image(), "version"},
		{"--entrypoint", "/usr/local/bin/teleport-plugin", image(), "version"},
	} {
		if out, code := run(t, args...); code != 0 || !strings.HasPrefix(out, "teleport-slack v") {
			t.Errorf("%q: exit %d: %s", args, code, out)
		}
	}
}

func TestWithoutArgumentsItStarts(t *testing.T) {
	out, code := run(t, image())
	if code != 1 || !strings.Contains(out, "/etc/teleport-slack.toml: cannot read the configuration") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestItRunsTheDemo(t *testing.T) {
	if out, code := run(t, image(), "demo", "--scenario"); code != 0 || !strings.Contains(out, " 0 lost, 0 doubled") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// As the published image is run: the configuration is mounted, and "start" is
// the argument.
func TestItTellsSlackOfARequest(t *testing.T) {
	w := world.New(t)
	dir := t.TempDir()
	w.Files(t, dir, "/var/lib/teleport-slack", world.Token)
	own(t, dir)
	name := "teleport-slack-test-" + filepath.Base(dir)
	cmd := podman(t.Context(), locked("--name", name, "-v", filepath.Join(dir, "teleport-slack.toml")+":/etc/teleport-slack.toml:ro",
		"-v", dir+":/var/lib/teleport-slack:ro", image(), "start")...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = podman(context.Background(), "rm", "--force", name).Run() }() // it has ended by itself if all is well
	w.Request(t)
	if out, err := podman(t.Context(), "stop", "--time", "20", name).CombinedOutput(); err != nil {
		t.Errorf("stop: %v: %s", err, out)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "Successfully shut down") {
		t.Errorf("%v:\n%s", err, &log)
	}
}

// own makes the files the container's user's.
func own(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 65532, 65532)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestItBringsCertificateAuthorities(t *testing.T) {
	data, err := os.ReadFile("../../dist/image/amd64/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Error(err)
		}
		n++
	}
	if n < 100 {
		t.Errorf("%d authorities, want Mozilla's", n)
	}
}
