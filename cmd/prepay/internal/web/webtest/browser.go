package webtest

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// writeScreenshots says that Screenshot writes.
var writeScreenshots = flag.Bool("write-screenshots", false, "write the screenshots of the pages into docs/images")

// startTimeout bounds the start of the browser (time).
const startTimeout = 30 * time.Second

// errNoBrowser says how to get a browser.
var errNoBrowser = errors.New("no browser: install Chromium (Debian: apt-get install chromium), or put chromium, chromium-browser or google-chrome into PATH")

// browser is the one of this test binary.
type browser struct {
	once   sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

// shared is started by the first test that needs it, and ended by Main.
var shared browser

func (b *browser) start() {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		b.err = errNoBrowser
		return
	}
	flags := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	flags = append(flags,
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("force-device-scale-factor", "1"), chromedp.Flag("font-render-hinting", "none"),
		chromedp.WSURLReadTimeout(startTimeout),
	)
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, cancel := chromedp.NewContext(ctx)
	b.ctx, b.cancel = ctx, func() { cancel(); cancelAllocator() }
	b.err = chromedp.Do(ctx)
}

// Main runs the tests and ends what they share: the browser and the template.
//
//	func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	if shared.cancel != nil {
		shared.cancel()
	}
	if made.dir != "" {
		_ = os.RemoveAll(made.dir)
	}
	return code
}
