package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A rehearsal takes a file that is not finished, and one whose credentials
// exist, in the same way: it looks at neither.
func TestLoadOfflineNeedsNoCredentials(t *testing.T) {
	dir := t.TempDir()
	for name, row := range map[string]struct{ text, want string }{
		"example":       {strings.ReplaceAll(string(Example()), `"access-requests"`, `"#ops"`), ""},
		"nothing":       {"[role_to_recipients]\n\"*\" = \"#ops\"\n", ""},
		"missing files": {"[teleport]\nidentity = \"/nowhere\"\n[slack]\ntoken = \"/nowhere\"\n[review]\nenabled = true\napp_token = \"/nowhere\"\nallow_email_username_match = true\n[role_to_recipients]\n\"*\" = \"#ops\"\n", ""},
		"real tokens":   {"[slack]\ntoken = \"xoxb-secret\"\n[role_to_recipients]\n\"*\" = \"#ops\"\n", ""},
		"a mistake":     {"[slack]\ntoken = \"xoxb-secret\"\n", "role_to_recipients"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, warnings, err := LoadOffline(path)
			if row.want != "" {
				if err == nil || !strings.Contains(err.Error(), row.want) {
					t.Fatalf("LoadOffline = %v, want a problem with %s", err, row.want)
				}
				return
			}
			if err != nil || len(warnings) > 0 {
				t.Fatalf("LoadOffline = %v, %v", warnings, err)
			}
			if got := c.Slack.Token.Reveal(); got != "xoxb-nobody" || c.Slack.TokenPath != "" || c.Review.AppTokenPath != "" {
				t.Errorf("the token is %q from %q, %q", got, c.Slack.TokenPath, c.Review.AppTokenPath)
			}
			if got := c.Recipients["*"]; len(got) != 1 || got[0] != "#ops" {
				t.Errorf("recipients are %v", got)
			}
		})
	}
	if _, _, err := LoadOffline(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there is no error")
	}
}
