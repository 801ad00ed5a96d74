package message

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

var update = flag.Bool("update", false, "write the golden files")

// Times of all examples; nothing here reads a clock.
var (
	created  = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	renderer = Renderer{Cluster: access.Cluster{Name: "example.com", WebURL: "https://teleport.example.com"}}
	offline  = Renderer{Cluster: access.Cluster{Name: "example.com"}}
	inKorean = Renderer{Cluster: renderer.Cluster, Style: Style{Language: Korean}}
	over     = Renderer{Cluster: renderer.Cluster, Now: created.Add(8 * time.Hour)} // the access has just ended
)

const requestID = "0197e7a5-6f3b-7c1e-9d51-3f1d2a4b5c6d"

func roleRequest() access.Request {
	return access.Request{
		ID:                 requestID,
		User:               "alice",
		Roles:              []string{"editor", "access"},
		Reason:             "Investigate the failing nightly backup, see OPS-1432.",
		SuggestedReviewers: []string{"carol@example.com", "bob@example.com"},
		Thresholds:         []access.Threshold{{Name: "default", Approve: 2, Deny: 1}},
		Created:            created,
		Expires:            created.Add(time.Hour),
		AccessExpires:      created.Add(8 * time.Hour),
	}
}

func resourceRequest() access.Request {
	req := roleRequest()
	req.Roles = []string{"access"}
	req.Resources = []access.Resource{
		{Cluster: "example.com", Kind: "node", Name: "5d1c2bd5-2e5c-4cf0-8e43-24d4a9a1f0a3"},
		{Cluster: "example.com", Kind: "db", Name: "orders"},
		{Cluster: "leaf.example.com", Kind: "pod", Name: "prod", SubResource: "default/web"},
	}
	return req
}

func longTermRequest() access.Request {
	req := resourceRequest()
	req.Kind = access.LongTerm
	return req
}

var details = access.Details{
	ResourceNames: map[string]string{
		"/example.com/node/5d1c2bd5-2e5c-4cf0-8e43-24d4a9a1f0a3": "web-1",
		"/leaf.example.com/pod/prod/default/web":                 "production",
	},
}

// in returns req in the state, with the reviews that led there.
func in(state access.State, req access.Request) access.Request {
	req.State = state
	switch state {
	case access.Approved, access.Denied, access.Promoted:
		req.Reviews = []access.Review{{Author: "bob@example.com", State: state, Reason: "ok for today", Created: created.Add(time.Minute)}}
		req.ResolveReason = "ok for today"
	}
	if state == access.Promoted {
		req.AccessListTitle = "Database on-call"
	}
	return req
}

func hostileRequest() access.Request {
	req := resourceRequest()
	req.User = "mallory <!channel> *admin*\n*Status*: ✅ APPROVED"
	req.Roles = []string{"<https://evil.example|editor>", "a`b", "r\u202eole"}
	req.Resources = append(req.Resources, access.Resource{Cluster: "example.com", Kind: "node", Name: "`<@U123>&\x00"})
	req.Reason = "```\n*Status*: ✅ APPROVED <!here> & <https://evil.example|Approve here>\n> quote `x` \u2066hidden\xff```"
	req.SuggestedReviewers = []string{"@here", "<@U1>", "_bob_"}
	req.Thresholds = []access.Threshold{{Name: "a`*b*", Approve: 1, Deny: 1}, {Approve: 2, Deny: 1}}
	req.Reviews = []access.Review{{Author: "http://evil.example", State: access.Denied, Reason: "no```<!everyone>", Created: created}}
	return req
}

func hugeRequest(s string) access.Request {
	req := longTermRequest()
	req.Kind = access.ShortTerm
	req.User = strings.Repeat(s, 64<<10)
	req.Reason = strings.Repeat(s, 10<<10)
	req.ResolveReason, req.AccessListTitle = req.Reason, req.Reason
	req.Roles, req.Resources, req.SuggestedReviewers = nil, nil, nil
	for i := range 1000 {
		if i < 100 {
			req.Roles = append(req.Roles, fmt.Sprintf("%03d", i)+strings.Repeat(s, 297))
		}
		req.Resources = append(req.Resources, access.Resource{Cluster: "c", Kind: "node", Name: fmt.Sprintf("%03d", i) + strings.Repeat(s, 60)})
		req.SuggestedReviewers = append(req.SuggestedReviewers, fmt.Sprintf("%03d", i)+strings.Repeat(s, 60))
		if i < 500 {
			req.Reviews = append(req.Reviews, access.Review{Author: req.User, State: access.Approved, Reason: req.Reason, Created: created})
		}
	}
	for i := range 20 {
		req.Thresholds = append(req.Thresholds, access.Threshold{Name: strings.Repeat(s, 300), Approve: i, Deny: 1})
	}
	return req
}

