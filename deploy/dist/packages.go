package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // the formats register themselves
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages makes the deb and the rpm that deploy/packages/nfpm.yaml describes.
func (r release) packages(arch string) error {
	stage, err := r.stage()
	if err != nil {
		return err
	}
	vars := map[string]string{"ARCH": arch, "VERSION": r.version, "BIN": r.bin(arch), "STAGE": stage}
	config, err := nfpm.ParseFileWithEnvMapping("deploy/packages/nfpm.yaml", func(name string) string { return vars[name] })
	if err != nil {
		return err
	}
	for _, format := range []string{"deb", "rpm"} {
		info, err := config.Get(format)
		if err != nil {
			return err
		}
		info.MTime = r.time
		info = nfpm.WithDefaults(info)
		if err := nfpm.Validate(info); err != nil {
			return err
		}
		packager, err := nfpm.Get(format)
		if err != nil {
			return err
		}
		info.Target = r.file("%s", packager.ConventionalFileName(info))
		var buf bytes.Buffer
		if err := packager.Package(info, &buf); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		if err := os.WriteFile(info.Target, buf.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stage lays out the files that packages have and the repository has not: the
// unit for /usr/bin, and the example configuration as the program prints it.
func (r release) stage() (string, error) {
	dir := filepath.Join(r.bins, "stage")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unit, err := os.ReadFile("deploy/systemd/teleport-slack.service")
	if err != nil {
		return "", err
	}
	moved := bytes.Replace(unit, []byte("ExecStart=/usr/local/bin/"), []byte("ExecStart=/usr/bin/"), 1)
	if bytes.Equal(moved, unit) {
		return "", fmt.Errorf("the unit does not start /usr/local/bin/teleport-slack")
	}
	if err := os.WriteFile(filepath.Join(dir, "teleport-slack.service"), moved, 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command(r.bin(runtime.GOARCH), "configure")
	cmd.Stderr = os.Stderr
	example, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("teleport-slack configure: %w", err)
	}
	return dir, os.WriteFile(filepath.Join(dir, "teleport-slack.toml"), example, 0o644)
}
