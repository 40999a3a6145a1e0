package commands

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// The rate of --rate auto never exceeds --rate-max, and the summary has the found rate. In
// soak it finds the rate of a slow link, which needs a fast machine.
func TestAutoRate(t *testing.T) {
	lab.Need(t, routers.Name)
	const limit, most = 4000, 12_000
	dir := t.TempDir()
	out, log := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "log")
	ours, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	args := "lab --preset delayed --set policer=4000 --log " + log + " -- " + ours +
		" scan 45.0.0.0/9 --rate auto --rate-max 12k --max-ttl 12 --wait 1s --max-runtime " + strconv.Itoa(effort.Count(3, 20)) + "s -o " + out
	text, _ := exec.CommandContext(t.Context(), ours, strings.Fields(args)...).CombinedOutput() // ends before all is sent
	sum := mustRead(t, out).summary
	found := sum.AutoRate
	if found == nil {
		t.Fatalf("nothing found: %+v", sum)
	}
	said := []string{"rate found"}
	if effort.Soaking() {
		said = append(said, "fewer answered: back to")
	}
	if effort.Soaking() && (found.RatePPS < 0.6*limit || found.RatePPS > 1.4*limit || found.FellPPS <= limit*0.9 || found.Falls == 0) {
		t.Errorf("found %+v, the limit is %d", found, limit)
	}
	for _, want := range said {
		if !strings.Contains(string(text), want) {
			t.Errorf("does not say %q:\n%s", want, text)
		}
	}
	records, err := readLog(log)
	if err != nil {
		t.Fatal(err)
	}
	const window = 1e8 // ns
	from := 0
	for i := range records {
		for records[i].Time-records[from].Time > window {
			from++
		}
		if n := i - from + 1; n > most/10+most/100+100 {
			t.Fatalf("%d probes in 0.1 s, at most %d a second", n, most)
		}
	}
	t.Logf("%d probes, %+v", len(records), *found)
}
