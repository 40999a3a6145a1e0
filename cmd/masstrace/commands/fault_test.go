package commands

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// A process that is suspended for some seconds continues as if it had not been. It does not
// send late probes in a burst, and no RTT includes the pause.
func TestSuspended(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const rate = 500
	pause := time.Duration(effort.Count(1500, 5000)) * time.Millisecond
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/17", "--rate=500", "--wait=1s", "--status-every=1s", "-o", out)
	p.await("2s ")
	p.signal(syscall.SIGSTOP)
	time.Sleep(pause) // the pause under test, not a wait
	resumed := time.Now()
	p.signal(syscall.SIGCONT)
	p.end(0)
	r := mustRead(t, out)
	if sum := r.summary; !sum.Complete || sum.Answered*2 < sum.Sent {
		t.Errorf("summary %+v; want complete, most answered", sum)
	}
	after, lagged := 0, 0
	for _, trace := range r.traces {
		for _, hop := range trace.Hops {
			if at := time.Unix(0, hop.Sent).Sub(resumed); at > -50*time.Millisecond && at < 200*time.Millisecond {
				after++
			}
			if hop.Lagged {
				lagged++
			} else if hop.RTT > 1e9 {
				t.Errorf("%v TTL %d: %v, and not marked", trace.Target, hop.TTL, time.Duration(hop.RTT))
			}
		}
	}
	if most := rate/4 + 50; after > most {
		t.Errorf("%d answered probes left in the 0.25 s around the end of the suspension, at %d a second", after, rate)
	}
	t.Logf("%d answered probes of 0.25 s; %d RTTs marked", after, lagged)
}

