package helm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/teleport-slack/teleport-slack/internal/config"
)

// kind returns an empty object of the kind that a manifest says it is.
func kind(manifest string) (meta.Object, error) {
	var of meta.TypeMeta
	if err := yaml.Unmarshal([]byte(manifest), &of); err != nil {
		return nil, err
	}
	switch of.APIVersion + " " + of.Kind {
	case "v1 ConfigMap":
		return &core.ConfigMap{}, nil
	case "v1 Secret":
		return &core.Secret{}, nil
	case "v1 Service":
		return &core.Service{}, nil
	case "v1 ServiceAccount":
		return &core.ServiceAccount{}, nil
	case "apps/v1 Deployment":
		return &apps.Deployment{}, nil
	case "policy/v1 PodDisruptionBudget":
		return &policy.PodDisruptionBudget{}, nil
	case "networking.k8s.io/v1 NetworkPolicy":
		return &networking.NetworkPolicy{}, nil
	case "rbac.authorization.k8s.io/v1 Role":
		return &rbac.Role{}, nil
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		return &rbac.RoleBinding{}, nil
	case "monitoring.coreos.com/v1 ServiceMonitor":
		return &monitoring.ServiceMonitor{}, nil
	}
	return nil, fmt.Errorf("unexpected %s %s", of.APIVersion, of.Kind)
}

// decode reads manifests as the API server would with fieldValidation=Strict.
func decode(t *testing.T, manifests []string) (objects []meta.Object) {
	t.Helper()
	for _, m := range manifests {
		o, err := kind(m)
		if err == nil {
			err = yaml.UnmarshalStrict([]byte(m), o)
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, m)
		}
		objects = append(objects, o)
	}
	return objects
}

// find returns the object of a kind and name.
func find[T any](t *testing.T, objects []meta.Object, name string) *T {
	t.Helper()
	for _, o := range objects {
		if typed, ok := any(o).(*T); ok && o.GetName() == name {
			return typed
		}
	}
	t.Fatalf("there is no %T %s", *new(T), name)
	return nil
}

func TestManifestsAreWhatKubernetesTakes(t *testing.T) {
	for _, name := range valueFiles(t) {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for _, o := range decode(t, mustRender(t, readValues(t, name))) {
				id := fmt.Sprintf("%T %s", o, o.GetName())
				if seen[id] {
					t.Errorf("%s is there twice", id)
				}
				seen[id] = true
				for _, wrong := range validation.IsDNS1123Subdomain(o.GetName()) {
					t.Errorf("%s: %s", id, wrong)
				}
				if o.GetNamespace() != "access" && !strings.HasSuffix(o.GetName(), "-more") {
					t.Errorf("%s is in the namespace %q", id, o.GetNamespace())
				}
				for key, value := range o.GetLabels() {
					for _, wrong := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
						t.Errorf("%s: label %s=%s: %s", id, key, value, wrong)
					}
				}
				if d, ok := o.(*apps.Deployment); ok {
					checkPod(t, d)
				}
			}
		})
	}
}

// checkPod holds what the API server checks beyond the types: the selector
// selects, mounts have volumes, names are there once, ports that probes name
// exist.
func checkPod(t *testing.T, d *apps.Deployment) {
	t.Helper()
	for key, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[key] != value {
			t.Errorf("%s: the selector wants %s=%s, the pods have %q", d.Name, key, value, d.Spec.Template.Labels[key])
		}
	}
	volumes := map[string]bool{}
	for _, v := range d.Spec.Template.Spec.Volumes {
		if volumes[v.Name] {
			t.Errorf("%s: two volumes %s", d.Name, v.Name)
		}
		volumes[v.Name] = true
		for _, wrong := range validation.IsDNS1123Label(v.Name) {
			t.Errorf("%s: volume %s: %s", d.Name, v.Name, wrong)
		}
	}
	used := map[string]bool{}
	for _, c := range d.Spec.Template.Spec.Containers {
		paths := map[string]bool{}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] || paths[m.MountPath] || !strings.HasPrefix(m.MountPath, "/") {
				t.Errorf("%s: mount of %s at %s: no such volume, or the path is taken", d.Name, m.Name, m.MountPath)
			}
			used[m.Name], paths[m.MountPath] = true, true
		}
		ports := map[string]bool{}
		for _, p := range c.Ports {
			ports[p.Name] = true
		}
		for _, probe := range []*core.Probe{c.LivenessProbe, c.ReadinessProbe} {
			if probe != nil && !ports[probe.HTTPGet.Port.StrVal] {
				t.Errorf("%s: a probe asks at port %s", d.Name, probe.HTTPGet.Port.String())
			}
		}
		env := map[string]bool{}
		for _, e := range c.Env {
			if env[e.Name] {
				t.Errorf("%s: two variables %s", d.Name, e.Name)
			}
			env[e.Name] = true
		}
	}
	for name := range volumes {
		if !used[name] {
			t.Errorf("%s: nothing mounts the volume %s", d.Name, name)
		}
	}
}

