package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// apart scans from all vantage points of a lab, each for itself.
const apart = `
for point in $MASSTRACE_VANTAGE_POINTS; do
	masstrace lab exec $point -- masstrace scan $TARGETS $OPTIONS --rate 2k -o $DIR/$point.ndjson </dev/null &
done
wait`

// fleetUp starts a hub in the lab, with an agent at each vantage point, and ends them with the script.
const fleetUp = `
at=tls://$MASSTRACE_HUB:4222
for point in $MASSTRACE_VANTAGE_POINTS; do
	masstrace hub add-agent $point --store $DIR/hub --hub $at -o $DIR/$point.creds
done
masstrace hub add-submitter alice --store $DIR/hub --hub $at -o $DIR/alice.creds
masstrace hub --store $DIR/hub --listen $MASSTRACE_HUB:4222 --page none 2>$DIR/hub.log &
all=$!
for point in $MASSTRACE_VANTAGE_POINTS; do
	masstrace lab exec $point -- masstrace agent --creds $DIR/$point.creds --store $DIR/$point </dev/null &
	all="$all $!"
done
trap 'kill $all; wait' EXIT
await() { until "$@" 2>$DIR/tries; do sleep 0.05; done; }
await grep -q connect $DIR/hub.log
`

// together runs the same scans as a job of a fleet.
const together = fleetUp + `
masstrace submit $TARGETS $OPTIONS --creds $DIR/alice.creds --name job --mode every --slices $SLICES --rate 8k --follow
masstrace fetch job --creds $DIR/alice.creds -o $DIR/together.ndjson`

// yield is what scans have found, and at which cost.
type yield struct {
	probes     int
	traces     int
	interfaces map[probe.Addr]bool
	joined     int // traces that end where another vantage point goes on
}

// yieldOf reads results.
func yieldOf(t *testing.T, files ...string) yield {
	t.Helper()
	y := yield{interfaces: map[probe.Addr]bool{}}
	err := inputs.Each(t.Context(), files, nil, func(r record.Record) {
		tr, ok := r.(*record.Trace)
		if !ok {
			return
		}
		y.traces++
		y.probes += tr.ProbeCount
		if tr.StopReason == record.StopGSS {
			y.joined++
		}
		for i := range tr.Hops {
			if tr.Hops[i].Kind == probe.KindTTLExceeded {
				y.interfaces[tr.Hops[i].Responder] = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// Four agents that share what they find need at most 60 % of the probes of four scans, and find 99 % of
// their interfaces. A short run has few targets, of which chance would find some, so nothing is lost in
// its network.
func TestFleetShares(t *testing.T) {
	program := installed(t)
	targets, options, preset, slices := "45.96.0.0/16 81.7.0.0/16", "--strategy topology --wait 1s", "clean", "4"
	if effort.Soaking() {
		targets = "45.95.0.0/16 45.96.0.0/16 45.97.0.0/16 45.98.0.0/16 81.6.0.0/16 81.7.0.0/16 81.8.0.0/16 81.9.0.0/16 " +
			"98.4.0.0/16 98.5.0.0/16 150.40.0.0/16 150.41.0.0/16"
		options, preset, slices = "--strategy topology", "default", "16"
	}
	dir := t.TempDir()
	inLab := func(script string) {
		log := filepath.Join(dir, "log")
		c := exec.CommandContext(t.Context(), program, "lab", "--vantage-points", "4", "--preset", preset, "--log", log, "--overwrite", "--", "sh", "-ec", script)
		c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "DIR="+dir,
			"TARGETS="+targets, "OPTIONS="+options+" --seed "+seed, "SLICES="+slices)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	inLab(apart)
	one := yieldOf(t, filepath.Join(dir, "vp1.ndjson"), filepath.Join(dir, "vp2.ndjson"), filepath.Join(dir, "vp3.ndjson"), filepath.Join(dir, "vp4.ndjson"))
	inLab(together)
	all := yieldOf(t, filepath.Join(dir, "together.ndjson"))
	share, found := 100*float64(all.probes)/float64(one.probes), 0
	for a := range all.interfaces {
		if one.interfaces[a] {
			found++
		}
	}
	recall := 100 * float64(len(all.interfaces)) / float64(len(one.interfaces))
	t.Logf("apart %d probes, %d interfaces; together %d (%.1f %%), %d (%.2f %%), of them %d the same; %d of %d traces join",
		one.probes, len(one.interfaces), all.probes, share, len(all.interfaces), recall, found, all.joined, all.traces)
	if one.traces != all.traces {
		t.Errorf("%d traces apart, %d together", one.traces, all.traces)
	}
	// How many traces join the path of another agent depends on the machine: on a busy one, more agents go on
	// without their pathfinder. Those that join save more than a third of their probes.
	const joins, saves = 0.4, 0.35
	joined := float64(all.joined) / float64(all.traces)
	most, least := 100*(1-saves*joined), 98.0
	if effort.Soaking() {
		most, least = 60, 99
	}
	if joined < joins {
		t.Errorf("%d of %d traces join", all.joined, all.traces)
	}
	if share > most || recall < least {
		t.Errorf("together %.1f %% of the probes find %.2f %% of the interfaces", share, recall)
	}
	out, err := exec.CommandContext(t.Context(), program, "verify", filepath.Join(dir, "together.ndjson"), "--log", filepath.Join(dir, "log")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
