package commands

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// Shards whose replies and meta records are in files of their own merge into one file, or into
// such files. Both are true, and show has the traces of both.
func TestSets(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	dir := t.TempDir()
	run := func(script string) (string, error) {
		cmd := exec.CommandContext(context.Background(), "sh", "-ec", script)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "MASSTRACE="+program)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	must := func(script string) string {
		t.Helper()
		text, err := run(script)
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, text)
		}
		return text
	}
	const scan = "masstrace scan -q --seed=m --rate=4k --wait=400ms 45.0.0.0/19 2a00:16::/43 "
	must("$MASSTRACE lab --preset default --log log --counters counters -- sh -ec '" +
		scan + "--shard=1/2 -o 1 --replies 1r.ndjson.zst --meta 1m; " + scan + "--shard=2/2 -o 2 --replies 2r --meta 2m.ndjson.gz'")
	must("$MASSTRACE merge -q 2r 1 2 1m 1r.ndjson.zst 2m.ndjson.gz -o one")
	must("$MASSTRACE merge -q 2r 1 2 1m 1r.ndjson.zst 2m.ndjson.gz -o all --replies allr --meta allm.ndjson.zst")
	must("$MASSTRACE verify one --log log --counters counters")
	must("$MASSTRACE verify allr allm.ndjson.zst all --log log --counters counters")
	if one, all := must("$MASSTRACE show --csv one"), must("$MASSTRACE show --csv allm.ndjson.zst all"); one != all || strings.Count(one, "\n") < 100 {
		t.Errorf("show has different traces of one file and of several:\n%.200s\n%.200s", one, all)
	}
	one := mustRead(t, filepath.Join(dir, "one"))
	all, err := readResults(filepath.Join(dir, "all"))
	if err != nil {
		t.Fatal(err)
	}
	if len(all.traces) != 64 || len(all.replies) != 0 || len(one.traces) != 64 || len(one.replies) == 0 || !one.summary.Complete {
		t.Errorf("%d and %d traces, %d replies, summary %+v", len(all.traces), len(one.traces), len(one.replies), one.summary)
	}
	for args, want := range map[string]string{
		"merge 1 2 2m.ndjson.gz 1m 2r -o x":                             "the run of 1m wrote the files 1, 1r.ndjson.zst, 1m; give all of them",
		"merge 1 2 -o x":                                                "the summary of 1 are in another file",
		"verify all allr --log log":                                     "the summary of all are in another file",
		"show allm.ndjson.zst allr":                                     "allr has no trace to",
		"show --dot one":                                                "one has no paths to draw",
		"scan -o o --meta m.csv 45.0.0.1":                               "the files of a set are NDJSON",
		"merge one -o one":                                              "name the same file",
		"scan -o o --replies r --records reply 45.0.0.1":                "cannot be combined",
		"scan -o o --meta - 45.0.0.1":                                   "need the name of a file",
		"merge 1 2 2m.ndjson.gz 1m 2r 1r.ndjson.zst -o x --replies all": "all exists",
	} {
		if text, err := run("$MASSTRACE " + args); err == nil || !strings.Contains(text, want) {
			t.Errorf("masstrace %s: %v, %s\nwant %s", args, err, text, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a merge that is refused has made its output")
	}
}