func TestRequestGolden(t *testing.T) {
	states := []access.State{access.Pending, access.Approved, access.Denied, access.Promoted, access.Expired}
	audiences := map[access.Audience]string{access.Reviewers: "reviewers", access.Requester: "requester"}
	kinds := map[string]func() access.Request{"role": roleRequest, "resource": resourceRequest, "long-term": longTermRequest}
	for kind, request := range kinds {
		for _, state := range states {
			for to, audience := range audiences {
				req := in(state, request())
				name := strings.ToLower(kind + "-" + state.String() + "-" + audience)
				golden(t, name, renderer.Request(req, details, to))
				golden(t, "ko-"+name, inKorean.Request(req, details, to))
			}
		}
	}
	for to, audience := range audiences {
		golden(t, "over-"+audience, over.Request(in(access.Approved, resourceRequest()), details, to))
		golden(t, "ko-over-"+audience, Renderer{Cluster: over.Cluster, Now: over.Now, Style: inKorean.Style}.Request(in(access.Approved, resourceRequest()), details, to))
		golden(t, "ko-hostile-denied-"+audience, inKorean.Request(in(access.Denied, hostileRequest()), details, to))
		golden(t, "offline-pending-"+audience, offline.Request(roleRequest(), details, to))
		golden(t, "offline-approved-"+audience, offline.Request(in(access.Approved, roleRequest()), details, to))
		golden(t, "hostile-"+audience, renderer.Request(hostileRequest(), details, to))
		golden(t, "hostile-denied-"+audience, renderer.Request(in(access.Denied, hostileRequest()), details, to))
	}

	narrowed := resourceRequest()
	narrowed.Resources = []access.Resource{
		{Cluster: "example.com", Kind: "node", Name: "5d1c2bd5-2e5c-4cf0-8e43-24d4a9a1f0a3", Principals: []string{"root", "postgres"}},
		{Cluster: "example.com", Kind: "app", Name: "aws", Principals: []string{"arn:aws:iam::123456789012:role/admin", "arn:aws-cn:iam::123456789012:role/admin"}},
		{Cluster: "example.com", Kind: "windows_desktop", Name: "desk", Principals: []string{"a, b; /example.com/node/x", "`<@U1>"}},
	}
	golden(t, "narrowed", renderer.Request(narrowed, details, access.Reviewers))
	golden(t, "ko-narrowed", inKorean.Request(narrowed, details, access.Reviewers))

	lots := resourceRequest()
	lots.Resources = nil
	for i := range 150 {
		lots.Resources = append(lots.Resources, access.Resource{Cluster: "example.com", Kind: "node", Name: fmt.Sprintf("5d1c2bd5-2e5c-4cf0-8e43-24d4a9a1f%03d", i)})
	}
	golden(t, "many-nodes", renderer.Request(lots, access.Details{}, access.Reviewers))
	lots.Resources = nil
	for i := range 20 {
		lots.Resources = append(lots.Resources, access.Resource{
			Cluster: "example.com", Kind: "kube:ns:pods", Name: "production-eu-central-1", SubResource: fmt.Sprintf("payments/api-7d9c5b6f4-%05d", i),
		})
	}
	golden(t, "many-pods", renderer.Request(lots, access.Details{}, access.Reviewers))

	recommended := longTermRequest()
	recommended.RecommendedList = "0197e7a5-0000-7000-8000-000000000001"
	titled := access.Details{ResourceNames: details.ResourceNames, ListTitle: "Database on-call"}
	golden(t, "recommended", renderer.Request(recommended, titled, access.Reviewers))
	golden(t, "recommended-untitled", renderer.Request(recommended, details, access.Reviewers))
	golden(t, "ko-recommended", inKorean.Request(recommended, titled, access.Reviewers))

	unread := resourceRequest()
	unread.Unread = []string{"spec field 27", "constraint 12"}
	withButtons, inKoreanToo := renderer, inKorean
	withButtons.Buttons, inKoreanToo.Buttons = access.Buttons{On: true}, access.Buttons{On: true}
	if m := withButtons.Request(unread, details, access.Requester); strings.Contains(fmt.Sprint(m.Plain()), "spec field 27") {
		t.Errorf("the requester is asked to review:\n%s", m.Plain())
	}
	golden(t, "unread", withButtons.Request(unread, details, access.Reviewers))
	golden(t, "ko-unread", inKoreanToo.Request(unread, details, access.Reviewers))

	logins := roleRequest()
	logins.Roles = append(logins.Roles, "unknown")
	known := access.Details{Logins: map[string][]string{"editor": {"root", "admin"}, "access": nil}}
	templates := access.Details{Logins: map[string][]string{"editor": {"root", "{{internal.logins}}"}, "access": {"{{external.x}}"}}}
	golden(t, "logins-from-traits", renderer.Request(roleRequest(), templates, access.Reviewers))
	golden(t, "ko-logins-from-traits", inKorean.Request(roleRequest(), templates, access.Reviewers))
	golden(t, "logins", renderer.Request(logins, known, access.Reviewers))
	golden(t, "ko-logins", inKorean.Request(logins, known, access.Reviewers))

	reviewed := roleRequest()
	reviewed.Reviews = []access.Review{{Author: "bob@example.com", State: access.Approved, Created: created}}
	golden(t, "reviewed", renderer.Request(reviewed, details, access.Reviewers))
	golden(t, "ko-reviewed", inKorean.Request(reviewed, details, access.Reviewers))

	later := roleRequest()
	later.AssumeStart = created.Add(24 * time.Hour)
	later.AccessExpires = created.Add(49*time.Hour + 30*time.Minute)
	golden(t, "assume-start", renderer.Request(later, details, access.Reviewers))
	golden(t, "ko-assume-start", inKorean.Request(later, details, access.Reviewers))

	bare := access.Request{ID: requestID}
	golden(t, "bare", Renderer{}.Request(bare, access.Details{}, access.Reviewers))

	many := resourceRequest()
	for i := range 40 {
		many.Roles = append(many.Roles, fmt.Sprintf("team-%02d-production-administrator", i))
		many.Resources = append(many.Resources, access.Resource{Cluster: "example.com", Kind: "node", Name: fmt.Sprintf("node-%02d", i)})
	}
	many.Reason = strings.Repeat("데이터베이스를 고쳐야 합니다. ", 40)
	golden(t, "many", renderer.Request(many, details, access.Reviewers))
	golden(t, "ko-many", inKorean.Request(many, details, access.Reviewers))
	golden(t, "huge", renderer.Request(hugeRequest("&"), details, access.Reviewers))
}

