//go:build systemd

// Package systemd_test installs what "make dist" packed into a system of its
// own, boots systemd in it, and runs the service there, between a Teleport and
// a Slack outside. It needs systemd-nspawn and root, and changes nothing of the
// machine: /usr is the machine's own below a layer that is thrown away.
package systemd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/deploy/internal/world"
)

// script is what happens within, line by line. It writes what it sees to
// /result, and powers off.
const script = `#!/bin/sh
exec >/result 2>&1
trap 'journalctl --sync; journalctl -u teleport-slack -o cat --no-pager | sed "s/^/journal: /"; echo ended; systemctl poweroff --force --no-block' EXIT
set -ex
%s
systemctl daemon-reload
install -d -m 0700 /etc/credstore
printf 'xoxb-world\n' >/etc/credstore/teleport-slack.token
cp /given/teleport-slack.toml /etc/teleport-slack.toml
chown root:teleport-slack /etc/teleport-slack.toml
chmod 0640 /etc/teleport-slack.toml
install -o teleport-slack -g teleport-slack -m 0600 /given/identity /var/lib/teleport-slack/identity
# So that this doesn't take a minute.
install -d /etc/systemd/system/teleport-slack.service.d
printf '[Service]\nWatchdogSec=5\nRestartSec=0\n' >/etc/systemd/system/teleport-slack.service.d/test.conf
systemctl daemon-reload

systemctl start teleport-slack
echo "started: $(systemctl show -p ActiveState -p StatusText --value teleport-slack | xargs)"
pid=$(systemctl show -p MainPID --value teleport-slack)
echo "user: $(ps -o user= -p "$pid" | xargs) caps: $(sed -n 's/^CapEff:\t//p' /proc/"$pid"/status)"
sleep 11
echo "after two watchdogs: $(systemctl is-active teleport-slack) $(systemctl show -p NRestarts --value teleport-slack)"
systemctl reload teleport-slack
sleep 1
echo "reloaded: $(systemctl is-active teleport-slack)"
kill -STOP "$pid"
for i in $(seq 60); do
	sleep 1
	[ "$(systemctl show -p NRestarts --value teleport-slack)" = 1 ] && systemctl is-active --quiet teleport-slack && break
done
echo "hung: $(systemctl is-active teleport-slack) $(systemctl show -p NRestarts --value teleport-slack)"
systemctl stop teleport-slack
echo "stopped: $(systemctl show -p Result --value teleport-slack) $(systemctl show -p ExecMainStatus --value teleport-slack)"
%s
`

// system lays out the root of a system that has nothing but the machine's /usr.
func system(t *testing.T, install, afterwards string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc/systemd/system", "usr", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "run", "tmp", "proc", "sys", "dev", "root", "given", "packed"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if target, err := os.Readlink("/" + name); err == nil {
			must(t, os.Symlink(strings.TrimPrefix(target, "/"), filepath.Join(root, name)))
		}
	}
	for name, content := range map[string]string{
		"etc/passwd":          "root:x:0:0:root:/root:/bin/sh\n",
		"etc/group":           "root:x:0:\n",
		"etc/os-release":      "ID=test\nPRETTY_NAME=test\n",
		"etc/machine-id":      "",
		"var/lib/dpkg/status": "",
		"story":               fmt.Sprintf(script, install, afterwards),
		"etc/systemd/system/story.service": "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\n" +
			"ExecStart=/bin/sh /story\nTimeoutStartSec=infinity\n",
		"etc/systemd/system/story.target": "[Unit]\nRequires=basic.target story.service\nAfter=basic.target\nAllowIsolate=yes\n",
	} {
		must(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	return root
}

// boot runs the system until it powers off, and returns what its story said.
func boot(t *testing.T, root string, binds ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args := []string{
		"--quiet", "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe", "--directory=" + root,
		"--overlay=/usr::/usr",
	}
	for _, b := range binds {
		args = append(args, "--bind-ro="+b)
	}
	cmd := exec.CommandContext(ctx, "systemd-nspawn", append(args, "--boot", "systemd.unit=story.target")...)
	console, err := cmd.CombinedOutput()
	result, readErr := os.ReadFile(filepath.Join(root, "result"))
	if readErr != nil || !strings.Contains(string(result), "\nended\n") {
		t.Fatalf("it did not come to its end: %v\n%s\nconsole:\n%s", errors.Join(err, readErr), result, console)
	}
	return string(result)
}

func TestTheServiceAsItIsReleased(t *testing.T) {
	dist, err := filepath.Abs("../../dist")
	must(t, err)
	for _, tt := range []struct{ name, file, install, afterwards string }{
		{
			"archive", "teleport-slack_*_linux_" + runtime.GOARCH + ".tar.gz",
			"mkdir /unpacked\ntar -xzf /packed/teleport-slack_*_linux_" + runtime.GOARCH + ".tar.gz -C /unpacked --strip-components=1\n/unpacked/install.sh",
			"",
		},
		{
			"deb", "teleport-slack_*_" + runtime.GOARCH + ".deb",
			"dpkg --force-depends -i /packed/teleport-slack_*_" + runtime.GOARCH + ".deb",
			"systemctl start teleport-slack\ndpkg -r teleport-slack\n" +
				"echo \"removed: $(systemctl is-active teleport-slack) $(ls /etc/teleport-slack.toml /usr/bin/teleport-slack 2>/dev/null | xargs)\"",
		},
		{
			"rpm", "teleport-slack-*." + rpmArch() + ".rpm",
			"mkdir -p /var/lib/rpm\nrpm --nodeps -i /packed/teleport-slack-*." + rpmArch() + ".rpm",
			"systemctl start teleport-slack\nrpm --nodeps -e teleport-slack\n" +
				"echo \"removed: $(systemctl is-active teleport-slack) $(ls /etc/teleport-slack.toml* /usr/bin/teleport-slack 2>/dev/null | xargs)\"",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if packed, err := filepath.Glob(filepath.Join(dist, tt.file)); err != nil || len(packed) != 1 {
				t.Fatalf("%v, %v in dist: run \"make dist\"", packed, err)
			}
			w := world.New(t)
			root := system(t, tt.install, tt.afterwards)
			w.Files(t, filepath.Join(root, "given"), "/var/lib/teleport-slack", "%d/teleport-slack.token")
			result := boot(t, root, dist+":/packed")
			for _, want := range []string{
				`started: ready active$`,
				`user: teleport-slack caps: 0000000000000000$`,
				`after two watchdogs: active 0$`,
				`reloaded: active`,
				`hung: active 1$`,
				`stopped: success 0$`,
				`journal: .*configuration reloaded`,
				`journal: .*Watchdog timeout`,
				`journal: .*Successfully shut down`,
			} {
				if !regexp.MustCompile(`(?m)^` + want).MatchString(result) {
					t.Errorf("no line %q", want)
				}
			}
			if tt.afterwards != "" && !regexp.MustCompile(`(?m)^removed: inactive /etc/teleport-slack.toml(\.rpmsave)?$`).MatchString(result) {
				t.Error("removing the package leaves something, or takes the configuration")
			}
			if t.Failed() {
				t.Log(result)
			}
		})
	}
}

// rpmArch is what rpm calls this machine's architecture.
func rpmArch() string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
