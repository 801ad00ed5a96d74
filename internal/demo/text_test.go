package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadable(t *testing.T) {
	for _, row := range []struct {
		name, blocks, text string
		want               []string
	}{
		{"text alone", "", "*hi* <https://example.com|there>", []string{"hi there"}},
		{"section and fields", `[{"type":"section","text":{"type":"mrkdwn","text":"*ID*: 1\n*Link*: <https://x.example/a?b&amp;c>"},"fields":[{"type":"plain_text","text":"*as is*"}]}]`,
			"", []string{"ID: 1", "Link: https://x.example/a?b&c", "*as is*"}},
		{"code block", "[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"*Reason*: ```\\na &lt;b&gt;\\n*c*```\\nend\"}}]",
			"", []string{"Reason:", "| a <b>", "| *c*", "end"}},
		{"date", "", "at <!date^1700000000^{date} {time}|14 Nov 2023 22:13 UTC>", []string{"at 14 Nov 2023 22:13 UTC"}},
		{"context, divider, buttons", `[{"type":"context","elements":[{"type":"mrkdwn","text":"a"},{"type":"mrkdwn","text":"b"}]},{"type":"divider"},{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Deny"}}]}]`,
			"", []string{"a", "b", "----", "[Deny]"}},
		{"escaped twice stays escaped once", "", "&amp;lt;", []string{"&lt;"}},
		{"no tricks with the terminal", "", "a\x1b[31mb\u202ec\x07", []string{"a\ufffd[31mb\ufffdc\ufffd"}},
		{"not blocks", `{"x":1}`, "", []string{`{"x":1}`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, readable([]byte(row.blocks), row.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
