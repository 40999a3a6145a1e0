package commands

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/verify"
)

// envKillDir is the folder of the files of the killed scan of TestKilled, and envKillFlags
// has its flags.
const (
	envKillDir   = "MASSTRACE_TEST_KILL_DIR"
	envKillFlags = "MASSTRACE_TEST_KILL_FLAGS"
)

// kills is how often each of three scans is killed: in soak often enough to hit
// what is rare.
func kills() int { return effort.Count(1, 34) }

// TestKilled kills a scan with SIGKILL at random times, over and over, and lets it go on
// each time. In the end each trace is present once, and no hop is false. The counts are
// those of one run, by the log of the simulated Internet.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(envKillDir); dir != "" {
		killed(t, dir, strings.Fields(os.Getenv(envKillFlags)))
		return
	}
	lab.Need(t, routers.Name)
	t.Parallel()
	for _, flags := range []string{ // at rates at which all take about as long
		"--strategy=exhaustive --rate=2k --attempts=2 --memory=768k", "--strategy=complete --rate=1k --senders=2 --memory=768k", "--strategy=topology --stitch --rate=500 --memory=768k",
		"--strategy=multipath --rate=3k --memory=72M",
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			checkKilled(t, killInLab(t, flags))
		})
	}
}

// killInLab runs and kills this test binary in a simulated Internet. It returns the folder
// of all files.
func killInLab(t *testing.T, flags string) (dir string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	text, err := exec.CommandContext(t.Context(), program, "lab", "--preset", "loss",
		"--log", filepath.Join(dir, "log"), "--counters", filepath.Join(dir, "counters"), "--",
		"env", envIsolated+"=TestKilled", envKillDir+"="+dir, envKillFlags+"="+flags, binary,
		"-test.v", "-test.run=^TestKilled$", "-test.timeout=20m").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return dir
}

// killedTargets is how many targets the scan has: enough for the kills.
func killedTargets() int { return 150 + 40*kills() }

// killed runs the scan in the lab that it is in, until it is done.
func killed(t *testing.T, dir string, flags []string) {
	checkpoint := filepath.Join(dir, "checkpoint")
	args := append([]string{"scan", "45.0.0.0/9", "2a00:16::/33", "--max-targets=" + strconv.Itoa(killedTargets()),
		"--seed=kill", "--wait=150ms", "--records=both", "-q",
		"-o", filepath.Join(dir, "out.ndjson.zst")}, flags...)
	flag := "--checkpoint="
	rng := effort.Rand(t)
	for left := kills(); ; left-- {
		p := start(t, nil, append(args, flag+checkpoint)...)
		if left == 0 {
			p.end(0)
			return
		}
		poll(t, "a checkpoint", func() bool {
			_, err := os.Stat(checkpoint)
			return err == nil || p.isOver()
		})
		select {
		case <-p.over:
		case <-time.After(200*time.Millisecond + time.Duration(rng.Int64N(int64(time.Second)))):
			_ = p.cmd.Process.Kill() // it fails when the process has ended
		}
		<-p.over
		if p.cmd.ProcessState.ExitCode() >= 0 { // this machine was too busy to kill it in time
			t.Logf("done, with %d kills left", left)
			p.end(0)
			return
		}
		flag = "--resume="
	}
}

// checkKilled compares the records of the scan with the log of the network.
func checkKilled(t *testing.T, dir string) {
	t.Helper()
	out := filepath.Join(dir, "out.ndjson.zst")
	r := mustRead(t, out)
	seen := map[netip.Addr]int{}
	twice := 0
	for _, trace := range r.traces {
		if seen[trace.Target.Netip()]++; seen[trace.Target.Netip()] > 1 && r.run.Strategy.Strategy != plan.Multipath {
			twice++
		}
	}
	targets := killedTargets()
	if missing := targets - len(seen); missing != 0 || twice != 0 || !r.summary.Complete {
		t.Errorf("traces missing %d, twice %d, summary %+v; want none, none, complete", missing, twice, r.summary)
	}
	if replies := r.summary.Strong + r.summary.Weak + r.summary.Duplicates + r.summary.Late; uint64(len(r.replies)) != replies {
		t.Errorf("%d reply records, want %d", len(r.replies), replies)
	}
	report, err := verify.Run(t.Context(), verify.Config{
		Results: out, Log: filepath.Join(dir, "log"), Counters: filepath.Join(dir, "counters"),
		Targets: []string{"45.0.0.0/9", "2a00:16::/33"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := report.Multipath; m != nil && (m.Again != 0 || m.NotProbed != 0 || m.Targets != uint64(targets)) {
		t.Errorf("%d multipath records of %d targets, %d of them twice, %d not probed", m.Targets, targets, m.Again, m.NotProbed)
	}
	// Chance makes a few links false in a large network, and a lost answer or a mix of two runs many.
	if m := report.Multipath; m != nil && (m.Nodes.False() != 0 || m.Links.Claimed == 0 || m.Links.False()*100 > m.Links.Claimed) {
		t.Errorf("%d of %d nodes are false, %d of %d links", m.Nodes.False(), m.Nodes.Claimed, m.Links.False(), m.Links.Claimed)
	}
	if !report.OK() || report.Sums == nil || report.Ends.Again != 0 || report.Recall.Missing.NoTrace != 0 {
		var text strings.Builder
		_ = json.NewEncoder(&text).Encode(report)
		t.Errorf("faults %v\n%s", report.Faults, text.String())
	}
	t.Logf("%d kills, %d traces: missing %d, twice %d, hops false %d of %d; %d probes sent, %d of them abandoned",
		kills(), len(r.traces), targets-len(seen), twice, report.Hops.False(), report.Hops.Judged,
		report.Probes.Sent, report.Probes.Abandoned)
}
