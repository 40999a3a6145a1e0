package commands

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// Bounds of the memory that a process has for itself, octets: see ownMemory. The capture's ring is
// of 64 MiB, and the tables of routers by which verdicts are found take 20 MB.
const (
	plainMemory = 64 << 20 // of a process that scans nothing
	scanMemory  = plainMemory + 64<<20 + 20e6
)

// envMemory names the file to which the program writes its memory when it ends.
const envMemory = "MASSTRACE_TEST_MEMORY"

// measured lets a command that was not started yet report its memory. The function that it returns
// has the report when the command has ended.
func measured(t *testing.T, cmd *exec.Cmd) (memory func() int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "memory")
	cmd.Env = append(cmd.Environ(), envMemory+"="+path)
	return func() int64 {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("the program reports no memory: %v", err)
		}
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// reportMemory writes the memory of this process for measured.
func reportMemory() {
	path := os.Getenv(envMemory)
	if path == "" {
		return
	}
	n, err := ownMemory()
	if err == nil {
		err = os.WriteFile(path, strconv.AppendInt(nil, n, 10), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// ownMemory returns the peak of the resident memory of this process without pages of files, in
// octets. Pages of the program file are in the page cache, which all processes share, and the kernel
// drops them when it needs room. They grow with each package, and no input adds any. The peak of
// wait4 would also have the memory of the process that has started this one.
func ownMemory() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	kib := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		if name == "VmHWM" || name == "RssFile" {
			if kib[name], err = strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	if kib["VmHWM"] == 0 || kib["RssFile"] == 0 {
		return 0, errors.New("the kernel reports no memory")
	}
	return (kib["VmHWM"] - kib["RssFile"]) << 10, nil
}

// A program that does nothing has little memory for itself, whatever packages are in it.
func TestIdleMemory(t *testing.T) {
	cmd := exec.Command(program, "--version")
	memory := measured(t, cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if m := memory(); m > idleMemory {
		t.Errorf("%d KiB", m>>10)
	}
	t.Logf("%d KiB", memory()>>10)
}

// idleMemory is the bound of TestIdleMemory, octets. The heap of all packages that were initialised is
// less than 2 MB; the rest is of the runtime.
const idleMemory = 24 << 20

// All of IPv4 takes no memory to plan: it is one range, which nothing walks.
func TestWholeInternet(t *testing.T) {
	lab.Need(t, routers.Name)
	cmd := exec.Command(program, "scan", "--dry-run", "0.0.0.0/0", "2000::/3")
	memory := measured(t, cmd)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "targets ") {
		t.Errorf("no plan:\n%s", out)
	}
	if m := memory(); m > plainMemory {
		t.Errorf("%d MiB resident", m>>20)
	}
	t.Logf("%d MiB", memory()>>20)
}

// A scan's memory is that of its windows, however many targets there are.
func TestMemoryBounded(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out := outFile(t)
	cmd := exec.Command(program, "scan", "0.0.0.0/0", "2000::/3", "--rate=0", "--memory=16M", "--wait=100ms", "--max-runtime=2s", "-o", out)
	memory := measured(t, cmd)
	startCmd(t, cmd).end(4)
	sum := mustRead(t, out).summary
	if sum.Sent < 1000 {
		t.Errorf("summary %+v; want more sent", sum)
	}
	if m := memory(); m > scanMemory+3*16<<20 { // the collector's share
		t.Errorf("%d MiB resident, %d targets", m>>20, sum.Targets)
	}
	t.Logf("%d sent, %d MiB", sum.Sent, memory()>>20)
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
	memory := measured(t, cmd)
	out, err := cmd.Output()
	if n := strings.Count(string(out), "\n\n") + 1; n != 150 {
		t.Fatalf("%d hosts traced: %v", n, err)
	}
	if m := memory(); m > plainMemory+64<<20 {
		t.Errorf("%d MiB resident", m>>20)
	}
	t.Logf("%d MiB", memory()>>20)
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
	readsIn(t, plainMemory+64<<20+int64(32*n), scan...)
	readsIn(t, plainMemory+64<<20+int64(48*n), append(scan, "--pcap", capture)...)
	readsWithin(t, "replay", "-q", "-o", os.DevNull, capture)
}
