package acceptance

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/ratelimit"
)

// limited is a job of a fleet whose owner excludes half of its targets in the middle.
const limited = fleetUp + `
masstrace submit 45.96.0.0/15 --per-prefix 1 --creds $DIR/alice.creds --name job --seed $SEED --slices 8 --rate $RATE --wait 300ms
for point in $MASSTRACE_VANTAGE_POINTS; do
	await grep -Eq '"sent":[0-9]{3,}' $DIR/$point/status.json
done
echo $EXCLUDED >$DIR/hub/exclude.new
date +%s%N >$DIR/moment
mv $DIR/hub/exclude.new $DIR/hub/exclude
masstrace jobs --follow job --creds $DIR/alice.creds`

// sentProbe is a probe that left a vantage point, as the simulator has seen it.
type sentProbe struct {
	at   time.Duration // since the Unix epoch
	src  netip.Addr
	dst  netip.Addr
	lags time.Duration // how late or early the simulator may have stamped it
}

// sentProbes returns the probes of a log. The simulator reads packets in turns. After a turn that was late,
// it gives packets of some time one stamp: the gap between stamps near a probe bounds that time.
func sentProbes(t *testing.T, path string) (all []sentProbe) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, err := netsim.NewLogReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var r netsim.Record
	for {
		if err := log.Next(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, sentProbe{at: time.Duration(r.Time), src: r.Src(), dst: r.Dst()})
	}
	const near = 50 * time.Millisecond // in which a turn handles what waited for it
	for i := 1; i < len(all); i++ {
		gap := all[i].at - all[i-1].at
		for n := i; n < len(all) && all[n].at-all[i].at < near; n++ {
			all[n].lags = max(all[n].lags, gap)
		}
		for n := i - 1; n >= 0 && all[i-1].at-all[n].at < near; n-- {
			all[n].lags = max(all[n].lags, gap)
		}
	}
	return all
}

// inFleet runs a script at the hub of a lab with three vantage points. The log of the simulator is a
// file of dir.
func inFleet(t *testing.T, program, dir, script string, variables ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, "lab", "--vantage-points", "3", "--preset", "clean", "--log", filepath.Join(dir, "log"), "--", "sh", "-ec", script)
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "DIR="+dir, "SEED="+seed)
	c.Env = append(c.Env, variables...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// momentOf returns a time that a script has written to a file, since the Unix epoch.
func momentOf(t *testing.T, dir, name string) time.Duration {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ns)
}

// The rate of a job is that of all its agents together, over any second. An exclusion of the hub's owner
// reaches the last probe of all agents within two seconds. Both by the log of the simulator.
func TestFleetLimits(t *testing.T) {
	program := installed(t)
	t.Parallel()
	const rate = 1500
	excluded := netip.MustParsePrefix("45.96.0.0/16")
	dir := t.TempDir()
	inFleet(t, program, dir, limited, "RATE="+strconv.Itoa(rate), "EXCLUDED="+excluded.String())
	moment, all := momentOf(t, dir, "moment"), sentProbes(t, filepath.Join(dir, "log"))
	before, later, last := 0, 0, time.Duration(0)
	points := map[netip.Addr]int{}
	for _, p := range all {
		points[p.src]++
		switch is := excluded.Contains(p.dst); {
		case is && p.at < moment:
			before++
		case is:
			last = max(last, p.at-moment)
		case p.at > moment:
			later++
		}
	}
	t.Logf("%d probes of %d vantage points; %d to what is excluded before that, the last one %v after it; %d to others after it",
		len(all), len(points), before, last, later)
	if len(points) != 3 || before < 100 || later < 100 {
		t.Error("the test has lost its object")
	}
	if last > 2*time.Second {
		t.Errorf("the last probe to what is excluded leaves %v after the exclusion", last)
	}
	most, first := 0, 0
	for i, p := range all {
		for p.at-all[first].at >= time.Second {
			first++
		}
		lag := max(all[first].lags, p.lags)
		allowed := rate*(1+2*lag.Seconds()) + float64(ratelimit.DefaultBurst(rate))
		if n := i - first + 1; float64(n) > allowed {
			t.Errorf("%d probes in a second of all agents, more than %.0f at a lag of %v", n, allowed, lag)
			break
		}
		most = max(most, i-first+1)
	}
	t.Logf("at most %d probes in a second, at a rate of %d", most, rate)
	if most < rate/5 {
		t.Errorf("the agents use %d of %d probes per second", most, rate)
	}
}
