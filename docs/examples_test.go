package docs_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protojson"
	"gopkg.in/yaml.v2"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

// sound says what the real loader has against a configuration file. Files
// that it names hold a token, or by their name a certificate.
func sound(text string) error {
	_, warnings, err := config.Parse("toml", []byte(text), func(path string) ([]byte, error) {
		switch {
		case filepath.Ext(path) == ".pem":
			s := httptest.NewTLSServer(nil)
			defer s.Close()
			return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), nil
		case strings.Contains(path, "app-token"):
			return []byte("xapp-22-example"), nil
		}
		return []byte("xoxb-22-example"), nil
	})
	for _, w := range warnings {
		err = errors.Join(err, errors.New(w.String()))
	}
	return err
}

// whole adds to a part of a configuration file what it lacks to be one.
func whole(text string) string {
	for section, rest := range map[string]string{
		"teleport":           "[teleport]\nidentity = \"/identity\"\n",
		"slack":              "[slack]\ntoken = \"/token\"\n",
		"role_to_recipients": "[role_to_recipients]\n\"*\" = \"general\"\n",
	} {
		if !strings.Contains(text, "["+section+"]") {
			text += "\n" + rest
		}
	}
	return text
}

func TestTheConfigurationsOnThePagesAreSound(t *testing.T) {
	checked := map[string]int{}
	for path, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "toml" {
				continue
			}
			checked[path]++
			if err := sound(whole(m[2])); err != nil {
				t.Errorf("%s has a configuration that is not sound:\n%s\n%v", path, m[2], err)
			}
		}
	}
	for _, path := range []string{"../README.md", "guide.md", "guide.ko.md"} {
		if checked[path] == 0 {
			t.Errorf("%s has no configuration to check", path)
		}
	}
}

func TestTheExamplesAreSound(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../examples/*.*", "../examples/*/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no examples: %v", err)
		}
		files = append(files, found...)
	}
	for _, path := range files {
		if filepath.Ext(path) == ".go" {
			continue // what the demo takes them from
		}
		t.Run(strings.TrimPrefix(filepath.ToSlash(path), "../examples/"), func(t *testing.T) {
			var err error
			text := read(t, path)
			switch filepath.Ext(path) {
			case ".toml":
				err = sound(text)
			case ".yaml":
				err = eachDocument(text, func(kind string, doc []byte) error {
					if filepath.Base(path) == "tbot.yaml" {
						return nil // tbot's own format; that it is YAML has to do
					}
					return resource(kind, doc)
				})
			default:
				err = errors.New("neither TOML nor YAML")
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
}

// resource checks what "tctl create" is given: no field that Teleport's API
// does not know, and no value that it refuses.
func resource(kind string, doc []byte) error {
	var r interface{ CheckAndSetDefaults() error }
	switch kind {
	case "role":
		r = &types.RoleV6{}
	case "access_monitoring_rule":
		return monitoringRule(doc)
	case "user":
		r = &types.UserV2{}
	default:
		return fmt.Errorf("unexpected kind %q", kind)
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return err
	}
	return r.CheckAndSetDefaults()
}

// monitoringRule checks a rule: its fields are Teleport's, its condition is one
// that the program can ask, and its recipients are ones that it can read.
func monitoringRule(doc []byte) error {
	r := &rulespb.AccessMonitoringRule{}
	if err := protojson.Unmarshal(doc, r); err != nil {
		return err
	}
	if n := r.GetSpec().GetNotification(); n.GetName() != "slack" || len(n.GetRecipients()) == 0 {
		return errors.New("the rule notifies nobody in Slack")
	}
	_, err := route.ParseRecipients(r.GetSpec().GetNotification().GetRecipients())
	if _, conditionErr := rule.Compile(rule.Source{Condition: r.GetSpec().GetCondition()}); conditionErr != nil {
		err = errors.Join(err, conditionErr)
	}
	return err
}

// eachDocument calls f with each document of a YAML file, as JSON.
func eachDocument(text string, f func(kind string, doc []byte) error) error {
	d := yaml.NewDecoder(strings.NewReader(text))
	d.SetStrict(true)
	for n := 0; ; n++ {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		doc, err := json.Marshal(plain(v))
		if err != nil {
			return err
		}
		var of struct{ Kind string }
		if err := json.Unmarshal(doc, &of); err != nil {
			return err
		}
		if err := f(of.Kind, doc); err != nil {
			return fmt.Errorf("document %d: %w", n+1, err)
		}
	}
}

// plain gives YAML's maps the type that encoding/json wants.
func plain(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for key, value := range v {
			m[fmt.Sprint(key)] = plain(value)
		}
		return m
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// The unit starts what is installed, as it is called, and is where the guide
// says.
func TestTheUnitStartsTheProgram(t *testing.T) {
	unit := read(t, "../deploy/systemd/teleport-slack.service")
	for _, line := range []string{
		"ExecStart=/usr/local/bin/teleport-slack start --config=" + config.DefaultPath,
		"ExecReload=/bin/kill -HUP $MAINPID",
	} {
		if !strings.Contains(unit, line+"\n") {
			t.Errorf("the unit has no line %s", line)
		}
	}
	for _, where := range []string{"(../deploy/systemd/teleport-slack.service)", "`/usr/local/lib/systemd/system`"} {
		if !strings.Contains(read(t, "guide.md"), where) {
			t.Errorf("guide.md does not say %s", where)
		}
	}
	if makefile := read(t, "../Makefile"); !strings.Contains(makefile, "PREFIX  ?= /usr/local\n") {
		t.Error("the Makefile no longer installs in /usr/local")
	}
}
