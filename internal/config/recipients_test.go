package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRecipientsAndPatternsAreCheckedWhereTheyStand(t *testing.T) {
	const before = "[teleport]\nidentity = \"id\"\n[slack]\ntoken = \"xoxb-1\"\n[role_to_recipients]\n\"*\" = \"dev\"\n"
	for line, want := range map[string]string{
		`a = "{{.Usr}}"`:               `f:7:6: role_to_recipients.a: the recipient "{{.Usr}}" can't be read: character 1: unknown field ".Usr"`,
		`a = ["dev", "x-{{.Role"]`:     `f:7:16: role_to_recipients.a: the recipient "x-{{.Role" can't be read: character 3: {{ without }}`,
		`a = "#dev @oncall now"`:       `f:7:19: role_to_recipients.a: the recipient "#dev @oncall now" can't be read: character 14: a mention is expected`,
		`a = "user:"`:                  `f:7:11: role_to_recipients.a: the recipient "user:" can't be read: character 6: after user: a recipient is expected`,
		`"/^db-(/" = "dba"`:            `f:7:1: role_to_recipients."/^db-(/": is no pattern: character 2: missing closing )`,
		"'/a/' = ['dev', 'user:x @y']": `f:7:25: role_to_recipients."/a/": the recipient "user:x @y" can't be read: character 8: a direct message can't mention a user group`,
	} {
		_, _, err := Parse("f", []byte(before+line), files)
		var ps Problems
		if !errors.As(err, &ps) || len(ps) != 1 || !strings.HasPrefix(ps[0].Error(), want) || ps[0].Do == "" {
			t.Errorf("%s:\n%v, want\n%s", line, err, want)
		}
	}
	// Where the file writes it in another way, the place is that of the value.
	_, _, err := Parse("f", []byte(before+`a = "\u007b{.Usr}}"`), files)
	if err == nil || !strings.HasPrefix(err.Error(), "f:7:5: ") {
		t.Errorf("an escape: %v", err)
	}
	for line, want := range map[string]string{
		`a = "#dev @oncall"`: "", `a = "silent:#dev @oncall"`: "", `a = "user:bob"`: "", `"/^db-.+$/" = "{{.Role}}-x"`: "", `"prod-*" = "team-{{.User.Traits.team}}"`: "",
		`"x" = "{{.Role}}"`:          "",
		`a = "no such channel"`:      "", // the published plugin takes it
		`a = "@oncall"`:              `f:7:5: role_to_recipients.a: "@oncall" is a user group, which Slack can mention and not post to`,
		`a = ["dev", "S0123456789"]`: `f:7:13: role_to_recipients.a: "S0123456789" is a user group, which Slack can mention and not post to`,
	} {
		c, warnings, err := Parse("f", []byte(before+line), files)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := fmt.Sprint(warnings); want == "" && len(warnings) > 0 || !strings.Contains(got, want) {
			t.Errorf("%s: warnings %s, want %q", line, got, want)
		}
		if len(c.Recipients) < 1 {
			t.Errorf("%s: %v", line, c.Recipients)
		}
	}
	_, warnings, err := Parse("f", []byte(strings.Replace(before, `"dev"`, `["{{.Role}}", "{{.User}}"]`, 1)), files)
	if got := fmt.Sprint(warnings); err != nil || !strings.Contains(got, `f:6:1: role_to_recipients."*": has only recipients made from the request`) {
		t.Errorf("a fallback that may be nobody: %s, %v", got, err)
	}
}
