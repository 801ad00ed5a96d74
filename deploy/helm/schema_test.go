package helm

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// free are values whose content is Kubernetes' or tbot's own.
var free = []string{
	"podSecurityContext", "securityContext", "livenessProbe", "readinessProbe", "tbot.securityContext",
}

// The schema knows every value, and no other.
func TestTheSchemaHasEveryValue(t *testing.T) {
	var values, schema map[string]any
	for path, into := range map[string]*map[string]any{"values.yaml": &values, "values.schema.json": &schema} {
		data, err := os.ReadFile(chartDir + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if path == "values.yaml" {
			err = yaml.UnmarshalStrict(data, into)
		} else {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var have, known []string
	walkValues(values, "", &have)
	walkSchema(schema, "", &known)
	slices.Sort(have)
	slices.Sort(known)
	if diff := cmp.Diff(have, known); diff != "" {
		t.Errorf("values.yaml (-) and values.schema.json (+):\n%s", diff)
	}
	if len(have) < 100 {
		t.Errorf("only %d values", len(have))
	}
}

func walkValues(values map[string]any, prefix string, out *[]string) {
	for key, value := range values {
		*out = append(*out, prefix+key)
		if m, ok := value.(map[string]any); ok && !slices.Contains(free, prefix+key) {
			walkValues(m, prefix+key+".", out)
		}
	}
}

func walkSchema(schema map[string]any, prefix string, out *[]string) {
	properties, _ := schema["properties"].(map[string]any)
	for key, value := range properties {
		*out = append(*out, prefix+key)
		if m, ok := value.(map[string]any); ok {
			walkSchema(m, prefix+key+".", out)
		}
	}
}
