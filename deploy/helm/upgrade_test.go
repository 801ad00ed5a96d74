package helm

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// published is the deployment that the published chart makes of
// published-minimal.yaml, in what matters to an upgrade: names, selector,
// mounts, and no strategy.
const published = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: release-teleport-plugin-slack
  namespace: access
  labels:
    app.kubernetes.io/name: teleport-plugin-slack
    app.kubernetes.io/instance: release
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: teleport-plugin-slack
      app.kubernetes.io/instance: release
  template:
    metadata:
      labels:
        app.kubernetes.io/name: teleport-plugin-slack
        app.kubernetes.io/instance: release
    spec:
      containers:
        - name: teleport-plugin-slack
          image: public.ecr.aws/gravitational/teleport-plugin-slack:18.2.0
          command: [/usr/local/bin/teleport-plugin, start, --config, /etc/teleport-slack.toml]
          env:
            - {name: TELEPORT_PLUGIN_FAIL_FAST, value: "true"}
          volumeMounts:
            - {name: config, mountPath: /etc/teleport-slack.toml, subPath: teleport-slack.toml}
            - {name: teleport-identity, mountPath: /var/lib/teleport/plugins/slack/teleport-identity}
            - {name: password-file, mountPath: /var/lib/teleport/plugins/slack/slack-token, subPath: slackToken}
      volumes:
        - {name: config, configMap: {name: release-teleport-plugin-slack, defaultMode: 384}}
        - {name: teleport-identity, secret: {secretName: teleport-plugin-slack-identity, defaultMode: 384}}
        - {name: password-file, secret: {secretName: slack-token, defaultMode: 384}}
`

// "helm upgrade" patches what runs by what was and what shall be. The result
// has to be what the chart says and nothing of the API server's defaults that
// would contradict it, and must not touch the selector, which can't change.
func TestAnUpgradeFromThePublishedChart(t *testing.T) {
	original, err := yaml.YAMLToJSON([]byte(published))
	if err != nil {
		t.Fatal(err)
	}
	var live apps.Deployment
	if err := json.Unmarshal(original, &live); err != nil {
		t.Fatal(err)
	}
	// What the API server adds.
	quarter := intstr.FromString("25%")
	live.Spec.Strategy = apps.DeploymentStrategy{
		Type:          apps.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &apps.RollingUpdateDeployment{MaxSurge: &quarter, MaxUnavailable: &quarter},
	}
	live.Spec.Template.Spec.RestartPolicy = core.RestartPolicyAlways
	current := toJSON(t, live)

	want := pluginOf(t, decode(t, mustRender(t, readValues(t, "published-minimal"))))
	modified := toJSON(t, want)
	schema, err := strategicpatch.NewPatchMetaFromStruct(apps.Deployment{})
	if err != nil {
		t.Fatal(err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(original, modified, current, schema, true)
	if err != nil {
		t.Fatal(err)
	}
	after, err := strategicpatch.StrategicMergePatch(current, patch, apps.Deployment{})
	if err != nil {
		t.Fatal(err)
	}
	var got apps.Deployment
	if err := json.Unmarshal(after, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live.Spec.Selector, got.Spec.Selector); diff != "" {
		t.Errorf("the selector changes, which Kubernetes refuses:\n%s", diff)
	}
	if diff := cmp.Diff(want.Spec.Strategy, got.Spec.Strategy); diff != "" {
		t.Errorf("strategy:\n%s", diff)
	}
	if diff := cmp.Diff(want.Spec.Template.Spec.Containers, got.Spec.Template.Spec.Containers); diff != "" {
		t.Errorf("containers:\n%s", diff)
	}
	if diff := cmp.Diff(want.Spec.Template.Spec.Volumes, got.Spec.Template.Spec.Volumes); diff != "" {
		t.Errorf("volumes:\n%s", diff)
	}
	// What stays where it was, so that other things may refer to it.
	if diff := cmp.Diff(live.Spec.Template.Spec.Containers[0].VolumeMounts, got.Spec.Template.Spec.Containers[0].VolumeMounts); diff != "" {
		t.Errorf("mounts:\n%s", diff)
	}
	if diff := cmp.Diff(live.Spec.Template.Spec.Containers[0].Command, got.Spec.Template.Spec.Containers[0].Command); diff != "" {
		t.Errorf("command:\n%s", diff)
	}
}

// The names that the published chart gives, for who refers to them.
func TestNamesArePublishedOnes(t *testing.T) {
	objects := decode(t, mustRender(t, readValues(t, "published-review")))
	find[core.ConfigMap](t, objects, "release-teleport-plugin-slack")
	secret := find[core.Secret](t, objects, "release-teleport-plugin-slack-secret")
	if got := string(secret.Data["slackToken"]); got != "xoxb-22-in-the-values" {
		t.Errorf("slackToken is %q", got)
	}

	objects = decode(t, mustRender(t, readValues(t, "published-tbot")))
	tbot := find[apps.Deployment](t, objects, "release-tbot")
	want := map[string]string{
		"app.kubernetes.io/name": "tbot", "app.kubernetes.io/instance": "release", "app.kubernetes.io/component": "tbot",
	}
	if diff := cmp.Diff(want, tbot.Spec.Selector.MatchLabels); diff != "" {
		t.Errorf("tbot's selector:\n%s", diff)
	}
	plugin := find[apps.Deployment](t, objects, "release-teleport-plugin-slack")
	for _, v := range plugin.Spec.Template.Spec.Volumes {
		if v.Name == "teleport-identity" && v.Secret.SecretName != "release-tbot-out" {
			t.Errorf("the identity is read from %s", v.Secret.SecretName)
		}
	}
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
