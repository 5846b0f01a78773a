package webtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
)

// axeFile is axe-core, beside the sources of the pages' assets.
const axeFile = "cmd/prepay/internal/web/assets/node_modules/axe-core/axe.min.js"

// finding is what axe-core finds.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Axe checks whether people can use the page who see little, or nothing, or use
// no mouse: in light and in dark, at a desktop's and a phone's size. What
// axe-core calls serious or critical fails the test, and a page that is wider
// than a phone.
func (p *Page) Axe() {
	p.t.Helper()
	source := p.axe()
	phone, scheme := p.phone, p.scheme
	for _, size := range []func(){p.Desktop, p.Phone} {
		size()
		for _, colours := range []func(){p.Light, p.Dark} {
			colours()
			p.check(source)
		}
		var wider float64
		p.Eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &wider)
		if wider > 0 {
			p.t.Errorf("%s: the page is %.0f pixels wider than the screen", p.Path(), wider)
		}
	}
	if !phone {
		p.Desktop()
	}
	if scheme != "dark" {
		p.Light()
	}
}

// axe reads axe-core.
func (p *Page) axe() string {
	p.t.Helper()
	dir, err := images()
	if err != nil {
		p.t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(dir)), axeFile))
	if err != nil {
		p.t.Fatalf("axe-core is missing: run make deps (%v)", err)
	}
	return string(source)
}

// check runs axe-core once.
func (p *Page) check(source string) {
	p.t.Helper()
	var loaded bool
	p.Eval(`typeof axe === "object"`, &loaded)
	if !loaded {
		p.run(chromedp.Evaluate[chromedp.Void](source))
	}
	var found []finding
	p.Eval(`axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
		.then(r => r.violations.map(v => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => ({ html: n.html, failureSummary: n.failureSummary })) })))`, &found)
	for _, f := range found {
		if f.Impact != "serious" && f.Impact != "critical" {
			continue
		}
		var where strings.Builder
		for _, n := range f.Nodes {
			fmt.Fprintf(&where, "\n  %.300s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
		}
		p.t.Errorf("%s (%s, phone %t): %s: %s%s", p.Path(), p.scheme, p.phone, f.ID, f.Help, where.String())
	}
}