// A neighbour stops answering, and then answers again. The probes sent meanwhile are
// silent, without a fault of this machine, and the run is complete.
func TestNeighbourMute(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	restoreRoutes(t)
	const device = "ip netns exec r1 cat /sys/class/net/vantage/address"
	f := strings.Fields(device)
	address, err := exec.Command(f[0], f[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	// Else the run would follow the neighbour to its other address.
	do(t, "ip neighbour replace 20.0.1.1 dev uplink0 nud permanent lladdr "+strings.TrimSpace(string(address)))
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/15", "--rate=500", "--wait=300ms", "--status-every=1s", "-o", out)
	p.await(" sent ")
	do(t, "ip netns exec r1 ip link set vantage address 02:00:00:00:00:99") // refuses our frames
	mute := time.Now()
	p.await("3s ")
	do(t, "ip netns exec r1 ip link set vantage address "+strings.TrimSpace(string(address)))
	back := time.Now()
	p.end(0)
	r := mustRead(t, out)
	sum := r.summary
	if !sum.Complete || sum.TxErrors > 0 || sum.SilentBy.Drops > 0 || sum.SilentBy.Unknown*4 < uint64(500*back.Sub(mute).Seconds()) {
		t.Errorf("mute for %v: summary %+v", back.Sub(mute), sum)
	}
	if n := answeredAfter(r, back); n < 30 {
		t.Errorf("%d probes answered that were sent after it was back, want many", n)
	}
}

// A reader that is slow slows the scan down, and misses nothing.
func TestOutputSlowReader(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	p := start(t, writer, "scan", "45.16.0.0/16", "--rate=20k", "--memory=1M", "--wait=100ms", "--records=both")
	writer.Close()
	path := outFile(t)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for {
		n, err := io.CopyN(file, reader, 16<<10)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(10 * time.Millisecond) // the pause under test, not a wait
	}
	file.Close()
	p.end(0)
	r := mustRead(t, path)
	if sum := r.summary; !sum.Complete || uint64(len(r.replies)) != sum.Strong+sum.Weak+sum.Duplicates+sum.Late || uint64(len(r.traces)) != sum.Targets {
		t.Errorf("%d traces, %d replies, summary %+v", len(r.traces), len(r.replies), sum)
	}
}

// Two scans and a scamper run at once, from the same address to the same targets. Each
// takes its own replies, and no hop differs from that of a single scan.
func TestTogether(t *testing.T) {
	lab.Need(t, routers.Name)
	if _, err := exec.LookPath("scamper"); err != nil {
		t.Skip("needs scamper")
	}
	scan := func() (*process, string) {
		out := outFile(t)
		return start(t, nil, "scan", "45.80.0.0/19", "--seed=same", "--attempts=2", "--rate=300", "--wait=1s", "-o", out), out
	}
	list := filepath.Join(t.TempDir(), "list")
	var targets bytes.Buffer
	for i := range 32 {
		fmt.Fprintf(&targets, "45.80.%d.9\n", i)
	}
	if err := os.WriteFile(list, targets.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	one, alone := scan()
	one.end(0)
	scamper := exec.CommandContext(t.Context(), "scamper", "-O", "json", "-p", "300", "-c", "trace -P udp-paris -w 1 -g 3", "-f", list)
	text := new(bytes.Buffer)
	scamper.Stdout = text
	if err := scamper.Start(); err != nil {
		t.Fatal(err)
	}
	first, firstOut := scan()
	second, secondOut := scan()
	first.end(0)
	second.end(0)
	if err := scamper.Wait(); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{} // of the same seed, which fixes the flows
	hop := func(trace *record.Trace, h *record.Hop) string {
		return fmt.Sprint(trace.Target, " ", h.TTL, " ", h.Responder)
	}
	for _, trace := range mustRead(t, alone).traces {
		for i := range trace.Hops {
			want[hop(trace, &trace.Hops[i])] = true
		}
	}
	for _, out := range []string{firstOut, secondOut} {
		r := mustRead(t, out)
		strange, hops := 0, 0
		for _, trace := range r.traces {
			for i := range trace.Hops {
				hops++
				if h := hop(trace, &trace.Hops[i]); !want[h] {
					strange++
					t.Logf("only with others: %s", h)
				}
			}
		}
		// A reply that was lost in the single scan is not a hop there. The flows are the
		// same. So of the replies to the other scan, 1 in 512 (2^16 / (2 tags × 32 TTLs × 2
		// attempts)) has one valid tag by chance. It is weak, or rejected if the rest
		// contradicts it.
		sum := r.summary
		chance := sum.Weak + sum.Rejected.Conflict + sum.Rejected.Unsent
		if strange*50 > hops || sum.Duplicates > 0 || chance*50 > sum.Rejected.Tag+chance || sum.Unrelated+sum.Rejected.Tag == 0 {
			t.Errorf("%d of %d hops only with others, %d replies with a tag by chance; summary %+v", strange, hops, chance, sum)
		}
	}
	if n := strings.Count(text.String(), `"type":"trace"`); n != 32 {
		t.Errorf("scamper wrote %d traces of 32", n)
	}
}

// A million lines are planned in a moment; a fault in the last of them is found,
// and said in a line.
func TestMillionTargets(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const lines = 1_000_000
	var list bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&list, "45.%d.%d.%d\n", 16+i>>16, i>>8&0xff, i&0xff)
	}
	path := filepath.Join(t.TempDir(), "list.txt")
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (text string, status int, took time.Duration, memory int64) {
		cmd := exec.Command("/proc/self/exe", append([]string{"scan", "--dry-run"}, args...)...)
		cmd.Args[0] = program
		own := measured(t, cmd)
		began := time.Now()
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode(), time.Since(began), own()
	}
	write(list.Bytes())
	text, status, took, m := run(path)
	if status != 0 || !strings.Contains(text, "targets   1,000,000\n") || m > plainMemory+32*lines {
		t.Errorf("status %d, %d MiB:\n%s", status, m>>20, text)
	}
	t.Logf("%d lines: %v, %d MiB", lines, took, m>>20)
	write(append(list.Bytes(), "45.1.2\n"...))
	if text, status, _, _ := run(path); status != 2 || !strings.Contains(text, ":1000001: ") {
		t.Errorf("status %d: %s", status, text)
	}
	write(append([]byte("45.16.0.1\n"), bytes.Repeat([]byte("7"), 10<<20)...))
	if text, status, _, m := run(path); status != 2 || !strings.Contains(text, ":2: ") || len(text) > 300 || m > plainMemory {
		t.Errorf("a line of 10 MB: status %d, %d MiB: %.300s", status, m>>20, text)
	}
}

// A list that may not be read is a matter of permission.
func TestListUnreadable(t *testing.T) {
	lab.Need(t, routers.Name)
	dir := t.TempDir()
	path := filepath.Join(dir, "list.txt")
	if err := os.WriteFile(path, []byte("45.16.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const nobody = 65534
	cmd := exec.Command("/proc/self/exe", "scan", "--dry-run", path)
	cmd.Args[0] = program
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	p := startCmd(t, cmd)
	p.end(3)
	p.says("open " + path + ": permission denied")
}
