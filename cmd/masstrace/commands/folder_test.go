package commands

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/record"
)

// fleetScript runs a job in mode $1 at the vantage points of a lab, in a folder, and fetches the
// results as a file and as a folder.
const fleetScript = `
	cd "$DIR"
	trap 'kill $agents $hub; wait' EXIT
	masstrace hub --store hub --listen $MASSTRACE_HUB:4222 --page none 2>hub.log & hub=$!
	until grep -q "connect to" hub.log; do sleep 0.05; done
	masstrace hub add-submitter you --store hub --hub tls://$MASSTRACE_HUB:4222 -o you.creds
	for p in $MASSTRACE_VANTAGE_POINTS; do
		masstrace hub add-agent $p --store hub --location "City of $p" --as AS64500 --hub tls://$MASSTRACE_HUB:4222 -o $p.creds
		masstrace lab exec $p -- masstrace agent --creds $p.creds --store $p 2>$p.log & agents="$agents $!"
	done
	until [ "$(masstrace jobs --json --creds you.creds 2>/dev/null | grep -c '"connected": true')" = 3 ]; do sleep 0.05; done
	masstrace submit 45.96.0.0/21 --name monday --rate 6k --slices 2 --mode $MODE --wait 300ms --follow --creds you.creds >job 2>follow.log
	masstrace fetch monday -q --creds you.creds -o all.ndjson
	masstrace fetch monday -q --creds you.creds -o results/
	masstrace fetch monday -q --creds you.creds -o results/ || echo status $?
	masstrace fetch monday -q --creds you.creds -o results/ --overwrite
	ls -A results
	masstrace report -q results -o report.html
	masstrace compare all.ndjson results | grep -e '^vantage point' -e 'same path'`

// pathsOf returns the targets of the traces of files, with the number of their hops, in order, and
// the summaries.
func pathsOf(t *testing.T, files ...string) (list []string, summaries []*record.Summary) {
	t.Helper()
	for _, path := range files {
		in, err := all.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for {
			r, err := in.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(path, err)
			}
			switch r := r.(type) {
			case *record.Trace:
				text := r.Target.String()
				for _, h := range r.Hops {
					text += " " + h.Responder.String()
				}
				list = append(list, text)
			case *record.Summary:
				summaries = append(summaries, r)
			}
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(list)
	return list, summaries
}

// The folder of a job has the traces of its file, by vantage point, with one summary and the
// vantage points.
func TestFetchFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := points(t, "export DIR='"+dir+"' MODE=every agents=\n"+fleetScript, "--preset", "clean")
	runs, err := filepath.Glob(filepath.Join(dir, "results/run=*"))
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err, out)
	}
	want := "status 3\n" + filepath.Base(runs[0]) + "\n"
	for _, name := range []string{"vp1", "vp2", "vp3"} {
		want += "vantage point " + name + "\n        8   same path\n"
	}
	if !strings.Contains(out, want) {
		t.Errorf("prints %q, want %q", out, want)
	}
	whole, sums := pathsOf(t, filepath.Join(dir, "all.ndjson"))
	tables, err := filepath.Glob(filepath.Join(runs[0], "vantage_point=*/date=*/hops.parquet"))
	if err != nil || len(tables) < 3 {
		t.Fatal(tables, err)
	}
	parts, _ := pathsOf(t, tables...)
	if len(whole) != 24 || !slices.Equal(whole, parts) {
		t.Errorf("the file has %d traces, and the folder %d", len(whole), len(parts))
	}
	traces, others := pathsOf(t, filepath.Join(runs[0], "meta.ndjson"))
	if len(sums) != 1 || len(others) != 1 || len(traces) != 0 || others[0].Sent != sums[0].Sent || !others[0].Complete {
		t.Errorf("summaries %+v and %+v, %d traces beside the tables", sums, others, len(traces))
	}
	text, err := os.ReadFile(filepath.Join(runs[0], "vantage_points.json"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	sent := uint64(0)
	for i, line := range lines {
		var p struct {
			VantagePoint string `json:"vantage_point"`
			Location     string
			System       string `json:"autonomous_system"`
			Software     string
			Slices, Sent uint64
			Offset       int64 `json:"clock_offset_ns"`
			Error        int64 `json:"clock_error_ns"`
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		// All have the clock of this machine.
		if p.VantagePoint != []string{"vp1", "vp2", "vp3"}[i] || p.Location != "City of "+p.VantagePoint || p.System != "AS64500" ||
			p.Software == "" || p.Slices != 2 || p.Error <= 0 || max(p.Offset, -p.Offset) > p.Error {
			t.Errorf("vantage point %s", line)
		}
		sent += p.Sent
	}
	if len(lines) != 3 || sent != sums[0].Sent {
		t.Errorf("%d vantage points sent %d probes, and the summary has %d", len(lines), sent, sums[0].Sent)
	}
}
