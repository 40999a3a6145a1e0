//go:build tools

package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// structure checks the structure of a page that assistive programs use: one heading of the first
// level, labels, names of buttons, captions of tables. charts is the number of charts.
func structure(t *testing.T, b *browser, chapters, tiles string, charts int) {
	t.Helper()
	for expression, want := range map[string]string{
		"[...document.querySelectorAll('h1')].length": "1",
		"['banner', 'main', 'contentinfo'].map((r, i) => document.querySelectorAll(['body > header', 'main', 'body > footer'][i]).length)":                           "1,1,1",
		"[...document.querySelectorAll('section')].filter(s => !s.getAttribute('aria-label') && !document.getElementById(s.getAttribute('aria-labelledby'))).length": "0",
		"[...document.querySelectorAll('table')].filter(t => !t.caption || !t.tHead).length":                                                                         "0",
		"[...document.querySelectorAll('button')].filter(x => !x.textContent.trim() && !x.getAttribute('aria-label')).length":                                        "0",
		"[...document.querySelectorAll('input, select')].filter(x => !x.labels.length && !x.getAttribute('aria-label')).length":                                      "0",
		"[...document.querySelectorAll('[role=img]')].filter(x => !x.getAttribute('aria-label')).length":                                                             "0",
		"[...document.querySelectorAll('figure')].filter(f => !f.querySelector('table')).length":                                                                     "0",
		"document.querySelectorAll('.uplot canvas').length":                                                                                                          fmt.Sprint(charts),
		"(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.length - new Set(ids).size; })()":                                    "0",
		"[...document.querySelectorAll('#chapters a')].map(a => a.hash.slice(1)).join(' ')":                                                                          chapters,
		"[...document.querySelectorAll('section h2')].map(h => h.id.replace('-title', '')).join(' ')":                                                                chapters,
		"[...document.querySelectorAll('[src], [href]')].filter(e => /^https?:/.test(e.getAttribute('src') || e.getAttribute('href'))).length":                       "0",
		"document.querySelectorAll('[tabindex=\"0\"][role=region]').length === document.querySelectorAll('.scroll').length":                                          "true",
		"[...document.querySelectorAll('.tiles dt')].map(e => e.textContent).join(' ')":                                                                              tiles,
		"document.getElementById('loading').hidden && !document.getElementById('body').hidden":                                                                       "true",
	} {
		b.is(expression, want)
	}
}

// accessible holds a page against the rules of axe-core, which checks roles, names, contrast and
// more.
func accessible(t *testing.T, b *browser, what string) {
	t.Helper()
	if reason, err := os.ReadFile(filepath.Join(installed, "axe.missing")); err == nil {
		t.Logf("axe-core cannot be installed here: %s", reason)
		return
	}
	axe, err := os.ReadFile(filepath.Join(installed, "node_modules", "axe-core", "axe.min.js"))
	b.must(err)
	// The value of the script is an object of functions, which cannot be returned.
	_, err = chromedp.Run(b.ctx, chromedp.Evaluate[string](string(axe)+"; ''"))
	b.must(err)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ['violations']}).then(r => [r.passes.length, ...r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + v.help + ': ' + n.html.slice(0, 200)))].join('\n'))`,
		chromedp.EvalAwaitPromise))
	b.must(err)
	passes, violations, _ := strings.Cut(found, "\n")
	if violations != "" {
		t.Errorf("%s: axe-core finds\n%s", what, violations)
	}
	if n := 0; passes == "" || func() bool { _, err := fmt.Sscan(passes, &n); return err != nil || n < 30 }() {
		t.Errorf("%s: axe-core checked %q rules", what, passes)
	}
}

// walked goes through a page by the Tab key alone, and checks that it comes to every control that a
// pointer can use, that the focus is visible, and that nothing holds it.
func walked(t *testing.T, b *browser) {
	t.Helper()
	b.eval(`window.controls = () => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].filter(e => !e.disabled && e.tabIndex >= 0 && e.checkVisibility()).length`)
	b.eval(`(window.walk = {seen: new Set(), unseen: [], again: 0}, addEventListener('focusin', event => {
		const e = event.target, s = getComputedStyle(e);
		if (walk.seen.has(e)) walk.again++;
		walk.seen.add(e);
		if (s.outlineStyle === 'none' || s.outlineWidth === '0px') walk.unseen.push(e.outerHTML.slice(0, 80));
	}), document.activeElement.blur(), 1)`)
	want := 0
	if _, err := fmt.Sscan(b.eval("controls()"), &want); err != nil || want < 40 {
		t.Fatalf("%d controls, %v", want, err)
	}
	b.key(strings.Repeat("\t", want))
	b.is("walk.seen.size", fmt.Sprint(want))
	b.is("walk.again", "0")
	b.is("walk.unseen.join()", "")
}
