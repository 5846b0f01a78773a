package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	// patience is how long a page may take to become what a test waits for
	// (time): the machines of CI are slow.
	patience = 20 * time.Second
	// lookEvery is how often it is looked at meanwhile (time).
	lookEvery = 25 * time.Millisecond
	// wide and high are a desktop's window, narrow and tall a small phone's
	// (CSS pixels).
	wide, high   = 1280, 860
	narrow, tall = 360, 740
	// longest is how much of a long page a screenshot shows (CSS pixels).
	longest = 2_200
)

// Page is a tab of the browser, with cookies of its own.
type Page struct {
	t      testing.TB
	s      *Server
	ctx    context.Context
	phone  bool
	scheme string

	mu       sync.Mutex
	problems []string
	expected map[int64]bool
}

// Page opens a tab in which nobody is signed in.
func (s *Server) Page(t testing.TB) *Page {
	t.Helper()
	shared.once.Do(shared.start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, cancel := chromedp.NewContext(shared.ctx, chromedp.WithNewBrowserContext())
	p := &Page{t: t, s: s, ctx: ctx, expected: map[int64]bool{}}
	err := chromedp.Listen(ctx, p.listen) // it opens the tab, which ends with its context
	t.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			t.Errorf("the page: %s", problem)
		}
	})
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	do(p, network.Enable, network.EnableParams{})
	do(p, runtime.Enable, cdp.Empty{})
	do(p, log.Enable, cdp.Empty{})
	p.Desktop()
	return p
}

// listen collects what goes wrong in the page.
func (p *Page) listen(ev any) {
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.problem("exception: %s", exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			p.problem("console: %s", strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) && e.Entry.Source != log.EntrySourceNetwork {
			p.problem("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventResponseReceived:
		p.mu.Lock()
		known := p.expected[e.Response.Status]
		p.mu.Unlock()
		if e.Response.Status >= 400 && !known {
			p.problem("%s answers %d", e.Response.URL, e.Response.Status)
		}
	}
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception != nil {
		return d.Text + " " + d.Exception.Description
	}
	return d.Text
}

func (p *Page) problem(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// Expect says that answers with the status, such as 422, are no problem.
func (p *Page) Expect(status int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected[status] = true
}

// run runs browser actions; a failure ends the test.
func (p *Page) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("browser: %v", err)
	}
}

// do runs a command of the browser's protocol; a failure ends the test.
func do[P, R any](p *Page, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		p.t.Fatalf("browser: %v", err)
	}
	return r
}

// Visit loads a page by its path.
func (p *Page) Visit(path string) {
	p.t.Helper()
	p.run(chromedp.Navigate(p.s.URL + path))
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.run(chromedp.Reload())
}

// Eval evaluates an expression of JavaScript in the page. The result is read
// into out, as JSON; nil ignores it.
func (p *Page) Eval(expression string, out any) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if out == nil {
		p.run(chromedp.Evaluate[chromedp.Void](expression, chromedp.EvalAwaitPromise))
		return
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		p.t.Fatalf("%.200s: %v", expression, err)
	}
}

// Number is a number that an expression of JavaScript gives.
func (p *Page) Number(expression string) (n int) {
	p.t.Helper()
	p.Eval(`Number(`+expression+`)`, &n)
	return n
}

// Path is the page's path with its query.
func (p *Page) Path() (path string) {
	p.t.Helper()
	p.Eval(`location.pathname + location.search`, &path)
	return path
}

// Text is the visible text of the first element of a selector.
func (p *Page) Text(selector string) (text string) {
	p.t.Helper()
	p.Eval(fmt.Sprintf(`(document.querySelector(%s)?.innerText ?? "").trim()`, quote(selector)), &text)
	return text
}

// Count is how many elements a selector finds.
func (p *Page) Count(selector string) (n int) {
	p.t.Helper()
	p.Eval(fmt.Sprintf(`document.querySelectorAll(%s).length`, quote(selector)), &n)
	return n
}

// WaitFor waits until an expression of JavaScript is true.
func (p *Page) WaitFor(condition string) {
	p.t.Helper()
	if !p.until(condition) {
		var text string
		p.Eval(`location.href + "\n" + document.body.innerText`, &text)
		p.t.Fatalf("%s did not become true within %s; the page is:\n%s", condition, patience, text)
	}
}

