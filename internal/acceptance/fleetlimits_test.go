package acceptance

import (
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/netsim"
)

// limits runs a job at two vantage points. On the way the hub excludes half of the targets, is killed,
// and begins anew. Files have the times of these events, in ns.
const limits = `
at=tls://$MASSTRACE_HUB:4222
now() { date +%s%N >$DIR/$1; }
hub() { masstrace hub --store $DIR/hub --listen $MASSTRACE_HUB:4222 --page none & hub=$!; }
for point in $MASSTRACE_VANTAGE_POINTS; do
	masstrace hub add-agent $point --store $DIR/hub --hub $at -o $DIR/$point.creds
done
masstrace hub add-submitter alice --store $DIR/hub --hub $at -o $DIR/alice.creds
hub
agents=
for point in $MASSTRACE_VANTAGE_POINTS; do
	masstrace lab exec $point -- masstrace agent --creds $DIR/$point.creds --store $DIR/$point </dev/null &
	agents="$agents $!"
done
trap 'kill $hub $agents; wait' EXIT
until masstrace jobs --creds $DIR/alice.creds; do :; done
masstrace submit $TARGETS $OPTIONS --creds $DIR/alice.creds --name job --slices 8 --rate $RATE
for point in $MASSTRACE_VANTAGE_POINTS; do
	until masstrace agent status --store $DIR/$point 2>&1 | grep -E ' [1-9][0-9]* sent'; do :; done
done
now excluded
echo $EXCLUDED >$DIR/hub/exclude
sleep 2
kill -KILL $hub
wait $hub || true
now killed
sleep 3
now restarted
hub
masstrace jobs --creds $DIR/alice.creds --follow job
masstrace fetch job --creds $DIR/alice.creds -o $DIR/job.ndjson`

// Exclusions reach probes that were not sent yet in less than two seconds, and the rate of a job holds
// over any second, also when its hub dies: agents then use what they have been granted, and pause.
// The log of the simulator has the time of each probe.
func TestFleetLimits(t *testing.T) {
	program := installed(t)
	const rate, excluded = 400, "45.96.128.0/17"
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	c := exec.CommandContext(t.Context(), program, "lab", "--vantage-points", "2", "--preset", "clean", "--log", log, "--", "sh", "-ec", limits)
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "DIR="+dir, "RATE="+strconv.Itoa(rate),
		"TARGETS=45.96.0.0/16", "OPTIONS=--strategy exhaustive --max-ttl 20 --wait 500ms --seed s", "EXCLUDED="+excluded)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	when := func(event string) time.Time {
		text, err := os.ReadFile(filepath.Join(dir, event))
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(0, ns)
	}
	at, killed, restarted := when("excluded"), when("killed"), when("restarted")
	prefix := netip.MustParsePrefix(excluded)
	var last, end time.Time // of probes to excluded targets, and of probes before the new hub
	var sent []time.Time
	before := 0
	for _, p := range probesOf(t, log) {
		sent = append(sent, p.at)
		switch {
		case prefix.Contains(p.target) && p.at.Before(at):
			before++
		case prefix.Contains(p.target):
			last = p.at
		}
		if p.at.Before(restarted) {
			end = p.at
		}
	}
	most := mostInSecond(sent)
	t.Logf("%d probes, at most %d in a second; last excluded probe after %v; last probe %v after the end of the hub",
		len(sent), most, max(last.Sub(at), 0), end.Sub(killed))
	if before == 0 || !end.After(at) {
		t.Errorf("%d excluded targets were probed before their exclusion; last probe before the new hub at %v", before, end)
	}
	// A busy machine may be late with everything; a run without others must keep the promise.
	if limit := time.Duration(effort.Count(5, 2)) * time.Second; last.Sub(at) > limit {
		t.Errorf("an excluded target was probed %v after its exclusion", last.Sub(at))
	}
	const late = rate / 20 // probes that a busy machine delays into the next second
	if most > rate+late {
		t.Errorf("%d probes in a second, at a rate of %d", most, rate)
	}
	const granted = 2*time.Second + 200*time.Millisecond // see budget.Life
	if pause := end.Sub(killed); pause > granted {
		t.Errorf("an agent probed %v after the end of its hub", pause)
	}
	if !sent[len(sent)-1].After(restarted) {
		t.Error("the new hub granted nothing")
	}
	if out, err := exec.CommandContext(t.Context(), program, "verify", filepath.Join(dir, "job.ndjson"), "--log", log).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// logged is a probe in the log of the simulator.
type logged struct {
	at     time.Time
	target netip.Addr
}

// probesOf returns the probes of a log, in their order.
func probesOf(t *testing.T, path string) (list []logged) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := netsim.NewLogReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var p netsim.Record
		switch err := r.Next(&p); err {
		case nil:
			list = append(list, logged{time.Unix(0, p.Time), p.Dst()})
		case io.EOF:
			return list
		default:
			t.Fatal(err)
		}
	}
}

// mostInSecond returns the greatest number of times within any second. The times rise.
func mostInSecond(times []time.Time) (most int) {
	first := 0
	for i, at := range times {
		for at.Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
