//go:build browser

package demo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is one headless tab. What it complains about fails the test.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// newBrowser starts Chromium with a profile of its own, and no network use of
// its own.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("no browser: install Debian's package chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1400, 900),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-dev-shm-usage", true),
	)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	alloc, cancelAlloc := chromedp.NewExecAllocator(ctx, opts...)
	tab, cancelTab := chromedp.NewContext(alloc)
	complaints := make(chan string, 100)
	t.Cleanup(func() {
		_ = chromedp.Cancel(tab) // waits for the browser; how it ends is not our matter
		cancelTab()
		cancelAlloc()
		cancel()
		close(complaints)
		for c := range complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	complain := func(s string) {
		select {
		case complaints <- s:
		default: // a hundred are enough
		}
	}
	err := chromedp.Listen(tab, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			complain(fmt.Sprintf("%+v", e.ExceptionDetails))
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.URL, "/api/") { // refusals of actions are meant
				complain(e.Entry.Text + " " + e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return &browser{t: t, ctx: tab}
}

func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, testTimeout)
	defer cancel()
	b.check(what, chromedp.Do(ctx, actions...))
}

// eval returns the value of a JavaScript expression, or of its promise.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, testTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	b.check("evaluate "+expression, err)
	return v
}

// until waits for a JavaScript expression to be true. The page's policy
// forbids what chromedp's own polling would evaluate in it.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, testTimeout)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise((resolve) => {
		const check = () => { if (%s) { observer.disconnect(); resolve(true); } };
		const observer = new MutationObserver(check);
		observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		check();
	})`, expression), chromedp.EvalAwaitPromise))
	b.check("wait until "+what, err)
}

func (b *browser) check(what string, err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	seen, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`)) // to help only
	b.t.Fatalf("%s: %v\nthe page says:\n%s", what, err, seen)
}

func (b *browser) open(base string) {
	b.t.Helper()
	b.do("open the page", chromedp.Navigate(base+"/"))
	b.until("the page is live", `document.querySelector("#connection.live")`)
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (b *browser) write(selector, text string) {
	b.t.Helper()
	b.do("write into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (b *browser) choose(selector, value string) {
	b.t.Helper()
	b.do("choose in "+selector, chromedp.SetValue(chromedp.CSS(selector), value))
}

func (b *browser) media(width, height int64, scale float64, scheme string) {
	b.t.Helper()
	b.do("change the screen",
		chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		}))
}

// requestAccess fills in the form and sends it.
func (b *browser) requestAccess(user, role, reason string, reviewers ...string) {
	b.t.Helper()
	b.choose(`#create [name=user]`, user)
	b.click(fmt.Sprintf(`#create [name=role][value=%q]`, role))
	b.write(`#create [name=reason]`, reason)
	for _, r := range reviewers {
		b.click(fmt.Sprintf(`#create [name=reviewer][value=%q]`, r))
	}
	before := eval[int](b, `document.querySelectorAll("[data-request]").length`)
	b.click(`#create button.primary`)
	b.until("the request is there", fmt.Sprintf(`document.querySelectorAll("[data-request]").length === %d`, before+1))
}

// decide decides the newest request.
func (b *browser) decide(author, what, reason string) {
	b.t.Helper()
	const card = `[data-request]:first-child `
	b.choose(card+`[name=author]`, author)
	b.write(card+`[name=reason]`, reason)
	b.click(card + fmt.Sprintf(`[data-do=%s]`, what))
}

// save writes a picture of an element; of the messages, down to the last.
func (b *browser) save(path, selector string) {
	b.t.Helper()
	box := eval[cdppage.Viewport](b, fmt.Sprintf(`(() => {
		const r = document.querySelector(%q).getBoundingClientRect();
		const end = document.querySelector(%q === "main" ? "#messages" : "body").getBoundingClientRect().bottom;
		return { x: r.x, y: r.y, width: r.width, height: end - r.y, scale: 1 };
	})()`, selector, selector))
	var data []byte
	b.do("take "+path, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		shot, err := cdp.Call(ctx, t, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Clip: &box})
		data = shot.Data
		return err
	}))
	data, err := withPalette(data)
	b.check("make the picture smaller", err)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	if len(data) > 300_000 {
		b.t.Errorf("%s has %d bytes, too many for a README", path, len(data))
	}
}

// withPalette returns the picture with 256 of its colours, which is a third of
// its size and hardly to be seen: it shows text. One of each kind of colour
// comes first, so that an emoji keeps its own however small it is.
func withPalette(data []byte) ([]byte, error) {
	in, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	count := map[color.Color]int{}
	r := in.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			count[in.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) }))
	kinds := map[[3]uint32]bool{}
	var first, rest color.Palette
	for _, c := range palette {
		r, g, b, _ := c.RGBA()
		kind := [3]uint32{r >> 13, g >> 13, b >> 13}
		if len(first) < 150 && !kinds[kind] {
			kinds[kind] = true
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	first = append(first, rest...)
	palette = first[:min(len(first), 256)]
	index := make(map[color.Color]uint8, len(count))
	for c := range count {
		index[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(r, palette)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			out.SetColorIndex(x, y, index[in.At(x, y)])
		}
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out)
	return b.Bytes(), err
}
