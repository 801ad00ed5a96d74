package message

import (
	"strings"
	"testing"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a&b<c>", "```x`", "e\u0301👩\u200d🔧🇰🇷", "\xff\x00\u202e\u2066", "a\r\n\n\n\nb", "_a_ *b* ~c~", "\u1112\u1161\u11ab"} {
		f.Add(s, uint8(0), uint16(4), uint16(9))
		f.Add(s, uint8(1), uint16(2), uint16(100))
		f.Add(s, uint8(2), uint16(400), uint16(2000))
	}
	f.Fuzz(func(t *testing.T, s string, form_ uint8, runes, chars uint16) {
		holdsEscape(t, s, form(form_%3), limit{int(runes), int(chars)})
	})
}

func FuzzRequest(f *testing.F) {
	f.Add("alice", "editor", "because", "id-1", "example.com")
	f.Add("<!here>", "a`b", "```\n> x", "; rm", "_c_")
	f.Fuzz(func(t *testing.T, user, role, reason, id, cluster string) {
		r := Renderer{Cluster: access.Cluster{Name: cluster, WebURL: "https://teleport.example.com"}}
		req := roleRequest()
		req.ID, req.User, req.Reason, req.Roles = id, user, reason, []string{role, "b"}
		req.Reviews = []access.Review{{Author: user, Reason: reason, State: access.Denied}}
		for _, m := range []Message{r.Request(req, access.Details{}, access.Reviewers), r.Minimal(req, access.Requester)} {
			if broken := brokenRules(m, true); broken != nil {
				t.Fatal(strings.Join(broken, "\n"))
			}
		}
		if broken := brokenRules(r.Review(req, 0, access.Reviewers), false); broken != nil {
			t.Fatal(strings.Join(broken, "\n"))
		}
	})
}
