//go:build browser

package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// happened is an expression: the timeline has such a row.
func happened(from, text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#timeline .from-%s")].some((e) => e.innerText.includes(%q))`, from, text)
}

// counted is an expression: what came of all messages.
func counted(what string, n int) string {
	return fmt.Sprintf(`document.querySelector("[data-count=%s] dd").innerText === "%d"`, what, n)
}

func (b *browser) turn(name string) {
	b.t.Helper()
	b.click(fmt.Sprintf(`[data-switch=%q]`, name))
}

func TestBrowserTimeline(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 1000, 1, "light")
	b.open(startDemo(t))
	b.requestAccess("alice@example.com", "editor", "first")
	b.until("what alice did", happened("people", "alice@example.com requests editor"))
	b.until("what the plugin saw", happened("teleport", "GetPluginData"))
	b.until("what it decided", happened("plugin", "planned the next steps"))
	b.until("what it did", happened("plugin", "message posted"))
	b.until("what Slack answered", happened("slack", "chat.postMessage"))
	b.until("where it is written down", happened("teleport", "UpdatePluginData"))
	b.until("all is delivered", counted("wanted", 2)+" && "+counted("delivered", 2)+" && "+counted("waiting", 0))

	b.requestAccess("bob@example.com", "auditor", "second")
	b.until("the newest is shown", happened("people", "bob@example.com requests auditor"))
	if eval[bool](b, happened("people", "alice@example.com requests editor")) {
		t.Error("the timeline of one request shows another's")
	}
	b.click(`[data-request]:last-child [data-do=inspect]`)
	b.until("the first again", happened("people", "alice@example.com requests editor"))
	b.choose(`#about`, "")
	eval[bool](b, `document.getElementById("about").dispatchEvent(new Event("change"))`)
	b.until("everything", happened("people", "alice@example.com requests editor")+" && "+happened("people", "bob@example.com requests auditor"))
}

// Whatever goes wrong, in the end everything is there once.
func TestBrowserFaults(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 1000, 1, "light")
	b.open(startDemo(t))
	b.choose(`#about`, "")
	eval[bool](b, `document.getElementById("about").dispatchEvent(new Event("change"))`)
	wanted := 0
	for _, row := range []struct{ name, from, sign string }{
		{"slack-away", "slack", "answer=http 503"},
		{"slack-429", "slack", "answer=ratelimited"},
		{"slack-token", "slack", "answer=token_revoked"},
		{"slack-slow", "people", "requests editor"},
		{"teleport-away", "demo", "Teleport is away: switched on"},
		{"plugin-killed", "demo", "process is killed"},
	} {
		b.turn(row.name)
		b.until(row.name+" is on", fmt.Sprintf(`document.querySelector("[data-switch=%s]").checked`, row.name))
		b.requestAccess("alice@example.com", "editor", row.name)
		wanted += 2
		b.until(row.name+" shows", happened(row.from, row.sign))
		b.until(row.name+" is counted", counted("wanted", wanted))
		b.turn(row.name)
		b.until(row.name+" is over and nothing is lost", counted("delivered", wanted)+" && "+counted("waiting", 0)+" && "+counted("lost", 0))
	}
	b.turn("second-replica")
	b.until("there are two", happened("demo", "process=plugin 2"))
	b.click(`#restart-teleport`)
	b.until("Teleport restarts", happened("demo", "Teleport restarts"))
	b.requestAccess("bob@example.com", "editor", "two of them")
	wanted += 2
	b.until("nothing is lost or doubled", counted("delivered", wanted)+" && "+counted("doubled", 0))
}

func TestBrowserViewAs(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 1000, 1, "light")
	b.open(startDemo(t))
	b.requestAccess("alice@example.com", "editor", "why")
	b.until("there are buttons", says(".actions", "Approve"))
	view := func(id string) {
		b.choose(`#view-as`, id)
		eval[bool](b, `document.getElementById("view-as").dispatchEvent(new Event("change"))`)
	}
	view("U0ALICE")
	if got := eval[[]string](b, `[...document.querySelectorAll("#directs button")].map((e) => e.dataset.conversation)`); !slices.Equal(got, []string{"U0ALICE"}) {
		t.Errorf("alice sees the direct messages %v", got)
	}
	b.click(`#messages > article:last-of-type [data-action=approve_button]`)
	b.until("she gets an answer", says(".ephemeral", "You can't review your own request."))
	view("U0BOB")
	b.until("bob doesn't see what she gets an answer", `!document.querySelector(".ephemeral")`)
	b.click(`[data-conversation=U0BOB]`)
	view("U0ALICE")
	b.until("in her place, her direct message is open", `location.hash === "#U0ALICE"`)
}

