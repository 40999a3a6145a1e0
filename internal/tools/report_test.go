//go:build tools

package tools

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// simulated returns the results of a scan of the simulated Internet.
func simulated(t *testing.T, preset string, scan ...string) string {
	t.Helper()
	return simulatedWith(t, []string{"--preset", preset}, scan...)
}

// simulatedWith is simulated with options of the network.
func simulatedWith(t *testing.T, network []string, scan ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "results.ndjson")
	args := slices.Concat([]string{"lab"}, network, []string{"--", "../../bin/masstrace", "scan", "-q", "-o", out}, scan)
	if text, err := exec.Command("../../bin/masstrace", args...).CombinedOutput(); err != nil {
		t.Fatalf("masstrace %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return out
}

// reported returns the URL of the report of results, and its size.
func reported(t *testing.T, results ...string) (url string, octets int64) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "report.html")
	if text, err := exec.Command("../../bin/masstrace", append([]string{"report", "-q", "-o", out}, results...)...).CombinedOutput(); err != nil {
		t.Fatalf("report: %v\n%s", err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + out, info.Size()
}

// named adds AS numbers and names to results. The names of the first routers are script.
func named(t *testing.T, results string) string {
	t.Helper()
	dir := t.TempDir()
	names, asn, out := filepath.Join(dir, "names"), filepath.Join(dir, "pfx2as.txt"), filepath.Join(dir, "named.ndjson")
	var list, table strings.Builder
	for i := range 256 {
		fmt.Fprintf(&list, "%s <img/src=x/onerror=alert(%d)>\n", netip.AddrFrom4([4]byte{215, 68, 64, byte(i)}), i)
		fmt.Fprintf(&table, "%d.0.0.0\t8\t%d\n", i, 64512+i)
	}
	for path, text := range map[string]string{names: list.String(), asn: table.String()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := exec.Command("../../bin/masstrace", "annotate", "-q", results, out, "--asn", asn, "--names", names).CombinedOutput(); err != nil {
		t.Fatalf("annotate: %v\n%s", err, text)
	}
	return out
}

// TestReport uses a report as a reader does.
func TestReport(t *testing.T) {
	b := newBrowser(t)
	url, _ := reported(t, named(t, simulated(t, "default", "45.96.0.0/16", "2a00:96::/40", "--rate", "5k")))
	b.scheme("light")
	b.open(url)
	structure(t, b, "ends distributions topology busiest places middleboxes paths", "Traces Reached Hops Interfaces Links Median path Lost by us", 3)
	accessible(t, b, "light")
	b.is("document.title", "named.ndjson – masstrace report")
	b.is("document.querySelectorAll('img, iframe, object').length", "0")
	b.picture("light-1280")

	// A filter from the keyboard changes everything.
	all := b.eval("selection.traces.length")
	b.key("/")
	b.is("document.activeElement.id", "query")
	b.eval("document.getElementById('query').value = ''") // the protocol sends the character apart from the key
	b.key("45.96.22.0/24\r")
	b.is("selection.traces.length", "1")
	b.is("document.getElementById('chips').children.length", "1")
	b.is("document.querySelectorAll('#paths .targets li').length", "1")
	b.is("document.querySelector('#ends tbody .number').textContent", "1")
	b.click("#chips button")
	b.is("selection.traces.length", all)
	b.key("nothing of that name\r")
	b.is("document.getElementById('shown').textContent.startsWith('No address')", "true")
	b.is("selection.traces.length", all)

	// Verdicts.
	b.is("[...document.querySelectorAll('#ends h3')].map(h => h.textContent).join()", "Traces by verdict,Traces by stop reason")
	b.eval("apply(hasVerdict('host_silent'))")
	b.is("selection.traces.length > 0 && [...selection.traces].every(t => verdictOf(report, t) === 'host_silent')", "true")
	b.is("document.querySelector('#paths .verdict').textContent.startsWith('host silent: ')", "true")
	b.click("#clear")
	b.is("selection.traces.length", all)

	// Rows and tabs.
	b.click("#ends tbody .pick")
	b.is(fmt.Sprintf("selection.traces.length > 0 && selection.traces.length < %s", all), "true")
	b.click("#clear")
	b.click("#tab-router")
	b.is("topology.view.level.name", "router")
	b.is("topology.sigma.getGraph().order > 50 && topology.sigma.getGraph().size >= topology.sigma.getGraph().order - 2", "true")
	b.is("document.activeElement.id", "tab-router")
	b.key("\u0302") // left arrow
	b.is("topology.view.level.name", "prefix")

	// The path viewer.
	b.is("(() => { const i = document.getElementById('target'); i.value = '45.96.22.'; i.form.requestSubmit(); return document.querySelector('#paths h3 code').textContent.startsWith('45.96.22.'); })()", "true")
	b.is("document.querySelectorAll('#paths .subway circle').length > 3", "true")
	b.is("(() => { const r = recordOf(report, viewer.targets.find(t => t.addr === viewer.target).traces[0]); return r.type + ' ' + (r.hops.length > 3) + ' ' + r.dst.startsWith('45.96.22.'); })()", "trace true true")
	saved := filepath.Join(t.TempDir(), "saved.ndjson")
	b.must(os.WriteFile(saved, []byte(b.eval("[0, 1, 2].map(t => JSON.stringify(recordOf(report, t)) + '\\n').join('')")), 0o600))
	shown, err := exec.Command("../../bin/masstrace", "show", saved).CombinedOutput()
	if err != nil || strings.Count(string(shown), "traceroute to ") != 3 {
		t.Errorf("show of saved records: %v\n%s", err, shown)
	}
	b.is("csvOf(report, [0]).split('\\r\\n')[0]", "target,source,flow,verdict,ttl,attempt,address,name,asn,rtt_ms,kind,labels,mangled")
	b.is(`csvField('=cmd|"x"')`, `"'=cmd|""x"""`)

	// An address on the way, and a sheet of several paths.
	b.is("(() => { const i = document.getElementById('target'); i.value = address(report, report.col['hop.addr'][report.first[0]]); i.form.requestSubmit(); return document.getElementById('found').textContent.includes('paths pass it'); })()", "true")
	b.is("pictureSheet(report, viewer.targets.slice(0, 3), 700).querySelectorAll('svg').length", "3")

	b.scheme("dark")
	accessible(t, b, "dark")
	b.is("getComputedStyle(document.body).backgroundColor", "rgb(15, 20, 26)")
	b.picture("dark-1280")
	b.size(400)
	b.until("document.documentElement.scrollWidth === 400")
	b.picture("dark-400")
	b.scheme("light")
	b.picture("light-400")
	b.quiet(url)
}

// TestReportServe follows a file that grows, without a new page.
func TestReportServe(t *testing.T) {
	results := simulated(t, "clean", "45.96.0.0/24", "45.97.0.0/24")
	text, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	half := len(text) / 2
	if err := os.WriteFile(results, text[:half], 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("../../bin/masstrace", "report", results, "--serve", "0")
	output, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait() // its status is that of the signal
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line[strings.Index(line, "http"):])
	b := newBrowser(t)
	b.open(url)
	few := b.eval("report.n")
	if err := os.WriteFile(results, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b.until("report.n > " + few)
	b.is("report.n", "2")
	b.quiet(url)
}

// TestReportMultipath looks at a diamond.
func TestReportMultipath(t *testing.T) {
	b := newBrowser(t)
	url, _ := reported(t, simulated(t, "multipath", "45.96.0.0/18", "--strategy", "multipath", "--max-targets", "20", "--rate", "5k"))
	b.scheme("light")
	b.open(url)
	b.is("report.diamondAt.size > 0", "true")
	b.is("stationsOf(report, viewer.targets[0].traces).some(r => r.stations.length > 1)", "true")
	b.is("marksOf(report, report.levels[2]).includes('diamond')", "true")
	b.picture("multipath")
	b.quiet(url)
}

// TestReportOld opens a report in a browser without DecompressionStream.
func TestReportOld(t *testing.T) {
	b := newBrowser(t)
	url, _ := reported(t, simulated(t, "clean", "45.96.0.0/24"))
	page, err := os.ReadFile(strings.TrimPrefix(url, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old.html")
	text := strings.Replace(string(page), "'sha256-", "'unsafe-inline' 'x", 1)
	text = strings.Replace(text, "<body>", "<body><script>delete window.DecompressionStream</script>", 1)
	if err := os.WriteFile(old, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.must(navigate(b, "file://"+old))
	b.is("document.getElementById('loading').textContent.includes('needs DecompressionStream')", "true")
	b.is("document.getElementById('body').hidden", "true")
}
