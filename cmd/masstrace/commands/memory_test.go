package commands

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// Bounds of the resident memory, octets. The capture's ring is of 64 MiB, and the tables of routers
// by which verdicts are found take 20 MB.
const (
	plainRSS = 100 << 20 // of a process that scans nothing
	scanRSS  = plainRSS + 64<<20 + 20e6
)

// peak returns the greatest resident memory that a process had, in octets.
func peak(cmd *exec.Cmd) int64 {
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

// atMost returns the peak memory that a process with a limit of so many octets may have.
// Until it executes it shares our memory, and the kernel counts that as its own.
func atMost(limit int64) int64 {
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) != nil {
		return limit
	}
	return max(limit, own.Maxrss<<10)
}

// All of IPv4 takes no memory to plan: it is one range, which nothing walks.
func TestWholeInternet(t *testing.T) {
	lab.Need(t, routers.Name)
	cmd := exec.Command(program, "scan", "--dry-run", "0.0.0.0/0", "2000::/3")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "targets ") {
		t.Errorf("no plan:\n%s", out)
	}
	if rss := peak(cmd); rss > atMost(plainRSS) {
		t.Errorf("%d MiB resident", rss>>20)
	}
	t.Logf("%d MiB", peak(cmd)>>20)
}

// A scan's memory is that of its windows, however many targets there are.
func TestMemoryBounded(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out := outFile(t)
	p := start(t, nil, "scan", "0.0.0.0/0", "2000::/3", "--rate=0", "--memory=16M", "--wait=100ms", "--max-runtime=2s", "-o", out)
	p.end(4)
	sum := mustRead(t, out).summary
	if sum.Sent < 1000 {
		t.Errorf("summary %+v; want more sent", sum)
	}
	if rss := peak(p.cmd); rss > scanRSS+3*16<<20 { // the collector's share
		t.Errorf("%d MiB resident, %d targets", rss>>20, sum.Targets)
	}
	t.Logf("%d sent, %d MiB", sum.Sent, peak(p.cmd)>>20)
}

// The memory of a trace is that of the hosts that are traced together, for a list of any length. A
// trace that runs takes less than a megabyte.
func TestTraceMemory(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	var hosts strings.Builder
	for i := range 150 { // more than twice as many as are traced together
		fmt.Fprintf(&hosts, "45.16.%d.9\n", i)
	}
	cmd := exec.Command(program, "trace", "-n", "-w", "1", "-")
	cmd.Stdin = strings.NewReader(hosts.String())
	out, err := cmd.Output()
	if n := strings.Count(string(out), "\n\n") + 1; n != 150 {
		t.Fatalf("%d hosts traced: %v", n, err)
	}
	if rss := peak(cmd); rss > atMost(plainRSS+64<<20) {
		t.Errorf("%d MiB resident", rss>>20)
	}
	t.Logf("%d MiB", peak(cmd)>>20)
}

// A scan of millions of listed addresses takes 32 octets for each, and more for the capture. A
// replay of that capture keeps to the memory of all readers.
func TestListedMemory(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	n := effort.Count(500_000, 5_500_000)
	list := filepath.Join(t.TempDir(), "list")
	f, err := os.Create(list)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range uint32(n) {
		v := 0x2d100000 + i*17
		fmt.Fprintf(w, "%d.%d.%d.%d\n", v>>24, v>>16&0xff, v>>8&0xff, v&0xff)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	capture := filepath.Join(t.TempDir(), "x.pcapng")
	scan := []string{"scan", list, "--max-targets=50", "--memory=4M", "--wait=100ms", "-q", "-o", os.DevNull}
	readsIn(t, plainRSS+64<<20+int64(32*n), scan...)
	readsIn(t, plainRSS+64<<20+int64(48*n), append(scan, "--pcap", capture)...)
	readsWithin(t, "replay", "-q", "-o", os.DevNull, capture)
}