// Thousands of messages: the page stays small, and older ones are there.
func TestBrowserManyMessages(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 1000, 1, "light")
	base := startDemo(t)
	b.open(base)
	const requests = 2000
	if status, answer := post(t, base, "/api/many", fmt.Sprintf(`{"count":%d}`, requests), nil); status != 200 {
		t.Fatalf("%d %v", status, answer)
	}
	b.until("half of it is delivered", fmt.Sprintf(`Number(document.querySelector("[data-count=delivered] dd").innerText) > %d`, requests/2))
	if n := eval[int](b, `document.querySelectorAll("#messages > article").length`); n > 110 {
		t.Errorf("%d messages are drawn at once", n)
	}
	if n := eval[int](b, `document.querySelectorAll("#timeline > li").length`); n > 700 {
		t.Errorf("%d rows of the timeline are drawn at once", n)
	}
	if n := eval[int](b, `document.querySelectorAll("[data-request]").length`); n != 100 {
		t.Errorf("%d requests are drawn", n)
	}
	// A frame in which nobody can do anything is felt from a tenth of a second on.
	slow := eval[float64](b, `new Promise((resolve) => {
		let worst = 0, before = performance.now(), frames = 0;
		const frame = (now) => { worst = Math.max(worst, now - before); before = now; ++frames < 60 ? requestAnimationFrame(frame) : resolve(worst); };
		requestAnimationFrame(frame);
	})`)
	if slow > 500 {
		t.Errorf("the page stood still for %.0f ms", slow)
	}
	first := eval[string](b, `document.querySelector("#messages > article").dataset.ts`)
	b.click(`#messages .older`)
	b.until("older ones are there", fmt.Sprintf(`document.querySelector("#messages > article").dataset.ts < %q`, first))
}

// What a screen reader announces: the parts of the page by name, and every
// control with a role and a name.
func TestBrowserAccessibilityTree(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 1000, 1, "light")
	b.open(startDemo(t))
	b.requestAccess("alice@example.com", "editor", "why")
	b.until("there are buttons", says(".actions", "Approve"))
	b.choose(`#actor`, "U0BOB")
	b.click(`#messages > article:last-of-type [data-action=deny_button]`)
	b.until("a window is open", `document.querySelector(".window")`)
	b.until("the journal has the post", happened("plugin", "message posted"))

	var nodes []*accessibility.Node
	b.do("read the tree", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tree, err := cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		nodes = tree.Nodes
		return err
	}))
	text := func(v *accessibility.Value) string {
		if v == nil {
			return ""
		}
		return strings.Trim(string(v.Value), `"`)
	}
	found := map[string]bool{}
	for _, n := range nodes {
		role, name := text(n.Role), text(n.Name)
		found[role+" "+name] = true
		if !n.Ignored && slices.Contains([]string{"button", "checkbox", "switch", "combobox", "textbox", "link", "dialog", "navigation", "region", "form"}, role) && name == "" {
			t.Errorf("a %s has no name", role)
		}
	}
	for _, want := range []string{
		"main channel access-requests", "navigation Conversations in Slack", "complementary Teleport teleport.example.com",
		"region What the plugin sees, decides and does", "region Timeline", "log channel access-requests",
		"switch Slack is slow", "switch Second replica", "combobox View as", "combobox About", "dialog Deny this request?",
		"button Approve access request button", "button Restart Teleport",
	} {
		if !found[want] && !slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(f string) bool { return strings.HasPrefix(f, want) }) {
			t.Errorf("the tree has no %q", want)
		}
	}
	if t.Failed() {
		t.Logf("the tree:\n%s", strings.Join(slices.Sorted(maps.Keys(found)), "\n"))
	}
}
