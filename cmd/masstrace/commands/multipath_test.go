package commands

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/record"
)

// foundPaths has the multipath records of a file, as text, by target. unfinished is how many of them
// were ended by a signal.
func foundPaths(t *testing.T, path string) (found map[string]string, unfinished int) {
	t.Helper()
	f, err := all.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found = map[string]string{}
	for {
		rec, err := f.Read()
		if err == io.EOF {
			return found, unfinished
		}
		if err != nil {
			t.Fatal(err)
		}
		m, ok := rec.(*record.Multipath)
		if !ok {
			continue
		}
		if _, again := found[m.Target.String()]; again {
			t.Errorf("%s: second record of %s", path, m.Target)
		}
		if m.Unfinished {
			unfinished++
		}
		found[m.Target.String()] = fmt.Sprint(m.Start, m.Probes, m.Nodes, m.Links, m.Balancers)
	}
}

// A scan for all paths goes to its end in every way that other scans have: a replay of its capture
// has the same records, shards have one record for each target together, and after a signal the
// targets that it did not finish are marked.
func TestMultipathRuns(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Veth, "multipath")) {
		return
	}
	const targets = 16
	args := []string{"scan", "45.80.0.0/20", "--strategy=multipath", "--hash-fields", "--seed=s", "--wait=500ms"}
	out, capture := outFile(t), filepath.Join(t.TempDir(), "scan.pcapng.zst")
	start(t, nil, append(args, "-o", out, "--pcap", capture, "--senders=2")...).end(0)
	want, _ := foundPaths(t, out)
	if len(want) != targets {
		t.Errorf("%d records of %d targets", len(want), targets)
	}
	again := outFile(t)
	start(t, nil, "replay", capture, "-o", again).end(0)
	got, _ := foundPaths(t, again)
	for dst, text := range want {
		if got[dst] != text {
			t.Errorf("the replay has\n%s\nthe scan\n%s", got[dst], text)
		}
	}

	var parts []string
	for i := range 2 {
		parts = append(parts, outFile(t))
		start(t, nil, append(args, "-o", parts[i], fmt.Sprintf("--shard=%d/2", i+1), "--per-prefix=2")...).end(0)
	}
	merged := outFile(t)
	start(t, nil, append([]string{"merge", "-o", merged}, parts...)...).end(0)
	got, unfinished := foundPaths(t, merged)
	if sum := mustRead(t, merged).summary; len(got) != 2*targets || unfinished != 0 || !sum.Complete || sum.Targets != 2*targets {
		t.Errorf("two shards have %d records of %d targets, %d unfinished; summary %+v", len(got), 2*targets, unfinished, sum)
	}

	stopped := outFile(t)
	p := start(t, nil, append(slices.Clone(args), "--rate=300", "--status-every=1s", "-o", stopped)...)
	p.await(" sent ")
	p.signal(syscall.SIGINT)
	p.end(4)
	got, unfinished = foundPaths(t, stopped)
	if len(got) != targets || unfinished == 0 {
		t.Errorf("after a signal there are %d records of %d targets, %d unfinished", len(got), targets, unfinished)
	}
}
