//go:build tools

package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a tab of a headless Chromium, and what it complained about.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	faults   []string // of the console
	requests []string // other than for the page itself
}

// newBrowser returns a tab with a profile of its own.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	need(t, "chromium")
	// Chromium leaves folders among temporary files. They have sockets, whose paths must be short.
	temp, err := os.MkdirTemp("", "b-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the browser has ended
		if err := os.RemoveAll(temp); err != nil {
			t.Error(err)
		}
	})
	alloc, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath("chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.Env("TMPDIR="+temp),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(end)
	b := &browser{t: t, ctx: ctx}
	b.must(chromedp.Listen(ctx, b.heard))
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	b.must(err)
	b.size(1280)
	return b
}

// heard notes errors of the console, and requests.
func (b *browser) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, fmt.Sprintf("%+v", e.ExceptionDetails.Text))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			b.faults = append(b.faults, fmt.Sprint(e.Type))
		}
	case *log.EventEntryAdded:
		if !strings.Contains(e.Entry.Text, "GL Driver Message") && !strings.Contains(e.Entry.Text, "software WebGL") {
			b.faults = append(b.faults, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "blob:") {
			b.requests = append(b.requests, e.Request.URL)
		}
	}
}

func (b *browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// size sets the width of the window.
func (b *browser) size(width int64) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
}

// scheme sets the colour scheme that the reader prefers.
func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	b.must(err)
}

// open opens a page. It returns the time until it could be used, and the time of the processor that
// its main thread needed, which other programs do not change.
func (b *browser) open(url string) (ready, busy time.Duration) {
	b.t.Helper()
	b.mu.Lock()
	b.requests = nil
	b.mu.Unlock()
	before := b.busy()
	b.must(chromedp.Do(b.ctx, chromedp.Navigate(url)))
	ms, err := chromedp.Run(b.ctx, chromedp.Poll[string]("document.documentElement.dataset.ready || document.documentElement.dataset.failed"))
	b.must(err)
	ready, err = time.ParseDuration(ms + "ms")
	b.must(err)
	if busy = b.busy(); busy > before { // else another process of the browser has the page
		busy -= before
	}
	return ready, busy
}

// busy returns the time of the processor that the main thread has needed.
func (b *browser) busy() time.Duration {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	b.must(err)
	metrics, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	b.must(err)
	for _, m := range metrics.Metrics {
		if m.Name == "TaskDuration" {
			return time.Duration(m.Value * float64(time.Second))
		}
	}
	b.t.Fatal("the browser has no metric TaskDuration")
	return 0
}

// eval returns the value of an expression as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// is checks the value of an expression.
func (b *browser) is(expression, want string) {
	b.t.Helper()
	if got := b.eval(expression); got != want {
		b.t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.t.Errorf("%s: %v", expression, err)
	}
}

// key presses a key.
func (b *browser) key(keys string) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(keys)))
}

// click clicks the element of a selector, once it has stood still for a frame: a click goes to a
// place, and a page that is being laid out moves. A click that went elsewhere is repeated.
func (b *browser) click(selector string) {
	b.t.Helper()
	for range 3 { // late elements move the others, also while the mouse is on its way
		b.until(fmt.Sprintf(`(() => {
			const e = document.querySelector(%q);
			if (!e) return false;
			e.scrollIntoView({block: 'center'});
			const place = JSON.stringify(e.getBoundingClientRect()), was = e.dataset.place;
			e.dataset.place = place;
			window.hit = false;
			document.addEventListener('click', c => { window.hit = e.contains(c.target); }, {capture: true, once: true});
			return place === was;
		})()`, selector))
		b.pressOn(selector)
		if b.eval("window.hit") == "true" {
			return
		}
	}
	b.t.Errorf("no click reaches %s", selector)
}

// pressOn presses the mouse where the element of a selector is.
func (b *browser) pressOn(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 8*time.Second)
	defer cancel()
	b.must(chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))))
}

// picture keeps a screenshot of the whole page in out/tools/pictures, to look at.
func (b *browser) picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must(err)
	dir := filepath.Join(installed, "pictures")
	b.must(os.MkdirAll(dir, 0o755))
	b.must(os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// quiet checks that the console had no error, and that nothing but the page was asked for.
func (b *browser) quiet(page string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		b.t.Errorf("console: %q", b.faults)
	}
	for _, url := range b.requests {
		if !strings.HasPrefix(url, page) {
			b.t.Errorf("the page asks for %s", url)
		}
	}
}

// navigate opens a page that fails, and waits until it has.
func navigate(b *browser, url string) error {
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
		return err
	}
	_, err := chromedp.Run(b.ctx, chromedp.Poll[string]("document.documentElement.dataset.failed"))
	return err
}
