package message

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func TestWithMentions(t *testing.T) {
	for _, tt := range []struct {
		groups []string
		line   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"S0ONCALL01"}, "<!subteam^S0ONCALL01>"},
		{[]string{"S0ONCALL01", "@here", "@channel", "@dba"}, "<!subteam^S0ONCALL01> <!here> <!channel> @dba"},
		{[]string{"<!here>", "S0ONCALL01> <!here", "<@U0ALICE>"}, "&lt;!here&gt; S0ONCALL01&gt; &lt;!here &lt;@U0ALICE&gt;"},
		{[]string{"@everyone"}, "@everyone"},
	} {
		plain := Message{Text: "hello"}.WithMentions(tt.groups)
		want := "hello"
		if tt.line != "" {
			want = tt.line + "\nhello"
		}
		if plain.Text != want {
			t.Errorf("%q: text %q, want %q", tt.groups, plain.Text, want)
		}
		m := Renderer{}.Request(access.Request{ID: "r1", User: "alice", Roles: []string{"dev"}}, access.Details{}, access.Reviewers)
		before := len(m.Blocks)
		got := m.WithMentions(tt.groups)
		if len(m.Blocks) != before || got.Text != m.Text {
			t.Errorf("%q: the message itself changed", tt.groups)
		}
		if tt.line == "" {
			if len(got.Blocks) != before {
				t.Errorf("%q: a block without a mention", tt.groups)
			}
			continue
		}
		first, ok := got.Blocks[0].(*slack.SectionBlock)
		if len(got.Blocks) != before+1 || !ok || first.Text.Text != tt.line {
			b, _ := json.Marshal(got.Blocks[0])
			t.Errorf("%q: %d blocks, the first is %s", tt.groups, len(got.Blocks), b)
		}
	}
}

func TestMentionsAreBounded(t *testing.T) {
	var many []string
	for range 100 {
		many = append(many, "@"+strings.Repeat("&", 500))
	}
	if n := len(Message{}.WithMentions(many).Text); n > 10*(maxMentionLength+1)+1 {
		t.Errorf("%d bytes of mentions", n)
	}
}
