package message

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// withButtons is renderer where everything can be decided in Slack.
func withButtons(b access.Buttons) Renderer {
	r := renderer
	b.On = true
	r.Buttons = b
	return r
}

// actions returns the last block if it has buttons.
func actions(m Message) *slack.ActionBlock {
	b, _ := m.Blocks[len(m.Blocks)-1].(*slack.ActionBlock)
	return b
}

// The block is the published plugin's, to the letter.
func TestButtonsAreThePublishedOnes(t *testing.T) {
	got, err := json.Marshal(actions(withButtons(access.Buttons{}).Request(roleRequest(), details, access.Reviewers)))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"actions","block_id":"review_block","elements":[` +
		`{"type":"button","text":{"type":"plain_text","text":"Approve"},"action_id":"approve_button","value":"` + requestID +
		`","style":"primary","accessibility_label":"Approve access request button"},` +
		`{"type":"button","text":{"type":"plain_text","text":"Deny"},"action_id":"deny_button","value":"` + requestID +
		`","style":"danger","accessibility_label":"Deny access request button"}]}`
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		t.Fatal("not JSON")
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhereThereAreNoButtons(t *testing.T) {
	on := withButtons(access.Buttons{})
	odd := roleRequest()
	odd.ID = "r 1 <!channel>"
	for _, tt := range []struct {
		name string
		m    Message
	}{
		{"switched off", renderer.Request(roleRequest(), details, access.Reviewers)},
		{"the requester's copy", on.Request(roleRequest(), details, access.Requester)},
		{"approved", on.Request(in(access.Approved, roleRequest()), details, access.Reviewers)},
		{"denied", on.Request(in(access.Denied, roleRequest()), details, access.Reviewers)},
		{"promoted", on.Request(in(access.Promoted, roleRequest()), details, access.Reviewers)},
		{"expired", on.Request(in(access.Expired, roleRequest()), details, access.Reviewers)},
		{"long-term", on.Request(longTermRequest(), details, access.Reviewers)},
		{"a role that is not decided in Slack", withButtons(access.Buttons{Except: []string{"edit*"}}).Request(roleRequest(), details, access.Reviewers)},
		{"an ID that Teleport would not give", on.Request(odd, details, access.Reviewers)},
	} {
		if b := actions(tt.m); b != nil {
			t.Errorf("%s: there are buttons", tt.name)
		}
	}
}

func TestConfirmationOnlyWhereNoReasonIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		buttons       access.Buttons
		approve, deny bool
	}{
		{access.Buttons{}, false, false},
		{access.Buttons{Confirm: true}, true, true},
		{access.Buttons{Confirm: true, Reason: access.ReasonToDeny}, true, false},
		{access.Buttons{Confirm: true, Reason: access.ReasonAlways}, false, false},
	} {
		m := withButtons(tt.buttons).Request(roleRequest(), details, access.Reviewers)
		var got [2]bool
		for i, e := range actions(m).Elements.ElementSet {
			c := e.(*slack.ButtonBlockElement).Confirm
			if got[i] = c != nil; c != nil && !strings.Contains(c.Text.Text, "alice") {
				t.Errorf("the question does not say whose request it is: %q", c.Text.Text)
			}
		}
		if got != [2]bool{tt.approve, tt.deny} {
			t.Errorf("%+v: confirmed %v", tt.buttons, got)
		}
	}
	golden(t, "buttons-confirmed", withButtons(access.Buttons{Confirm: true}).Request(roleRequest(), details, access.Reviewers))
}

func TestDescriptionChangesWithTheButtons(t *testing.T) {
	descriptions := map[string]bool{}
	for _, b := range []access.Buttons{
		{}, {On: true}, {On: true, Confirm: true}, {On: true, Confirm: true, Reason: access.ReasonToDeny},
	} {
		descriptions[DescribeButtons(b, roleRequest(), access.Reviewers)] = true
	}
	if len(descriptions) != 4 {
		t.Errorf("four kinds of buttons have these descriptions: %v", descriptions)
	}
	if DescribeButtons(access.Buttons{On: true}, roleRequest(), access.Reviewers) != DescribeButtons(access.Buttons{On: true, Reason: access.ReasonAlways}, roleRequest(), access.Reviewers) {
		t.Error("buttons that look the same have different descriptions")
	}
}

func TestTheWindowForAReason(t *testing.T) {
	for _, d := range []access.Decision{access.Approve, access.Deny} {
		for name, req := range map[string]access.Request{"role": roleRequest(), "hostile": hostileRequest(), "huge": hugeRequest("&")} {
			v := renderer.Reason(req, details, d, "sealed")
			fail := func(format string, args ...any) { t.Errorf(name+" "+d.String()+": "+format, args...) }
			plainRules("title", v.Title, 24, fail)
			plainRules("submit", v.Submit, 24, fail)
			plainRules("close", v.Close, 24, fail)
			if broken := brokenRules(Message{Text: "x", Blocks: v.Blocks.BlockSet[:1]}, true); broken != nil {
				fail("%v", broken)
			}
			input := v.Blocks.BlockSet[1].(*slack.InputBlock)
			plainRules("label", input.Label, 2000, fail)
			if e := input.Element.(*slack.PlainTextInputBlockElement); e.MaxLength != MaxReasonChars || MaxReasonChars > 3000 || !e.Multiline {
				fail("%+v", e)
			}
			if v.PrivateMetadata != "sealed" || v.CallbackID != ReasonView || input.BlockID != ReasonBlock {
				fail("%+v", v)
			}
		}
	}
}

func TestAnswers(t *testing.T) {
	pending, approved := roleRequest(), in(access.Approved, roleRequest())
	approved.Reviews[0].Slack = true
	crowd := roleRequest()
	crowd.State = access.Denied
	for _, name := range []string{"a", "b", "<!channel>", "d", "e"} {
		crowd.Reviews = append(crowd.Reviews, access.Review{Author: name, State: access.Denied}, access.Review{Author: name, State: access.Approved})
	}
	unknown := access.Request{ID: requestID, State: access.Denied}
	for _, tt := range []struct {
		answer Answer
		req    access.Request
		d      access.Decision
		want   string
	}{
		{AnswerDone, pending, access.Approve, "Your approval is recorded. The request waits for more reviews.\nalice requests roles access, editor in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{AnswerDone, approved, access.Approve, "Your approval is recorded. The request is now *APPROVED*.\nApproved: alice requested roles access, editor in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{AnswerDone, in(access.Denied, pending), access.Deny, "Your denial is recorded. The request is now *DENIED*.\nDenied: alice requested roles access, editor in example.com: Investigate the failing nightly backup, see OPS-1432."},
		{AnswerDecided, approved, access.Deny, "This request is already *APPROVED*, by `bob@example.com` in Slack. Nothing was submitted."},
		{AnswerDecided, unknown, access.Deny, "This request is already *DENIED*. Nothing was submitted."},
		{AnswerDecided, crowd, access.Deny, "This request is already *DENIED*, by `a`, `b`, `&lt;!channel&gt;` and 2 more. Nothing was submitted."},
		{AnswerRole, pending, access.Deny, "Requests for these roles are decided in Teleport, not in Slack. <https://teleport.example.com/web/requests/" + requestID + ">"},
	} {
		if got := renderer.Answer(tt.answer, tt.req, access.Details{}, tt.d).Text; got != tt.want {
			t.Errorf("answer %d: %q, want %q", tt.answer, got, tt.want)
		}
	}
	seen := map[string]Answer{}
	for a := range answers {
		text := renderer.Answer(a, pending, access.Details{}, access.Approve).Text
		if other, dup := seen[text]; dup || utf8.RuneCountInString(text) < 20 {
			t.Errorf("answers %d and %d are both %q", a, other, text)
		}
		seen[text] = a
	}
}

func TestReviewsThatCameFromSlackSaySo(t *testing.T) {
	req := in(access.Approved, roleRequest())
	if text := renderer.Review(req, 0, access.Reviewers).Text; strings.Contains(text, "Slack") {
		t.Errorf("a review in Teleport: %q", text)
	}
	req.Reviews[0].Slack = true
	if text := renderer.Review(req, 0, access.Reviewers).Text; !strings.Contains(text, "Resolution: ✅ APPROVED in Slack.") {
		t.Errorf("a review in Slack: %q", text)
	}
	m := renderer.Request(req, details, access.Requester)
	if !strings.Contains(shown(m), "*Decided by*: `bob@example.com` in Slack\n") {
		t.Errorf("the status does not say who decided, and where:\n%s", shown(m))
	}
	// Nobody's name can say it for them.
	req.Reviews[0] = access.Review{Author: "bob` in Slack", State: access.Approved}
	if m := renderer.Request(req, details, access.Requester); strings.Contains(shown(m), "` in Slack\n") {
		t.Errorf("a name passes for a place:\n%s", shown(m))
	}
}