// until looks until the condition is true, or for too long. A page that is just
// being replaced can't be asked: it is asked again.
func (p *Page) until(condition string) bool {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!(`+condition+`)`)); err == nil && ok {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// WaitText waits until the page shows a text; blanks are as one.
func (p *Page) WaitText(text string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf(`document.body?.innerText.replace(/\s+/g, " ").includes(%s)`, quote(strings.Join(strings.Fields(text), " "))))
}

// WaitNoText waits until the page shows a text no more.
func (p *Page) WaitNoText(text string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf(`document.body && !document.body.innerText.replace(/\s+/g, " ").includes(%s)`, quote(text)))
}

// WaitPath waits until the page is this one, and loaded.
func (p *Page) WaitPath(path string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf(`decodeURI(location.pathname) === %s && document.readyState === "complete"`, quote(path)))
}

// WaitLive waits until the page has its live updates.
func (p *Page) WaitLive() {
	p.t.Helper()
	p.WaitFor(`document.body.dataset.liveState === "on"`)
}

// find is JavaScript that finds what can be clicked by what people call it, and
// returns where; null while it is not there, not seen, or covered.
const find = `(name => {
	const plain = s => (s ?? "").replace(/\s+/g, " ").trim();
	const all = [...document.querySelectorAll("a, button, summary, label, input, [role=button], [role=tab]")];
	for (const e of all) {
		if (plain(e.getAttribute("aria-label")) !== name && plain(e.innerText) !== name && plain(e.textContent) !== name) continue;
		e.scrollIntoView({ block: "center", behavior: "instant" });
		const r = [...e.getClientRects()].find(r => r.width > 0 && r.height > 0);
		if (!r || e.disabled) continue;
		const x = r.left + r.width / 2, y = r.top + r.height / 2;
		const hit = document.elementFromPoint(x, y);
		if (hit && (e === hit || e.contains(hit) || hit.contains(e) && hit.tagName === "LABEL")) return { x, y };
	}
	return null;
})`

// Click clicks a link, button, tab or label by its text.
func (p *Page) Click(name string) {
	p.t.Helper()
	p.WaitFor(find + `(` + quote(name) + `)`)
	var at struct{ X, Y float64 }
	p.Eval(find+`(`+quote(name)+`)`, &at)
	p.run(chromedp.MouseClickXY(at.X, at.Y))
}

// ClickOn clicks the first element of a selector.
func (p *Page) ClickOn(selector string) {
	p.t.Helper()
	p.run(chromedp.Click(chromedp.CSS(selector)))
}

// control is JavaScript that finds a visible field by its label.
const control = `(name => {
	const plain = s => (s ?? "").replace(/\s+/g, " ").trim();
	for (const l of document.querySelectorAll("label")) {
		if (plain(l.textContent) === name && l.control && l.control.getClientRects().length) return l.control;
	}
	return [...document.querySelectorAll("[aria-label]")].find(e => plain(e.getAttribute("aria-label")) === name && e.getClientRects().length) ?? null;
})`

// Fill types into a field by its label; what was there is replaced.
func (p *Page) Fill(label, value string) {
	p.t.Helper()
	p.WaitFor(control + `(` + quote(label) + `)`)
	p.Eval(fmt.Sprintf(`(() => { const e = %s(%s); e.focus(); e.select?.(); })()`, control, quote(label)), nil)
	if value == "" {
		p.Press("\b")
		return
	}
	do(p, input.InsertText, input.InsertTextParams{Text: value})
}

// Choose sets a field that is not typed into, such as a choice or a date.
func (p *Page) Choose(label, value string) {
	p.t.Helper()
	p.WaitFor(control + `(` + quote(label) + `)`)
	p.Eval(fmt.Sprintf(`(() => { const e = %s(%s); e.focus(); e.value = %s; e.dispatchEvent(new Event("input", { bubbles: true })); e.dispatchEvent(new Event("change", { bubbles: true })); })()`,
		control, quote(label), quote(value)), nil)
}

// Press presses keys, such as kb.Tab, in what has the focus.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys))
}

// Focused is what people call what has the focus: its text or label.
func (p *Page) Focused() (name string) {
	p.t.Helper()
	p.Eval(`(e => (e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.innerText || e.id || e.tagName).replace(/\s+/g, " ").trim())(document.activeElement)`, &name)
	return name
}

// Upload chooses a file in the field of a label: a file of this name with this
// content.
func (p *Page) Upload(label, name string, content []byte) {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.WaitFor(control + `(` + quote(label) + `)`)
	var id string
	p.Eval(control+`(`+quote(label)+`).id`, &id)
	p.run(chromedp.SetUploadFiles(chromedp.CSS("#"+id), []string{path}))
}

// Desktop and Phone set the window's size.
func (p *Page) Desktop() {
	p.t.Helper()
	p.phone = false
	do(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: wide, Height: high, DeviceScaleFactor: 1})
}

// Phone makes the window as small as a small phone.
func (p *Page) Phone() {
	p.t.Helper()
	p.phone = true
	do(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: narrow, Height: tall, DeviceScaleFactor: 1, Mobile: true})
}

// Dark and Light set what the system says of colours.
func (p *Page) Dark() { p.t.Helper(); p.setScheme("dark") }

// Light is the default.
func (p *Page) Light() { p.t.Helper(); p.setScheme("light") }

func (p *Page) setScheme(scheme string) {
	p.t.Helper()
	p.scheme = scheme
	do(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// Screenshot writes the whole page as docs/images/<name>.png, if the flag says
// so; without it the picture is only taken.
func (p *Page) Screenshot(name string) {
	p.t.Helper()
	beyond := true
	size := do(p, page.GetLayoutMetrics, cdp.Empty{}).CSSContentSize
	picture := do(p, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: size.Width, Height: min(size.Height, longest), Scale: 1},
	}).Data
	if !*writeScreenshots {
		return
	}
	dir, err := images()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		picture, err = smaller(picture)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644)
	}
	if err != nil {
		p.t.Fatalf("screenshot %s: %v", name, err)
	}
}

// smaller writes a picture with few colours: text and areas need no more.
func smaller(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduce(full))
	return out.Bytes(), err
}

// quote writes a text as JavaScript reads it.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(b)
}
