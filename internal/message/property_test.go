package message

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// hostile draws strings made of what could break a message.
func hostile() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"&", "<", ">", "`", "```", "*", "_", "~", "> ", "\n", "\r\n", "\t", " ", "\x00", "\xff", "\xe2\x82", "&amp;", "&lt;",
			"<!channel>", "<!here>", "<@U012AB3CD>", "<#C012|x>", "<https://evil.example|Approve>", "<!date^1^{time}|x>", "@here", "#general",
			"https://evil.example", "evil.com", ":tada:", "\u202e", "\u2066", "\u2069", "\u200b", "\u200d", "\u200c", "\u200e", "\ufeff", "\u2028",
			"e\u0301", "\u0301", "👩\u200d🔧", "👍🏽", "🇰🇷", "🏽", "\u1112\u1161\u11ab", "한글", "שלום", "…", "(truncated)", "*Status*: ✅ APPROVED",
		}),
		rapid.StringN(0, 8, -1),
		rapid.StringMatching(`[a-z_.-]{1,12}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		return strings.Repeat(s, rapid.SampledFrom([]int{1, 1, 1, 2, 50, 400}).Draw(t, "times"))
	})
}

func moment() *rapid.Generator[time.Time] {
	return rapid.OneOf(
		rapid.Just(time.Time{}),
		rapid.Custom(func(t *rapid.T) time.Time {
			return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "seconds"), 0)
		}),
		rapid.Custom(func(t *rapid.T) time.Time {
			return created.Add(time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "later")))
		}),
	)
}

func request() *rapid.Generator[access.Request] {
	return rapid.Custom(func(t *rapid.T) access.Request {
		s := hostile()
		many := func(name string) []string { return rapid.SliceOfN(s, 0, 30).Draw(t, name) }
		req := access.Request{
			ID:                 rapid.OneOf(rapid.Just(requestID), s).Draw(t, "ID"),
			User:               s.Draw(t, "User"),
			Kind:               rapid.SampledFrom([]access.Kind{access.ShortTerm, access.LongTerm}).Draw(t, "Kind"),
			Roles:              many("Roles"),
			Reason:             s.Draw(t, "Reason"),
			State:              access.State(rapid.IntRange(0, int(access.Expired)+1).Draw(t, "State")),
			ResolveReason:      s.Draw(t, "ResolveReason"),
			SuggestedReviewers: many("SuggestedReviewers"),
			AccessListTitle:    s.Draw(t, "AccessListTitle"),
			RecommendedList:    s.Draw(t, "RecommendedList"),
			Unread:             rapid.SliceOfN(s, 0, 5).Draw(t, "Unread"),
			Created:            moment().Draw(t, "Created"),
			Expires:            moment().Draw(t, "Expires"),
			AccessExpires:      moment().Draw(t, "AccessExpires"),
			AssumeStart:        moment().Draw(t, "AssumeStart"),
		}
		for range rapid.IntRange(0, 30).Draw(t, "resources") {
			req.Resources = append(req.Resources, access.Resource{
				Cluster: s.Draw(t, "Cluster"), Kind: s.Draw(t, "Kind"), Name: s.Draw(t, "Name"), SubResource: s.Draw(t, "SubResource"), Principals: rapid.SliceOfN(s, 0, 12).Draw(t, "Principals"),
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "reviews") {
			req.Reviews = append(req.Reviews, access.Review{
				Author: s.Draw(t, "Author"), State: access.State(rapid.IntRange(1, 4).Draw(t, "Decision")),
				Reason: s.Draw(t, "Reason"), Created: moment().Draw(t, "Created"), Slack: rapid.Bool().Draw(t, "Slack"),
			})
		}
		for range rapid.IntRange(0, 8).Draw(t, "thresholds") {
			req.Thresholds = append(req.Thresholds, access.Threshold{
				Name: s.Draw(t, "Name"), Approve: rapid.Int().Draw(t, "Approve"), Deny: rapid.Int().Draw(t, "Deny"),
			})
		}
		return req
	})
}

func detailsOf(t *rapid.T, req access.Request) access.Details {
	var d access.Details
	if rapid.Bool().Draw(t, "logins known") {
		d.Logins = map[string][]string{}
		for _, role := range req.Roles {
			if rapid.Bool().Draw(t, "role known") {
				d.Logins[role] = rapid.SliceOfN(hostile(), 0, 3).Draw(t, "logins")
			}
		}
	}
	if rapid.Bool().Draw(t, "names known") {
		d.ResourceNames = map[string]string{}
		for _, res := range req.Resources {
			d.ResourceNames[res.ID()] = hostile().Draw(t, "friendly name")
		}
	}
	return d
}

func TestEveryMessageKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := request().Draw(t, "request")
		d := detailsOf(t, req)
		r := Renderer{Cluster: access.Cluster{
			Name:   hostile().Draw(t, "cluster"),
			WebURL: rapid.OneOf(rapid.Just(""), rapid.Just("https://teleport.example.com"), hostile()).Draw(t, "web URL"),
		}, Now: moment().Draw(t, "now")}
		r.Language = rapid.SampledFrom(Languages()).Draw(t, "language")
		p := r.words(access.Reviewers)
		r.Buttons = access.Buttons{On: rapid.Bool().Draw(t, "buttons"), Confirm: rapid.Bool().Draw(t, "confirm")}
		to := rapid.SampledFrom([]access.Audience{access.Reviewers, access.Requester}).Draw(t, "audience")

		m := r.Request(req, d, to)
		check := func(what string, m Message, oneLine bool) {
			if broken := brokenRules(m, oneLine); broken != nil {
				t.Fatalf("%s breaks rules:\n%s", what, strings.Join(broken, "\n"))
			}
		}
		check("request", m, true)
		own := r
		own.Templates, own.Link = everyTemplate(t), mustLink(t, "teleport://{{.Cluster}}/web/request/{{.ID}}?from={{.Proxy}}")
		checkOwn := func(what string, m Message, oneLine bool) {
			if broken := brokenRules(m, oneLine, labelled); broken != nil {
				t.Fatalf("%s with templates breaks rules:\n%s", what, strings.Join(broken, "\n"))
			}
		}
		checkOwn("request", own.Request(req, d, to), true)
		checkOwn("final", own.Final(req, to), false)
		checkOwn("reminder", own.Reminder(req, false), false)
		checkOwn("access ends", own.AccessEnds(req, d), false)
		checkOwn("minimal", own.Minimal(req, to), true)
		for i := range req.Reviews {
			checkOwn("review", own.Review(req, i, to), false)
		}
		check("minimal", r.Minimal(req, to), true)
		check("final", r.Final(req, to), false)
		check("reminder", r.Reminder(req, rapid.Bool().Draw(t, "escalated")), false)
		if !req.AccessEnds().IsZero() {
			check("access ends", r.AccessEnds(req, d), false)
			check("access ended", r.AccessEnded(req, d), false)
		}
		for a := range answers {
			for _, d := range []access.Decision{access.Approve, access.Deny} {
				check(fmt.Sprint("answer ", a), r.Answer(a, req, access.Details{}, d), false)
			}
		}
		for i := range req.Reviews {
			check("review", r.Review(req, i, to), false)
		}

		all := shown(m)
		if r.Cluster.WebURL == "https://teleport.example.com" {
			if !strings.Contains(all, "*"+p.link+"*: <https://teleport.example.com/web/requests") {
				t.Fatalf("no link in %s", all)
			}
		} else if !req.State.Resolved() && !strings.Contains(all, "*: `tsh request ") && !strings.Contains(all, "*"+p.link+"*: <http") {
			t.Fatalf("neither link nor command in %s", all)
		}
		if to == access.Requester && (strings.Contains(all, "\n*"+p.approve+"*: ") || strings.HasPrefix(all, "*"+p.approve+"*: ")) {
			t.Fatalf("the requester is asked to approve in %s", all)
		}

		before, _ := json.Marshal(m)
		for range 3 {
			if again, _ := json.Marshal(r.Request(req.Clone(), d, to)); string(again) != string(before) {
				t.Fatalf("the same request gives\n%s\nand\n%s", before, again)
			}
		}
	})
}

func TestOrderOfListsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := request().Draw(t, "request")
		d := detailsOf(t, req)
		before, _ := json.Marshal(renderer.Request(req, d, access.Reviewers))
		other := req.Clone()
		other.Roles = rapid.Permutation(other.Roles).Draw(t, "roles")
		other.Resources = rapid.Permutation(other.Resources).Draw(t, "resources")
		other.SuggestedReviewers = rapid.Permutation(other.SuggestedReviewers).Draw(t, "reviewers")
		if after, _ := json.Marshal(renderer.Request(other, d, access.Reviewers)); string(after) != string(before) {
			t.Fatalf("another order gives\n%s\ninstead of\n%s", after, before)
		}
	})
}

func TestRenderingChangesNothing(t *testing.T) {
	req := hostileRequest()
	want, _ := json.Marshal(req)
	renderer.Request(req, details, access.Reviewers)
	renderer.Minimal(req, access.Reviewers)
	renderer.Final(req, access.Requester)
	if got, _ := json.Marshal(req); string(got) != string(want) {
		t.Errorf("the request became\n%s\nfrom\n%s", got, want)
	}
}

func TestEscapeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostile().Draw(t, "s")
		f := rapid.SampledFrom([]form{inCode, inBlock, inLine}).Draw(t, "form")
		max := limit{rapid.IntRange(0, 60).Draw(t, "runes"), rapid.IntRange(0, 200).Draw(t, "chars")}
		holdsEscape(t, s, f, max)
	})
}
