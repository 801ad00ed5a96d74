//go:build browser

package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// says is an expression: the open conversation's last message matches.
func says(selector, text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#messages > article:last-of-type %s")].some((e) => e.innerText.includes(%q))`, selector, text)
}

func TestBrowserReview(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 900, 1, "light")
	b.open(startDemo(t))

	b.click(`#create button.primary`)
	b.until("the refusal is shown", `document.querySelector("#create .error").innerText.includes("choose at least one")`)

	const hostile = `backup <img src=x onerror=alert(1)> <!channel> *bold* & "more"`
	b.requestAccess("alice@example.com", "editor", hostile, "bob@example.com")
	b.until("the message is there", says(".body", "You have a new Role Request:"))
	b.until("it is pending", says(".context", "⏳ PENDING"))
	b.until("the reason is as it was typed", says("pre", hostile))
	if n := eval[int](b, `document.querySelectorAll("#messages img").length`); n != 0 {
		t.Errorf("%d images came out of a reason", n)
	}
	b.until("the error is gone", `document.querySelector("#create .error").hidden`)

	b.until("alice and bob have unread messages", `document.querySelectorAll("#directs .unread").length === 2`)
	b.click(`[data-conversation=U0ALICE]`)
	b.until("hers is read", `document.querySelectorAll("#directs .unread").length === 1`)
	b.until("hers is addressed to her", says(".body", "Your role request was received:"))
	b.click(`[data-conversation=C0REQUESTS]`)

	b.decide("alice@example.com", "approve", "because I can")
	b.until("nobody approves his own", `document.querySelector("[data-request] .error").innerText.includes("cannot review a request of their own")`)
	b.decide("bob@example.com", "approve", "")
	b.until("the reply is there", says(".thread .reply", "bob@example.com reviewed the request"))
	b.until("the status is new", says(".context", "✅ APPROVED"))
	b.until("it is marked as edited", says(".edited", "edited"))
	b.until("the reaction is there", `document.querySelector("#messages [data-reaction=white_check_mark]")`)
	b.until("there is nothing to decide", `document.querySelector("[data-request] .decide").hidden`)

	b.requestAccess("carol@example.com", "auditor", "quarterly report")
	b.decide("", "deny", "not this quarter")
	b.until("an administrator denied", says(".context", "❌ DENIED"))
	b.until("the reaction is there", `document.querySelector("#messages [data-reaction=x]")`)

	b.requestAccess("dave", "editor", "soon over")
	b.until("it is pending", says(".context", "⏳ PENDING"))
	b.click(`[data-request]:first-child [data-do=expire]`)
	b.until("it has expired", says(".context", "EXPIRED"))
}

func TestBrowserButtons(t *testing.T) {
	b := newBrowser(t)
	b.media(1400, 900, 1, "light")
	b.open(startDemo(t))
	b.requestAccess("alice@example.com", "editor", "why")
	b.until("there are buttons", says(".actions", "Approve"))
	const last = `#messages > article:last-of-type `
	b.choose(`#actor`, "U0ALICE")
	b.click(last + `[data-action=approve_button]`)
	b.until("alice gets a refusal", says(".ephemeral[data-to=U0ALICE]", "You can't review your own request."))
	b.choose(`#actor`, "U0BOB")
	b.click(last + `[data-action=deny_button]`)
	b.until("a window asks bob why", `document.querySelector(".window")?.innerText.includes("Deny this request?")`)
	b.write(`.window textarea`, "  ")
	b.click(`.window .primary`)
	b.until("blank is no reason", `document.querySelector(".window .error").innerText.length > 0`)
	if poor := eval[[]string](b, contrastBelow); len(poor) > 0 {
		t.Errorf("too little contrast:\n%s", strings.Join(poor, "\n"))
	}
	b.write(`.window textarea`, "not <b>today</b>")
	b.click(`.window .primary`)
	b.until("it is denied", says(".context", "❌ DENIED"))
	b.until("by bob, in Slack", says(".context", "in Slack"))
	b.until("bob gets an answer", says(".ephemeral[data-to=U0BOB]", "Your denial is recorded."))
	b.until("the window is gone", `!document.querySelector(".window")`)
	b.until("so are the buttons", `!document.querySelector("#messages [data-action]")`)
}

func TestBrowserScreens(t *testing.T) {
	b := newBrowser(t)
	b.open(startDemo(t))
	b.requestAccess("alice@example.com", "dba", strings.Repeat("unbroken", 40))
	b.click(`[data-conversation=G0DBA]`)
	b.until("the message is there", says("pre", "unbroken"))

	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 375, 720, 900, 1400} {
			b.media(width, 800, 1, scheme)
			if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				t.Errorf("%s, %d px: the page is %d px too wide", scheme, width, over)
			}
		}
		grounds[scheme] = eval[string](b, `getComputedStyle(document.body).backgroundColor`)
		if poor := eval[[]string](b, contrastBelow); len(poor) > 0 {
			t.Errorf("%s: too little contrast:\n%s", scheme, strings.Join(poor, "\n"))
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("light and dark have the same ground %s", grounds["light"])
	}
}