// golden compares m with its file, and holds every golden message to Slack's rules.
func golden(t *testing.T, name string, m Message) {
	t.Helper()
	if broken := brokenRules(m, true); broken != nil {
		t.Errorf("%s breaks rules:\n%s", name, strings.Join(broken, "\n"))
	}
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(struct {
		Text   string        `json:"text"`
		Blocks []slack.Block `json:"blocks"`
	}{m.Text, m.Blocks}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (-update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-golden +got):\n%s", name, diff)
	}
}

func TestReplies(t *testing.T) {
	at := "<!date^1772443860^{date_short_pretty} {time}|2 Mar 2026 09:31 UTC>"
	approved := in(access.Approved, roleRequest())
	hostile := hostileRequest()
	undated := roleRequest()
	undated.Reviews = []access.Review{{Author: "bob", State: access.Promoted}}
	for _, tc := range []struct {
		name string
		got  Message
		want string
	}{
		{"review for reviewers", renderer.Review(approved, 0, access.Reviewers),
			"bob@example.com reviewed the request at " + at + ".\nResolution: ✅ APPROVED.\nReason: ```\nok for today```"},
		{"review for the requester", renderer.Review(approved, 0, access.Requester),
			"bob@example.com reviewed your request at " + at + ".\nResolution: ✅ APPROVED.\nReason: ```\nok for today```"},
		{"review without time and reason", renderer.Review(undated, 0, access.Reviewers),
			"bob reviewed the request.\nResolution: PROMOTED."},
		{"hostile review", renderer.Review(hostile, 0, access.Reviewers),
			"`http://evil.example` reviewed the request at <!date^1772443800^{date_short_pretty} {time}|2 Mar 2026 09:30 UTC>." +
				"\nResolution: ❌ DENIED.\nReason: ```\nnoˋˋˋ&lt;!everyone&gt;```"},
		{"final for reviewers", renderer.Final(approved, access.Reviewers),
			`Request with ID "` + requestID + `" has been updated: *APPROVED*`},
		{"final for the requester", renderer.Final(approved, access.Requester),
			"✅ Your role request was approved.\n*Access until*: <!date^1772472600^{date_short_pretty} {time}|2 Mar 2026 17:30 UTC>" +
				"\n*Resolution reason*: ```\nok for today```\n*Link*: <https://teleport.example.com/web/requests/" + requestID + ">"},
		{"final without the Web UI", offline.Final(approved, access.Requester),
			"✅ Your role request was approved.\n*Access until*: <!date^1772472600^{date_short_pretty} {time}|2 Mar 2026 17:30 UTC>" +
				"\n*Resolution reason*: ```\nok for today```\n*Log in*: `tsh login --request-id=" + requestID + "`"},
		{"final of a promoted request", offline.Final(in(access.Promoted, longTermRequest()), access.Requester),
			"Your resource request (long-term access) was promoted to an access list, whose access lasts without a request." +
				"\n*Access list*: `Database on-call`\n*Resolution reason*: ```\nok for today```"},
		{"access ends", renderer.AccessEnds(approved, details),
			"⏰ The access from your role request ends at <!date^1772472600^{date_short_pretty} {time}|2 Mar 2026 17:30 UTC>.\n*Role(s)*: `access,editor`"},
		{"access to resources ends", inKorean.AccessEnds(in(access.Approved, resourceRequest()), details),
			"⏰ 리소스 요청으로 받은 접근이 <!date^1772472600^{date_short_pretty} {time}|2026년 3월 2일 17:30 UTC>에 끝납니다." +
				"\n*리소스*: `/example.com/db/orders,node/web-1,pod/production/default/web (leaf.example.com)`"},
		{"access ended", renderer.AccessEnded(approved, details),
			"⌛ The access from your role request ended at <!date^1772472600^{date_short_pretty} {time}|2 Mar 2026 17:30 UTC>.\n*Role(s)*: `access,editor`"},
		{"a language for the requester", Renderer{Cluster: renderer.Cluster, Style: Style{RequesterLanguage: Korean}}.Review(approved, 0, access.Requester),
			"bob@example.com 님이 <!date^1772443860^{date_short_pretty} {time}|2026년 3월 2일 09:31 UTC>에 회원님의 요청을 리뷰했습니다." +
				"\n결정: ✅ 승인됨.\n이유: ```\nok for today```"},
		{"reviewers keep theirs", Renderer{Cluster: renderer.Cluster, Style: Style{RequesterLanguage: Korean}}.Final(approved, access.Reviewers),
			`Request with ID "` + requestID + `" has been updated: *APPROVED*`},
		{"korean final", inKorean.Final(approved, access.Reviewers), `ID가 "` + requestID + `"인 요청의 상태가 바뀌었습니다: *승인됨*`},
		{"korean minimal", inKorean.Minimal(roleRequest(), access.Reviewers),
			"⏳ 대기 중: alice 님의 요청, `access,editor`. <https://teleport.example.com/web/requests/" + requestID + ">"},
		{"minimal", renderer.Minimal(roleRequest(), access.Reviewers),
			"⏳ PENDING: alice requests `access,editor`. <https://teleport.example.com/web/requests/" + requestID + ">"},
		{"minimal without the Web UI", offline.Minimal(in(access.Denied, roleRequest()), access.Requester),
			"❌ DENIED: your request as alice for `access,editor`. ID `" + requestID + "`"},
		{"hostile minimal", offline.Minimal(access.Request{ID: "; rm -rf <x>", User: "evil.com"}, access.Reviewers),
			"⏳ PENDING: `evil.com` requests access. ID `; rm -rf &lt;x&gt;`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.got.Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tc.got.Blocks != nil {
				t.Error("a plain message has blocks")
			}
			if broken := brokenRules(tc.got, false); broken != nil {
				t.Errorf("breaks rules:\n%s", strings.Join(broken, "\n"))
			}
		})
	}
}

