package config

import (
	"errors"
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add(sound)
	f.Add(example)
	f.Add("[[slack]]\n[slack.token]\na.b.c = [1, {x = 2}]\n")
	f.Add("[slack]\ntoken = \"xoxb-secret-canary\n")
	f.Add("\xef\xbb\xbf[a]\r\n'é' = 1979-05-27T07:32:00Z")
	f.Add(sound + "[messages]\nlink = \"https://x/{{.ID}}\"\n[messages.templates]\ntitle = \"\"\"\n\\u00e9 {{.User}}\"\"\"\nfields = '{{'")
	f.Add(sound + "[reminders]\npending_after = '30m'\npending_max = 0x2\nescalate_to = ['a', 1]\nquiet_hours = '22:00-7:00'\ntime_zone = 'Asia/Seoul'")
	f.Add("role_to_recipients = {\"*\" = ['a', 1, {}]}")
	f.Fuzz(func(t *testing.T, file string) {
		cfg, warnings, err := Parse("f", []byte(file), files)
		for _, w := range warnings {
			if w.Place == "" || w.What == "" {
				t.Errorf("warning without place or words: %#v", w)
			}
		}
		if err != nil {
			var ps Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("not Problems: %#v", err)
			}
			for _, p := range ps {
				if p.Place == "" || p.What == "" || strings.Contains(p.What+p.Do, "xoxb-secret-canary") {
					t.Errorf("bad problem: %#v", p)
				}
			}
			return
		}
		if cfg.Slack.Token.IsZero() || cfg.Teleport.Addr == "" || cfg.Teleport.RefreshIdentityInterval <= 0 ||
			cfg.Recipients == nil || !strings.HasSuffix(cfg.Slack.APIURL, "/") || cfg.Log.Output == "" {
			t.Errorf("incomplete without an error: %+v", cfg)
		}
		if r := cfg.Reminders; r.PendingAfter < 0 || r.PendingAfter > 0 && r.PendingEvery <= 0 || r.PendingMax < 0 {
			t.Errorf("reminders that make no sense: %+v", r)
		}
		if !cfg.Routing.OnlyMonitoringRules && len(cfg.Recipients["*"]) == 0 {
			t.Error("no fallback without an error")
		}
	})
}
