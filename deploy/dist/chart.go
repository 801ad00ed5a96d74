package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// chartDir is the Helm chart; its archive is made here because helm's own
// carries the time of packing.
const chartDir = "deploy/helm/teleport-plugin-slack"

// unreleased are the versions that Chart.yaml has in the repository.
const unreleased = "version: 0.0.0-dev\nappVersion: 0.0.0-dev\n"

// chart packs the chart with the release's version in it.
func (r release) chart() error {
	var entries []entry
	err := filepath.WalkDir(chartDir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(chartDir, p)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if name == "tests" { // as .helmignore says
				return fs.SkipDir
			}
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		switch name {
		case ".helmignore":
			return nil
		case "Chart.yaml":
			versions := fmt.Sprintf("version: %s\nappVersion: %s\n", r.version, r.version)
			released := strings.Replace(string(data), unreleased, versions, 1)
			if released == string(data) {
				return fmt.Errorf("%s does not have the lines %q", p, unreleased)
			}
			data = []byte(released)
		}
		entries = append(entries, entry{path.Join("teleport-plugin-slack", name), 0o644, data})
		return nil
	})
	if err != nil {
		return err
	}
	return writeTarGz(r.file("teleport-plugin-slack-%s.tgz", r.version), entries, r.time)
}
