package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
)

func TestVersionOf(t *testing.T) {
	for _, tt := range []struct{ version, want string }{
		{"", "0.0.0-dev.0123456789ab"}, {"v1.2.3", "1.2.3"}, {"1.2.3-rc.1", "1.2.3-rc.1"},
	} {
		if got := versionOf(tt.version, "0123456789abcdef"); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.version, got, tt.want)
		}
	}
}

// release is one that is packed into a folder of the test's.
func testRelease(t *testing.T) release {
	t.Helper()
	r := release{version: "1.2.3", commit: "0123456789abcdef", time: time.Unix(1e9, 0).UTC(), out: t.TempDir()}
	t.Chdir("../..")
	return r
}

func TestTheChartOfAReleaseHasItsVersion(t *testing.T) {
	r := testRelease(t)
	if err := r.chart(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.out, "teleport-plugin-slack-1.2.3.tgz")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	chart, err := loader.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if m := chart.Metadata; m.Version != "1.2.3" || m.AppVersion != "1.2.3" || len(chart.Schema) == 0 || len(chart.Templates) < 10 {
		t.Errorf("version %s, app %s, %d templates", m.Version, m.AppVersion, len(chart.Templates))
	}
	for _, f := range chart.Raw {
		if strings.HasPrefix(f.Name, "tests/") {
			t.Errorf("%s is not for users", f.Name)
		}
	}
	if err := r.chart(); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(first) {
		t.Errorf("the same chart has other bytes: %v", err)
	}
}

func TestBomListsEveryModuleOnce(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.99", Main: debug.Module{Path: "example.com/main"},
		Deps: []*debug.Module{
			{Path: "example.com/b", Version: "v2.0.0+incompatible", Sum: "h1:x"},
			{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/a", Version: "v1.0.1"}},
		},
	}
	b := release{version: "1.2.3", time: time.Unix(0, 0).UTC()}.bom(info, [32]byte{1})
	var purls []string
	for _, c := range b.Components {
		purls = append(purls, c.PURL)
	}
	want := "pkg:golang/example.com/a@v1.0.1 pkg:golang/example.com/b@v2.0.0%2Bincompatible pkg:golang/std@1.99"
	if got := strings.Join(purls, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.Serial) {
		t.Errorf("serial number %s", b.Serial)
	}
	if _, err := json.Marshal(b); err != nil {
		t.Error(err)
	}
}
