package message

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func TestPlain(t *testing.T) {
	const request = `You have a new Role Request:

*ID*: 0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d
*Cluster*: example.com
*User*: alice
*Role(s)*: ` + "`access,editor`" + `
*Reason*: ` + "```" + `
a <b> & c` + "```" + `
*Suggested reviewer(s)*: ` + "`bob@example.com, carol@example.com`" + `
*Request expires*: 2 Mar 2026 10:30 UTC
*Access would last*: 8 hours, until 2 Mar 2026 17:30 UTC

*Link*: https://teleport.example.com/web/requests/0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d

*Status*: ⏳ PENDING`
	req := roleRequest()
	req.Reason = "a <b> & c"
	for _, tc := range []struct {
		name string
		m    Message
		want string
	}{
		{"blocks", renderer.Request(req, details, access.Reviewers), request},
		{"text", renderer.Minimal(req, access.Reviewers), "⏳ PENDING: alice requests `access,editor`. https://teleport.example.com/web/requests/" + requestID},
		{"tokens", Message{Text: "<!here> <!subteam^S012> <@U012> <#C012> <https://x/?a&amp;b|the page> &lt;!channel&gt;"},
			"@here @S012 @U012 #C012 the page (https://x/?a&b) <!channel>"},
	} {
		if diff := cmp.Diff(tc.want, tc.m.Plain()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tc.name, diff)
		}
	}
}
