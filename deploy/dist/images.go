package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is who the program is in its container.
const nobody = 65532

// images lays out the root of the image for each architecture whose program
// is there.
func (r release) images() error {
	for _, arch := range architectures {
		program, err := os.ReadFile(r.bin(arch))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := r.image(filepath.Join(r.out, "image", arch), program); err != nil {
			return err
		}
	}
	return nil
}

func (r release) image(root string, program []byte) error {
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	zones, err := timeZones()
	if err != nil {
		return err
	}
	for name, f := range map[string]struct {
		mode os.FileMode
		data []byte
	}{
		"usr/share/zoneinfo.zip":             {0o644, zones},
		"usr/local/bin/teleport-slack":       {0o755, program},
		"etc/ssl/certs/ca-certificates.crt":  {0o644, roots()},
		"etc/passwd":                         {0o644, fmt.Appendf(nil, "teleport-slack:x:%d:%d::/:/sbin/nologin\n", nobody, nobody)},
		"etc/group":                          {0o644, fmt.Appendf(nil, "teleport-slack:x:%d:\n", nobody)},
		"usr/share/doc/teleport-slack/about": {0o644, fmt.Appendf(nil, "teleport-slack %s, commit %s\n", r.version, r.commit)},
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.data, f.mode); err != nil {
			return err
		}
	}
	// "teleport-slack demo" wants it; "start" does not.
	tmp := filepath.Join(root, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil { // whatever the umask
		return err
	}
	// The name that the published image's users and charts call.
	if err := os.Symlink("teleport-slack", filepath.Join(root, "usr", "local", "bin", "teleport-plugin")); err != nil {
		return err
	}
	return filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.Mode()&os.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, time.Time{}, r.time)
	})
}

// timeZones is the zones that come with Go, for quiet hours: the image has no
// others, and in the program they would cost every installation half a megabyte.
func timeZones() ([]byte, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find Go's time zones: %w", err)
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "time", "zoneinfo.zip"))
}

// roots is the certificate authorities that Mozilla trusts, at the version in
// go.mod. Some are trusted only for certificates from before a date; a file of
// certificates has no room for that, here as in every distribution.
func roots() []byte {
	var buf bytes.Buffer
	for root := range bundle.Roots() {
		// Writing to memory does not fail.
		_ = pem.Encode(&buf, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return buf.Bytes()
}
