package helm

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

const chartDir = "teleport-plugin-slack"

var update = flag.Bool("update", false, "write testdata/golden anew")

// valueFiles returns the names of the files of values, without their ends.
func valueFiles(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no values: %v", err)
	}
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(p), ".yaml"))
	}
	return names
}

func readValues(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile("testdata/values/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// render does what "helm template" does, with the schema. The manifests come
// in the order in which Helm installs them.
func render(values map[string]any) ([]string, error) {
	chart, err := loader.LoadDir(chartDir)
	if err != nil {
		return nil, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	release := chartutil.ReleaseOptions{Name: "release", Namespace: "access", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, caps)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, sorted, err := releaseutil.SortManifests(files, caps.APIVersions, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var manifests []string
	for _, m := range sorted {
		manifests = append(manifests, strings.TrimSpace(m.Content)+"\n")
	}
	return manifests, nil
}

func mustRender(t *testing.T, values map[string]any) []string {
	t.Helper()
	manifests, err := render(values)
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}

func TestWhatTheChartMakes(t *testing.T) {
	for _, name := range valueFiles(t) {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(mustRender(t, readValues(t, name)), "---\n")
			path := "testdata/golden/" + name + ".yaml"
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("go test ./helm -update, and look at the difference (-want +got):\n%s", diff)
			}
		})
	}
}

// with returns values with one of them replaced; the path has dots.
func with(values map[string]any, path string, value any) map[string]any {
	m := values
	parts := strings.Split(path, ".")
	for _, p := range parts[:len(parts)-1] {
		inner, ok := m[p].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[p] = inner
		}
		m = inner
	}
	m[parts[len(parts)-1]] = value
	return values
}

// What is missing or wrong is said before anything reaches the cluster, by
// the name of the value.
func TestMistakesAreToldByTheirValue(t *testing.T) {
	for _, tt := range []struct {
		from, path string
		value      any
		want       string
	}{
		{"published-minimal", "teleport.address", "", "teleport.address is needed"},
		{"published-minimal", "teleport.identitySecretName", "", "teleport.identitySecretName is needed"},
		{"published-minimal", "slack.tokenFromSecret", "", "slack.tokenFromSecret or slack.token is needed"},
		{"published-minimal", "roleToRecipients", nil, "roleToRecipients is needed"},
		{"published-minimal", "review.enabled", true, "review.appTokenFromSecret or review.appToken is needed"},
		{"published-tbot", "tbot.clusterName", "", "tbot.clusterName is needed"},
		{"published-tbot", "tbot.token", "", "tbot.token is needed"},
		{"published-tbot", "tbot.teleportAuthAddress", "auth:3025", "only one of them"},
		{"published-minimal", "serviceMonitor.enabled", true, "serviceMonitor.enabled needs service.enabled"},
		{"own-config", "service.enabled", true, "service.enabled needs http.enabled"},
		// The schema's.
		{"published-minimal", "teleport.address", "teleport.example.com", "teleport.address"},
		{"published-minimal", "roleToRecipients.dev", 7, "roleToRecipients.dev"},
		{"published-minimal", "log.severity", "LOUD", "log.severity"},
		{"published-minimal", "http.prot", 1, "prot"},
		{"published-minimal", "replicas", "two", "replicas"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			_, err := render(with(readValues(t, tt.from), tt.path, tt.value))
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "/", "."), tt.want) {
				t.Errorf("%s = %v: %v, want %q", tt.path, tt.value, err, tt.want)
			}
		})
	}
}