func TestText(t *testing.T) {
	hostile := roleRequest()
	hostile.User, hostile.Reason = "_m_ *x*", "line one\nline two <!here> `y` ~z~ first_last"
	many := roleRequest()
	many.Roles = append(many.Roles, "c", "d")
	long := roleRequest()
	long.Reason = strings.Repeat("word ", 100)
	for _, tc := range []struct {
		name string
		r    Renderer
		req  access.Request
		to   access.Audience
		want string
	}{
		{"pending", renderer, roleRequest(), access.Reviewers,
			"alice requests roles access, editor in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{"approved", renderer, in(access.Approved, roleRequest()), access.Reviewers,
			"Approved: alice requested roles access, editor in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{"resources", renderer, resourceRequest(), access.Reviewers,
			"alice requests db/orders, node/web-1 and 1 more in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{"requester", renderer, in(access.Denied, roleRequest()), access.Requester,
			"Your request for roles access, editor in example.com was denied: Investigate the failing nightly backup, see OPS-1432."},
		{"many roles", renderer, many, access.Reviewers,
			"alice requests roles access, c and 2 more in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{"hostile", renderer, hostile, access.Reviewers,
			"＿m＿ ∗x∗ requests roles access, editor in example.com: line one line two &lt;!here&gt; ˋyˋ ∼z∼ first_last"},
		{"long", renderer, long, access.Reviewers,
			"alice requests roles access, editor in example.com: " + strings.TrimSpace(strings.Repeat("word ", 19)) + " wo…"},
		{"nothing known", Renderer{}, access.Request{}, access.Reviewers, "(empty) requests access in Teleport"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.r.Request(tc.req, details, tc.to).Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHugeRequestsKeepTheLinkAndTheLimits(t *testing.T) {
	link := "https://teleport.example.com/web/requests/" + requestID
	logins := map[string][]string{}
	for _, s := range []string{"x", "&", "`", "😀", "e\u0301", "한", "\n", "\xff"} {
		req := hugeRequest(s)
		for _, role := range req.Roles {
			logins[role] = req.SuggestedReviewers
		}
		for _, state := range []access.State{access.Pending, access.Approved, access.Denied, access.Promoted, access.Expired} {
			req.State = state
			for _, d := range []access.Details{{}, {Logins: logins}} {
				own := inKorean
				own.Templates = everyTemplate(t)
				if broken := brokenRules(own.Request(req, d, access.Reviewers), true, labelled); broken != nil {
					t.Errorf("%q %s breaks rules with templates:\n%s", s, state, strings.Join(broken, "\n"))
				}
				m := renderer.Request(req, d, access.Reviewers)
				if broken := brokenRules(m, true); broken != nil {
					t.Errorf("%q %s breaks rules:\n%s", s, state, strings.Join(broken, "\n"))
				}
				if !strings.Contains(shown(m), link) {
					t.Errorf("%q %s lost its link", s, state)
				}
				if !strings.Contains(shown(m), " more") {
					t.Errorf("%q %s doesn't say that there is more", s, state)
				}
			}
			for _, m := range []Message{renderer.Review(req, 499, access.Reviewers), renderer.Final(req, access.Requester)} {
				if broken := brokenRules(m, false); broken != nil {
					t.Errorf("%q %s breaks rules:\n%s", s, state, strings.Join(broken, "\n"))
				}
			}
			if broken := brokenRules(renderer.Minimal(req, access.Requester), true); broken != nil {
				t.Errorf("%q %s breaks rules:\n%s", s, state, strings.Join(broken, "\n"))
			}
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, bc := range []struct {
		name string
		req  access.Request
	}{{"usual", resourceRequest()}, {"hostile", hostileRequest()}, {"huge", hugeRequest("&")}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				renderer.Request(bc.req, details, access.Reviewers)
			}
		})
	}
}

// The tombstone of a deleted request may lack a resource's cluster.
func TestAResourceOfAnUnknownClusterIsNamedWithoutOne(t *testing.T) {
	r := Renderer{Cluster: access.Cluster{Name: "example.com"}}
	req := access.Request{ID: "r1", User: "alice", State: access.Expired, Resources: []access.Resource{{Kind: "node", Name: "db-1"}}}
	d := access.Details{ResourceNames: map[string]string{req.Resources[0].ID(): "db-1"}}
	names := strings.Join(r.resourceNames(&english, req.Resources, d), " ")
	if names != "node/db-1" {
		t.Errorf("got %q", names)
	}
}
