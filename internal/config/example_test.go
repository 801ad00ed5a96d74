package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheExampleIsSoundOnceFilledIn(t *testing.T) {
	_, _, err := Parse("example", Example(), files)
	if got := lines(err); len(got) != 1 || !strings.Contains(got[0], "slack.token: is still the example's placeholder") {
		t.Errorf("as printed: %q, want the token's placeholder alone", got)
	}
	filled := strings.Replace(string(Example()), "xoxb-11xx", "xoxb-22-real", 1)
	_, warnings, err := Parse("example", []byte(filled), files)
	if err != nil || warnings != nil {
		t.Errorf("filled in: %v, warnings %v", err, warnings)
	}
}

// setting matches a key of the example, commented out or not.
var setting = regexp.MustCompile(`(?m)^(?:# )?([a-z_]+) = `)

func TestTheExampleNamesEveryKeyAndNoOther(t *testing.T) {
	named := map[string]bool{}
	section := ""
	for line := range strings.Lines(string(Example())) {
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(strings.TrimSpace(line), "[]")
			if section == "role_to_recipients" {
				named[section] = true
			}
			continue
		}
		if m := setting.FindStringSubmatch(line); m != nil && section != "role_to_recipients" {
			named[section+"."+m[1]] = true
		}
	}
	for _, key := range Keys() {
		if !named[key] {
			t.Errorf("the example does not name %s", key)
		}
		delete(named, key)
	}
	for key := range named {
		t.Errorf("the example names %s, which nobody reads", key)
	}
}

func TestTheCommentedSettingsOfTheExampleAreSound(t *testing.T) {
	file := strings.Replace(string(Example()), "xoxb-11xx", "xoxb-22-real", 1)
	for _, m := range setting.FindAllString(file, -1) {
		if strings.HasPrefix(m, "# client_") || strings.HasPrefix(m, "# root_") || strings.HasPrefix(m, "# app_token") || strings.HasPrefix(m, "# ca_file") {
			continue // another way to do it, and a file that is not there
		}
		file = strings.Replace(file, "\n"+m, "\n"+strings.TrimPrefix(m, "# "), 1)
	}
	_, _, err := Parse("example", []byte(file), files)
	if err != nil {
		t.Errorf("with every comment taken away: %v", err)
	}
}

// TestReviewsAreOffInTheExample is as the published plugin prints it: one key in
// force, the others as comments, and a warning at the one that is less secure.
func TestReviewsAreOffInTheExample(t *testing.T) {
	_, rest, ok := strings.Cut(string(Example()), "\n[review]\n")
	if !ok {
		t.Fatal("no [review]")
	}
	section, _, _ := strings.Cut(rest, "\n[")
	var inForce, commented []string
	var comment strings.Builder
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		m := setting.FindStringSubmatch(line)
		switch {
		case m == nil:
			comment.WriteString(line)
			continue
		case strings.HasPrefix(line, "#"):
			commented = append(commented, m[1])
		default:
			inForce = append(inForce, line)
		}
		if warned := strings.Contains(comment.String(), "SECURITY WARNING"); warned != (m[1] == "allow_email_username_match") {
			t.Errorf("%s: warns of less security: %v", m[1], warned)
		}
		comment.Reset()
	}
	if !slices.Equal(inForce, []string{"enabled = false"}) {
		t.Errorf("in force: %q, want reviews off and nothing else", inForce)
	}
	for _, key := range []string{"app_token", "slack_user_id_trait", "allow_email_username_match"} {
		if !slices.Contains(commented, key) {
			t.Errorf("%s is not there as a comment", key)
		}
	}
}

func TestTheReferenceNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference.md")
	if os.IsNotExist(err) {
		t.Skip("there is no reference yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		name := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("docs/reference.md does not name %s", key)
		}
	}
}

func TestExampleLinesFit80Columns(t *testing.T) {
	for line := range strings.Lines(string(Example())) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
			t.Errorf("over 80 columns: %s", line)
		}
	}
}