// A file that the configuration names is one that the pod has.
func TestTheConfigurationIsSound(t *testing.T) {
	for _, name := range valueFiles(t) {
		if name == "own-config" {
			continue // it is not the chart's
		}
		t.Run(name, func(t *testing.T) {
			objects := decode(t, mustRender(t, readValues(t, name)))
			plugin := pluginOf(t, objects)
			mounts := map[string]string{}
			var volume string
			for _, m := range plugin.Spec.Template.Spec.Containers[0].VolumeMounts {
				mounts[m.MountPath] = m.SubPath
				if m.MountPath == "/etc/teleport-slack.toml" {
					volume = m.Name
				}
			}
			var text string
			for _, v := range plugin.Spec.Template.Spec.Volumes {
				if v.Name == volume {
					text = find[core.ConfigMap](t, objects, v.ConfigMap.Name).Data[mounts["/etc/teleport-slack.toml"]]
				}
			}
			c, warnings, err := config.Parse("teleport-slack.toml", []byte(text), func(path string) ([]byte, error) {
				key, ok := mounts[path]
				switch {
				case !ok || key == "":
					return nil, fmt.Errorf("the pod has no file %s", path)
				case strings.HasSuffix(path, "app-token"):
					return []byte("xapp-1-A0-example"), nil
				}
				return []byte("xoxb-22-example"), nil
			})
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			for _, w := range warnings {
				if w.Key == "http" && !slices.Contains(config.Keys(), "http.listen_addr") {
					continue // the plugin does not serve it yet
				}
				if w.Key == "review.enabled" {
					continue // it says that it can't do that yet, which is for the operator to read
				}
				t.Errorf("warning: %s\n%s", w.String(), text)
			}
			dir, _, _ := strings.Cut(c.Teleport.Identity, "/teleport-identity/")
			if _, ok := mounts[dir+"/teleport-identity"]; !ok || !c.Teleport.RefreshIdentity {
				t.Errorf("identity %s, refreshed %v", c.Teleport.Identity, c.Teleport.RefreshIdentity)
			}
		})
	}
}

// pluginOf returns the deployment that is not tbot's.
func pluginOf(t *testing.T, objects []meta.Object) *apps.Deployment {
	t.Helper()
	for _, o := range objects {
		if d, ok := o.(*apps.Deployment); ok && d.Labels["app.kubernetes.io/component"] == "" {
			return d
		}
	}
	t.Fatal("there is no deployment")
	return nil
}

// Values of every kind arrive in the configuration as they are.
func TestValuesCannotBreakOutOfTheirQuotes(t *testing.T) {
	hostile := "a\"]\n[slack]\ntoken = \"x\\\" # <&>\u2028é"
	values := readValues(t, "published-minimal")
	values = with(values, "roleToRecipients", map[string]any{"*": "general", hostile: []any{"#dev", hostile}})
	objects := decode(t, mustRender(t, values))
	text := find[core.ConfigMap](t, objects, "release-teleport-plugin-slack").Data["teleport-slack.toml"]
	c, _, err := config.Parse("f", []byte(text), func(string) ([]byte, error) { return []byte("xoxb-22"), nil })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := c.Recipients[hostile]; len(got) != 2 || got[1] != hostile || len(c.Recipients) != 2 {
		t.Errorf("recipients %q", c.Recipients)
	}
}

// Nothing that is secret is anywhere but in the secret.
func TestTokensAreOnlyInSecrets(t *testing.T) {
	for _, name := range valueFiles(t) {
		for _, m := range mustRender(t, readValues(t, name)) {
			if regexp.MustCompile(`xoxb-|xapp-`).MatchString(m) {
				t.Errorf("%s: a token is in\n%s", name, m)
			}
		}
	}
}