// contrastBelow lists visible text whose contrast to what is behind it is
// below 4.5, which WCAG asks for. https://www.w3.org/TR/WCAG21/#contrast-minimum
const contrastBelow = `(() => {
  const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const poor = new Set();
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest("noscript, option, .hidden, .skip") || e.disabled || !e.getClientRects().length) continue;
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.add(e.tagName + "." + e.className + " " + ratio.toFixed(2) + ": " + e.textContent.trim().slice(0, 30));
  }
  return [...poor];
})()`

// Everything that can be used has a name, and can be reached by keyboard in the
// order in which it is seen.
func TestBrowserAccessibility(t *testing.T) {
	b := newBrowser(t)
	b.open(startDemo(t))
	b.do("tab twice", chromedp.KeyEvent("\t\t"))
	if at := eval[string](b, `document.activeElement.textContent`); at != "Skip to Teleport" {
		t.Errorf("the second stop is %q, want the second skip link", at)
	}
	b.requestAccess("alice@example.com", "editor", "keyboard")
	unnamed := eval[[]string](b, `[...document.querySelectorAll("button, input, select, textarea, a, summary")]
		.filter((e) => !(e.innerText || e.textContent || "").trim() || ["INPUT", "SELECT", "TEXTAREA"].includes(e.tagName))
		.filter((e) => !e.getAttribute("aria-label") && !(e.labels && [...e.labels].some((l) => l.innerText.trim())))
		.map((e) => e.outerHTML.slice(0, 100))`)
	if len(unnamed) > 0 {
		t.Errorf("controls without a name:\n%s", strings.Join(unnamed, "\n"))
	}
	if ids := eval[[]string](b, `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`); len(ids) > 0 {
		t.Errorf("ids that are there twice: %v", ids)
	}
	if jumps := eval[int](b, `document.querySelectorAll("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").length`); jumps > 0 {
		t.Errorf("%d elements break the order of the keyboard", jumps)
	}
}

// The renderer over the shapes that Slack documents, and those it doesn't.
func TestBrowserBlockKit(t *testing.T) {
	b := newBrowser(t)
	b.open(startDemo(t))
	for name, row := range map[string]struct {
		block string // JSON
		html  string // part of what is drawn
	}{
		"bold, italic, strike": {mrkdwnJSON(`*b* _i_ ~s~ a*b*c snake_case_name`), `<strong>b</strong> <em>i</em> <s>s</s> a*b*c snake_case_name`},
		"nested":               {mrkdwnJSON("*b _i_ `c*`*"), `<strong>b <em>i</em> <code>c*</code></strong>`},
		"code":                 {mrkdwnJSON("`*x* &lt;b&gt;`"), `<code>*x* &lt;b&gt;</code>`},
		"code block":           {mrkdwnJSON("a\n```\nx *y*\nz```\nb"), "a<pre><code>x *y*\nz</code></pre>b"},
		"fence without an end": {mrkdwnJSON("a ```b"), "text\">a ```b</div>"},
		"two and a half":       {mrkdwnJSON("a ```b``` c ```d"), "text\">a <pre><code>b</code></pre> c ```d</div>"},
		"link":                 {mrkdwnJSON(`<https://example.com/a?b=1&amp;c|the label>`), `href="https://example.com/a?b=1&amp;c" target="_blank" rel="noopener noreferrer nofollow">the label</a>`},
		"link with script":     {mrkdwnJSON(`<javascript:alert(1)|click>`), `click (javascript:alert(1))`},
		"bare address":         {`{"type":"section","text":{"type":"mrkdwn","text":"see https://example.com."}}`, `<a href="https://example.com"`},
		"verbatim address":     {mrkdwnJSON("see https://example.com."), `<div class="text">see https://example.com.</div>`},
		"user":                 {mrkdwnJSON(`<@U0BOB> <@U0NOBODY>`), `<span class="mention">@Bob Brown</span> <span class="mention">@U0NOBODY</span>`},
		"channel":              {mrkdwnJSON(`<#C0REQUESTS>`), `<span class="mention">#access-requests</span>`},
		"here":                 {mrkdwnJSON(`<!here>`), `<span class="mention loud">@here</span>`},
		"group":                {mrkdwnJSON(`<!subteam^S1|@dbas>`), `<span class="mention">@dbas</span>`},
		"date":                 {mrkdwnJSON(`<!date^0^on {date_num}|never>`), `datetime="1970-01-01T00:00:00.000Z"`},
		"date that is none":    {mrkdwnJSON(`<!date^x^{date}|never>`), `never`},
		"unknown command":      {mrkdwnJSON(`<!what>`), `&lt;!what&gt;`},
		"quote":                {mrkdwnJSON("a\n&gt; b\n> c\nd"), `a<blockquote>b<br>c</blockquote>d`},
		"list":                 {mrkdwnJSON("• a\n• b"), `• a<br>• b`},
		"emoji":                {mrkdwnJSON(`:white_check_mark: :no_such_thing: 10:30:45`), `✅ :no_such_thing: 10:30:45`},
		"escapes":              {mrkdwnJSON(`&lt;b&gt; &amp;amp; <b>`), `&lt;b&gt; &amp;amp; &lt;b&gt;`},
		"fields":               {`{"type":"section","fields":[{"type":"mrkdwn","text":"*a*"},{"type":"plain_text","text":"*b*"}]}`, `<strong>a</strong></div><div class="text">*b*</div>`},
		"header":               {`{"type":"header","text":{"type":"plain_text","text":"<i>Hi</i> :x:"}}`, `aria-level="4">&lt;i&gt;Hi&lt;/i&gt; ❌</div>`},
		"divider":              {`{"type":"divider"}`, `<hr class="block">`},
		"context":              {`{"type":"context","elements":[{"type":"mrkdwn","text":"a"},{"type":"image","image_url":"https://example.com/x.png","alt_text":"b"}]}`, `aria-label="b">[b]</span>`},
		"actions":              {`{"type":"actions","elements":[{"type":"button","style":"danger","action_id":"x","text":{"type":"plain_text","text":"Deny"}}]}`, `<button type="button" class="kit danger" disabled="" title="this button leads nowhere">Deny</button>`},
		"accessory":            {`{"type":"section","text":{"type":"mrkdwn","text":"a"},"accessory":{"type":"datepicker"}}`, `"type": "datepicker"`},
		"unknown":              {`{"type":"<video>","x":"y"}`, `"type": "&lt;video&gt;"`},
		"broken":               {`{"type":"section","text":{"type":"mrkdwn"}}`, `"type": "mrkdwn"`},
		"no object":            {`null`, `null`},
	} {
		got := eval[string](b, fmt.Sprintf(`(async () => {
			const { renderBlocks } = await import("./blockkit.js");
			const names = { user: (id) => ({ U0BOB: "Bob Brown" })[id], channel: (id) => ({ C0REQUESTS: "access-requests" })[id], group: () => undefined };
			const div = document.createElement("div");
			div.append(renderBlocks([%s], names));
			return div.innerHTML;
		})()`, row.block))
		if !strings.Contains(got, row.html) {
			t.Errorf("%s: %s\ndraws %s\nwithout %s", name, row.block, got, row.html)
		}
	}
}

