package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// entry is a file of an archive.
type entry struct {
	name string
	mode int64
	data []byte
}

// archive packs what install.sh wants to find.
func (r release) archive(arch string) error {
	top := fmt.Sprintf("teleport-slack_%s_linux_%s/", r.version, arch)
	files := map[string]string{
		"teleport-slack":   r.bin(arch),
		"install.sh":       "deploy/install.sh",
		"LICENSE":          "LICENSE",
		"README.md":        "README.md",
		"CHANGELOG.md":     "CHANGELOG.md",
		"docs/guide.md":    "docs/guide.md",
		"docs/guide.ko.md": "docs/guide.ko.md",
	}
	for _, pattern := range []string{"deploy/systemd/teleport-slack.*", "examples/*.toml", "examples/*.yaml", "examples/*/*", "docs/reference.md", "docs/troubleshooting.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			return fmt.Errorf("nothing matches %s: %w", pattern, err)
		}
		for _, p := range paths {
			files[strings.TrimPrefix(filepath.ToSlash(p), "deploy/")] = p
		}
	}
	var entries []entry
	for name, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mode := int64(0o644)
		if name == "teleport-slack" || name == "install.sh" {
			mode = 0o755
		}
		entries = append(entries, entry{top + name, mode, data})
	}
	return writeTarGz(r.file("teleport-slack_%s_linux_%s.tar.gz", r.version, arch), entries, r.time)
}

// writeTarGz writes an archive that is the same for the same entries.
func writeTarGz(path string, entries []entry, at time.Time) error {
	sort.Slice(entries, func(i, j int) bool { return entries[i].name < entries[j].name })
	var buf bytes.Buffer
	gz, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(gz)
	for _, e := range entries {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatPAX,
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := tw.Write(e.data); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	if err := gz.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

// checksums writes what "sha256sum --check" reads.
func (r release) checksums() error {
	paths, err := filepath.Glob(r.file("*teleport-*"))
	if err != nil {
		return err
	}
	sort.Strings(paths)
	var list strings.Builder
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(data), filepath.Base(path))
	}
	return os.WriteFile(r.file("checksums.txt"), []byte(list.String()), 0o644)
}
