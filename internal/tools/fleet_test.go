//go:build tools

package tools

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fleetScript runs a job at two vantage points, and fetches its results as a file and as a folder. The
// first argument is masstrace.
const fleetScript = `set -euo pipefail
m=$1 hub='' agents=''
trap 'kill $agents $hub 2>/dev/null || true; wait || true' EXIT
url=tls://$MASSTRACE_HUB:4222
$m hub --store hub --listen $MASSTRACE_HUB:4222 --page none 2>hub.log & hub=$!
until grep -q 'connect to' hub.log; do sleep 0.05; done
$m hub add-submitter you --store hub --hub $url -o you.creds
for p in $MASSTRACE_VANTAGE_POINTS; do
	$m hub add-agent $p --store hub --location "City of $p" --as AS64500 --hub $url -o $p.creds
	$m lab exec $p -- $m agent --creds $p.creds --store $p 2>$p.log & agents="$agents $!"
done
until [[ $($m jobs --json --creds you.creds 2>/dev/null | grep -c '"connected": true') == 2 ]]; do sleep 0.05; done
$m submit 45.96.0.0/16 --name monday --rate 8k --slices 4 --mode every --records both --follow --creds you.creds 2>/dev/null
$m fetch monday -q --creds you.creds -o all.ndjson
$m fetch monday -q --creds you.creds -o results/
`

// fleet returns a folder with all.ndjson and results.
func fleet(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	in(t, dir, nil, program, "lab", "--vantage-points", "2", "--", "bash", "-c", fleetScript, "fleet", program)
	return dir
}

// fleetCounts counts the file of all records by encoding/json alone, as the examples print it.
func fleetCounts(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hops, replies, addrs := counts{}, counts{}, map[string]map[string]bool{}
	point, summaries, summary, slices := "", 0, "", 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			line
			Vantage struct{ Name string }
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		switch r.Type {
		case "run": // the records after it are of its vantage point
			point = r.Vantage.Name
			slices++
		case "trace":
			hops[point] += len(r.Hops)
			for _, h := range r.Hops {
				if addrs[point] == nil {
					addrs[point] = map[string]bool{}
				}
				addrs[point][h.Addr] = true
			}
		case "reply":
			replies[point]++
		case "summary":
			summaries++
			summary = fmt.Sprint(r.Targets, " ", r.Sent)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if summaries != 1 || slices != 8 || len(hops) != 2 {
		t.Fatalf("%d summaries, %d runs, hops %v", summaries, slices, hops)
	}
	var points, places []string
	for name, n := range hops {
		points = append(points, fmt.Sprint(name, " ", n, " ", len(addrs[name])))
		places = append(places, fmt.Sprint("City of ", name, " AS64500 ", n))
	}
	return map[string]string{
		"points": sortedText(points), "places": sortedText(places), "summary": summary, "replies": replies.sorted(strings.Compare),
	}
}

func sortedText(rows []string) string {
	slices.Sort(rows)
	return strings.Join(rows, "\n")
}

// TestFleet runs every example of docs/fleet.md with the real programs, on the folder of a job of two
// vantage points, and compares the rows with counts of our own. report and compare read the folder.
func TestFleet(t *testing.T) {
	text, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := fleet(t)
	want := fleetCounts(t, filepath.Join(dir, "all.ndjson"))
	modules, path := withDuckDB(t)
	t.Setenv("PATH", path)
	t.Setenv("NODE_PATH", modules)
	seen := counts{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		e := example{m[1], m[2], m[3]}
		seen[e.tool]++
		t.Run(e.tool+"/"+e.what, func(t *testing.T) {
			if e.tool == "sh" {
				need(t, "duckdb")
			} else {
				need(t, e.tool)
			}
			got := strings.NewReplacer("\t", " ", ",", " ").Replace(strings.TrimSpace(e.run(t, dir)))
			if expected, ok := want[e.what]; !ok || got != expected {
				t.Errorf("%s\nprints\n%s\nwant\n%s", e.code, got, expected)
			}
		})
	}
	if seen["duckdb"] < 4 || seen["chdb"] < 4 || seen["sh"] < 1 {
		t.Errorf("docs/fleet.md has examples of %v", seen)
	}
	folderIsRead(t, dir)
}

// folderIsRead gives the folder to report and compare. They find what the file has.
func folderIsRead(t *testing.T, dir string) {
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	in(t, dir, nil, program, "report", "-q", "results", "-o", "folder.html")
	in(t, dir, nil, program, "report", "-q", "all.ndjson", "-o", "file.html")
	var size [2]int64
	for i, name := range []string{"folder.html", "file.html"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		size[i] = info.Size()
	}
	if size[0] < size[1]*9/10 || size[0] > size[1]*11/10 {
		t.Errorf("the reports have %d and %d bytes", size[0], size[1])
	}
	runs, err := filepath.Glob(filepath.Join(dir, "results/run=*/vantage_point=vp1"))
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	out := in(t, dir, nil, program, "compare", runs[0], runs[0])
	if !strings.Contains(out, "256 targets of both scans") {
		t.Errorf("compare prints\n%s", out)
	}
}