// mrkdwnJSON is a verbatim section, as the plugin sends them.
func mrkdwnJSON(text string) string {
	b, err := json.Marshal(map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": text, "verbatim": true}})
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return string(b)
}

// The picture of the messages in the README, made by what people see. It is
// written where SCREENSHOTS says, from the module's root.
func TestBrowserScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS does not say where to write")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	b.media(1500, 1200, 1.5, "light")
	b.open(startDemo(t))
	b.click(`[data-conversation=G0DBA]`)

	b.requestAccess("alice@example.com", "dba", "Add the missing index to orders, see OPS-1432", "bob@example.com", "carol@example.com")
	b.decide("bob@example.com", "approve", "Looks right, please do it after 6 pm")
	b.until("the first review is there", says(".reply", "after 6 pm"))
	b.decide("carol@example.com", "approve", "Reviewed the migration")
	b.until("it is approved", says(".context", "✅ APPROVED"))
	b.until("the reaction is there", `document.querySelector("#messages [data-reaction=white_check_mark]")`)
	b.until("the second review is there", says(".reply", "Reviewed the migration"))
	b.requestAccess("dave", "dba", "Restore the staging copy of the customers database", "bob@example.com")
	b.until("it is pending", says(".context", "⏳ PENDING"))
	b.decide("carol@example.com", "approve", "Fine with me")
	b.until("the first review is there", says(".reply", "Fine with me"))
	b.until("it is counted", says(".context", "1 of 2"))

	b.until("all is delivered", counted("waiting", 0)+" && "+counted("late", 0))
	b.save(filepath.Join(dir, "demo.png"), "html")
	// The whole conversation at the width of a text column, without scrolling.
	b.media(1400, 3000, 2, "light")
	eval[string](b, `document.querySelector(".columns").style.gridTemplateColumns = "230px 700px 1fr"; document.querySelector("#messages").style.flex = "none"`)
	b.save(filepath.Join(dir, "messages.png"), "main")
	eval[string](b, `document.querySelector(".columns").style.gridTemplateColumns = document.querySelector("#messages").style.flex = ""`)

	// What goes wrong and how it ends, in the dark.
	b.media(1500, 1000, 1.5, "dark")
	b.turn("slack-429")
	b.requestAccess("bob@example.com", "editor", "INC-2041: the status page is down")
	b.until("Slack refuses it", happened("slack", "answer=ratelimited"))
	b.turn("slack-429")
	b.click(`[data-conversation=C0REQUESTS]`)
	b.until("it is there", says(".context", "⏳ PENDING"))
	b.until("all is delivered", counted("waiting", 0)+" && "+counted("late", 0))
	b.turn("second-replica")
	b.until("there are two", `document.querySelector("[data-switch=second-replica]").checked`)
	eval[string](b, `document.querySelector("#activity").style.height = "60vh"`)
	b.save(filepath.Join(dir, "faults.png"), "html")
}
