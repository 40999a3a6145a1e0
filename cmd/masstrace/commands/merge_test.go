package commands

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/verify"
)

// The merged file of shards is that of one scan, also to verify: by the log of
// the network that all of them asked.
func TestMergeVerified(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	for _, flags := range []string{"--attempts=2", "--strategy=topology --stitch", "--strategy=exhaustive --flows=2"} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			mergeShards(t, flags)
		})
	}
}

func mergeShards(t *testing.T, flags string) {
	t.Helper()
	dir := t.TempDir()
	scan := "masstrace scan -q --seed=m --rate=4k --wait=400ms 45.0.0.0/18 2a00:16::/42 " + flags
	cmd := exec.CommandContext(t.Context(), program, "lab", "--preset", "default", "--log", "log", "--counters", "counters", "--",
		"sh", "-ec", scan+" --shard=1/2 -o 1.ndjson; "+scan+" --shard=2/2 -o 2.ndjson.gz; masstrace merge -q 1.ndjson 2.ndjson.gz -o all.ndjson.zst")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	r := mustRead(t, in("all.ndjson.zst"))
	if want := (64 + 64) * int(r.summary.Flows); r.summary.Targets != 64+64 || len(r.traces) != want || !r.summary.Complete || len(r.summary.Merged) != 2 {
		t.Errorf("%d traces, summary %+v; want %d, complete, of two runs", len(r.traces), r.summary, want)
	}
	report, err := verify.Run(t.Context(), verify.Config{Results: in("all.ndjson.zst"), Log: in("log"), Counters: in("counters")})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || report.Ends.Again != 0 || report.Recall.Missing.NoTrace != 0 {
		_ = json.NewEncoder(os.Stderr).Encode(report)
		t.Errorf("faults %v", report.Faults)
	}
}
