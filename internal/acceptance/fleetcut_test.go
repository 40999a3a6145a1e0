package acceptance

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/budget"
)

// parted is a job of a fleet whose links to the hub fail: one vantage point is cut off while another
// one is slow, then all of them are cut off for longer than a grant lasts.
const parted = fleetUp + `
masstrace submit 45.96.0.0/15 --per-prefix 1 --creds $DIR/alice.creds --name job --seed $SEED --slices 24 --rate 600 --wait 300ms
done_by() { cat $DIR/hub/jobs/*/manifest | grep -q "\"by\":\"$1\""; }
await grep -Eq '"sent":[0-9]{2,}' $DIR/vp1/status.json
masstrace lab cut vp1
masstrace lab delay vp2 100ms
await done_by vp2
await done_by vp3
masstrace lab restore vp1
masstrace lab cut all
date +%s%N >$DIR/cut
sleep 4
date +%s%N >$DIR/restored
masstrace lab restore all
masstrace jobs --follow job --creds $DIR/alice.creds
masstrace fetch job --creds $DIR/alice.creds -o $DIR/out.ndjson`

// A job goes on while vantage points lose the hub, and ends with each target once. An agent that does not
// hear the hub pauses when its grant ends.
func TestFleetCut(t *testing.T) {
	program := installed(t)
	t.Parallel()
	dir := t.TempDir()
	inFleet(t, program, dir, parted)
	cut, restored := momentOf(t, dir, "cut"), momentOf(t, dir, "restored")
	between, later := 0, 0
	for _, p := range sentProbes(t, filepath.Join(dir, "log")) {
		switch {
		case p.at > cut+budget.Life+p.lags && p.at < restored-p.lags:
			between++
		case p.at > restored:
			later++
		}
	}
	if between > 0 || later == 0 {
		t.Errorf("%d probes without a grant, %d after the cut: want none, and some", between, later)
	}
	out := filepath.Join(dir, "out.ndjson")
	y := yieldOf(t, out)
	t.Logf("%d traces, %d probes in them, %d probes in the %v after the cut", y.traces, y.probes, later, (restored - cut).Round(time.Millisecond))
	if y.traces != 512 {
		t.Errorf("%d traces, want one for each of 512 prefixes", y.traces)
	}
	if text, err := exec.CommandContext(t.Context(), program, "verify", out, "--log", filepath.Join(dir, "log")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}
