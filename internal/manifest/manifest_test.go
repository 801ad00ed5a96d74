package manifest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	yamlv2 "gopkg.in/yaml.v2"
)

var update = flag.Bool("update", false, "write the golden files")

var variants = map[string]Options{
	"minimum":    {},
	"all":        {All: true},
	"review":     {Review: true},
	"review-all": {Review: true, All: true},
	"mentions":   {Mentions: true},
}

func TestGolden(t *testing.T) {
	for name, o := range variants {
		for ending, got := range map[string][]byte{"json": JSON(o), "yaml": YAML(o)} {
			path := filepath.Join("testdata", name+"."+ending)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
	}
}

// A paste of either has to make the same app.
func TestBothFormatsAreTheSameApp(t *testing.T) {
	for name, o := range variants {
		var fromYAML, fromJSON any
		if err := yamlv2.Unmarshal(YAML(o), &fromYAML); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal(JSON(o), &fromJSON); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(fromJSON, plain(fromYAML)); diff != "" {
			t.Errorf("%s: JSON (-) and YAML (+):\n%s", name, diff)
		}
	}
}

// plain turns YAML's maps into JSON's.
func plain(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			m[fmt.Sprint(k)] = plain(e)
		}
		return m
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// Uncommenting an optional scope gives a manifest that still parses.
func TestCommentedScopesCanBeUncommented(t *testing.T) {
	text := regexp.MustCompile(`(?m)^( +)# (- )`).ReplaceAll(YAML(Options{}), []byte("$1$2"))
	var got any
	if err := yamlv2.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := yamlv2.Unmarshal(YAML(Options{All: true}), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("--all (-) and everything uncommented (+):\n%s", diff)
	}
}

// Slack's own limits, as its SDK documents them.
func TestSlackTakesIt(t *testing.T) {
	for name, o := range variants {
		d := of(o)
		if n := utf8.RuneCountInString(d.Display.Name); n == 0 || n > 35 {
			t.Errorf("%s: the name has %d characters", name, n)
		}
		if n := utf8.RuneCountInString(d.Display.Description); n == 0 || n > 140 {
			t.Errorf("%s: the description has %d characters", name, n)
		}
		if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(d.Display.Background) {
			t.Errorf("%s: the colour is %q", name, d.Display.Background)
		}
		if !regexp.MustCompile(`^[a-z0-9._-]{1,80}$`).MatchString(d.Features.Bot.Name) {
			t.Errorf("%s: the bot is called %q", name, d.Features.Bot.Name)
		}
		if d.Settings.SocketMode != o.Review || d.Settings.Interactivity.Enabled != o.Review {
			t.Errorf("%s: Socket Mode %v, interactivity %v", name, d.Settings.SocketMode, d.Settings.Interactivity.Enabled)
		}
	}
}

func TestTheMinimumAsksForNothingOptional(t *testing.T) {
	bot := of(Options{}).OAuth.Scopes.Bot
	if diff := cmp.Diff([]string{"chat:write", "users:read.email", "users:read"}, bot); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	if all := of(Options{All: true}).OAuth.Scopes.Bot; len(all) != len(Scopes()) {
		t.Errorf("--all asks for %v", all)
	}
}

func TestTheTableIsInOrderAndComplete(t *testing.T) {
	all := Scopes()
	if !slices.IsSortedFunc(all, func(a, b Scope) int { return int(a.Need) - int(b.Need) }) {
		t.Error("a scope that matters less stands before one that matters more")
	}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.Name] || s.For == "" || s.Without == "" || strings.ContainsAny(s.For+s.Without, "\n#") {
			t.Errorf("%+v is there twice, lacks words, or has some that YAML's comments can't have", s)
		}
		seen[s.Name] = true
	}
	all[0].Name = "changed"
	if Scopes()[0].Name == "changed" {
		t.Error("the table can be changed from outside")
	}
}
