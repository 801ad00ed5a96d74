package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"strings"
	"time"
)

// bom is the part of CycloneDX 1.5 that is needed to say which modules a
// program is made of. https://cyclonedx.org/docs/1.5/json/
type bom struct {
	Format       string      `json:"bomFormat"`
	Spec         string      `json:"specVersion"`
	Serial       string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
	Dependencies []dependsOn `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependsOn struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// sbom lists what is in the program, as the linker wrote it down.
func (r release) sbom(arch string) error {
	program, err := os.ReadFile(r.bin(arch))
	if err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return err
	}
	out, err := json.MarshalIndent(r.bom(info, sha256.Sum256(program)), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.file("teleport-slack_%s_linux_%s.cdx.json", r.version, arch), append(out, '\n'), 0o644)
}

func (r release) bom(info *debug.BuildInfo, sum [32]byte) bom {
	self := component{
		Type: "application", Name: "teleport-slack", Version: r.version,
		PURL:   purl(info.Main.Path, "v"+r.version),
		Hashes: []hash{{"SHA-256", fmt.Sprintf("%x", sum)}},
	}
	self.Ref = self.PURL
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" || s.Key == "CGO_ENABLED" {
			self.Properties = append(self.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	parts := []component{{Type: "library", Name: "std", Version: version, Scope: "required", PURL: "pkg:golang/std@" + version}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{Type: "library", Name: m.Path, Version: m.Version, Scope: "required", PURL: purl(m.Path, m.Version)}
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}}
		}
		parts = append(parts, c)
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].PURL < parts[j].PURL })
	dependencies := dependsOn{Ref: self.Ref}
	for i := range parts {
		parts[i].Ref = parts[i].PURL
		dependencies.DependsOn = append(dependencies.DependsOn, parts[i].Ref)
	}
	return bom{
		Format: "CycloneDX", Spec: "1.5", Serial: serial(sum), Version: 1,
		Metadata:     metadata{Timestamp: r.time.Format(time.RFC3339), Component: self},
		Components:   parts,
		Dependencies: []dependsOn{dependencies},
	}
}

// purl names a Go module. https://github.com/package-url/purl-spec
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// serial is a UUID (version 8, of our own making) that follows from the
// program, so that the same program has the same list.
func serial(sum [32]byte) string {
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
