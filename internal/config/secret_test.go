package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestNoPrintedFormOfAConfigHasTheToken(t *testing.T) {
	const token = "xoxb-verysecret"
	cfg := Config{Slack: Slack{Token: NewSecret(token)}, Review: Review{AppToken: NewSecret(token)}}
	type wrapper struct{ hidden Config } // printing reaches unexported fields without methods
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		printed[verb] = fmt.Sprintf(verb, cfg)
		printed["pointer "+verb] = fmt.Sprintf(verb, &cfg)
		printed["secret "+verb] = fmt.Sprintf(verb, cfg.Slack.Token)
		printed["unexported "+verb] = fmt.Sprintf(verb, wrapper{cfg})
	}
	for _, value := range []any{cfg, &cfg, cfg.Slack, cfg.Slack.Token, map[string]any{"a": cfg}} {
		var buf bytes.Buffer
		slog.New(slog.NewTextHandler(&buf, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&buf, nil)).Info("x", "value", value)
		printed[fmt.Sprintf("slog %T", value)] = buf.String()
	}
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"] = string(asJSON)
	asTOML, err := toml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	printed["toml"] = string(asTOML)
	hex := fmt.Sprintf("%x", "verysecret")
	for how, text := range printed {
		if strings.Contains(text, "verysecret") || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s: %s", how, text)
		}
	}
	if !strings.Contains(printed["json"], mask) {
		t.Errorf("json shows no mask: %s", printed["json"])
	}
}

func TestSecretsCompareAndReveal(t *testing.T) {
	a, b, none := NewSecret("a"), NewSecret("b"), NewSecret("")
	if !a.Equal(NewSecret("a")) || a.Equal(b) || a.Equal(none) {
		t.Error("Equal does not compare tokens")
	}
	if a.Reveal() != "a" || none.Reveal() != "" || !none.IsZero() || a.IsZero() {
		t.Error("Reveal or IsZero is wrong")
	}
	if got := none.String(); got != "" {
		t.Errorf("no token prints %q", got)
	}
}
