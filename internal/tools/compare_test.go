//go:build tools

package tools

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// compared returns the URL of the page of a comparison.
func compared(t *testing.T, old, fresh string, options ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "changes.html")
	args := append([]string{"compare", old, fresh, "-o", out}, options...)
	if text, err := exec.Command("../../bin/masstrace", args...).CombinedOutput(); exitStatus(err) != 1 {
		t.Fatalf("compare: %v\n%s", err, text)
	}
	if _, err := os.Stat(out); err != nil {
		t.Fatal(err)
	}
	return "file://" + out
}

// exitStatus returns the exit status of a program, -1 if it did not run.
func exitStatus(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(*exec.ExitError); ok {
		return e.ExitCode()
	}
	return -1
}

// TestComparison uses the page of a comparison as a reader does. The routes to some targets changed
// between two scans, and the names of routers are script.
func TestComparison(t *testing.T) {
	b := newBrowser(t)
	targets := []string{"45.96.0.0/13", "--max-targets", "1500", "--rate", "10k", "--seed", "compare"}
	old := simulated(t, "multipath", targets...)
	fresh := simulatedWith(t, []string{"--preset", "multipath", "--set", "reroute=0s"}, targets...)
	url := compared(t, named(t, old), named(t, fresh), "--by", "as")
	b.scheme("light")
	b.open(url)
	structure(t, b, "kinds events changed times sets topology paths", "Compared Changed paths Other ends Other times Silent now Interfaces Links", 0)
	accessible(t, b, "light")
	b.is("document.title", "named.ndjson → named.ndjson – masstrace compare")
	b.is("document.querySelectorAll('img, iframe, object').length", "0")
	b.is("report.changes.length > 20 && report.changes.length === report.comparison.changed", "true")
	b.is("report.comparison.compared === viewer.targets.length", "true")
	b.picture("compare-light-1280")
	walked(t, b)

	// A click on targets that changed together filters everything.
	all := b.eval("selection.traces.length")
	b.click("#events tbody .pick")
	b.is("selection.traces.length > 0 && selection.traces.length < "+all, "true")
	b.is("[...selection.traces].every(t => report.comparison.kinds[report.col.kind[t]] === 'changed')", "true")
	b.click("#tab-router")
	b.is("topology.view.counts.linkSides.some(s => s === 5 || s === 6)", "true")

	// A click on a changed path shows both paths in one picture.
	b.click("#changed tbody tr:nth-child(2) .pick")
	b.is("viewer.target === report.changes[1].dst && document.querySelector('#paths h3 code').textContent === address(report, viewer.target)", "true")
	b.is("document.activeElement.id", "paths-title")
	b.is("new Set([...document.querySelectorAll('#paths .subway path')].map(p => p.getAttribute('stroke'))).size", "2")
	b.is("[...document.querySelectorAll('#paths .verdict')].map(p => p.textContent.slice(0, 4)).filter(x => x !== 'Old:' && x !== 'New:').length", "0")
	b.is("[...document.querySelectorAll('#paths .subway tspan')].map(e => e.textContent).filter(x => x === 'old' || x === 'new').length > 1", "true")

	// One of the scans, and all of both.
	b.eval("(document.getElementById('file').value = '1', document.getElementById('file').dispatchEvent(new Event('change')))")
	b.is("[...selection.traces].every(t => report.col.file[t] === 1)", "true")
	b.click("#clear")
	b.is("selection.traces.length", all)

	b.scheme("dark")
	accessible(t, b, "dark")
	b.picture("compare-dark-1280")
	b.size(400)
	b.until("document.documentElement.scrollWidth === 400")
	accessible(t, b, "400 wide")
	b.picture("compare-dark-400")
	b.quiet(url)
}
